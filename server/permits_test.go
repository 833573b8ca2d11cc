package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// allowed is check for one change, or the legs of one group, that the rules allow.
func allowed(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) server.Result {
	t.Helper()
	results := decide(t, s, changes...)
	for _, result := range results {
		if result.Err != nil || result.Decision.Verdict != policy.Allow || result.Permit == nil || result.Token == "" {
			t.Fatalf("got %+v (error %v), want ALLOW with a permit", result.Decision, result.Err)
		}
	}
	return results[0]
}

// claim uses the permit of a result up.
func claim(t *testing.T, s *servertest.Server, result server.Result) {
	t.Helper()
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "attempt-1"); err != nil {
		t.Fatal(err)
	}
}

func report(t *testing.T, s *servertest.Server, result server.Result, report permit.Report) permit.Permit {
	t.Helper()
	told, err := s.Core.Report(t.Context(), s.Automation.Principal, result.Permit.ID, report)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// applied claims a permit and reports that the change was made.
func applied(t *testing.T, s *servertest.Server, result server.Result) {
	t.Helper()
	claim(t, s, result)
	report(t, s, result, permit.Report{Outcome: permit.Applied})
}

// permitNow is the permit as it stands.
func permitNow(t *testing.T, s *servertest.Server, id string) permit.Permit {
	t.Helper()
	found, err := s.Core.GetPermit(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// holdNow is the hold of a decision as it stands.
func holdNow(t *testing.T, s *servertest.Server, decision string) ledger.Hold {
	t.Helper()
	var holds map[string]ledger.Hold
	err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
		holds, err = r.Holds([]string{decision})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return holds[decision]
}

// raised is what has been raised in a day in the shipped account, of daily budgets.
func raised(t *testing.T, s *servertest.Server) int64 {
	t.Helper()
	shown, err := s.Core.Ledger(t.Context(), s.Auditor.Principal, ledger.AccountScope("google_ads", "example"), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, window := range shown.Windows {
		if window.Name.Length == ledger.Length(24*time.Hour) && window.Unit.Kind == policy.KindDailyBudget {
			return window.Window.Raised
		}
	}
	return 0
}

func TestOnlyARecordedAllowHasAPermit(t *testing.T) {
	s := servertest.New(t)
	results := decide(t, s, servertest.Bid("a", 100, 110), servertest.Bid("b", 100, 150), servertest.Bid("c", 100, 6000))
	if results[0].Permit == nil || results[0].Token == "" || results[0].Decision.PermitID != results[0].Permit.ID {
		t.Errorf("ALLOW came with the permit %v", results[0].Permit)
	}
	for _, result := range results[1:] {
		if result.Permit != nil || result.Token != "" || result.Decision.PermitID != "" || holdNow(t, s, result.Decision.ID).ID != "" {
			t.Errorf("%v came with the permit %v, or with a hold", result.Decision.Verdict, result.Permit)
		}
	}
	dry, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("d", 100, 110)), DryRun: true})
	if err != nil || dry[0].Decision.Verdict != policy.Allow || dry[0].Permit != nil || dry[0].Token != "" {
		t.Errorf("a dry run gave %+v, error %v; want ALLOW and no permit", dry[0], err)
	}
}

// The same question gets the same permit, for as long as it can be used.
func TestAskedAgainThePermitIsTheSame(t *testing.T) {
	s := servertest.New(t)
	first := allowed(t, s, servertest.Bid("a", 100, 110))
	again := allowed(t, s, servertest.Bid("a", 100, 110))
	if !again.Replayed || again.Token != first.Token || !bytes.Equal(again.Encoded, first.Encoded) {
		t.Errorf("asked again: replayed %v, the same token %v, the same decision %v", again.Replayed, again.Token == first.Token, bytes.Equal(again.Encoded, first.Encoded))
	}
	s.Clock.Advance(time.Minute)
	late := decide(t, s, servertest.Bid("a", 100, 110))[0]
	if late.Permit == nil || late.Token != "" {
		t.Errorf("a minute later the token is %q, want none: nobody can claim it", late.Token)
	}
}

func TestAGroupHasOnePermit(t *testing.T) {
	s := servertest.New(t)
	legs := servertest.InGroup("shift", servertest.Budget("down", "101", 10000, 9000), servertest.Budget("up", "102", 10000, 11000))
	results := decide(t, s, legs...)
	if results[0].Permit == nil || results[1].Permit == nil || results[0].Permit.ID != results[1].Permit.ID || len(results[0].Permit.Legs) != 2 ||
		results[0].Permit.Digest != results[0].Decision.GroupDigest {
		t.Fatalf("got the permits %+v and %+v, want one for both legs and the digest of the group", results[0].Permit, results[1].Permit)
	}
	claim(t, s, results[0])
	report(t, s, results[0], permit.Report{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: "down", Value: policy.MoneyValue(90_000_000, "USD")}}})
	if down, up := holdNow(t, s, results[0].Decision.ID), holdNow(t, s, results[1].Decision.ID); down.State != ledger.Posted || up.State != ledger.Voided {
		t.Errorf("the leg that landed is %v and the other %v, want POSTED and VOIDED", down.State, up.State)
	}
}

