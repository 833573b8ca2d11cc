package server_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

var (
	simSeeds = flag.Int("sim.seeds", usualSeeds, "how many seeds are simulated")
	simFirst = flag.Uint64("sim.first", 1, "the first of them")
	simSeed  = flag.Uint64("sim.seed", 0, "simulate this seed alone, and show what happens")
)

// Automations that share keys, people who switch modes, the sweeper, time, failures and crashes of the store, in any order: the
// promises hold after every transaction. A seed decides all of it, so one that fails can be run again.
func TestSimulation(t *testing.T) {
	rules := servertest.Load(t, netRiseRules(netRiseCap(ledger.Campaign, 14)))
	first, count := *simFirst, *simSeeds
	if *simSeed != 0 {
		first, count = *simSeed, 1
	}
	var happened sync.Map
	t.Run("seeds", func(t *testing.T) {
		for seed := range count {
			t.Run(fmt.Sprint(first+uint64(seed)), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { simulate(t, rules, first+uint64(seed), &happened) })
			})
		}
	})
	for _, event := range []string{"ISSUED", "CLAIMED", "APPLIED", "PARTIAL", "FAILED", "UNKNOWN", "EXPIRED", "REVOKED", "replayed", "key reused",
		"allowed", "blocked", "claimed again", "mode switched", "fails", "lost", "unheard", "undone", "crash"} {
		if _, once := happened.Load(event); !once && count >= 50 {
			t.Errorf("%q did not happen with any seed, so this shows nothing of it", event)
		}
	}
}

// The same seed is the same story, in two runs: without that a seed that fails would be worth little.
func TestASeedDecidesEverything(t *testing.T) {
	rules := servertest.Load(t, netRiseRules(netRiseCap(ledger.Campaign, 14)))
	var traces [2]uint64
	for run := range traces {
		synctest.Test(t, func(t *testing.T) { traces[run] = simulate(t, rules, 7, &sync.Map{}) })
	}
	if traces[0] != traces[1] {
		t.Errorf("two runs of one seed left the traces %x and %x", traces[0], traces[1])
	}
}

// How much happens with one seed.
const (
	simSteps     = 14 // of each automation
	simSwitches  = 4
	simQuestions = 12 // that an automation has
)

// simulation is one run.
type simulation struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand // of what is decided here; every caller has its own
	folder string
	rules  *server.Policy
	caps   []ledger.Cap
	house  atomic.Pointer[house]
	events *sync.Map
	trace  interface {
		Write([]byte) (int, error)
		Sum64() uint64
	}
	permits map[string]permit.Permit // as of the last look

	callers []func()
	rest    time.Duration             // after the last call: nothing is under way any more then
	more    func(why string) []string // holds what else there is against what was promised, and says what has changed

	mutex  sync.Mutex
	said   map[store.DecisionKey][]byte // the answers, which stay
	claims map[string]string            // permit → the claim that was said yes to
}

// house is one life of the server, from opening the store to a crash.
type house struct {
	core  *server.Server
	store *sqlite.Store
	gate  *gate
	stop  context.CancelFunc
	swept chan error
}

func simulate(t *testing.T, rules *server.Policy, seed uint64, events *sync.Map) uint64 {
	s := newSimulation(t, rules, seed, events)
	for _, name := range []string{"pacer-1", "pacer-2", "bidder-1"} { // the first two are one automation
		s.callers = append(s.callers, func() { s.automate(name) })
	}
	s.callers = append(s.callers, s.switchModes)
	return s.run()
}

// newSimulation is a simulation without anybody in it.
func newSimulation(t *testing.T, rules *server.Policy, seed uint64, events *sync.Map) *simulation {
	return &simulation{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 0)), folder: t.TempDir(), rules: rules, events: events, trace: fnv.New64a(),
		caps: []ledger.Cap{netRiseCap(ledger.Account, 30), netRiseCap(ledger.Organisation, 55)}, rest: 15 * time.Minute,
		permits: map[string]permit.Permit{}, said: map[store.DecisionKey][]byte{}, claims: map[string]string{}}
}

