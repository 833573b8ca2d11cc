package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

func TestSameKeySameChange(t *testing.T) {
	s := servertest.New(t)
	for name, change := range map[string]*bidrailv1.Change{
		"allowed":  servertest.Bid("allowed", 100, 110),
		"approval": servertest.Bid("approval", 100, 150),
		"blocked":  servertest.Bid("blocked", 100, 6000),
		"no baseline": func() *bidrailv1.Change {
			change := servertest.Bid("bare", 100, 110)
			change.Before = nil
			return change
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			first := decide(t, s, proto.CloneOf(change))[0]
			s.Clock.Advance(time.Hour) // by now the reading is stale
			again := decide(t, s, proto.CloneOf(change))[0]
			if first.Replayed || !again.Replayed {
				t.Errorf("replayed: got %v, then %v; want false, then true", first.Replayed, again.Replayed)
			}
			if !bytes.Equal(first.Encoded, again.Encoded) {
				t.Errorf("the stored bytes differ:\n%s\n%s", first.Encoded, again.Encoded)
			}
			sameButReplayed(t, first, again)
		})
	}
}

// sameButReplayed demands that a replay reads on the wire as the first answer did.
func sameButReplayed(t *testing.T, first, again server.Result) {
	t.Helper()
	if first.Decision == nil || again.Decision == nil {
		t.Fatalf("no decision: %v, %v", first.Err, again.Err)
	}
	was, is := grpcapi.DecisionMessage(first), grpcapi.DecisionMessage(again)
	was.Replayed, is.Replayed = false, false
	if is.GetPermit() != nil && is.GetPermit().GetToken() == "" { // once it has expired nobody gets the token any more
		was.Permit.Token = ""
	}
	options := proto.MarshalOptions{Deterministic: true}
	wasBytes, err := options.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	isBytes, err := options.Marshal(is)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(wasBytes, isBytes) {
		t.Errorf("the replayed decision differs (-first +again):\n%s", cmp.Diff(was, is, protocmp.Transform()))
	}
}

// How a change travelled is no part of what it is: a retry may go another way.
func TestBatchIsNotPartOfTheChange(t *testing.T) {
	s := servertest.New(t)
	one, two := servertest.Bid("a", 100, 110), servertest.Bid("a", 100, 110)
	one.BatchId, two.BatchId = "monday", "monday, second attempt"
	first := decide(t, s, one)[0]
	again := decide(t, s, two, servertest.Bid("b", 100, 110))[0]
	sameButReplayed(t, first, again)
	if !again.Replayed || again.Decision.BatchID != "monday" {
		t.Errorf("got replayed %v in batch %q, want the decision of batch monday", again.Replayed, again.Decision.BatchID)
	}
}

func TestSameKeyOtherChange(t *testing.T) {
	s := servertest.New(t)
	first := decide(t, s, servertest.Bid("a", 100, 110))[0]
	for name, other := range map[string]*bidrailv1.Change{
		"other value":  servertest.Bid("a", 100, 111),
		"other target": func() *bidrailv1.Change { c := servertest.Bid("a", 100, 110); c.Target.EntityId = "8"; return c }(),
		"other reason": func() *bidrailv1.Change { c := servertest.Bid("a", 100, 110); c.Reason.Text = "other"; return c }(),
	} {
		t.Run(name, func(t *testing.T) {
			fresh := servertest.Bid("fresh "+name, 100, 110)
			results := check(t, s, other, fresh)
			if !errors.Is(results[0].Err, policy.ErrKeyReused) {
				t.Fatalf("got %v, want ErrKeyReused", results[0].Err)
			}
			if !strings.Contains(results[0].Err.Error(), first.Decision.ID) {
				t.Errorf("the error does not name the decision %s: %v", first.Decision.ID, results[0].Err)
			}
			if results[1].Err != nil || results[1].Decision.Verdict != policy.Allow {
				t.Errorf("the change beside it: got %v, %v; want ALLOW", results[1].Decision, results[1].Err)
			}
		})
	}
	if got := s.Recorded(t); got != 4 {
		t.Errorf("got %d decisions, want 4", got)
	}
}

// Keys are an automation's own.
func TestSameKeyOfAnother(t *testing.T) {
	s := servertest.New(t)
	first := decide(t, s, servertest.Bid("a", 100, 110))[0]
	results, err := s.Core.Check(t.Context(), s.OtherAutomation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 150))})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	if results[0].Replayed || results[0].Decision.ID == first.Decision.ID {
		t.Error("another automation's key was taken for its own")
	}
}

