//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
)

var crashFaults = flag.Int("crash.faults", 1, "at how many occurrences TestDiskFaults lets each system call fail")

// withoutStrace is the environment variable with which somebody says that faults cannot be injected on their machine.
const withoutStrace = "BIDRAIL_TEST_WITHOUT_STRACE"

// needStrace fails where there is no strace to inject faults with, unless somebody has said that this is known.
func needStrace(t *testing.T) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "strace", "-f", "-o", "/dev/null", "true").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv(withoutStrace) != "" {
		t.Skipf("%s is set: no fault is injected, and nothing is known of disks that fail (%v)", withoutStrace, err)
	}
	t.Fatalf("faults of the disk are injected with strace, which does not run here: %v %s\n"+
		"Install it (on Debian, as root: apt-get install strace) and allow ptrace, or set %s=1 to go without this test",
		err, output, withoutStrace)
}

// diskFault is one system call that fails in one way.
type diskFault struct {
	name  string
	calls string // as strace names them
	what  string // what strace injects
	files []string
	// from and to are the occurrences of interest, of which some are taken. strace counts in each thread by itself.
	from, to int
	lasts    int  // how many more occurrences fail
	ends     bool // whether the server must end by itself; otherwise it must go on
	dies     bool // the fault itself ends it
}

// The files that SQLite writes.
var (
	databaseFile = []string{"bidrail.db"}
	walFile      = []string{"bidrail.db-wal"}
	allFiles     = []string{"bidrail.db", "bidrail.db-wal", "bidrail.db-shm"}
)

// The system calls of a kind.
const (
	syncCalls  = "fsync,fdatasync"
	writeCalls = "write,pwrite64"
)

var diskFaults = []diskFault{
	{name: "a sync fails", calls: syncCalls, what: "error=EIO", files: walFile, from: 1, to: 14, ends: true},
	{name: "a sync finds the disk full", calls: syncCalls, what: "error=ENOSPC", files: walFile, from: 1, to: 14, ends: true},
	// It fails when SQLite moves its log into the file. What did not get there for certain stays in the log and is moved
	// again the next time, so this one passes.
	{name: "a sync of the database file fails", calls: syncCalls, what: "error=EIO", files: databaseFile, from: 2, to: 3},
	{name: "the disk is full for a while", calls: writeCalls, what: "error=ENOSPC", files: walFile, from: 110, to: 400, lasts: 60},
	{name: "a write fails", calls: writeCalls, what: "error=EIO", files: walFile, from: 110, to: 400},
	{name: "killed at a sync", calls: syncCalls, what: "signal=KILL", files: allFiles, from: 1, to: 14, dies: true},
	{name: "killed at a write", calls: writeCalls, what: "signal=KILL", files: allFiles, from: 1, to: 300, dies: true},
	{name: "killed at another call", calls: "openat,ftruncate,unlink,unlinkat,rename,renameat", what: "signal=KILL", files: append(allFiles, "."), from: 1, to: 2, dies: true},
}

// Bounds of what a server may take. The first two are promises; the slack is for machines that are busy, and for being traced.
const (
	refusedWithin = 250 * time.Millisecond
	endedWithin   = time.Second
	crashSlack    = crashPace * 750 * time.Millisecond
	tracedSlack   = crashPace * 2 * time.Second
)

// When the disk fails, nothing is acknowledged that is not there afterwards, whatever call it is that fails. After a failed sync
// the server ends by itself; after a failed write it refuses in time, and goes on when the disk does.
func TestDiskFaults(t *testing.T) {
	needStrace(t)
	seed := seedOf(t)
	injected, decisions, last := 0, 0, 0
	var slowest, slowestEnd time.Duration
	for kind, fault := range diskFaults {
		t.Run(strings.ReplaceAll(fault.name, " ", "_"), func(t *testing.T) {
			hit := 0
			for _, when := range fault.sample(rand.New(rand.NewPCG(seed, uint64(kind)))) {
				last++
				r := newTrial(t, fmt.Sprintf("-crash.seed=%d, %s from occurrence %d", seed, fault.name, when), filepath.Join(t.TempDir(), "data"), seed+uint64(last))
				count, end := r.inject(fault, when)
				_, refusal := r.refusals()
				slowest, slowestEnd = max(slowest, refusal), max(slowestEnd, end)
				if count > 0 {
					hit++
				}
				injected += count
				decisions += r.answers.acknowledged()
			}
			if hit == 0 {
				t.Errorf("none of the faults was reached, so nothing was tested: look at the occurrences")
			}
		})
	}
	t.Logf("disk faults: %d injected at %d occurrences, %d acknowledged decisions, 0 lost, 0 doubled, 0 changed; refused within %v, ended after a failed sync within %v",
		injected, last, decisions, slowest.Round(time.Millisecond), slowestEnd.Round(time.Millisecond))
}

