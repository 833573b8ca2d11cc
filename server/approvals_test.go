package server_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// company is a server where there are people to ask.
func company(t *testing.T, with ...servertest.Option) *servertest.Server {
	t.Helper()
	return servertest.New(t, append([]servertest.Option{servertest.WithRevision(servertest.Company(t, nil)), servertest.WithoutSync()}, with...)...)
}

// escalated is check for one change, or the legs of one group, that waits for people then.
func escalated(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) approval.Approval {
	t.Helper()
	results := decide(t, s, changes...)
	for _, result := range results {
		if result.Err != nil || result.Decision.Verdict != policy.RequireApproval || result.Decision.ApprovalID == "" || result.Permit != nil {
			t.Fatalf("got %+v (error %v), want REQUIRE_APPROVAL with an approval and no permit", result.Decision, result.Err)
		}
	}
	return approvalNow(t, s, results[0].Decision.ApprovalID)
}

// approvalNow is the approval as it stands.
func approvalNow(t *testing.T, s *servertest.Server, id string) approval.Approval {
	t.Helper()
	page, err := s.Core.GetApproval(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return page.Approval
}

// of is a review of what the reviewer sees now.
func of(a approval.Approval, kind approval.Kind) server.ReviewRequest {
	stage := ""
	if a.Stage < len(a.Requirement) {
		stage = a.Requirement[a.Stage].Name
	}
	return server.ReviewRequest{ApprovalID: a.ID, Digest: a.Digest, RequirementVersion: a.RequirementVersion, Stage: stage, Kind: kind,
		Reason: "because", Nonce: fmt.Sprint(a.Version), Channel: "test"}
}

// review has somebody say something of what they see now.
func review(t *testing.T, s *servertest.Server, who, id string, kind approval.Kind) approval.Approval {
	t.Helper()
	a, err := s.Core.Review(t.Context(), servertest.Person(who), of(approvalNow(t, s, id), kind))
	if err != nil {
		t.Fatalf("%s says %s: %v", who, kind, err)
	}
	return a
}

// redeem asks for the permit, as the automation does.
func redeem(t *testing.T, s *servertest.Server, a approval.Approval) (server.Redemption, error) {
	t.Helper()
	return s.Core.Redeem(t.Context(), s.Automation.Principal, server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest})
}

func reasonOf(err error) approval.Reason {
	if refused, is := errors.AsType[*approval.RefusedError](err); is {
		return refused.Reason
	}
	return approval.Reason(fmt.Sprint("no reason: ", err))
}

func TestAnApprovedChangeIsMadeOnce(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	if a.State != approval.Pending || len(a.Items) == 0 || len(a.Requirement) != 1 || a.Run != "r-1" || len(a.Owners) != 1 {
		t.Fatalf("got %+v", a)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.NotApproved {
		t.Errorf("redeemed before anybody agreed: %v", err)
	}
	a = review(t, s, "ana", a.ID, approval.Approve)
	if a.State != approval.Approved {
		t.Fatalf("got %s", a.State)
	}
	got, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	if got.Token == "" || got.Permit.Digest != a.Digest || got.Permit.Redeems != a.ID || got.Decisions[0].Verdict != policy.Allow || got.Decisions[0].Redeems != a.ID {
		t.Errorf("got %+v", got)
	}
	lifted := false
	for _, finding := range got.Decisions[0].Findings {
		lifted = lifted || finding.LiftedBy == a.ID
	}
	if !lifted {
		t.Errorf("the decision does not say what people have answered: %+v", got.Decisions[0].Findings)
	}
	again, err := redeem(t, s, a)
	if err != nil || again.Permit.ID != got.Permit.ID || again.Token != got.Token {
		t.Errorf("redeemed again: got permit %s, error %v, want the one that is out", again.Permit.ID, err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.Ended {
		t.Errorf("redeemed after it was used: %v", err)
	}
	if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, permit.Report{Outcome: permit.Applied}); err != nil {
		t.Fatal(err)
	}
	if a = approvalNow(t, s, a.ID); a.ClaimedAt.IsZero() || !a.Final() {
		t.Errorf("got %+v, want it used", a)
	}
	replayed := decide(t, s, servertest.Bid("b", 100, 150))[0]
	if !replayed.Replayed || replayed.Decision.Verdict != policy.RequireApproval || replayed.Decision.ApprovalID != a.ID {
		t.Errorf("asked again: got %+v, want what was answered first", replayed.Decision)
	}
}

func TestAPermitThatDiedUnclaimedLeavesItsApproval(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	a = review(t, s, "ana", a.ID, approval.Approve)
	first, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(2 * time.Minute)
	if _, err := s.Core.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a = approvalNow(t, s, a.ID); a.PermitID != "" || a.State != approval.Approved {
		t.Fatalf("got %+v, want no permit out", a)
	}
	second, err := redeem(t, s, a)
	if err != nil || second.Permit.ID == first.Permit.ID {
		t.Fatalf("got %v, %v", second.Permit.ID, err)
	}
	s.Clock.Advance(2 * time.Minute)
	third, err := redeem(t, s, a) // before the sweeper has come by
	if err != nil || third.Permit.ID == second.Permit.ID {
		t.Fatalf("got %v, %v", third.Permit.ID, err)
	}
	s.Clock.Advance(40 * time.Minute)
	if _, err := s.Core.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a = approvalNow(t, s, a.ID); a.State != approval.Lapsed {
		t.Errorf("got %s, want LAPSED", a.State)
	}
}

func TestACapIsJudgedAndRedeemed(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 180))
	request := of(a, approval.Approve)
	request.Cap = policy.MoneyValue(1_500_000, "USD")
	a, err := s.Core.Review(t.Context(), servertest.Person("ana"), request)
	if err != nil || a.State != approval.ApprovedCapped || a.Cap != request.Cap {
		t.Fatalf("got %s %v, %v", a.State, a.Cap, err)
	}
	if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Value: policy.MoneyValue(1_800_000, "USD")}); reasonOf(err) != approval.OutOfBounds {
		t.Errorf("redeemed all of it: %v", err)
	}
	got, err := redeem(t, s, a)
	if err != nil || got.Permit.Legs[0].After != request.Cap {
		t.Fatalf("got %+v, %v", got.Permit.Legs, err)
	}
}

