//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy/ledger"
)

// crashServer is a `bidrail serve` in a process of its own, perhaps with a tracer around it.
type crashServer struct {
	process *exec.Cmd
	traced  bool          // faults are injected
	serving chan string   // its address, once
	ended   chan struct{} // closed when the process has
	mutex   sync.Mutex
	log     []string // the last lines
}

// crashLogLines is how much of a log is kept to be shown.
const crashLogLines = 25

var servingLine = regexp.MustCompile(`serving: grpc=(\S+)`)

// startServer starts a server on a data folder. The words before it are a command that runs it.
func startServer(t *testing.T, data string, before ...string) *crashServer {
	t.Helper()
	bidrail, err := exec.LookPath("bidrail") // this test binary, by another name
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Concat(before, []string{bidrail, "serve", "--listen", "127.0.0.1:0", "--data", data,
		"--config", "testdata/crash/bidrail.yaml", "--policy", "testdata/crash/policy"})
	s := &crashServer{
		process: exec.Command(words[0], words[1:]...), traced: len(before) > 0, serving: make(chan string, 1), ended: make(chan struct{}),
	}
	// A group of its own, so that a kill reaches the server behind its tracer; and none outlives a test that was killed.
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	output, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(output)
	t.Cleanup(s.kill)
	return s
}

func (s *crashServer) follow(output io.Reader) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if found := servingLine.FindStringSubmatch(lines.Text()); found != nil {
			s.serving <- found[1]
		}
		s.mutex.Lock()
		if s.log = append(s.log, lines.Text()); len(s.log) > crashLogLines && !s.raced() {
			s.log = s.log[1:]
		}
		s.mutex.Unlock()
	}
	_ = s.process.Wait() // how it ended is in ProcessState
	close(s.ended)
}

// raced reports whether the log holds what must never be in one.
func (s *crashServer) raced() bool {
	return slices.ContainsFunc(s.log, func(line string) bool {
		return strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:")
	})
}

func (s *crashServer) tail() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return strings.Join(s.log, "\n")
}

// ready waits until the server listens, and returns its address; "" when it has ended instead.
func (s *crashServer) ready(t *testing.T) string {
	t.Helper()
	select {
	case address := <-s.serving:
		return address
	case <-s.ended:
		return ""
	case <-time.After(patience):
		t.Fatalf("the server does not listen:\n%s", s.tail())
		return ""
	}
}

// kill ends the server as a power button would, and waits for it.
func (s *crashServer) kill() {
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	<-s.ended
}

// stop asks the server to end, and demands that it does so, and well unless a fault is injected: that may come when it ends.
func (s *crashServer) stop(t *testing.T) {
	t.Helper()
	// To the whole group: a tracer takes no notice of it, and ends as the server does.
	if err := syscall.Kill(-s.process.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatalf("the server does not stop:\n%s", s.tail())
	}
	if err := s.exited(); err != nil && !s.traced {
		t.Errorf("the server ended with %v:\n%s", err, s.tail())
	}
}

// trial is one data folder and the clients that work on it, over as many servers as it takes.
type trial struct {
	t       *testing.T
	name    string // with its seed, for failures
	random  *rand.Rand
	data    string
	answers *crashAnswers
	clients []*crashProcess
	server  *crashServer
	caps    []ledger.Cap
	checked int
	last    *crashRecord // as it was when it was checked last
}

// crashProcess is a client in a process of its own.
type crashProcess struct {
	process   *exec.Cmd
	addresses io.WriteCloser
	journal   string
	ended     chan struct{} // closed when the process has
}

// Who asks, in every trial.
const (
	crashProcesses = 3
	crashWorkers   = 3 // in each
	crashReviewers = 1 // in each
)

func newTrial(t *testing.T, name, data string, seed uint64) *trial {
	t.Helper()
	caps, err := crashCaps("testdata/crash/bidrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{t: t, name: name, random: rand.New(rand.NewPCG(seed, 0)), data: data, answers: newCrashAnswers(), caps: caps}
	folder := t.TempDir()
	for process := range crashProcesses {
		order, err := json.Marshal(crashOrder{Process: process, Seed: seed, Workers: crashWorkers, Reviewers: crashReviewers, Journal: filepath.Join(folder, fmt.Sprint("journal-", process))})
		if err != nil {
			t.Fatal(err)
		}
		c := &crashProcess{process: exec.Command(os.Args[0]), journal: filepath.Join(folder, fmt.Sprint("journal-", process)), ended: make(chan struct{})}
		c.process.Env = append(os.Environ(), crashClientVariable+"="+string(order))
		c.process.Stderr = t.Output()
		c.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if c.addresses, err = c.process.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := c.process.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = c.process.Wait(); close(c.ended) }()
		t.Cleanup(func() { _ = c.process.Process.Kill(); <-c.ended })
		r.clients = append(r.clients, c)
	}
	return r
}