func TestAPermitIsClaimedOnce(t *testing.T) {
	s := servertest.New(t)
	result := allowed(t, s, servertest.Bid("a", 100, 110))
	claim(t, s, result)
	claim(t, s, result) // whose answer got lost
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "attempt-2"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("a second attempt: error %v, want ErrPrecondition", err)
	}
	other := allowed(t, s, servertest.Bid("b", 100, 110))
	if _, err := s.Core.Claim(t.Context(), s.OtherAutomation.Principal, other.Token, "x"); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("another automation: error %v, want ErrNotFound", err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Approver.Principal, other.Token, "x"); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("an approver: error %v, want ErrForbidden", err)
	}
	for name, token := range map[string]string{"nothing": "", "made up": "a.b.c", "cut off": other.Token[:len(other.Token)-2]} {
		if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, token, "x"); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("a token that is %s: error %v, want ErrInvalid", name, err)
		}
	}
	claim(t, s, other) // none of it used the permit up
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, other.Token, ""); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("no claim id: error %v, want ErrInvalid", err)
	}
}

func TestWhatIsReportedSettlesTheHold(t *testing.T) {
	usd := func(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }
	for name, tt := range map[string]struct {
		reports []permit.Report
		state   permit.State
		hold    ledger.HoldState
		raised  int64
	}{
		"nothing yet":    {nil, permit.Claimed, ledger.Held, 20_000_000},
		"applied":        {[]permit.Report{{Outcome: permit.Applied}}, permit.Applied, ledger.Posted, 20_000_000},
		"applied, twice": {[]permit.Report{{Outcome: permit.Applied}, {Outcome: permit.Applied}}, permit.Applied, ledger.Posted, 20_000_000},
		"partial": {[]permit.Report{{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: "a", Value: usd(105)}}}},
			permit.Partial, ledger.Posted, 5_000_000},
		"failed":                  {[]permit.Report{{Outcome: permit.Failed}}, permit.Failed, ledger.Voided, 0},
		"unknown":                 {[]permit.Report{{Outcome: permit.Unknown}}, permit.Unknown, ledger.Held, 20_000_000},
		"unknown, later applied":  {[]permit.Report{{Outcome: permit.Unknown}, {Outcome: permit.Applied}}, permit.Applied, ledger.Posted, 20_000_000},
		"unknown, later not made": {[]permit.Report{{Outcome: permit.Unknown}, {Outcome: permit.Failed}}, permit.Failed, ledger.Voided, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t)
			result := allowed(t, s, servertest.Budget("a", "101", 10000, 12000))
			claim(t, s, result)
			for _, each := range tt.reports {
				report(t, s, result, each)
			}
			if got := permitNow(t, s, result.Permit.ID); got.State != tt.state {
				t.Errorf("the permit is %v, want %v", got.State, tt.state)
			}
			if got := holdNow(t, s, result.Decision.ID); got.State != tt.hold {
				t.Errorf("the hold is %v, want %v", got.State, tt.hold)
			}
			if got := raised(t, s); got != tt.raised {
				t.Errorf("%d was raised in the account, want %d", got, tt.raised)
			}
		})
	}
}

