package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// said is what people have said of an approval, as it is kept.
func said(t *testing.T, s *servertest.Server, id string) []approval.Review {
	t.Helper()
	page, err := s.Core.GetApproval(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return page.Reviews
}

// A review that is sent again is said once, also when the approval has gone on meanwhile; a nonce that comes with something
// else is refused.
func TestAReviewIsSaidOnce(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Budget("b", "101", 20000, 27000))
	request := of(a, approval.Approve)
	for i := range 2 {
		if got, err := s.Core.Review(t.Context(), servertest.Person("ana"), request); err != nil || got.Version != a.Version+1 {
			t.Fatalf("time %d: got version %d, %v; want %d", i, got.Version, err, a.Version+1)
		}
	}
	other := request
	other.Kind = approval.Reject
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), other); !errors.Is(err, policy.ErrKeyReused) {
		t.Errorf("the nonce with another word: got %v, want ErrKeyReused", err)
	}
	ben := request // somebody else may have chosen the same nonce
	if a, err := s.Core.Review(t.Context(), servertest.Person("ben"), ben); err != nil || a.Stage != 1 {
		t.Fatalf("got stage %d, %v", a.Stage, err)
	}
	if got, err := s.Core.Review(t.Context(), servertest.Person("ana"), request); err != nil || got.Stage != 1 {
		t.Errorf("again after the stage: got stage %d, %v", got.Stage, err)
	}
	if reviews := said(t, s, a.ID); len(reviews) != 2 {
		t.Errorf("got %d reviews, want 2: %+v", len(reviews), reviews)
	}
	if a := review(t, s, "fay", a.ID, approval.Approve); a.State != approval.Approved {
		t.Errorf("got %s", a.State)
	}
}

// The newest word of a person counts, and a word that was taken back does not.
func TestPeopleChangeTheirMinds(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Budget("b", "101", 20000, 27000))
	review(t, s, "ana", a.ID, approval.Approve)
	review(t, s, "ana", a.ID, approval.Retract)
	if a = review(t, s, "ben", a.ID, approval.Approve); a.Stage != 0 {
		t.Fatalf("one yes and one that was taken back: got stage %d", a.Stage)
	}
	if a = review(t, s, "ben", a.ID, approval.Reject); a.State != approval.Rejected {
		t.Errorf("a yes that became a no: got %s", a.State)
	}
}

// A comment needs no group, and counts for nothing, for as long as something can become of the approval.
func TestAComment(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	comment := func(who policy.Principal) error {
		_, err := s.Core.Review(t.Context(), who, of(approvalNow(t, s, a.ID), approval.Comment))
		return err
	}
	for _, who := range []policy.Principal{s.Auditor.Principal, s.Admin.Principal, servertest.Person("ines"), servertest.Person("nobody")} {
		if err := comment(who); err != nil {
			t.Errorf("%s: %v", who.Subject, err)
		}
	}
	if err := comment(s.Automation.Principal); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("the automation: got %v, want ErrForbidden", err)
	}
	if now := approvalNow(t, s, a.ID); now.State != approval.Pending || now.Version != a.Version {
		t.Errorf("comments have made it %s, version %d", now.State, now.Version)
	}
	a = review(t, s, "ana", a.ID, approval.Approve)
	if err := comment(servertest.Person("ben")); err != nil {
		t.Errorf("after the fact: %v", err)
	}
	if reviews := said(t, s, a.ID); len(reviews) != 6 {
		t.Errorf("got %d reviews, want five comments and a yes", len(reviews))
	}
}

