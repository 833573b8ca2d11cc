package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

var errDisk = errors.New("disk on fire")

// partlyFailing is a transaction in which one thing cannot be read or written.
type partlyFailing struct {
	store.Tx
	what string
}

func (f *partlyFailing) fails(what string) error {
	if f.what == what {
		return errDisk
	}
	return nil
}

func (f *partlyFailing) Suppressions(automation string, fields []ledger.Scope, at time.Time) ([]approval.Suppression, error) {
	found, err := f.Tx.Suppressions(automation, fields, at)
	return found, errors.Join(err, f.fails("read suppressions"))
}

func (f *partlyFailing) Grants(automation string, at time.Time) ([]approval.Grant, error) {
	found, err := f.Tx.Grants(automation, at)
	return found, errors.Join(err, f.fails("read grants"))
}

func (f *partlyFailing) OpenApprovals(automation string, fields []ledger.Scope) ([]approval.Approval, error) {
	found, err := f.Tx.OpenApprovals(automation, fields)
	return found, errors.Join(err, f.fails("read open approvals"))
}

func (f *partlyFailing) Approvals(ids []string) (map[string]approval.Approval, error) {
	found, err := f.Tx.Approvals(ids)
	return found, errors.Join(err, f.fails("read approvals"))
}

func (f *partlyFailing) InsertApprovals(approvals []store.NewApproval) error {
	return errors.Join(f.Tx.InsertApprovals(approvals), f.fails("open approvals"))
}

func (f *partlyFailing) UpdateApprovals(approvals []approval.Approval) error {
	return errors.Join(f.Tx.UpdateApprovals(approvals), f.fails("write approvals"))
}

func (f *partlyFailing) InsertReview(review approval.Review) error {
	return errors.Join(f.Tx.InsertReview(review), f.fails("write a review"))
}

func (f *partlyFailing) PutSuppressions(suppressions []approval.Suppression) error {
	return errors.Join(f.Tx.PutSuppressions(suppressions), f.fails("write suppressions"))
}

func (f *partlyFailing) PutGrants(grants []approval.Grant) error {
	return errors.Join(f.Tx.PutGrants(grants), f.fails("write grants"))
}

func (f *partlyFailing) InsertNotices(notices []store.AddressedNotice) error {
	return errors.Join(f.Tx.InsertNotices(notices), f.fails("write notices"))
}

func (f *partlyFailing) InsertDecisions(records []store.DecisionRecord) error {
	return errors.Join(f.Tx.InsertDecisions(records), f.fails("write decisions"))
}

func (f *partlyFailing) InsertPermits(permits []permit.Permit) error {
	return errors.Join(f.Tx.InsertPermits(permits), f.fails("write permits"))
}

func (f *partlyFailing) InsertHolds(holds []ledger.Hold) error {
	return errors.Join(f.Tx.InsertHolds(holds), f.fails("write holds"))
}

func (f *partlyFailing) PutTallies(tallies []store.ScopeTally) error {
	return errors.Join(f.Tx.PutTallies(tallies), f.fails("write tallies"))
}

// onFire is a server in whose transactions nothing fails, until it is told what does.
func onFire(t *testing.T) (*servertest.Server, func(what string)) {
	t.Helper()
	fake := &servertest.FakeStore{}
	s := company(t, servertest.WithStore(fake.Under))
	return s, func(what string) {
		if what == "" {
			fake.OnUpdate(nil)
			return
		}
		fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
			return fake.Store.Update(ctx, func(tx store.Tx) error { return fn(&partlyFailing{tx, what}) })
		})
	}
}

// A check in which anything about people cannot be read or written is not answered, and leaves nothing behind.
func TestACheckWithoutItsApprovalsIsNone(t *testing.T) {
	for _, what := range []string{"read suppressions", "read grants", "read open approvals", "open approvals", "write approvals", "write grants", "write notices"} {
		t.Run(what, func(t *testing.T) {
			s, fail := onFire(t)
			fail(what)
			changes := servertest.Domain(servertest.Bid("asks", 100, 150), servertest.Bid("passes", 100, 110))
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: changes})
			if !errors.Is(err, policy.ErrUnavailable) || results != nil {
				t.Errorf("got %v, %v; want UNAVAILABLE and no answers", results, err)
			}
			fail("")
			if got := s.Recorded(t); got != 0 {
				t.Errorf("%d decisions are on record", got)
			}
			if found, _, err := s.Core.ListApprovals(t.Context(), s.Auditor.Principal, server.ApprovalFilter{}, page()); err != nil || len(found) != 0 {
				t.Errorf("got the approvals %v, %v", found, err)
			}
			if results := decide(t, s, servertest.Bid("asks", 100, 150), servertest.Bid("passes", 100, 110)); results[0].Replayed || results[1].Decision.Verdict != policy.Allow {
				t.Errorf("asked again: got %s, %s", results[0].Decision.Verdict, results[1].Decision.Verdict)
			}
		})
	}
}