func TestReportsThatAreRefusedChangeNothing(t *testing.T) {
	s := servertest.New(t)
	result := allowed(t, s, servertest.Budget("a", "101", 10000, 12000))
	tell := func(report permit.Report) error {
		_, err := s.Core.Report(t.Context(), s.Automation.Principal, result.Permit.ID, report)
		return err
	}
	if err := tell(permit.Report{Outcome: permit.Applied}); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("applied without a claim: error %v, want ErrPrecondition", err)
	}
	claim(t, s, result)
	beyond := permit.Report{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: "a", Value: policy.MoneyValue(130_000_000, "USD")}}}
	if err := tell(beyond); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("more than was allowed: error %v, want ErrInvalid", err)
	}
	if _, err := s.Core.Report(t.Context(), s.OtherAutomation.Principal, result.Permit.ID, permit.Report{Outcome: permit.Failed}); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("another automation: error %v, want ErrNotFound", err)
	}
	if got := holdNow(t, s, result.Decision.ID); got.State != ledger.Held || raised(t, s) != 20_000_000 {
		t.Errorf("the hold is %v and %d was raised, want HELD and all of it", got.State, raised(t, s))
	}
	report(t, s, result, permit.Report{Outcome: permit.Applied})
	if err := tell(permit.Report{Outcome: permit.Failed}); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("failed after applied: error %v, want ErrPrecondition", err)
	}
}

// What nobody claims gives back what it holds, by itself; what nobody reports on keeps it.
func TestTimeSettlesPermits(t *testing.T) {
	s := servertest.New(t)
	idle, silent := allowed(t, s, servertest.Budget("a", "101", 10000, 12000)), allowed(t, s, servertest.Budget("b", "102", 10000, 11000))
	claim(t, s, silent)
	s.Clock.Advance(59 * time.Second)
	if settled, err := s.Core.Sweep(t.Context()); settled != 0 || err != nil {
		t.Fatalf("after 59 s %d permits were settled, error %v; want none", settled, err)
	}
	s.Clock.Advance(time.Second)
	if settled, err := s.Core.Sweep(t.Context()); settled != 1 || err != nil {
		t.Fatalf("after 60 s %d permits were settled, error %v; want the one that nobody claimed", settled, err)
	}
	if state, hold := permitNow(t, s, idle.Permit.ID).State, holdNow(t, s, idle.Decision.ID).State; state != permit.Expired || hold != ledger.Expired {
		t.Errorf("the idle permit is %v and its hold %v, want EXPIRED both", state, hold)
	}
	if got := raised(t, s); got != 10_000_000 {
		t.Errorf("%d is raised, want only what was claimed", got)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, idle.Token, "late"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("claimed late: error %v, want ErrPrecondition", err)
	}
	s.Clock.Advance(10 * time.Minute)
	if settled, err := s.Core.Sweep(t.Context()); settled != 1 || err != nil {
		t.Fatalf("ten minutes later %d permits were settled, error %v; want the silent one", settled, err)
	}
	if state, hold := permitNow(t, s, silent.Permit.ID).State, holdNow(t, s, silent.Decision.ID).State; state != permit.Unknown || hold != ledger.Held {
		t.Errorf("the silent permit is %v and its hold %v, want UNKNOWN and HELD", state, hold)
	}
	report(t, s, silent, permit.Report{Outcome: permit.Applied})
	if got := holdNow(t, s, silent.Decision.ID).State; got != ledger.Posted {
		t.Errorf("reported after all, the hold is %v, want POSTED", got)
	}
}

// One permit that cannot be settled holds up no other.
func TestASweepGoesRoundWhatIsStuck(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	stuck, other := allowed(t, s, servertest.Budget("a", "101", 10000, 12000)), allowed(t, s, servertest.Budget("b", "102", 10000, 11000))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		return fake.Store.Update(ctx, func(tx store.Tx) error { return fn(withoutHold{tx, stuck.Decision.ID}) })
	})
	s.Clock.Advance(time.Minute)
	settled, err := s.Core.Sweep(t.Context())
	if settled != 1 || err == nil || !strings.Contains(err.Error(), stuck.Permit.ID) {
		t.Errorf("%d were settled, error %v; want one, and the other named", settled, err)
	}
	if got := holdNow(t, s, other.Decision.ID).State; got != ledger.Expired {
		t.Errorf("the other hold is %v, want EXPIRED", got)
	}
}

