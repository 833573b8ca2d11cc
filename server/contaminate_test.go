package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/registry"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// emergency gives the change the reason of one.
func emergency(change *bidrailv1.Change) *bidrailv1.Change {
	change.Reason = &bidrailv1.Reason{Code: "overspend", Text: "twice the plan"}
	return change
}

// stop pauses a campaign in an emergency.
func stop(id, campaign string) *bidrailv1.Change {
	change := emergency(servertest.Budget(id, campaign, 1, 1))
	change.Kind = bidrailv1.Kind_KIND_STATUS
	change.Before = &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: "ENABLED"}}
	change.After = &bidrailv1.Value{Value: &bidrailv1.Value_Text{Text: "PAUSED"}}
	return change
}

func contaminationsOf(t *testing.T, s *servertest.Server, id string) []experiment.Contamination {
	t.Helper()
	found, err := s.Core.Contaminations(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// paired checks that there is no contamination without an allowed decision that says so, and the reverse.
func paired(t *testing.T, s *servertest.Server) {
	t.Helper()
	said := map[string]bool{}
	err := s.Store.View(t.Context(), func(r store.Reader) error {
		page := store.Page{}
		for {
			listed, err := r.ListDecisions(store.DecisionFilter{}, page)
			if err != nil {
				return err
			}
			for _, record := range listed.Records {
				for _, finding := range record.Decision.Findings {
					if about := finding.Contaminates.Experiment; about != "" && record.Decision.Verdict == policy.Allow {
						said[record.Decision.ID+" "+about] = true
					}
				}
			}
			if page.After = listed.Next; listed.Next == "" {
				break
			}
		}
		for _, id := range []string{"spring", "lift"} {
			found, err := r.Contaminations(id)
			if err != nil {
				return err
			}
			for _, each := range found {
				if !said[each.DecisionID+" "+id] {
					t.Errorf("a contamination of %s has no decision %s", id, each.DecisionID)
				}
				delete(said, each.DecisionID+" "+id)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pair := range said {
		t.Errorf("decision and test without a contamination: %s", pair)
	}
}

func TestAnEmergencyIsRecordedForTheAnalysis(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	refused := decide(t, s, servertest.Budget("up", "101", 10000, 10100))[0].Decision
	if refused.Verdict != policy.Block || len(contaminationsOf(t, s, "spring")) != 0 {
		t.Fatalf("what is refused disturbs nothing: %v", refused.Verdict)
	}
	cut := emergency(servertest.Budget("cut", "102", 10000, 9000))
	dry, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(cut), DryRun: true})
	if err != nil || dry[0].Decision.Verdict != policy.Allow || len(contaminationsOf(t, s, "spring")) != 0 {
		t.Fatalf("a dry run records: %+v, %v", dry, err)
	}
	s.Clock.Advance(time.Minute)
	got := decide(t, s, cut)[0].Decision
	if got.Verdict != policy.Allow {
		t.Fatalf("got %v: %+v", got.Verdict, got.Findings)
	}
	want := []experiment.Contamination{{Experiment: "spring", Arm: "trial", Number: 1, At: s.Clock.Now(), DecisionID: got.ID, Automation: "pacer", Kind: policy.KindDailyBudget,
		Target: got.Target, Before: policy.MoneyValue(100_000_000, "USD"), After: policy.MoneyValue(90_000_000, "USD"), ReasonCode: "overspend", Rules: []string{"experiment.freeze"}, Emergency: true}}
	if diff := cmp.Diff(want, contaminationsOf(t, s, "spring")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := decide(t, s, cut)[0]; !again.Replayed || len(contaminationsOf(t, s, "spring")) != 1 {
		t.Errorf("asked again it is recorded again: %+v", contaminationsOf(t, s, "spring"))
	}
	if now, _ := experimentNow(t, s, "spring"); now.State != experiment.Running {
		t.Errorf("a cut has ended the test: %s", now.State)
	}
	paired(t, s)
}

// A safety stop that pauses an arm ends the test: the automation edits the registry, and nothing is held still from the next change on.
func TestASafetyStopAbortsTheTest(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	results := decide(t, s, stop("stop", "102"), stop("stop too", "101"))
	for _, result := range results {
		if result.Decision.Verdict != policy.Allow {
			t.Fatalf("got %v: %+v", result.Decision.Verdict, result.Decision.Findings)
		}
	}
	now, versions := experimentNow(t, s, "spring")
	if now.State != experiment.Aborted || now.By != "pacer" || len(versions) != 2 || !strings.Contains(now.Reason, results[0].Decision.ID) {
		t.Errorf("got %+v", now)
	}
	found := contaminationsOf(t, s, "spring")
	if len(found) != 2 || !found[0].Aborted || found[1].Aborted || found[1].DecisionID != results[1].Decision.ID {
		t.Errorf("got %+v", found)
	}
	if got := decide(t, s, servertest.Budget("later", "103", 10000, 10100), servertest.Budget("freed", "102", 10000, 10100))[1].Decision; findingOf(got, "experiment.freeze") != nil {
		t.Errorf("the test still holds: %+v", got.Findings)
	}
	paired(t, s)
}

// A test of the revision is not the registry's to abort; what disturbs it is recorded all the same.
func TestASafetyStopOfATestOfTheRevision(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Company(t, map[string]string{"experiments/data.yaml": strings.ReplaceAll(declared, "autumn", "lift")})))
	if got := decide(t, s, stop("stop", "900"))[0].Decision; got.Verdict != policy.Allow {
		t.Fatalf("got %v: %+v", got.Verdict, got.Findings)
	}
	if found := contaminationsOf(t, s, "lift"); len(found) != 1 || found[0].Aborted || !found[0].Emergency {
		t.Errorf("got %+v", found)
	}
	paired(t, s)
}

// What people agree to disturbs the test when it is redeemed, not before. Those who are asked are the owner's.
func TestWhatPeopleAgreeToIsRecordedForTheAnalysis(t *testing.T) {
	s := company(t)
	put(t, s, spring(func(e *experiment.Experiment) { e.ID, e.Type, e.Owner = "lift", "lift", "finance" }), 0)
	a := escalated(t, s, servertest.Bid("b", 100, 110))
	if len(a.Requirement) != 1 || a.Requirement[0].Name != "experiment lift" {
		t.Fatalf("asked are %+v", a.Requirement)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), of(a, approval.Approve)); err == nil {
		t.Error("somebody of growth may answer for finance")
	}
	if a = review(t, s, "fay", a.ID, approval.Approve); !a.State.Approves() {
		t.Fatalf("got %s", a.State)
	}
	if found := contaminationsOf(t, s, "lift"); len(found) != 0 {
		t.Errorf("before it is redeemed: %+v", found)
	}
	redeemed, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	want := []experiment.Contamination{{Experiment: "lift", Arm: "base", Number: 1, DecisionID: redeemed.Decisions[0].ID, Automation: "pacer", Kind: policy.KindBid,
		Before: policy.MoneyValue(1_000_000, "USD"), After: policy.MoneyValue(1_100_000, "USD"), ReasonCode: "pacing", Rules: []string{"experiment.freeze"}}}
	found := contaminationsOf(t, s, "lift")
	if diff := cmp.Diff(want, found, cmpopts.IgnoreFields(experiment.Contamination{}, "At", "Target")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := redeem(t, s, a); err != nil || len(contaminationsOf(t, s, "lift")) != 1 {
		t.Errorf("redeemed again: %v, %+v", err, contaminationsOf(t, s, "lift"))
	}
	paired(t, s)
}

// What is let through over a block, by somebody who answers for it, disturbs the test too.
func TestABrokenGlassIsRecordedForTheAnalysis(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	change := servertest.Budget("up", "102", 10000, 10100)
	o := broken(t, s, change)
	redeemed, err := redeemOverride(t, s, o, servertest.Budget("up", "102", 10000, 10100))
	if err != nil {
		t.Fatal(err)
	}
	found := contaminationsOf(t, s, "spring")
	if len(found) != 1 || found[0].DecisionID != redeemed.Decisions[0].ID || found[0].Emergency || found[0].Arm != "trial" {
		t.Errorf("got %+v", found)
	}
	paired(t, s)
}

// Between judging again and recording somebody registers a test: what is redeemed meets it.
func TestATestThatIsRegisteredDuringARedemption(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithRevision(servertest.Company(t, nil)), servertest.WithStore(fake.Under))
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	var once sync.Once
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		once.Do(func() {
			fake.OnUpdate(nil)
			put(t, s, spring(), 0)
		})
		return fake.Store.Update(ctx, fn)
	})
	got, err := redeem(t, s, a)
	if err == nil {
		t.Fatalf("redeemed: %+v", got.Decisions)
	}
	if now := approvalNow(t, s, a.ID); now.State.Approves() {
		t.Errorf("the approval is %s, although the test blocks its change", now.State)
	}
}