func TestACapThatIsNone(t *testing.T) {
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_odd.rego": oddCents})))
	a := escalated(t, s, servertest.Bid("b", 100, 180))
	capped := func(limit policy.Value) (approval.Approval, error) {
		request := of(approvalNow(t, s, a.ID), approval.Approve)
		request.Cap = limit
		return s.Core.Review(t.Context(), servertest.Person("ana"), request)
	}
	for name, test := range map[string]struct {
		limit policy.Value
		want  approval.Reason
	}{
		"above what was asked for": {policy.MoneyValue(1_810_000, "USD"), approval.OutOfBounds},
		"where it is now":          {policy.MoneyValue(1_000_000, "USD"), approval.OutOfBounds},
		"the other way":            {policy.MoneyValue(900_000, "USD"), approval.OutOfBounds},
		"in another currency":      {policy.MoneyValue(1_500_000, "EUR"), approval.OutOfBounds},
		"in another unit":          {policy.RatioValue(1_500_000), approval.OutOfBounds},
		"against the rules":        {policy.MoneyValue(1_770_000, "USD"), approval.CapRefused},
		"what nobody was shown":    {policy.MoneyValue(1_330_000, "USD"), approval.CapRefused},
	} {
		if _, err := capped(test.limit); reasonOf(err) != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	if reviews := said(t, s, a.ID); len(reviews) != 0 {
		t.Fatalf("what was refused is kept: %+v", reviews)
	}
	// What was refused leaves the nonce free.
	if a, err := capped(policy.MoneyValue(1_500_000, "USD")); err != nil || a.State != approval.ApprovedCapped {
		t.Errorf("got %s, %v", a.State, err)
	}
}

// oddCents blocks a bid of 1.77, and wants people for one of 1.33.
const oddCents = `# METADATA
# title: Odd cents
# description: For tests.
# custom: {id: test.odd, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.test_odd

block contains finding if {
	input.change.after.micros == 1770000
	finding := {"message": "never"}
}

approve contains finding if {
	input.change.after.micros == 1330000
	finding := {"message": "unlucky"}
}
`

// People have hours, and what the automation has read is minutes old when it asks: a cap is judged by that all the same.
func TestACapHoursLater(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 180))
	s.Clock.Advance(3 * time.Hour)
	request := of(a, approval.Approve)
	request.Cap = policy.MoneyValue(1_500_000, "USD")
	if a, err := s.Core.Review(t.Context(), servertest.Person("ana"), request); err != nil || a.State != approval.ApprovedCapped {
		t.Fatalf("got %s, %v", a.State, err)
	}
}

// The rules cannot be asked about a cap: nothing is said, and the same review can be sent again.
func TestACapThatCannotBeJudged(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 180))
	request := of(a, approval.Approve)
	request.Cap = policy.MoneyValue(1_500_000, "USD")
	activate(t, s, servertest.LoadHurried(t, servertest.Company(t, map[string]string{"rules/slow.rego": slowRule}), 50*time.Millisecond))
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), request); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	activate(t, s, servertest.Load(t, servertest.Company(t, nil)))
	if a, err := s.Core.Review(t.Context(), servertest.Person("ana"), request); err != nil || a.State != approval.ApprovedCapped {
		t.Errorf("got %s, %v", a.State, err)
	}
}