// withoutHold is a transaction that has lost a hold.
type withoutHold struct {
	store.Tx
	id string
}

func (tx withoutHold) Holds(ids []string) (map[string]ledger.Hold, error) {
	holds, err := tx.Tx.Holds(ids)
	delete(holds, tx.id)
	return holds, err
}

// The permit of the largest group with the longest ids can be signed and claimed.
func TestTheLargestGroupIsClaimed(t *testing.T) {
	s := servertest.New(t)
	var legs []*bidrailv1.Change
	for i := range server.MaxLegs {
		leg := servertest.Bid(fmt.Sprint(i), 100, 99)
		leg.ChangeId = fmt.Sprintf("%03d", i) + strings.Repeat("<", 62) + strings.Repeat("é", 63)
		legs = append(legs, leg)
	}
	claim(t, s, allowed(t, s, servertest.InGroup("large", legs...)...))
}

// A permit that nobody has swept yet is no more use than one that was.
func TestAnExpiredPermitCannotBeClaimed(t *testing.T) {
	s := servertest.New(t)
	result := allowed(t, s, servertest.Budget("a", "101", 10000, 12000))
	s.Clock.Advance(time.Minute)
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "late"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("error %v, want ErrPrecondition", err)
	}
	if got := holdNow(t, s, result.Decision.ID).State; got != ledger.Expired {
		t.Errorf("the hold is %v, want EXPIRED: the claim found out", got)
	}
}

// What an automation leaves open, those settle who own the rules or run the service; an approver or an auditor does not.
func TestOthersSettleWhatIsUnknown(t *testing.T) {
	s := servertest.New(t)
	result := allowed(t, s, servertest.Budget("a", "101", 10000, 12000))
	claim(t, s, result)
	tell := func(caller *servertest.Caller) error {
		_, err := s.Core.Report(t.Context(), caller.Principal, result.Permit.ID, permit.Report{Outcome: permit.Failed})
		return err
	}
	if err := tell(s.Governance); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("while it is claimed: error %v, want ErrPrecondition", err)
	}
	report(t, s, result, permit.Report{Outcome: permit.Unknown})
	for _, caller := range []*servertest.Caller{s.Approver, s.Auditor} {
		if err := tell(caller); !errors.Is(err, policy.ErrForbidden) {
			t.Errorf("%s: error %v, want ErrForbidden", caller.Principal.Subject, err)
		}
	}
	if err := tell(s.Admin); err != nil || holdNow(t, s, result.Decision.ID).State != ledger.Voided {
		t.Errorf("error %v, hold %v; want VOIDED", err, holdNow(t, s, result.Decision.ID).State)
	}
}

// When the record cannot be written nothing is claimed, and the permit is still good afterwards.
func TestAClaimThatIsNotRecordedIsNone(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithCommitTimeout(500*time.Millisecond))
	result := allowed(t, s, servertest.Bid("a", 100, 110))
	for name, broken := range map[string]func(context.Context, func(store.Tx) error) error{
		"fails": func(context.Context, func(store.Tx) error) error { return errors.New("disk on fire") },
		"hangs": func(ctx context.Context, _ func(store.Tx) error) error { <-ctx.Done(); return ctx.Err() },
		"fails after it wrote": func(ctx context.Context, fn func(store.Tx) error) error {
			return fake.Store.Update(ctx, func(tx store.Tx) error { return errors.Join(fn(tx), errors.New("disk on fire")) })
		},
	} {
		fake.OnUpdate(broken)
		if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "attempt-1"); !errors.Is(err, policy.ErrUnavailable) {
			t.Errorf("a store that %s: error %v, want ErrUnavailable", name, err)
		}
	}
	fake.OnUpdate(nil)
	claim(t, s, result)
}