func TestGroupWithOtherLegs(t *testing.T) {
	s := servertest.New(t)
	legs := func(ids ...string) []*bidrailv1.Change {
		var changes []*bidrailv1.Change
		for _, id := range ids {
			changes = append(changes, servertest.Bid(id, 100, 110))
		}
		return servertest.InGroup("g", changes...)
	}
	first := decide(t, s, legs("a", "b")...)
	for i, again := range decide(t, s, legs("b", "a")...) {
		sameButReplayed(t, first[1-i], again) // the order of the legs means nothing
		if !again.Replayed {
			t.Errorf("leg %d: got a new decision, want the stored one", i)
		}
	}
	for _, ids := range [][]string{{"a", "b", "c"}, {"a", "c"}} {
		for i, result := range check(t, s, legs(ids...)...) {
			if !errors.Is(result.Err, policy.ErrKeyReused) {
				t.Errorf("legs %v, leg %d: got %v, %v; want ErrKeyReused", ids, i, result.Decision, result.Err)
			}
		}
	}
	if got := s.Recorded(t); got != 2 {
		t.Errorf("got %d decisions, want 2", got)
	}
}

// A leg that cannot be decided keeps the others from being decided too, and nothing else.
func TestReusedLegHoldsItsGroupOnly(t *testing.T) {
	s := servertest.New(t)
	decide(t, s, servertest.Bid("used", 100, 110))
	group := servertest.InGroup("g", servertest.Bid("new", 100, 110), servertest.Bid("used", 100, 120))
	results := check(t, s, group[0], servertest.Bid("alone", 100, 110), group[1])
	for _, i := range []int{0, 2} {
		if !errors.Is(results[i].Err, policy.ErrKeyReused) {
			t.Errorf("leg %d: got %v, want ErrKeyReused", i, results[i].Err)
		}
	}
	if results[1].Err != nil {
		t.Errorf("the change that stands alone: %v", results[1].Err)
	}
	if got := s.Recorded(t); got != 2 {
		t.Errorf("got %d decisions, want 2: used and alone", got)
	}
}

func TestSameKeyAtTheSameTime(t *testing.T) {
	s := servertest.New(t)
	const callers = 64
	results := make([]server.Result, callers)
	var ready, done sync.WaitGroup
	ready.Add(callers)
	for i := range callers {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			answered, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{
				Changes: servertest.Domain(servertest.Bid("same", 100, 110)),
				BatchID: fmt.Sprint("attempt ", i),
			})
			if err != nil {
				t.Error(err)
				return
			}
			results[i] = answered[0]
		})
	}
	done.Wait()
	if t.Failed() {
		return
	}
	fresh := 0
	for _, result := range results {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		if !result.Replayed {
			fresh++
		}
		sameButReplayed(t, results[0], result)
	}
	if fresh != 1 {
		t.Errorf("%d callers were told that theirs is the first, want 1", fresh)
	}
	if got := s.Recorded(t); got != 1 {
		t.Errorf("got %d decisions, want 1", got)
	}
}

// Overlapping batches and groups, in any order and at the same time: whoever gets a decision for a
// key gets the same one, and a group is there whole or not at all.
func TestOverlappingCalls(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(netRiseRules()))
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		calls := make([][]*policy.Change, rapid.IntRange(2, 4).Draw(rt, "calls"))
		for i := range calls {
			var changes []*bidrailv1.Change
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 1, 5, rapid.ID[int]).Draw(rt, "changes") {
				change := servertest.Bid(fmt.Sprintf("%d-%d", round, n), 100, 110)
				if n >= 3 {
					change.AtomicGroupId = fmt.Sprint("group ", round)
				}
				changes = append(changes, change)
			}
			// A group has two legs at least; its one leg alone is another change of the same key.
			if legs := slices.Clone(changes); len(slices.DeleteFunc(legs, func(c *bidrailv1.Change) bool { return c.AtomicGroupId == "" })) == 1 {
				for _, change := range changes {
					change.AtomicGroupId = ""
				}
			}
			calls[i] = servertest.Domain(changes...)
		}
		answers := make([][]server.Result, len(calls))
		var done sync.WaitGroup
		for i, changes := range calls {
			done.Go(func() {
				answered, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: changes})
				if err != nil {
					t.Error(err)
				}
				answers[i] = answered
			})
		}
		done.Wait()
		ids := map[string]string{}
		for i, answered := range answers {
			groupErrs, groupLegs := 0, 0
			for j, result := range answered {
				change := calls[i][j]
				if change.AtomicGroupID != "" {
					groupLegs++
					if result.Err != nil {
						groupErrs++
					}
				}
				if result.Err != nil {
					if !errors.Is(result.Err, policy.ErrKeyReused) {
						rt.Fatalf("%s: %v", change.ID, result.Err)
					}
					continue
				}
				if id, seen := ids[change.ID]; seen && id != result.Decision.ID {
					rt.Fatalf("%s was answered with %s and with %s", change.ID, id, result.Decision.ID)
				}
				ids[change.ID] = result.Decision.ID
			}
			if groupErrs != 0 && groupErrs != groupLegs {
				rt.Fatalf("call %d: %d of %d legs were refused", i, groupErrs, groupLegs)
			}
		}
	})
}