func TestARejectedMoveIsNotAskedForAgain(t *testing.T) {
	s := company(t)
	again := func(id string, to int64) *bidrailv1.Change {
		change := servertest.Bid(id, 100, to)
		change.Target.EntityId = "k-b"
		return change
	}
	a := escalated(t, s, again("b", 150))
	if a = review(t, s, "ana", a.ID, approval.Reject); a.State != approval.Rejected {
		t.Fatalf("got %s", a.State)
	}
	result := decide(t, s, again("b2", 150))[0]
	if result.Decision.Verdict != policy.Block || result.Decision.Findings[0].Rule != policy.FindingSuppressed {
		t.Fatalf("got %+v", result.Decision)
	}
	if result := decide(t, s, again("b3", 110))[0]; result.Decision.Verdict != policy.Allow {
		t.Errorf("a smaller move: got %s", result.Decision.Verdict)
	}
	found, _, err := s.Core.ListSuppressions(t.Context(), s.Auditor.Principal, false, page())
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v", found, err)
	}
	if _, err := s.Core.ClearSuppression(t.Context(), servertest.Person("ines"), found[0].ID, "mine"); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("an owner clears it: %v", err)
	}
	if _, err := s.Core.ClearSuppression(t.Context(), servertest.Person("ben"), found[0].ID, "the plan has changed"); err != nil {
		t.Fatal(err)
	}
	if result := decide(t, s, again("b4", 150))[0]; result.Decision.Verdict == policy.Block && result.Decision.Findings[0].Rule == policy.FindingSuppressed {
		t.Errorf("after it was cleared: got %+v", result.Decision)
	}
}

func TestANewerProposalSupersedes(t *testing.T) {
	s := company(t)
	again := func(id string, to int64) *bidrailv1.Change {
		change := servertest.Bid(id, 100, to)
		change.Target.EntityId = "k-b"
		return change
	}
	first := escalated(t, s, again("b", 150))
	second := escalated(t, s, again("b2", 160))
	if first = approvalNow(t, s, first.ID); first.State != approval.Superseded || first.SupersededBy != second.ID {
		t.Errorf("got %s by %s", first.State, first.SupersededBy)
	}
}

func TestTimeEndsWhatWaits(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	s.Clock.Advance(time.Hour)
	if settled, err := s.Core.Sweep(t.Context()); err != nil || settled != 1 {
		t.Fatalf("got %d, %v, want one tier", settled, err)
	}
	if a = approvalNow(t, s, a.ID); a.Tier != 1 || a.State != approval.Pending {
		t.Errorf("got %+v", a)
	}
	s.Clock.Advance(3 * time.Hour)
	if _, err := s.Core.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a = approvalNow(t, s, a.ID); a.State != approval.Expired {
		t.Errorf("got %s", a.State)
	}
}

// activate makes another revision the one that decides.
func activate(t *testing.T, s *servertest.Server, next *server.Policy) {
	t.Helper()
	if err := s.Core.Activate(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}

// What another automation proposes, or what is tried without being recorded, takes nobody's place; and a review of what was
// superseded meanwhile comes too late.
func TestOnlyTheSameAutomationSupersedes(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	other := servertest.Bid("b", 100, 160)
	other.Actor.Automation = "bidder"
	if results, err := s.Core.Check(t.Context(), s.OtherAutomation.Principal, checkRequest(other)); err != nil || results[0].Decision.ApprovalID == "" {
		t.Fatalf("got %+v, %v", results, err)
	}
	dry := servertest.Bid("dry", 100, 160)
	dry.Target.EntityId = "k-b"
	request := checkRequest(dry)
	request.DryRun = true
	if results, err := s.Core.Check(t.Context(), s.Automation.Principal, request); err != nil || results[0].Decision.Verdict != policy.RequireApproval || results[0].Decision.ApprovalID != "" {
		t.Fatalf("a dry run: got %+v, %v", results, err)
	}
	if now := approvalNow(t, s, a.ID); now.State != approval.Pending {
		t.Errorf("it is %s by %s", now.State, now.SupersededBy)
	}
	click := of(a, approval.Approve)
	cut := servertest.Bid("cut", 100, 90)
	cut.Target.EntityId = "k-b"
	if d := decide(t, s, cut)[0].Decision; d.Verdict != policy.Allow || approvalNow(t, s, a.ID).SupersededBy != d.ID {
		t.Errorf("got %s, superseded by %s; want what was allowed since", d.Verdict, approvalNow(t, s, a.ID).SupersededBy)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), click); reasonOf(err) != approval.Ended {
		t.Errorf("a review of what was superseded: %v", err)
	}
}
