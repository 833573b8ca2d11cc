// Command demo starts Bidrail with its shipped rules and lets five scenes run into it: changes that were really made in ad accounts,
// the proposals of an example automation over months of real performance, what-if changes that go wrong in known ways, and small good
// steps that add up, and a shift that people agree to in part. Run it from the project's folder:
//
//	go run ./client/examples/demo
//
// It ends with a failure when a change that must not be allowed was allowed, or the other way round.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bidrail/bidrail/client"
)

func main() {
	all := flag.Bool("all", false, "print every row, not only a screenful of each scene")
	keep := flag.Bool("keep", false, "keep the temporary folder: the record, the policy and the server's log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *all, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, all, keep bool) (err error) {
	screen := newScreen(os.Stdout, all)
	root, err := projectFolder()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bidrail-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if !keep {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	screen.say("Building bin/bidrail; the first time takes some minutes.")
	if err := build(ctx, root); err != nil {
		return err
	}
	screen.say("Starting it on this machine with the shipped rules and limits. None of them is changed; the demo registers the accounts")
	screen.say("of the recorded histories in place of the two example accounts, and one running test over two of their campaigns.")
	if err := writePolicy(root, folder, time.Now()); err != nil {
		return err
	}
	server, err := start(ctx, root, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()

	guard, err := client.Dial(server.address, client.WithPrincipal("demo", "automation"))
	if err != nil {
		return err
	}
	defer guard.Close()
	play := &play{guard: guard, address: server.address}
	for _, scene := range []func(context.Context) (scene, error){play.recorded, play.pacer, play.whatIfs, play.steps, play.shift} {
		played, err := scene(ctx)
		if err != nil {
			return err
		}
		play.scenes = append(play.scenes, played)
		screen.show(played)
	}
	auditor, err := client.Dial(server.address, client.WithPrincipal("demo-auditor", "auditor"))
	if err != nil {
		return err
	}
	defer auditor.Close()
	onRecord, err := countDecisions(ctx, auditor)
	if err != nil {
		return err
	}
	screen.summarize(play, onRecord)
	screen.explainHow(play, folder, keep)
	return play.verify(onRecord)
}