// A rule in shadow says nothing that counts.
func TestARuleInShadowRecordsNothing(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/data.yaml": "experiment.freeze: {mode: shadow}\n"})))
	put(t, s, spring(), 0)
	if got := decide(t, s, stop("stop", "102"))[0].Decision; got.Verdict != policy.Allow || findingOf(got, "experiment.freeze") == nil {
		t.Fatalf("got %v: %+v", got.Verdict, got.Findings)
	}
	if now, _ := experimentNow(t, s, "spring"); now.State != experiment.Running || len(contaminationsOf(t, s, "spring")) != 0 {
		t.Errorf("it is %s, disturbed by %+v", now.State, contaminationsOf(t, s, "spring"))
	}
}

// More than are recorded together: the portions after the stop were judged as if the test were on, and are decided all the same.
func TestASafetyStopInALargeBatch(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	var changes []*bidrailv1.Change
	for i := range 300 {
		changes = append(changes, stop(fmt.Sprint("stop-", i), []string{"102", "500"}[min(i, 1)]))
		if i > 0 {
			changes[i].Target.EntityId, changes[i].Target.Campaign = fmt.Sprint("c-", i), ""
		}
	}
	changes[299].Target.EntityId = "101"
	for _, result := range decide(t, s, changes...) {
		if result.Decision.Verdict != policy.Allow {
			t.Fatalf("%s is %v: %+v", result.Decision.ChangeID, result.Decision.Verdict, result.Decision.Findings)
		}
	}
	if found := contaminationsOf(t, s, "spring"); len(found) != 2 || !found[0].Aborted || found[1].Aborted {
		t.Errorf("got %+v", found)
	}
	paired(t, s)
}