func TestWhoTakesItBack(t *testing.T) {
	s := company(t)
	withdraw := func(who policy.Principal, id string) error {
		_, err := s.Core.WithdrawApproval(t.Context(), who, id, "no longer")
		return err
	}
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	if err := withdraw(servertest.Person("ana"), a.ID); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("a reviewer withdraws: %v", err)
	}
	if err := withdraw(s.OtherAutomation.Principal, a.ID); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("another automation withdraws: %v", err)
	}
	if err := withdraw(s.Automation.Principal, a.ID); err != nil {
		t.Errorf("the proposer withdraws: %v", err)
	}
	if err := withdraw(s.Automation.Principal, a.ID); err != nil || approvalNow(t, s, a.ID).State != approval.Withdrawn {
		t.Errorf("again: %v", err)
	}
	a = escalated(t, s, servertest.Bid("c", 100, 150))
	if err := withdraw(servertest.Person("ines-admin"), a.ID); err != nil {
		t.Errorf("an owner withdraws, by another login: %v", err)
	}

	revoke := func(who policy.Principal, id string) error {
		_, err := s.Core.RevokeApproval(t.Context(), who, id, "a mistake")
		return err
	}
	a = escalated(t, s, servertest.Bid("d", 100, 150))
	if err := revoke(servertest.Person("ben"), a.ID); reasonOf(err) != approval.NotApproved {
		t.Errorf("revoked while it waits: %v", err)
	}
	a = review(t, s, "ana", a.ID, approval.Approve)
	if err := withdraw(s.Automation.Principal, a.ID); reasonOf(err) != approval.NotPending {
		t.Errorf("withdrawn after the yes: %v", err)
	}
	got, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	if err := revoke(servertest.Person("ben"), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("the permit of a yes that was revoked was claimed: %v", err)
	}
	if hold := holdNow(t, s, got.Permit.Legs[0].DecisionID); hold.State != ledger.Voided {
		t.Errorf("the permit is revoked, and its hold is there: %+v", hold)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.Ended {
		t.Errorf("redeemed after it was revoked: %v", err)
	}
	// Whoever was first: what was claimed cannot be taken back.
	a = escalated(t, s, servertest.Bid("e", 100, 150))
	a = review(t, s, "ana", a.ID, approval.Approve)
	if got, err = redeem(t, s, a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Fatal(err)
	}
	if err := revoke(servertest.Person("ben"), a.ID); reasonOf(err) != approval.Ended {
		t.Errorf("revoked after the claim: %v", err)
	}
}

// An automation learns nothing of what others have asked for.
func TestAnAutomationSeesItsOwnApprovals(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	other, ctx := s.OtherAutomation.Principal, t.Context()
	for name, ask := range map[string]func(id string) error{
		"get":      func(id string) error { _, err := s.Core.GetApproval(ctx, other, id); return err },
		"wait":     func(id string) error { _, _, err := s.Core.WaitApproval(ctx, other, id, 0, 0); return err },
		"withdraw": func(id string) error { _, err := s.Core.WithdrawApproval(ctx, other, id, "r"); return err },
		"redeem": func(id string) error {
			_, err := s.Core.Redeem(ctx, other, server.RedeemRequest{ApprovalID: id, Digest: a.Digest})
			return err
		},
	} {
		if theirs, none := ask(a.ID), ask("apr_none"); !errors.Is(theirs, policy.ErrNotFound) || !errors.Is(none, policy.ErrNotFound) {
			t.Errorf("%s: got %v for another's approval and %v for none, want ErrNotFound twice", name, theirs, none)
		}
	}
	if found, _, err := s.Core.ListApprovals(ctx, other, server.ApprovalFilter{}, page()); err != nil || len(found) != 0 {
		t.Errorf("list: got %d, %v", len(found), err)
	}
	if _, _, err := s.Core.ListApprovals(ctx, other, server.ApprovalFilter{ApprovalFilter: store.ApprovalFilter{Automation: "pacer"}}, page()); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("list of another's: got %v, want ErrForbidden", err)
	}
	page, err := s.Core.GetApproval(ctx, s.Automation.Principal, a.ID)
	if err != nil || page.Approval.ID != a.ID || page.Others != nil || page.Exposure != nil {
		t.Errorf("its own: got others %v, exposure %v, %v", page.Others, page.Exposure, err)
	}
}