// run has everybody do what they do, and returns a trace of what came of it.
func (s *simulation) run() uint64 {
	s.build()
	var callers sync.WaitGroup
	for _, caller := range s.callers {
		callers.Go(caller)
	}
	done := make(chan struct{})
	go func() {
		callers.Wait()
		close(done)
	}()
	for working := true; working && !s.t.Failed(); {
		s.next()
		synctest.Wait()
		select {
		case <-done:
			working = false
		default:
		}
	}
	if s.t.Failed() {
		s.house.Load().gate.become(open)
		callers.Wait()
	}
	s.end()
	if s.t.Failed() {
		test, _, _ := strings.Cut(s.t.Name(), "/")
		s.t.Logf("run it again with: go test ./server -run '^%s$' -sim.seed=%d -v", test, s.seed)
	}
	return s.trace.Sum64()
}

// build opens the store and starts a server on it.
func (s *simulation) build() {
	records, err := sqlite.Open(s.t.Context(), sqlite.Config{Path: filepath.Join(s.folder, "bidrail.db"), Readers: 1, Synchronous: "OFF"})
	if err != nil {
		s.t.Fatal(err)
	}
	h := &house{store: records, gate: &gate{Store: records}, swept: make(chan error, 1)}
	h.core, err = server.New(s.t.Context(), server.Config{Store: h.gate, Policy: s.rules, Keys: openTokens{}, Caps: s.caps, Workers: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithValue(s.t.Context(), caller{}, "sweeper"))
	h.stop = stop
	go func() { h.swept <- h.core.Run(ctx) }()
	s.house.Store(h)
}

// tearDown ends a life of the server.
func (s *simulation) tearDown() {
	h := s.house.Load()
	h.stop()
	if err := <-h.swept; err != nil {
		s.t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		s.t.Error(err)
	}
}

// next lets the next thing happen.
func (s *simulation) next() {
	synctest.Wait()
	h := s.house.Load()
	waiting, dice := h.gate.visits(), s.random.IntN(100)
	switch {
	case dice == 0:
		s.note("crash")
		h.gate.become(gone)
		s.tearDown()
		s.build()
		s.look("crash") // and nothing is lost
	case dice < 5: // time passes, and whoever waits or comes meanwhile may run out of patience
		most := []time.Duration{20 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second, 30 * time.Second, 11 * time.Minute}
		time.Sleep(time.Duration(s.random.Int64N(int64(most[s.random.IntN(len(most))]))))
	case len(waiting) == 0:
		time.Sleep(time.Duration(s.random.Int64N(int64(50 * time.Millisecond))))
	default:
		v := waiting[s.random.IntN(len(waiting))]
		fates := []fate{fails, lost, unheard, undone}
		fate := through
		if s.random.IntN(10) == 0 {
			fate = fates[s.random.IntN(len(fates))]
		}
		s.note(string(fate))
		h.gate.grant(v, fate)
		synctest.Wait()
		if v.write {
			s.look(v.who + " " + string(fate))
		}
	}
}

// note remembers that something happened.
func (s *simulation) note(event string) { s.events.Store(event, true) }

// look reads all there is and holds it against what was there before.
func (s *simulation) look(why string) *whole {
	w, err := readWhole(s.t.Context(), s.house.Load().store)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, problem := range append(w.problems(s.caps), w.compare(s.permits)...) {
		s.t.Errorf("%s: %s", why, problem)
	}
	var changes []string
	for _, now := range w.permits {
		if s.permits[now.ID].Version != now.Version {
			s.note(now.State.String())
			changes = append(changes, fmt.Sprint(now.Automation, " ", now.Legs[0].ChangeID, " ", now.State, " ", now.Version))
		}
		s.permits[now.ID] = now
	}
	if s.more != nil {
		changes = append(changes, s.more(why)...)
	}
	slices.Sort(changes)
	line := fmt.Sprintf("%s %s: %s\n", time.Now().Format("15:04:05.000000"), why, strings.Join(changes, ", "))
	_, _ = s.trace.Write([]byte(line))
	if *simSeed != 0 {
		s.t.Log(line)
	}
	return w
}

// end brings everything to its end and looks at what is left.
func (s *simulation) end() {
	time.Sleep(s.rest)
	s.house.Load().gate.become(open) // to the sweeper, which has waited all the while
	synctest.Wait()
	w, err := readWhole(s.t.Context(), s.house.Load().store) // the sweeper has taken several steps
	if err != nil {
		s.t.Fatal(err)
	}
	for _, given := range w.permits {
		s.note(given.State.String())
		if was := s.permits[given.ID]; was.State.Final() && was.State != permit.None && given.Version != was.Version {
			s.t.Errorf("I8: permit %s was %v, and in the end it is %v", given.ID, was.State, given.State)
		}
		if !given.State.Final() && given.State != permit.Unknown {
			s.t.Errorf("permit %s is %v although it is due since long", given.ID, given.State)
		}
		s.permits[given.ID] = given
		if given.State == permit.Unknown {
			_, err := s.house.Load().core.Report(s.t.Context(), automation(given.Automation), given.ID, permit.Report{Outcome: permit.Failed})
			if err != nil {
				s.t.Error(err)
			}
		}
	}
	if s.more != nil {
		s.more("end")
	}
	if w := wholeNow(s.t, s.house.Load().store, s.caps); w.open != 0 {
		s.t.Errorf("I5: %d holds are held in the end", w.open)
	}
	wholeLog(s.t, s.house.Load().store)
	s.recorded()
	s.tearDown()
}

// recorded demands that all that was answered is on record as it was answered (I6).
func (s *simulation) recorded() {
	err := s.house.Load().store.View(s.t.Context(), func(r store.Reader) error {
		for key, said := range s.said {
			record, err := r.DecisionByKey(key)
			if err != nil || !bytes.Equal(record.Encoded, said) {
				s.t.Errorf("I6: %v was answered, and the record has something else (error %v)", key, err)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
}

func automation(subject string) policy.Principal {
	return policy.Principal{Subject: subject, Roles: []policy.Role{policy.RoleAutomation}}
}

// question is what an automation may ask for: always the same under the same number.
func (s *simulation) question(subject string, number int) []*policy.Change {
	random := rand.New(rand.NewPCG(s.seed, uint64(number)))
	one := func(leg int) *policy.Change {
		units := 1 + random.Int64N(9)
		if random.IntN(4) == 0 {
			units = -units
		}
		return bidIn(fmt.Sprint(1+random.IntN(2)), fmt.Sprint(subject, "-", number, "-", leg), random.IntN(3), random.IntN(2), units)
	}
	changes := []*policy.Change{one(0)}
	if kind := random.IntN(3); kind > 0 { // legs of a group, or two of them and one that stands alone
		for leg := range 1 + kind {
			changes = append(changes, one(leg+1))
		}
		for _, change := range changes[kind-1:] {
			change.AtomicGroupID = fmt.Sprint("group-", number)
		}
	}
	return changes
}

// automate is one caller of an automation: it asks, asks again, claims, reports, or does something that it must not.
func (s *simulation) automate(name string) {
	subject, _, _ := strings.Cut(name, "-")
	random := rand.New(rand.NewPCG(s.seed, uint64(len(subject))<<8|uint64(name[len(name)-1])))
	ctx := context.WithValue(s.t.Context(), caller{}, name)
	known := map[string]server.Result{} // permits
	var order []string
	for range simSteps {
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
		core := s.house.Load().core
		what := random.IntN(10)
		if what < 4 || len(order) == 0 {
			asked := s.question(subject, random.IntN(simQuestions))
			results, err := core.Check(ctx, automation(subject), server.CheckRequest{Changes: asked})
			if err != nil {
				s.unavailable("check", err)
				if results != nil {
					s.t.Error("I6: an error came with results")
				}
				continue
			}
			for _, result := range results {
				s.heard(subject, result)
				if result.Decision.Verdict == policy.Allow && known[result.Permit.ID].Permit == nil {
					known[result.Permit.ID] = result
					order = append(order, result.Permit.ID)
				}
			}
			continue
		}
		given := known[order[random.IntN(len(order))]]
		switch {
		case what == 4:
			s.reuse(ctx, core, subject, given)
		case what < 8:
			attempt := fmt.Sprint(name, " ", random.IntN(2))
			claimed, err := core.Claim(ctx, automation(subject), "token of "+given.Permit.ID, attempt)
			s.claimed(given, attempt, claimed, err)
		default:
			s.report(ctx, core, subject, given, random)
		}
	}
}

// unavailable demands that an error is one that says nothing of what was asked for.
func (s *simulation) unavailable(what string, err error) {
	if !errors.Is(err, policy.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("%s: %v", what, err)
	}
}

// heard demands that a question always has the same answer.
func (s *simulation) heard(subject string, result server.Result) {
	if result.Err != nil {
		s.t.Errorf("an answer of its own kind: %v", result.Err)
		return
	}
	switch {
	case result.Replayed:
		s.note("replayed")
	case result.Decision.Verdict == policy.Allow:
		s.note("allowed")
	default:
		s.note("blocked")
	}
	if (result.Decision.Verdict == policy.Allow) != (result.Permit != nil) {
		s.t.Errorf("%v came with the permit %v", result.Decision.Verdict, result.Permit)
	}
	key := store.DecisionKey{Automation: subject, ChangeID: result.Decision.ChangeID}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if before, again := s.said[key]; again && !bytes.Equal(before, result.Encoded) {
		s.t.Errorf("%v was answered %s, and then %s", key, before, result.Encoded)
	}
	s.said[key] = result.Encoded
}

// reuse asks for something else under a key that was answered.
func (s *simulation) reuse(ctx context.Context, core *server.Server, subject string, given server.Result) {
	other := bidIn("1", given.Decision.ChangeID, 0, 0, 25)
	results, err := core.Check(ctx, automation(subject), server.CheckRequest{Changes: []*policy.Change{other}})
	switch {
	case err != nil:
		s.unavailable("reuse", err)
	case !errors.Is(results[0].Err, policy.ErrKeyReused):
		s.t.Errorf("a key was used twice: got %+v, want ErrKeyReused", results[0].Decision)
	default:
		s.note("key reused")
	}
}

// claimed demands that one claim of a permit at most is said yes to (I1).
func (s *simulation) claimed(given server.Result, attempt string, claimed permit.Permit, err error) {
	switch {
	case errors.Is(err, policy.ErrPrecondition):
		return
	case err != nil:
		s.unavailable("claim", err)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if before, again := s.claims[given.Permit.ID]; again {
		s.note("claimed again")
		if before != attempt {
			s.t.Errorf("I1: permit %s was claimed by %q and by %q", given.Permit.ID, before, attempt)
		}
	}
	if s.claims[given.Permit.ID] = attempt; claimed.State != permit.Claimed || claimed.ClaimID != attempt {
		s.t.Errorf("a claim was said yes to with %+v", claimed)
	}
}

// report says this or that of a permit, whether or not it is so.
func (s *simulation) report(ctx context.Context, core *server.Server, subject string, given server.Result, random *rand.Rand) {
	report := permit.Report{Outcome: []permit.State{permit.Applied, permit.Applied, permit.Failed, permit.Partial, permit.Unknown}[random.IntN(5)]}
	if report.Outcome == permit.Partial {
		leg := given.Permit.Legs[0]
		half := leg.Before
		half.Amount += (leg.After.Amount - leg.Before.Amount) / 2
		report.Applied = []permit.Part{{ChangeID: leg.ChangeID, Value: half}}
	}
	if random.IntN(3) == 0 {
		report.ClaimID = fmt.Sprint(subject, "-1 ", random.IntN(2)) // of this attempt or of another
	}
	told, err := core.Report(ctx, automation(subject), given.Permit.ID, report)
	switch {
	case errors.Is(err, policy.ErrPrecondition):
	case err != nil:
		s.unavailable("report", err)
	case told.State != report.Outcome:
		s.t.Errorf("reported %v, permit %s is %v", report.Outcome, told.ID, told.State)
	}
}

// switchModes is people who switch modes.
func (s *simulation) switchModes() {
	random := rand.New(rand.NewPCG(s.seed, 1<<32))
	ctx := context.WithValue(s.t.Context(), caller{}, "person")
	scopes := []ledger.Scope{ledger.OrganisationScope(), ledger.AccountScope("google_ads", "1"), ledger.CampaignScope("google_ads", "2", "c1"), ledger.AutomationScope("pacer")}
	modes := []policy.Mode{policy.ModeActive, policy.ModeReduceOnly, policy.ModeHalted}
	for range simSwitches {
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		scope := scopes[random.IntN(len(scopes))]
		for _, to := range []policy.Mode{modes[random.IntN(len(modes))], policy.ModeActive} {
			_, err := s.house.Load().core.SetMode(ctx, policy.Principal{Subject: "ana", Roles: []policy.Role{policy.RoleApprover}}, scope, to, "simulated")
			if err != nil {
				s.unavailable("switch", err)
				continue
			}
			s.note("mode switched")
		}
	}
}