// brittle fails where it is told to.
type brittle struct {
	store.Tx
	contaminations, entries error
}

func (b brittle) InsertContaminations(contaminations []experiment.Contamination) error {
	if b.contaminations != nil {
		return b.contaminations
	}
	return b.Tx.InsertContaminations(contaminations)
}

func (b brittle) PutEntry(entry registry.Entry) error {
	if b.entries != nil {
		return b.entries
	}
	return b.Tx.PutEntry(entry)
}

// Whatever fails, there is all of it or nothing: no decision without what it disturbs, and nothing disturbed without a decision.
func TestNoContaminationWithoutItsDecision(t *testing.T) {
	torn := errors.New("torn off")
	for name, wrap := range map[string]func(tx store.Tx, fn func(store.Tx) error) error{
		"the contamination is not written": func(tx store.Tx, fn func(store.Tx) error) error { return fn(brittle{Tx: tx, contaminations: torn}) },
		"the abort is not written":         func(tx store.Tx, fn func(store.Tx) error) error { return fn(brittle{Tx: tx, entries: torn}) },
		"nothing is committed":             func(tx store.Tx, fn func(store.Tx) error) error { return errors.Join(fn(tx), torn) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := &servertest.FakeStore{}
			s := servertest.New(t, servertest.WithRevision(servertest.Company(t, nil)), servertest.WithStore(fake.Under))
			put(t, s, spring(), 0)
			fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
				return fake.Store.Update(ctx, func(tx store.Tx) error { return wrap(tx, fn) })
			})
			_, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(stop("stop", "102"))})
			if !errors.Is(err, policy.ErrUnavailable) || s.Recorded(t) != 0 || len(contaminationsOf(t, s, "spring")) != 0 {
				t.Errorf("error %v, %d decisions and %+v", err, s.Recorded(t), contaminationsOf(t, s, "spring"))
			}
			if now, _ := experimentNow(t, s, "spring"); now.State != experiment.Running {
				t.Errorf("the test is %s", now.State)
			}
			fake.OnUpdate(nil)
			if got := decide(t, s, stop("stop", "102"))[0].Decision; got.Verdict != policy.Allow || len(contaminationsOf(t, s, "spring")) != 1 {
				t.Errorf("later: %v and %+v", got.Verdict, contaminationsOf(t, s, "spring"))
			}
			paired(t, s)
		})
	}
}