// sample is the occurrences to try: so many as the flag says, or all.
func (f *diskFault) sample(random *rand.Rand) []int {
	occurrences := random.Perm(f.to - f.from + 1)
	occurrences = occurrences[:min(len(occurrences), *crashFaults)]
	for i := range occurrences {
		occurrences[i] += f.from
	}
	return occurrences
}

// inject runs a trial in which the disk fails, and returns how often it did, and how long the server took to end because of it.
func (r *trial) inject(fault diskFault, when int) (count int, end time.Duration) {
	r.t.Helper()
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		r.t.Fatal(err)
	}
	trace := filepath.Join(r.t.TempDir(), "trace")
	words := []string{"strace", "-f", "-qq", "-ttt", "-o", trace, "-e", "trace=" + fault.calls}
	if !fault.dies {
		// Much faster, as other calls are not stopped at; but strace 6.1 then injects no signals.
		words = append(words, "--seccomp-bpf")
	}
	for _, name := range fault.files {
		words = append(words, "-P", filepath.Join(r.data, name))
	}
	occurrences := strconv.Itoa(when)
	if fault.lasts > 0 {
		occurrences += ".." + strconv.Itoa(when+fault.lasts)
	}
	words = append(words, "-e", "inject="+fault.calls+":"+fault.what+":when="+occurrences)
	listens := r.start(words...)
	goesOn := listens && r.untilFault(trace)
	ended := time.Now()
	count, first, err := faultsIn(trace)
	if err != nil {
		r.t.Fatal(err)
	}
	switch {
	case goesOn && fault.ends && count > 0:
		r.t.Errorf("%s: the server goes on after a sync that failed:\n%s", r.name, r.server.tail())
	case !goesOn && count == 0:
		r.t.Fatalf("%s: the server ended by itself, with no fault: %v\n%s", r.name, r.server.exited(), r.server.tail())
	case listens && !goesOn && !fault.ends && !fault.dies:
		r.t.Errorf("%s: the server ended because of a fault that passes: %v\n%s", r.name, r.server.exited(), r.server.tail())
	case listens && !goesOn && fault.ends && ended.Sub(first) > endedWithin+tracedSlack:
		r.t.Errorf("%s: it took the server %v to end after a sync that failed", r.name, ended.Sub(first))
	case !goesOn && fault.ends && r.server.exited() == nil:
		r.t.Errorf("%s: the server ended as if nothing had happened", r.name)
	}
	if !goesOn {
		<-r.server.ended
		r.check()
		if !r.start() {
			r.t.Fatalf("%s: the server does not start again:\n%s", r.name, r.server.tail())
		}
		r.pause(100 * time.Millisecond)
	}
	r.finish()
	refusals, slowest := r.refusals()
	if slowest > refusedWithin+tracedSlack {
		r.t.Errorf("%s: it took %v to answer that nothing could be recorded", r.name, slowest)
	}
	became := "goes on"
	if !goesOn {
		end = ended.Sub(first)
		became = fmt.Sprintf("ended after %v", end.Round(time.Millisecond))
	}
	r.t.Logf("%s: %d faults, %s, %d refusals within %v, %s", r.name, count, became, refusals, slowest.Round(time.Millisecond), r.answers.told())
	if !fault.ends {
		end = 0
	}
	return count, end
}

// untilFault lets the work go on until the disk has failed, and for a while after that. It reports whether the server goes on; it
// does so, too, when the fault does not come.
func (r *trial) untilFault(trace string) (goesOn bool) {
	r.t.Helper()
	for began := time.Now(); time.Since(began) < crashPace*6*time.Second; {
		count, _, err := faultsIn(trace)
		if err != nil {
			r.t.Fatal(err)
		}
		if count > 0 {
			break
		}
		if !r.pause(50 * time.Millisecond) {
			return false
		}
	}
	return r.pause(endedWithin + time.Duration(r.random.IntN(500))*time.Millisecond)
}

