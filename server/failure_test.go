package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// What cannot be recorded is not answered, whatever goes wrong, and in a bounded time.
func TestRecordCannotBeWritten(t *testing.T) {
	disk := errors.New("disk on fire")
	for name, update := range map[string]func(context.Context, *servertest.FakeStore, func(store.Tx) error) error{
		"fails": func(context.Context, *servertest.FakeStore, func(store.Tx) error) error { return disk },
		"fails with its own error": func(context.Context, *servertest.FakeStore, func(store.Tx) error) error {
			return fmt.Errorf("%w: no space", policy.ErrUnavailable)
		},
		"halted": func(context.Context, *servertest.FakeStore, func(store.Tx) error) error { return store.ErrHalted },
		"closed": func(context.Context, *servertest.FakeStore, func(store.Tx) error) error { return store.ErrClosed },
		"hangs": func(ctx context.Context, _ *servertest.FakeStore, _ func(store.Tx) error) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"conflicts for ever": func(context.Context, *servertest.FakeStore, func(store.Tx) error) error { return store.ErrConflict },
		"fails after it wrote": func(ctx context.Context, f *servertest.FakeStore, fn func(store.Tx) error) error {
			return f.Store.Update(ctx, func(tx store.Tx) error {
				if err := fn(tx); err != nil {
					return err
				}
				return disk
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &servertest.FakeStore{}
			s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithCommitTimeout(500*time.Millisecond))
			fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error { return update(ctx, fake, fn) })
			began := time.Now()
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{
				Changes: servertest.Domain(servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 6000))})
			if took := time.Since(began); took > servertest.Soon {
				t.Errorf("it took %v", took)
			}
			if !errors.Is(err, policy.ErrUnavailable) || results != nil {
				t.Errorf("got %v, %v; want ErrUnavailable and no results", results, err)
			}
			if got := s.Recorded(t); got != 0 {
				t.Errorf("got %d decisions, want none", got)
			}
			// When the store works again so does the key.
			fake.OnUpdate(nil)
			if result := decide(t, s, servertest.Bid("a", 100, 110))[0]; result.Replayed || result.Decision.Verdict != policy.Allow {
				t.Errorf("afterwards: got %v, replayed %v; want a new ALLOW", result.Decision.Verdict, result.Replayed)
			}
		})
	}
}

// The store may have written what it could not acknowledge. Asking again shows it.
func TestUnknownOutcome(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		if err := fake.Store.Update(ctx, fn); err != nil {
			return err
		}
		return store.ErrUnknownOutcome
	})
	_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
	if !errors.Is(err, policy.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	fake.OnUpdate(nil)
	if result := decide(t, s, servertest.Bid("a", 100, 110))[0]; !result.Replayed {
		t.Error("asked again: got a new decision, want the stored one")
	}
	if got := s.Recorded(t); got != 1 {
		t.Errorf("got %d decisions, want 1", got)
	}
}

// Somebody else decides the same key between our look and our commit: theirs stands.
func TestConflict(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	var theirs *policy.Decision
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		theirs = decide(t, s, servertest.Bid("b", 100, 110))[0].Decision
		return fake.Store.Update(ctx, fn)
	})
	results := decide(t, s, servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 110), servertest.Bid("c", 100, 110))
	if results[0].Replayed || !results[1].Replayed || results[2].Replayed || results[1].Decision.ID != theirs.ID {
		t.Errorf("got decision %s, replayed %v; want %s for b alone", results[1].Decision.ID, results[1].Replayed, theirs.ID)
	}
	if got := s.Recorded(t); got != 3 {
		t.Errorf("got %d decisions, want 3", got)
	}
}

