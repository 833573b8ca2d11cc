package server_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// putBack is a rule that lets nothing rise further that is to be put back.
const putBack = `# METADATA
# title: Put back
# description: A rule for a test.
# custom: {id: test.put_back, owner: tests, source: none}
package bidrail.rules.test_put_back

block contains {"message": "it is to be put back first", "limit": revert.baseline.micros, "observed": revert.promo_id} if {
	input.change.direction == "rise"
	some revert in input.calendar.reverts
}
`

func withPutBack(t *testing.T) servertest.Option {
	return servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_put_back.rego": putBack}))
}

// forADay is a change of one keyword that is to be taken back in a day.
func forADay(id string, from, to int64) *bidrailv1.Change {
	change := sameKeyword(id, from, to)
	change.PromoId, change.RevertAt = "sale", timestamppb.New(servertest.Start.Add(24*time.Hour))
	return change
}

// wantReverts checks what is to be put back: baselines in cents.
func wantReverts(t *testing.T, s *servertest.Server, name string, cents ...int64) {
	t.Helper()
	reverts := listing(t, s, false).Reverts
	if len(reverts) != len(cents) {
		t.Errorf("%s: %d are to be put back, want %d", name, len(reverts), len(cents))
		return
	}
	for i, revert := range reverts {
		if revert.Baseline != policy.MoneyValue(cents[i]*10_000, "USD") {
			t.Errorf("%s: to be put back to %v, want %d cents", name, revert.Baseline, cents[i])
		}
	}
}

// A rise for a time is remembered from when it is allowed until the value is back.
func TestARiseForATime(t *testing.T) {
	s := servertest.New(t, withPutBack(t), servertest.WithoutSync())
	up := allowed(t, s, forADay("up", 100, 110))
	wantReverts(t, s, "allowed", 100)
	revert := listing(t, s, false).Reverts[0].Open()
	if revert.DecisionID != up.Decision.ID || revert.PromoID != "sale" || !revert.Due.Equal(servertest.Start.Add(24*time.Hour)) {
		t.Errorf("got %+v", revert)
	}
	got := decide(t, s, sameKeyword("more", 110, 111))[0].Decision
	if got.Verdict != policy.Block || got.Findings[0].Rule != "test.put_back" {
		t.Errorf("more: %v, %+v", got.Verdict, got.Findings)
	}
	wantVerdicts(t, decide(t, s, servertest.Bid("elsewhere", 100, 110)), policy.Allow)
	applied(t, s, up)
	wantReverts(t, s, "made", 100)

	s.Clock.Advance(time.Minute)
	part := allowed(t, s, sameKeyword("part", 110, 105))
	applied(t, s, part)
	wantReverts(t, s, "in part", 100)
	s.Clock.Advance(time.Minute)
	back := allowed(t, s, sameKeyword("back", 105, 100))
	wantReverts(t, s, "back is allowed and not made", 100)
	claim(t, s, back)
	report(t, s, back, permit.Report{Outcome: permit.Applied})
	wantReverts(t, s, "back")
	s.Clock.Advance(20 * time.Minute)
	wantVerdicts(t, decide(t, s, fresh(s, sameKeyword("later", 100, 101))), policy.Allow)
}

// What is not made after all is nothing to put back.
func TestARiseForATimeThatIsNotMade(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *servertest.Server, server.Result){
		"given back": func(t *testing.T, s *servertest.Server, up server.Result) {
			report(t, s, up, permit.Report{Outcome: permit.Failed})
		},
		"never claimed": func(t *testing.T, s *servertest.Server, _ server.Result) {
			s.Clock.Advance(time.Hour)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t, withPutBack(t), servertest.WithoutSync())
			up := allowed(t, s, forADay("up", 100, 110))
			wantReverts(t, s, "allowed", 100)
			end(t, s, up)
			wantReverts(t, s, "not made")
		})
	}
}

// What nobody allowed promises nothing, and neither does a try.
func TestNoPromiseWithoutLeave(t *testing.T) {
	s := servertest.New(t, withPutBack(t), servertest.WithoutSync())
	wantVerdicts(t, decide(t, s, forADay("blocked", 100, 6000)), policy.Block)
	a := escalated(t, s, forADay("asked", 100, 150))
	if _, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(forADay("dry", 100, 110)), DryRun: true}); err != nil {
		t.Fatal(err)
	}
	wantReverts(t, s, "nothing was allowed")
	got, err := redeem(t, s, review(t, s, "ana", a.ID, approval.Approve))
	if err != nil {
		t.Fatal(err)
	}
	wantReverts(t, s, "redeemed", 100)
	if revert := listing(t, s, false).Reverts[0].Open(); revert.DecisionID != got.Decisions[0].ID {
		t.Errorf("promised by %s, want %s", revert.DecisionID, got.Decisions[0].ID)
	}
}

// What the changes of one call promise holds for those after them.
func TestPromisesOfACall(t *testing.T) {
	s := servertest.New(t, servertest.WithoutSync(), servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_put_back.rego": putBack,
		"rules/integrity_duplicate.rego": "", "rules/integrity_duplicate_test.rego": ""})))
	second := sameKeyword("second", 110, 111)
	results := decide(t, s, forADay("first", 100, 110), second, servertest.Bid("third", 100, 110))
	wantVerdicts(t, results, policy.Allow, policy.Block, policy.Allow)
	wantReverts(t, s, "one", 100)
}

// Somebody else raises the same value for a time between judging and recording: the second is judged by that, and its record says so.
func TestAPromiseIsMadeWhileJudging(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, withPutBack(t), servertest.WithoutSync(), servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		wantVerdicts(t, decide(t, s, forADay("first", 100, 110)), policy.Allow)
		return fake.Store.Update(ctx, fn)
	})
	results := decide(t, s, sameKeyword("second", 110, 111))
	wantVerdicts(t, results, policy.Block)
	_, explanation, err := s.Core.Explain(t.Context(), s.Auditor.Principal, results[0].Decision.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := explanation.Outcome.Verdict; got != policy.Block {
		t.Errorf("explained: %s, want BLOCK", got)
	}
}

// Whoever says that a higher value was there has it put back to what the ledger knows.
func TestABaselineThatTheLedgerKnows(t *testing.T) {
	s := servertest.New(t, servertest.WithoutSync(), servertest.WithRevision(servertest.Company(t, nil)))
	applied(t, s, allowed(t, s, sameKeyword("known", 90, 100)))
	s.Clock.Advance(30 * time.Minute)
	lie := fresh(s, forADay("lie", 115, 110)) // a rise from 100 that claims to be a cut
	result := decide(t, s, lie)[0]
	if result.Decision.Verdict == policy.RequireApproval {
		if _, err := redeem(t, s, review(t, s, "ana", result.Decision.ApprovalID, approval.Approve)); err != nil {
			t.Fatal(err)
		}
	}
	wantReverts(t, s, "what the ledger knows", 100)
}