// What is on somebody's desk is what they can approve now, in their own place or another's.
func TestMine(t *testing.T) {
	s := company(t)
	bid := escalated(t, s, servertest.Bid("b", 100, 150))
	budget := escalated(t, s, servertest.Budget("m", "101", 20000, 27000))
	mine := func(who string) []string {
		t.Helper()
		found, _, err := s.Core.ListApprovals(t.Context(), servertest.Person(who), server.ApprovalFilter{Mine: true}, page())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, a := range found {
			ids = append(ids, a.ID)
		}
		return ids
	}
	want := func(who string, ids ...string) {
		t.Helper()
		if got := mine(who); fmt.Sprint(got) != fmt.Sprint(ids) {
			t.Errorf("%s: got %v, want %v", who, got, ids)
		}
	}
	want("ana", budget.ID, bid.ID)
	want("fay")
	want("ines") // who answers for it
	want("nobody")
	if _, err := s.Core.CreateDelegation(t.Context(), servertest.Person("ana"), approval.Delegation{To: "fay", Reason: "away", Ends: s.Clock.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	want("fay", budget.ID, bid.ID)
	review(t, s, "ana", budget.ID, approval.Approve)
	review(t, s, "ben", budget.ID, approval.Approve)
	want("cleo", budget.ID, bid.ID)
	want("ana", bid.ID)
	review(t, s, "ana", bid.ID, approval.Approve)
	want("ana")
	want("fay", budget.ID) // in her own place now
	want("finn", budget.ID)
}

func bulkOf(approvals ...approval.Approval) server.BulkRequest {
	bulk := server.BulkRequest{Kind: approval.Approve, Reason: "because", Nonce: "bulk", Channel: "test"}
	for _, a := range approvals {
		request := of(a, approval.Approve)
		bulk.Items = append(bulk.Items, server.BulkItem{ApprovalID: a.ID, Digest: a.Digest, RequirementVersion: a.RequirementVersion, Stage: request.Stage})
	}
	return bulk
}

func TestBulkReviewAnswersEach(t *testing.T) {
	s := company(t)
	a, b, c := escalated(t, s, servertest.Bid("a", 100, 150)), escalated(t, s, servertest.Bid("b", 100, 150)), escalated(t, s, servertest.Bid("c", 100, 150))
	if _, err := s.Core.WithdrawApproval(t.Context(), s.Automation.Principal, b.ID, "no longer"); err != nil {
		t.Fatal(err)
	}
	bulk := bulkOf(a, b, c)
	bulk.Items[2].Digest = "sha256:of something else"
	bulk.Items = append(bulk.Items, server.BulkItem{ApprovalID: "apr_none", Digest: a.Digest, RequirementVersion: 1, Stage: "review"})
	for i := range 2 { // sent again, it says the same
		results, err := s.Core.BulkReview(t.Context(), servertest.Person("ana"), bulk)
		if err != nil || len(results) != 4 {
			t.Fatalf("got %v, %v", results, err)
		}
		if results[0].Err != nil || results[0].Approval.State != approval.Approved {
			t.Errorf("time %d: got %s, %v; want the first approved", i, results[0].Approval.State, results[0].Err)
		}
		if reasonOf(results[1].Err) != approval.Ended || reasonOf(results[2].Err) != approval.StaleDigest || !errors.Is(results[3].Err, policy.ErrNotFound) {
			t.Errorf("time %d: got %v, %v, %v", i, results[1].Err, results[2].Err, results[3].Err)
		}
	}
	if a := approvalNow(t, s, c.ID); a.State != approval.Pending {
		t.Errorf("what was refused is %s", a.State)
	}
}

func TestBulkReviewsThatAreRefused(t *testing.T) {
	s := company(t)
	bid, budget := escalated(t, s, servertest.Bid("a", 100, 150)), escalated(t, s, servertest.Budget("b", "101", 20000, 27000))
	grant := proposedGrant(t, s, grantFor(s, 3))
	many := bulkOf(bid)
	for i := range server.MaxBulk {
		many.Items = append(many.Items, server.BulkItem{ApprovalID: fmt.Sprint("apr_", i)})
	}
	with := func(bulk server.BulkRequest, change func(*server.BulkRequest)) server.BulkRequest {
		change(&bulk)
		return bulk
	}
	for name, bulk := range map[string]server.BulkRequest{
		"none":            {Kind: approval.Approve, Nonce: "n"},
		"too many":        many,
		"different rules": bulkOf(bid, budget),
		"one twice":       bulkOf(bid, bid),
		"a grant":         bulkOf(grant),
		"a comment":       with(bulkOf(bid), func(b *server.BulkRequest) { b.Kind = approval.Comment }),
		"changes":         with(bulkOf(bid), func(b *server.BulkRequest) { b.Kind = approval.RequestChanges }),
	} {
		if _, err := s.Core.BulkReview(t.Context(), servertest.Person("ana"), bulk); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	for _, id := range []string{bid.ID, budget.ID, grant.ID} {
		if reviews := said(t, s, id); len(reviews) != 0 {
			t.Errorf("a bulk review that was refused has said something: %+v", reviews)
		}
	}
}

// An approval takes so many reviews, in all and of one person, and leaves room for what decides it when it is full of the rest.
// What was said before is answered with what came of it, however full it is.
func TestReviewsAreBounded(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Budget("b", "101", 20_000, 27_000)) // two of growth: one who changes their mind decides nothing
	say := func(who string, kind approval.Kind, n int) error {
		request := of(a, kind)
		request.Nonce = fmt.Sprint(kind, n)
		_, err := s.Core.Review(t.Context(), servertest.Person(who), request)
		return err
	}
	exhausted := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, policy.ErrExhausted) {
			t.Errorf("%s: got %v, want ErrExhausted", what, err)
		}
	}
	err := s.Store.Update(t.Context(), func(tx store.Tx) error { // as if they had said it one by one, which takes longer
		for n := range 199 {
			if err := tx.InsertReview(approval.Review{ID: fmt.Sprint("rev_", n), ApprovalID: a.ID, Reviewer: "ana", Person: "ana", Kind: approval.Comment, Reason: "because",
				Digest: a.Digest, RequirementVersion: a.RequirementVersion, Stage: "growth", Nonce: fmt.Sprint(approval.Comment, n), At: s.Clock.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := say("ana", approval.Comment, 199); err != nil {
		t.Errorf("the last comment: %v", err)
	}
	exhausted("one comment more", say("ana", approval.Comment, 200))
	if err := say("ana", approval.Comment, 7); err != nil {
		t.Errorf("a comment that was made before: %v", err)
	}
	changesMind := func(who string, times int) {
		t.Helper()
		for n := range times {
			for _, kind := range []approval.Kind{approval.Approve, approval.Retract} {
				if err := say(who, kind, n); err != nil {
					t.Fatalf("%s says %s, time %d: %v", who, kind, n, err)
				}
			}
		}
	}
	changesMind("ana", 20)
	exhausted("one person, once more", say("ana", approval.Approve, 20))
	if err := say("ana", approval.Retract, 19); err != nil {
		t.Errorf("what that person has said before: %v", err)
	}
	changesMind("ben", 20)
	changesMind("cleo", 10) // and there are three quarters
	exhausted("what decides nothing", say("cleo", approval.Retract, 10))
	if err := say("cleo", approval.Reject, 0); err != nil {
		t.Errorf("a no: %v", err)
	}
	if now := approvalNow(t, s, a.ID); now.State != approval.Rejected {
		t.Errorf("it is %s, want REJECTED", now.State)
	}
}

// A redemption that cannot be is refused before the rules are asked, and writes nothing.
func TestWhatCannotBeRedeemedIsNotJudged(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := company(t, servertest.WithStore(fake.Under))
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	fake.OnUpdate(func(context.Context, func(store.Tx) error) error {
		t.Error("something is written")
		return errDisk
	})
	if _, err := redeem(t, s, a); reasonOf(err) != approval.NotApproved {
		t.Errorf("nobody has agreed: %v", err)
	}
	fake.OnUpdate(nil)
	a = review(t, s, "ana", a.ID, approval.Approve)
	fake.OnUpdate(func(context.Context, func(store.Tx) error) error {
		t.Error("something is written")
		return errDisk
	})
	other := a
	other.Digest = "sha256:0"
	if _, err := redeem(t, s, other); reasonOf(err) != approval.StaleDigest {
		t.Errorf("for another change: %v", err)
	}
}