// The other call used the key for something else: its group is refused whole, the rest stands.
func TestConflictWithAnotherChange(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		decide(t, s, servertest.Bid("b", 100, 120))
		return fake.Store.Update(ctx, fn)
	})
	group := servertest.InGroup("g", servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 110))
	results := check(t, s, group[0], group[1], servertest.Bid("c", 100, 110))
	if !errors.Is(results[0].Err, policy.ErrKeyReused) || !errors.Is(results[1].Err, policy.ErrKeyReused) || results[2].Err != nil {
		t.Errorf("got %v, %v, %v; want ErrKeyReused for the legs alone", results[0].Err, results[1].Err, results[2].Err)
	}
	if got := s.Recorded(t); got != 2 {
		t.Errorf("got %d decisions, want 2: theirs and c", got)
	}
}

// The keys cannot be read: nothing is decided, for it may have been before.
func TestKeysCannotBeRead(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnView(func(context.Context, func(store.Reader) error) error {
		return fmt.Errorf("%w: no reader", policy.ErrUnavailable)
	})
	_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
	if !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
}

func TestCallerGoneBefore(t *testing.T) {
	s := servertest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Core.Check(ctx, s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
}

// The caller goes while rules run: policy.timeout is not an answer worth keeping for its key, and
// the rest of a large call is not judged for nobody.
func TestCallerGoneMeanwhile(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	ctx, cancel := context.WithCancel(t.Context())
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		defer cancel() // right after the keys were looked up
		return fake.Store.View(ctx, fn)
	})
	request := server.CheckRequest{}
	for i := range server.MaxBatch {
		request.Changes = append(request.Changes, servertest.Domain(servertest.Bid(fmt.Sprint(i), 100, 110))...)
	}
	began := time.Now()
	_, err := s.Core.Check(ctx, s.Automation.Principal, request)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if took := time.Since(began); took > servertest.Soon {
		t.Errorf("it went on for %v", took)
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
}

// Once the decision is on its way to the disk the caller's hanging up does not undo it.
func TestCallerGoneDuringCommit(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	ctx, cancel := context.WithCancel(t.Context())
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		cancel()
		return fake.Store.Update(ctx, fn)
	})
	results, err := s.Core.Check(ctx, s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
	if err != nil || results[0].Decision == nil {
		t.Errorf("got %v, want the decision", err)
	}
	if got := s.Recorded(t); got != 1 {
		t.Errorf("got %d decisions, want 1", got)
	}
}

// A decision is answered only when it is stored: what the caller holds can be read back.
func TestNothingIsSaidBeforeItIsStored(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	entered, goOn := make(chan struct{}), make(chan struct{})
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		close(entered)
		<-goOn
		return fake.Store.Update(ctx, fn)
	})
	answered := make(chan []server.Result, 1)
	go func() {
		results, err := s.Core.Check(context.WithoutCancel(t.Context()), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
		if err != nil {
			t.Error(err)
		}
		answered <- results
	}()
	<-entered
	select {
	case <-answered:
		t.Error("answered before the decision was stored")
	case <-time.After(50 * time.Millisecond):
	}
	close(goOn)
	results := <-answered
	record, err := s.Core.GetDecision(t.Context(), s.Automation.Principal, results[0].Decision.ID, store.DecisionKey{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(results[0].Encoded), string(record.Encoded)); diff != "" {
		t.Errorf("stored and answered differ:\n%s", diff)
	}
}

func TestNoPolicy(t *testing.T) {
	s := servertest.New(t, servertest.WithoutPolicy())
	result := decide(t, s, servertest.Bid("a", 100, 110))[0]
	if result.Decision.Verdict != policy.Block || findingOf(result.Decision, policy.FindingNoPolicy) == nil || result.Decision.Revision != "" {
		t.Errorf("got %v by %q: %+v; want BLOCK by policy.none", result.Decision.Verdict, result.Decision.Revision, result.Decision.Findings)
	}
	if _, _, err := s.Core.Rules(t.Context(), s.Auditor.Principal); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("rules: got %v, want ErrUnavailable", err)
	}
	if _, err := s.Core.ActiveRevision(t.Context(), s.Auditor.Principal); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("active revision: got %v, want ErrUnavailable", err)
	}
	if _, _, err := s.Core.Explain(t.Context(), s.Auditor.Principal, result.Decision.ID); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("explain: got %v, want ErrPrecondition", err)
	}
	if _, _, err := s.Core.ExplainChanges(t.Context(), s.Auditor.Principal, servertest.Domain(servertest.Bid("b", 100, 110))); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("explain changes: got %v, want ErrUnavailable", err)
	}
}

