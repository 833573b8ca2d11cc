package server_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// everyBid is a rule that asks people about every bid that is not a cut, and has no magnitude.
const everyBid = `# METADATA
# title: Every bid
# description: A rule for a test.
# custom: {id: test.every, owner: tests, kinds: [bid], source: none}
package bidrail.rules.test_every

approve contains {"message": "every bid needs a person"} if input.change.direction != "same"
`

// together is a rule that blocks what raises bids of an account by more than 0.15 USD within a day.
const together = `# METADATA
# title: Together
# description: A rule for a test.
# custom: {id: test.together, owner: tests, kinds: [bid], source: none}
package bidrail.rules.test_together

block contains {"message": "more than 0.15 USD in a day"} if {
	input.change.direction == "rise"
	rise := input.change.after.micros - input.change.before.micros
	input.windows.account.day.raised + rise > 150000
}
`

func sameKeyword(id string, from, to int64) *bidrailv1.Change {
	change := servertest.Bid(id, from, to)
	change.Target.EntityId = "k-b"
	return change
}

// Legs of a group are asked about with one another in place, whether or not people are asked as well.
func TestLegsAddUpThoughPeopleAreAsked(t *testing.T) {
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_every.rego": everyBid, "rules/test_together.rego": together})))
	for _, result := range decide(t, s, servertest.InGroup("g", servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 110))...) {
		if result.Decision.Verdict != policy.Block {
			t.Errorf("got %s, want BLOCK: together they are too much", result.Decision.Verdict)
		}
	}
	a := escalated(t, s, servertest.InGroup("h", servertest.Bid("c", 100, 106), servertest.Bid("d", 100, 106))...)
	a = review(t, s, "ana", a.ID, approval.Approve)
	other := escalated(t, s, servertest.Bid("e", 100, 108))
	if _, err := redeem(t, s, review(t, s, "ana", other.ID, approval.Approve)); err != nil {
		t.Fatal(err)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.NotCovered {
		t.Errorf("each alone still fits, both do not: %v", err)
	}
	if got := approvalNow(t, s, a.ID); got.State != approval.Invalidated {
		t.Errorf("got %s", got.State)
	}
}

// Whoever says that a higher value was there, so that a rise looks like a cut, gets no further with it than with the truth.
func TestALieAboutWhatWasThere(t *testing.T) {
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_every.rego": everyBid})))
	first := escalated(t, s, sameKeyword("first", 90, 100))
	got, err := redeem(t, s, review(t, s, "ana", first.ID, approval.Approve))
	if err != nil {
		t.Fatal(err)
	}
	applied(t, s, server.Result{Permit: &got.Permit, Token: got.Token})

	a := escalated(t, s, sameKeyword("lie", 125, 110)) // it is a rise from 100
	if a.Legs[0].Direction == policy.Cut {
		t.Errorf("people are shown a cut")
	}
	a = review(t, s, "ana", a.ID, approval.Approve)
	_, err = s.Core.Redeem(t.Context(), s.Automation.Principal, server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Value: policy.MoneyValue(1_200_000, "USD")})
	if !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("nearer to what it claims, and further from what is there: %v", err)
	}

	b := escalated(t, s, sameKeyword("honest", 100, 120))
	review(t, s, "ana", b.ID, approval.Reject)
	if result := decide(t, s, sameKeyword("around", 126, 125))[0]; result.Decision.Verdict != policy.Block || result.Decision.Findings[0].Rule != policy.FindingSuppressed {
		t.Errorf("around the rejection: got %s", result.Decision.Verdict)
	}
	if _, err := redeem(t, s, a); err != nil && !errors.Is(err, policy.ErrPrecondition) {
		t.Error(err)
	}
}

// A no that is newer than a yes on the same field stands.
func TestANewerNoStands(t *testing.T) {
	s := company(t)
	a := escalated(t, s, sameKeyword("yes", 100, 150))
	a = review(t, s, "ana", a.ID, approval.Approve)
	s.Clock.Advance(time.Minute)
	b := escalated(t, s, sameKeyword("no", 100, 145))
	review(t, s, "ben", b.ID, approval.Reject)
	if _, err := redeem(t, s, a); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("got %v", err)
	}
}

// What was lent and taken back completes nothing, and who comes to own the automation has no say from then on.
func TestWhoCountsIsSeenWhenItCounts(t *testing.T) {
	s := company(t)
	lent, err := s.Core.CreateDelegation(t.Context(), servertest.Person("cleo"), approval.Delegation{To: "ben", Reason: "away", Ends: s.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	a := escalated(t, s, servertest.Budget("b", "101", 10000, 17000))
	request := of(a, approval.Approve)
	request.For = "cleo"
	if _, err := s.Core.Review(t.Context(), servertest.Person("ben"), request); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.EndDelegation(t.Context(), servertest.Person("cleo"), lent.ID); err != nil {
		t.Fatal(err)
	}
	if got := review(t, s, "ana", a.ID, approval.Approve); got.Stage != 0 {
		t.Error("a stage was completed by what had been taken back")
	}

	next := servertest.Load(t, servertest.Company(t, map[string]string{"people/data.yaml": `people:
  - {id: ana, groups: [growth]}
  - {id: ben, groups: [growth]}
  - {id: fay, groups: [finance]}
automations:
  - {subject: pacer, owners: [ana]}
`}))
	b := escalated(t, s, servertest.Bid("c", 100, 150))
	if err := s.Core.Activate(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), of(b, approval.Approve)); reasonOf(err) != approval.SelfApproval {
		t.Errorf("whoever owns it now agrees: %v", err)
	}
}

// A grant answers nothing that contradicts the ledger: what it would be held against is the caller's word.
func TestAGrantIsNotUsedUpByALie(t *testing.T) {
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_every.rego": everyBid})))
	first := escalated(t, s, sameKeyword("first", 90, 100))
	got, err := redeem(t, s, review(t, s, "ana", first.ID, approval.Approve))
	if err != nil {
		t.Fatal(err)
	}
	applied(t, s, server.Result{Permit: &got.Permit, Token: got.Token})

	grant := grantFor(s, 10)
	grant.Rules, grant.PerChange, grant.Together = []string{"test.every"}, policy.MoneyValue(20_000, "USD"), policy.MoneyValue(20_000, "USD")
	grant = granted(t, s, grant)
	for _, change := range []*bidrailv1.Change{sameKeyword("honest", 100, 110), sameKeyword("lie", 111, 110)} { // both come to the same
		if result := decide(t, s, change)[0]; result.Decision.Verdict != policy.RequireApproval {
			t.Errorf("%s: got %s", change.GetChangeId(), result.Decision.Verdict)
		}
	}
	if now := grantNow(t, s, grant.ID); now.Uses != 0 {
		t.Errorf("it was used %d times", now.Uses)
	}
	if result := decide(t, s, sameKeyword("little", 100, 102))[0]; result.Decision.Verdict != policy.Allow {
		t.Errorf("what it is for: got %s", result.Decision.Verdict)
	}
}