// start starts the next server and tells the clients where it is. It reports whether the server listens.
func (r *trial) start(before ...string) bool {
	r.t.Helper()
	r.server = startServer(r.t, r.data, before...)
	return r.announce()
}

func (r *trial) announce() bool {
	r.t.Helper()
	address := r.server.ready(r.t)
	if address == "" {
		return false
	}
	for _, c := range r.clients {
		if _, err := fmt.Fprintln(c.addresses, address); err != nil {
			r.t.Fatalf("%s: a client has ended: %v", r.name, err)
		}
	}
	return true
}

// pause lets the work go on for a while, or until the server has ended; it reports whether the server goes on.
func (r *trial) pause(long time.Duration) bool {
	select {
	case <-time.After(long):
		return true
	case <-r.server.ended:
		return false
	}
}

// check holds the record against what the clients were told. No server may be running.
func (r *trial) check() {
	r.t.Helper()
	r.server.mutex.Lock()
	if r.server.raced() {
		r.t.Errorf("%s: the server says:\n%s", r.name, strings.Join(r.server.log, "\n"))
	}
	r.server.mutex.Unlock()
	for _, c := range r.clients {
		if err := r.answers.readOn(c.journal); err != nil {
			r.t.Fatalf("%s: %v", r.name, err)
		}
	}
	record, err := verifyRecord(context.Background(), r.data, r.caps, r.answers)
	if err != nil {
		r.t.Fatalf("%s: read the record: %v", r.name, err)
	}
	if found := &r.answers.faults; found.any() {
		words := found.Words[:min(len(found.Words), 20)]
		r.t.Fatalf("%s: %d lost, %d doubled, %d changed, %d otherwise wrong, such as:\n%s\nthe server's log ends with:\n%s", r.name,
			found.Lost, found.Doubled, found.Changed, found.Broken, strings.Join(words, "\n"), r.server.tail())
	}
	r.checked++
	r.last = record
}

// finish lets the clients finish what they have begun and ask for all of it again, stops the server and demands that
// the record holds what they were told, and nothing else.
func (r *trial) finish() {
	r.t.Helper()
	for _, c := range r.clients {
		if err := c.addresses.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
	late := time.After(2 * patience)
	for _, c := range r.clients {
		select {
		case <-c.ended:
			if !c.process.ProcessState.Success() {
				r.t.Fatalf("%s: a client ended with %v", r.name, c.process.ProcessState)
			}
		case <-r.server.ended:
			r.t.Fatalf("%s: the server has ended by itself: %v\n%s", r.name, r.server.exited(), r.server.tail())
		case <-late:
			r.t.Fatalf("%s: the clients get no answers; the server's log ends with:\n%s", r.name, r.server.tail())
		}
	}
	r.server.stop(r.t)
	r.check()
	if found := len(r.last.changes); found != r.answers.acknowledged() {
		r.t.Errorf("%s: there are %d decisions, of which %d were acknowledged; every client has asked until it was answered", r.name, found, r.answers.acknowledged())
	}
	if found := r.last.countReviews(); found != len(r.answers.reviews) {
		r.t.Errorf("%s: there are %d reviews, of which %d were acknowledged; every reviewer has asked until they were answered", r.name, found, len(r.answers.reviews))
	}
	if len(r.answers.finished) != len(r.clients) {
		r.t.Errorf("%s: %d of %d clients have finished", r.name, len(r.answers.finished), len(r.clients))
	}
}

// cut is how many calls were cut off without an answer, and how many of those that asked for a new decision had been decided
// all the same.
func (r *trial) cut() (calls, kept int64) {
	for _, last := range r.answers.finished {
		calls += last.Cut
		kept += last.Kept
	}
	return calls, kept
}

// refusals is how often it was answered that nothing could be recorded, and how long the slowest such answer took.
func (r *trial) refusals() (count int64, slowest time.Duration) {
	for _, last := range r.answers.finished {
		count += last.Refusals
		slowest = max(slowest, time.Duration(last.Slowest)*time.Microsecond)
	}
	return count, slowest
}

// exited reports how the server ended.
func (s *crashServer) exited() error {
	if state := s.process.ProcessState; !state.Success() {
		return errors.New(state.String())
	}
	return nil
}