// faultsIn counts the injected faults of a trace, and returns when the first was.
func faultsIn(trace string) (count int, first time.Time, err error) {
	file, err := os.Open(trace)
	if err != nil {
		return 0, first, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if !strings.Contains(line, "(INJECTED)") && !strings.Contains(line, "+++ killed by SIGKILL") {
			continue
		}
		if count++; count > 1 {
			continue // of a kill there is a line for each thread
		}
		fields := strings.Fields(line) // thread, time, call
		seconds, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return 0, first, fmt.Errorf("trace %s: %w", trace, err)
		}
		first = time.UnixMicro(int64(seconds * 1e6))
	}
	return count, first, lines.Err()
}

// A disk that is really full: every change is refused in time, and allowed again within 5 s of there being space, by the same
// server.
func TestDiskFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	const size = 32 << 20
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
			t.Fatal(err)
		}
		t.Logf("no disk can be mounted here (%v), so none was filled up: what a full disk does is tested by TestDiskFaults alone. Run as root to fill one", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	seed := seedOf(t)
	r := newTrial(t, fmt.Sprintf("-crash.seed=%d, full disk", seed), filepath.Join(disk, "data"), seed)
	r.server = startServer(t, r.data)
	address := r.server.ready(t)
	r.server.serving <- address // for the clients
	if !r.announce() {
		t.Fatalf("the server does not start:\n%s", r.server.tail())
	}
	r.pause(300 * time.Millisecond)

	probe := newProbe(t, address)
	ballast := filepath.Join(disk, "ballast")
	fillUp(t, ballast, size)
	refused := 0
	for filled := time.Now(); refused < 20 && time.Since(filled) < patience; {
		if took, err := probe.check(); err != nil {
			refused++
			if !saysNotRecorded(err) {
				t.Fatalf("a full disk is answered with %v", err)
			}
			if took > refusedWithin+crashSlack {
				t.Errorf("it took %v to answer that nothing could be recorded", took)
			}
		}
	}
	if refused < 20 {
		t.Fatalf("only %d changes were refused, so the disk was not full", refused)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	emptied := time.Now()
	for {
		if _, err := probe.check(); err == nil {
			break
		} else if time.Since(emptied) > 5*time.Second {
			t.Fatalf("5 s after there was space again the answer is still %v\n%s", err, r.server.tail())
		}
	}
	recovered := time.Since(emptied)
	probe.tell(r.answers)
	r.finish()
	refusals, slowest := r.refusals()
	t.Logf("full disk: %d refusals, the slowest after %v; decided again %v after there was space; %s", refusals+int64(refused), slowest.Round(time.Millisecond),
		recovered.Round(time.Millisecond), r.answers.told())
}

// fillUp writes a file until nothing more fits.
func fillUp(t *testing.T, path string, size int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4096)
	for range size / len(block) {
		if _, err := file.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%d bytes fit on a disk of that size", size)
}

// probe is a client within the test, which asks for one new change after another.
type probe struct {
	gate bidrailv1.GuardrailServiceClient
	next int
	told []crashEntry
}

func newProbe(t *testing.T, address string) *probe {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return &probe{gate: bidrailv1.NewGuardrailServiceClient(connection)}
}

// check asks for the next change, or once more for the one that was not answered.
func (p *probe) check() (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, auth.DevelopmentHeader, crashAutomation+";automation")
	began := time.Now()
	response, err := p.gate.Check(ctx, &bidrailv1.CheckRequest{Changes: crashUnit(fmt.Sprint("probe-", p.next))})
	took = time.Since(began)
	if err != nil {
		return took, err
	}
	p.next++
	for _, decision := range response.Decisions {
		p.told = append(p.told, decidedEntry(crashDecided, decision))
	}
	return took, nil
}

// tell adds what the probe was told to what the clients were told.
func (p *probe) tell(answers *crashAnswers) {
	for _, entry := range p.told {
		answers.add(entry)
	}
}