// A redemption of which anything cannot be read or written gives out no permit, and the yes is as good as before.
func TestARedemptionThatIsNotRecordedIsNone(t *testing.T) {
	for _, what := range []string{"read suppressions", "read approvals", "write decisions", "write tallies", "write permits", "write holds", "write approvals", "write notices"} {
		t.Run(what, func(t *testing.T) {
			s, fail := onFire(t)
			a := escalated(t, s, servertest.Bid("b", 100, 150))
			a = review(t, s, "ana", a.ID, approval.Approve)
			fail(what)
			got, err := redeem(t, s, a)
			if !errors.Is(err, policy.ErrUnavailable) || got.Token != "" || got.Permit.ID != "" {
				t.Errorf("got %+v, %v; want UNAVAILABLE and no permit", got.Permit, err)
			}
			fail("")
			if now := approvalNow(t, s, a.ID); now.Version != a.Version || now.PermitID != "" {
				t.Errorf("got version %d with %q out, want %d as before", now.Version, now.PermitID, a.Version)
			}
			if again, err := redeem(t, s, a); err != nil || again.Token == "" {
				t.Errorf("redeemed when it works again: %v", err)
			}
		})
	}
}

// A review that is not recorded is not counted.
func TestAReviewThatIsNotRecordedIsNone(t *testing.T) {
	for _, what := range []string{"read approvals", "write a review", "write approvals", "write suppressions", "write notices"} {
		t.Run(what, func(t *testing.T) {
			s, fail := onFire(t)
			a := escalated(t, s, servertest.Bid("b", 100, 150))
			fail(what)
			if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), of(a, approval.Reject)); !errors.Is(err, policy.ErrUnavailable) {
				t.Errorf("got %v, want UNAVAILABLE", err)
			}
			fail("")
			if page := pageOf(t, s, a.ID); page.Approval.State != approval.Pending || page.Approval.Version != a.Version || len(page.Reviews) != 0 {
				t.Errorf("got %s at version %d with %d reviews", page.Approval.State, page.Approval.Version, len(page.Reviews))
			}
			if a = review(t, s, "ana", a.ID, approval.Reject); a.State != approval.Rejected {
				t.Errorf("said again: got %s", a.State)
			}
		})
	}
}

// A rule that asks for people in a way that nobody understands blocks: nobody could be asked.
func TestStagesThatNobodyUnderstandsBlock(t *testing.T) {
	for name, stages := range map[string]string{
		"a misspelt quorum": `[{"name": "s", "any_of": [{"group": "growth"}], "quorm": 2}]`,
		"nobody":            `[{"name": "s", "quorum": 1}]`,
		"no name":           `[{"any_of": [{"group": "growth"}]}]`,
		"less than one":     `[{"name": "s", "any_of": [{"group": "growth"}], "quorum": -1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			rule := strings.Replace(everyBid, `{"message": "every bid needs a person"}`, `{"message": "every bid needs a person", "approval": {"stages": `+stages+`}}`, 1)
			s := company(t, servertest.WithRevision(withFiles(peopleRules(t, ""), map[string]string{"rules/test_every.rego": rule})))
			group := servertest.InGroup("g", servertest.Bid("from", 100, 105), servertest.Bid("to", 100, 104))
			for _, result := range append(decide(t, s, servertest.Bid("alone", 100, 105)), decide(t, s, group...)...) {
				if result.Decision.Verdict != policy.Block || result.Decision.ApprovalID != "" || result.Permit != nil {
					t.Errorf("%s: got %s with approval %q", result.Decision.ChangeID, result.Decision.Verdict, result.Decision.ApprovalID)
				}
			}
			first := decide(t, s, servertest.Bid("alone", 100, 105))[0].Decision
			if first.Findings[0].Rule != policy.FindingUndetermined || !strings.Contains(first.Findings[0].Message, "whom to ask") {
				t.Errorf("got %+v", first.Findings)
			}
		})
	}
}
