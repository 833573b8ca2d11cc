//go:build linux

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// How long the crash tests go on. `make crash` asks for more than these, `make crash-long` for much more.
var (
	crashCycles = flag.Int("crash.cycles", 20, "how often TestKilled kills the server")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of the crash tests, as a failure prints it; 0: another one every time")
)

// crashGeneration is how many kills one data folder sees. The whole log is verified after each of them, so it is kept small.
const crashGeneration = 20

func seedOf(t *testing.T) uint64 {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed=%d", seed)
	return seed
}

// Whatever moment the server is killed at: all that it has acknowledged is there afterwards, as it was acknowledged, and
// is answered again; nothing is there twice; what the ledger has used is the sum of what is held and posted, and no more than
// the caps; and the log is whole.
func TestKilled(t *testing.T) {
	seed := seedOf(t)
	var decisions, capped, verified int
	var leaves, cut, kept int64
	var approvals approvalCounts
	began := time.Now()
	for done, generation := 0, uint64(0); done < *crashCycles; generation++ {
		r := newTrial(t, fmt.Sprintf("-crash.seed=%d, folder %d", seed, generation), filepath.Join(t.TempDir(), "data"), seed+generation)
		for range min(crashGeneration, *crashCycles-done) {
			r.kill()
			r.check()
			done++
		}
		if !r.start() {
			t.Fatalf("%s: the server does not start:\n%s", r.name, r.server.tail())
		}
		r.finish()
		t.Logf("%s: %s", r.name, r.answers.told())
		decisions += r.answers.acknowledged()
		verified += r.checked
		leaves += r.last.leaves
		capped += r.last.capped
		approvals.add(r.last)
		calls, decided := r.cut()
		cut, kept = cut+calls, kept+decided
	}
	t.Logf("crash: %d cycles, %d acknowledged decisions (%d refused by caps), 0 lost, 0 doubled, 0 changed, log valid %d times (%d leaves); %d calls cut off, %d of them decided all the same; %.0f ms a cycle",
		*crashCycles, decisions, capped, verified, leaves, cut, kept, float64(time.Since(began).Milliseconds())/float64(*crashCycles))
	t.Logf("crash: %v", &approvals)
	if *crashCycles >= 300 && (approvals.kept == 0 || approvals.claimed == 0) {
		t.Errorf("in %d cycles no review was sent again that was there, or nothing was claimed that was redeemed: too few to say anything", *crashCycles)
	}
	if never := approvals.missing(); len(never) > 0 && *crashCycles >= 1000 {
		t.Errorf("in %d cycles there was never %v, so nothing was shown of it", *crashCycles, never)
	}
	if decisions < 2**crashCycles || capped == 0 && decisions > 1000 {
		t.Errorf("only %d decisions were acknowledged in %d cycles, and caps refused %d: too few to say anything", decisions, *crashCycles, capped)
	}
}

// kill starts a server and kills it at some moment: mostly while it works, sometimes before it listens.
func (r *trial) kill() {
	r.t.Helper()
	r.server = startServer(r.t, r.data)
	if r.random.IntN(8) == 0 {
		r.pause(time.Duration(r.random.Int64N(int64(crashPace * 150 * time.Millisecond))))
	} else if r.announce() {
		r.pause(time.Duration(r.random.Int64N(int64(crashPace * 100 * time.Millisecond))))
	} else {
		r.t.Fatalf("%s: the server ended by itself: %v\n%s", r.name, r.server.exited(), r.server.tail())
	}
	r.server.kill()
}
