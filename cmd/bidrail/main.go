// Command bidrail is the guardrail between bidding automations and ad platforms: the server, and
// what people use it with. `bidrail --help` lists the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // accounts and the calendar name time zones, which not every machine knows

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{os.Stdin, os.Stdout, os.Stderr, os.Environ()}))
}

// environment is what a command has of the world.
type environment struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string
}

// Exit codes. A check tells by its code what became of the changes, so that a script can act on it.
const (
	exitAllowed  = 0
	exitFailed   = 1 // it could not be decided, or another command went wrong
	exitApproval = 2
	exitBlocked  = 3
)

// exitCode is an error that only says how to end; everything was printed already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, env environment) (code int) {
	var line commands
	// kong ends the process where it has printed help; here that is a panic caught below.
	defer func() {
		if panicked := recover(); panicked != nil {
			ended, ok := panicked.(exitCode)
			if !ok {
				panic(panicked)
			}
			code = int(ended)
		}
	}()
	parser, err := kong.New(&line,
		kong.Name("bidrail"),
		kong.Description("The guardrail between bidding automations and ad platforms: it judges every proposed change of a bid or a budget before it is made."),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(code int) { panic(exitCode(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.stderr, "bidrail:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	selected, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(env.stderr, "bidrail: %v; see %s --help\n", err, commandOf(err))
		return exitFailed
	}
	err = selected.Run()
	var ended exitCode
	switch {
	case err == nil:
		return exitAllowed
	case errors.As(err, &ended):
		return int(ended)
	default:
		fmt.Fprintf(env.stderr, "bidrail: %s\n", describe(err))
		return exitFailed
	}
}

// commandOf is the command whose help says how the line is to be written, as far as it could be understood.
func commandOf(err error) string {
	misread, ok := errors.AsType[*kong.ParseError](err)
	if !ok {
		return "bidrail"
	}
	name := "bidrail"
	for _, step := range misread.Context.Path {
		if step.Command != nil {
			name += " " + step.Command.Name
		}
	}
	return name
}