// A rule that does not end blocks, is recorded as such, and does not hold up the call.
func TestSlowRule(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{"rules/slow.rego": slowRule})),
		servertest.WithEvaluationDeadline(100*time.Millisecond))
	began := time.Now()
	result := decide(t, s, servertest.Bid("a", 100, 110))[0]
	if took := time.Since(began); took > servertest.Soon {
		t.Errorf("it took %v", took)
	}
	if result.Decision.Verdict != policy.Block || findingOf(result.Decision, policy.FindingTimeout) == nil {
		t.Errorf("got %v %+v, want BLOCK by policy.timeout", result.Decision.Verdict, result.Decision.Findings)
	}
	if !decide(t, s, servertest.Bid("a", 100, 110))[0].Replayed {
		t.Error("the timeout was not recorded")
	}
}

// slowRule counts the triples of two hundred numbers, and allows.
const slowRule = `# METADATA
# title: Slow
# description: It takes seconds.
# custom: {id: test.slow, owner: nobody, source: test}
package bidrail.rules.slow

digits := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

block contains finding if {
	some a in digits
	some b in digits
	some c in digits
	some d in digits
	some e in digits
	some f in digits
	some g in digits
	(((((a + b) + c) + d) + e) + f) + g > input.change.after.micros
	finding := {"message": "never"}
}
`

// What was recorded is enough to come to the same verdict again.
func TestRecordedInputDecidesAgain(t *testing.T) {
	s := servertest.New(t)
	engine := servertest.Load(t, servertest.Pack(t, nil)).Engine
	bare := servertest.Bid("bare", 100, 110)
	bare.Before = nil
	unknown := servertest.Bid("unknown account", 100, 110)
	unknown.Target.Account = "nobody's"
	results := decide(t, s, servertest.Bid("allowed", 100, 110), servertest.Bid("approval", 100, 150), servertest.Bid("blocked", 100, 6000),
		bare, unknown, servertest.Budget("budget", "101", 20000, 30000), servertest.Bid("cut", 100, 20))
	s.Clock.Advance(24 * time.Hour)
	verdicts := map[policy.Verdict]int{}
	for _, result := range results {
		d := result.Decision
		input, err := s.Core.DecisionInput(t.Context(), s.Automation.Principal, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(input) {
			t.Fatalf("%s: the recorded input is not JSON", d.ChangeID)
		}
		outcome, err := engine.EvaluateInput(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		if outcome.Verdict != d.Verdict {
			t.Errorf("%s: decided %v, and from the record %v", d.ChangeID, d.Verdict, outcome.Verdict)
		}
		if diff := cmp.Diff(d.Findings, outcome.Findings); diff != "" {
			t.Errorf("%s: findings (-decided +from the record):\n%s", d.ChangeID, diff)
		}
		verdicts[d.Verdict]++
	}
	if len(verdicts) != 3 {
		t.Errorf("the changes gave %v, want every verdict", verdicts)
	}
}

// A store that has stopped writing for good ends the service, which then reads what is on the disk.
func TestHalted(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	halted := func() bool {
		select {
		case <-s.Core.Halted():
			return true
		default:
			return false
		}
	}
	for _, test := range []struct {
		err  error
		want bool
	}{{store.ErrUnknownOutcome, false}, {store.ErrHalted, true}, {store.ErrHalted, true}} {
		fake.OnUpdate(func(context.Context, func(store.Tx) error) error { return test.err })
		_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110))})
		if !errors.Is(err, policy.ErrUnavailable) || halted() != test.want {
			t.Errorf("after %v: got %v, halted %v; want ErrUnavailable, halted %v", test.err, err, halted(), test.want)
		}
	}
}
