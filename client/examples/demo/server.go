package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bidrail/bidrail/client"
)

// projectFolder finds the folder with the rules, from wherever in the project the demo is run.
func projectFolder() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "rego", "rules")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the rules are not here; run the demo from the project's folder: go run ./client/examples/demo")
		}
		folder = parent
	}
}

// build makes bin/bidrail from the present sources; when nothing has changed that is quick.
func build(ctx context.Context, root string) error {
	command := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join("bin", "bidrail"), "./cmd/bidrail")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build bin/bidrail: %w\n%s", err, output)
	}
	return nil
}

// server is a running `bidrail serve`.
type server struct {
	command *exec.Cmd
	address string
	log     string
	ended   chan error
}

// How long the server may take to be ready and to end. It tries the policy's own tests before it is ready.
const (
	startWithin = 2 * time.Minute
	stopWithin  = 20 * time.Second
)

// start runs the server on a free port of the loopback and waits until it is ready to decide.
func start(ctx context.Context, root, folder string) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	s := &server{log: filepath.Join(folder, "server.log"), ended: make(chan error, 1)}
	s.command = exec.Command(filepath.Join(root, "bin", "bidrail"), "serve", "--listen", "127.0.0.1:0", "--log-format", "json",
		"--data", filepath.Join(folder, "data"), "--policy", filepath.Join(folder, "policy"))
	s.command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "BIDRAIL_") })
	stderr, err := s.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	addresses := make(chan string, 1)
	go func() {
		readLog(stderr, log, addresses)
		s.ended <- errors.Join(s.command.Wait(), log.Close())
	}()
	select {
	case s.address = <-addresses:
		if err := s.waitUntilReady(ctx); err != nil {
			return nil, errors.Join(err, s.stop())
		}
		return s, nil
	case err := <-s.ended:
		return nil, fmt.Errorf("the server ended before it was ready: %w\n%s", err, s.lastWords())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("the server was not ready in time: %w\n%s", ctx.Err(), s.lastWords()), s.stop())
	}
}

// readLog keeps the server's log, and finds in it the address that it listens on.
func readLog(from io.Reader, to io.Writer, addresses chan<- string) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		_, _ = to.Write(line) // the log is a convenience
		var entry struct {
			Message string `json:"@message"`
			Address string `json:"grpc"`
		}
		if json.Unmarshal(line, &entry) == nil && entry.Message == "serving" {
			select {
			case addresses <- entry.Address:
			default: // it was found before
			}
		}
		if err != nil {
			return
		}
	}
}

func (s *server) waitUntilReady(ctx context.Context) error {
	guard, err := client.Dial(s.address)
	if err != nil {
		return err
	}
	defer guard.Close()
	health := healthv1.NewHealthClient(guard.Connection())
	for {
		answer, err := health.Check(ctx, &healthv1.HealthCheckRequest{})
		if err == nil && answer.GetStatus() == healthv1.HealthCheckResponse_SERVING {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the server at %s is not ready: %w", s.address, errors.Join(err, ctx.Err()))
		}
	}
}

// stop asks the server to end and waits for it.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.ended:
		if err != nil {
			return fmt.Errorf("the server did not end cleanly: %w\n%s", err, s.lastWords())
		}
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("the server did not end within %s", stopWithin), s.command.Process.Kill())
	}
}

// lastWords are the last lines of the server's log.
func (s *server) lastWords() string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}
