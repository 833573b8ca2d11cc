package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// agreedTo is a bid that somebody has agreed to.
func agreedTo(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) approval.Approval {
	t.Helper()
	a := escalated(t, s, changes...)
	if a = review(t, s, "ana", a.ID, approval.Approve); !a.State.Approves() {
		t.Fatalf("got %s", a.State)
	}
	return a
}

// What is against a change for the time being does not end people's yes: the change can be made later.
func TestAYesOutlastsWhatPasses(t *testing.T) {
	for name, test := range map[string]struct {
		with   []servertest.Option
		before func(*testing.T, *servertest.Server)
		after  func(*testing.T, *servertest.Server)
		want   error
	}{
		"the kill switch": {
			before: func(t *testing.T, s *servertest.Server) {
				setMode(t, s, ledger.OrganisationScope(), policy.ModeHalted)
			},
			after: func(t *testing.T, s *servertest.Server) {
				setMode(t, s, ledger.OrganisationScope(), policy.ModeActive)
			}, want: policy.ErrPrecondition},
		"only cuts pass": {
			before: func(t *testing.T, s *servertest.Server) {
				setMode(t, s, ledger.AccountScope("google_ads", "example"), policy.ModeReduceOnly)
			},
			after: func(t *testing.T, s *servertest.Server) {
				setMode(t, s, ledger.AccountScope("google_ads", "example"), policy.ModeActive)
			}, want: policy.ErrPrecondition},
		"a cap of the operator": {
			with: []servertest.Option{servertest.WithPermitLife(10 * time.Minute), servertest.WithCaps(ledger.Cap{Name: "bids", Scope: ledger.Scope{Kind: ledger.Account},
				Length: ledger.Length(time.Hour), Measure: ledger.Raised, Kinds: ledger.Family(policy.KindBid), Limit: 550_000, Currency: "USD"})},
			before: func(t *testing.T, s *servertest.Server) { allowed(t, s, servertest.Bid("other", 100, 110)) },
			after: func(t *testing.T, s *servertest.Server) {
				s.Clock.Advance(11 * time.Minute)
				if _, err := s.Core.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}, want: policy.ErrExhausted},
		"rules that do not end": {
			before: func(t *testing.T, s *servertest.Server) {
				activate(t, s, servertest.LoadHurried(t, servertest.Company(t, map[string]string{"rules/slow.rego": slowRule}), 50*time.Millisecond))
			},
			after: func(t *testing.T, s *servertest.Server) {
				activate(t, s, servertest.Load(t, servertest.Company(t, nil)))
			}, want: policy.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t, test.with...)
			a := agreedTo(t, s, servertest.Bid("b", 100, 150))
			test.before(t, s)
			if got, err := redeem(t, s, a); !errors.Is(err, test.want) {
				t.Errorf("got the permit %q, %v; want %v", got.Permit.ID, err, test.want)
			}
			if now := approvalNow(t, s, a.ID); now.State != approval.Approved || now.Version != a.Version {
				t.Errorf("it is %s, version %d", now.State, now.Version)
			}
			test.after(t, s)
			if _, err := redeem(t, s, a); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// Between the redemption and the claim somebody pulls the switch: the permit is dead, and the yes is not.
func TestASwitchBetweenRedemptionAndClaim(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	first, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	setMode(t, s, ledger.OrganisationScope(), policy.ModeHalted)
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, first.Token, "attempt-1"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("claimed while halted: %v", err)
	}
	if now := approvalNow(t, s, a.ID); now.State != approval.Approved || now.PermitID != "" {
		t.Errorf("got %+v, want it approved with no permit out", now)
	}
	setMode(t, s, ledger.OrganisationScope(), policy.ModeActive)
	second, err := redeem(t, s, a)
	if err != nil || second.Permit.ID == first.Permit.ID {
		t.Fatalf("got the permit %s, %v; want another than %s", second.Permit.ID, err, first.Permit.ID)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, first.Token, "attempt-1"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("the first was claimed after all: %v", err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, second.Token, "attempt-2"); err != nil {
		t.Error(err)
	}
}

// A permit that nobody used leaves its approval for another at once: also one that expired and was not swept, and
// one that was given back. One that was used does not.
func TestAPermitThatWasNotUsed(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*testing.T, *servertest.Server, server.Redemption)
		want approval.Reason
	}{
		"expired": {func(_ *testing.T, s *servertest.Server, _ server.Redemption) { s.Clock.Advance(time.Minute) }, ""},
		"given back": {func(t *testing.T, s *servertest.Server, got server.Redemption) {
			if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, permit.Report{Outcome: permit.Failed}); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"claimed and failed": {func(t *testing.T, s *servertest.Server, got server.Redemption) {
			if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, permit.Report{Outcome: permit.Failed}); err != nil {
				t.Fatal(err)
			}
		}, approval.Ended},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t)
			a := agreedTo(t, s, servertest.Bid("b", 100, 150))
			first, err := redeem(t, s, a)
			if err != nil {
				t.Fatal(err)
			}
			test.end(t, s, first)
			second, err := redeem(t, s, a)
			if test.want != "" {
				if reasonOf(err) != test.want {
					t.Errorf("got %v, want %s", err, test.want)
				}
				return
			}
			if err != nil || second.Permit.ID == first.Permit.ID {
				t.Fatalf("got the permit %s, %v; want another", second.Permit.ID, err)
			}
			if hold := holdNow(t, s, first.Permit.Legs[0].DecisionID); hold.State == ledger.Held {
				t.Errorf("the first permit still holds: %+v", hold)
			}
			if hold := holdNow(t, s, second.Permit.Legs[0].DecisionID); hold.State != ledger.Held {
				t.Errorf("the second permit holds nothing: %+v", hold)
			}
			if all, _, err := s.Core.ListPermits(t.Context(), s.Auditor.Principal, permit.Issued, page()); err != nil || len(all) != 1 {
				t.Errorf("got %d permits that can be claimed, %v; want 1", len(all), err)
			}
			wholeLog(t, s.Store)
		})
	}
}

// The yes is over while a permit is out: that one can be claimed, and there is no other.
func TestAYesThatEndsWhileAPermitIsOut(t *testing.T) {
	for _, claims := range []bool{true, false} {
		s := company(t)
		a := agreedTo(t, s, servertest.Bid("b", 100, 150))
		s.Clock.Advance(30*time.Minute - time.Second)
		request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Observations: map[string]server.Observation{"b": {BeforeObservedAt: s.Clock.Now()}}}
		got, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request)
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(30 * time.Second)
		if _, err := s.Core.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if claims {
			if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
				t.Error(err)
			}
			if now := approvalNow(t, s, a.ID); now.State != approval.Approved || now.ClaimedAt.IsZero() {
				t.Errorf("got %+v, want it used", now)
			}
			continue
		}
		s.Clock.Advance(30 * time.Second)
		if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); reasonOf(err) != approval.Ended && reasonOf(err) != approval.TimedOut {
			t.Errorf("redeemed after its time: %v", err)
		}
		if now := approvalNow(t, s, a.ID); now.State != approval.Lapsed {
			t.Errorf("got %s, want LAPSED", now.State)
		}
	}
}

// The legs of a group are redeemed together or not at all.
func TestAGroupIsRedeemedWhole(t *testing.T) {
	legs := servertest.InGroup("g", servertest.Bid("a", 100, 150), servertest.Bid("b", 100, 110))
	s := company(t, servertest.WithCaps(ledger.Cap{Name: "bids", Scope: ledger.Scope{Kind: ledger.AdGroup}, Length: ledger.Length(24 * time.Hour),
		Measure: ledger.Raised, Kinds: ledger.Family(policy.KindBid), Limit: 650_000, Currency: "USD"}))
	a := agreedTo(t, s, legs...)
	if len(a.Legs) != 2 || len(a.Items) != 1 {
		t.Fatalf("got %+v", a)
	}
	value := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Value: policy.MoneyValue(1_200_000, "USD")}
	if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, value); reasonOf(err) != approval.NoCap {
		t.Errorf("redeemed up to a value: %v", err)
	}
	other := allowed(t, s, servertest.Bid("c", 100, 110)) // leaves room for one of the legs
	if _, err := redeem(t, s, a); !errors.Is(err, policy.ErrExhausted) {
		t.Errorf("got %v, want ErrExhausted", err)
	}
	if used := bidsHeld(t, s); used != 1 {
		t.Errorf("a part of the group is held: %d holds", used)
	}
	claim(t, s, other)
	report(t, s, other, permit.Report{Outcome: permit.Failed})
	got, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Permit.Legs) != 2 || got.Permit.GroupID != "g" || got.Permit.Digest != a.Digest || len(got.Decisions) != 2 {
		t.Errorf("got %+v", got.Permit)
	}
	if used := bidsHeld(t, s); used != 2 {
		t.Errorf("got %d holds, want both legs", used)
	}
	if again, err := redeem(t, s, a); err != nil || again.Permit.ID != got.Permit.ID {
		t.Errorf("again: got %s, %v", again.Permit.ID, err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Error(err)
	}
}

// bidsHeld is how many holds are open in the shipped account.
func bidsHeld(t *testing.T, s *servertest.Server) int {
	t.Helper()
	shown, err := s.Core.Ledger(t.Context(), s.Auditor.Principal, ledger.AccountScope("google_ads", "example"), 10)
	if err != nil {
		t.Fatal(err)
	}
	return len(shown.Holds)
}

// Less than people have agreed to may be made, and the permit is for that alone.
func TestLessThanWasAgreedTo(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 180))
	less := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Value: policy.MoneyValue(1_200_000, "USD")}
	got, err := s.Core.Redeem(t.Context(), s.Automation.Principal, less)
	if err != nil {
		t.Fatal(err)
	}
	if got.Permit.Legs[0].After != less.Value || got.Permit.Digest == a.Digest || got.Permit.Digest != got.Permit.Legs[0].ChangeDigest {
		t.Errorf("got %+v", got.Permit)
	}
	if again, err := s.Core.Redeem(t.Context(), s.Automation.Principal, less); err != nil || again.Permit.ID != got.Permit.ID {
		t.Errorf("again: got %s, %v", again.Permit.ID, err)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.PermitOut {
		t.Errorf("the rest besides: %v", err)
	}
	if hold := holdNow(t, s, got.Permit.Legs[0].DecisionID); hold.Movement.Amount != 200_000 {
		t.Errorf("it holds %d", hold.Movement.Amount)
	}
}

func TestRedemptionsThatAreRefused(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	future := s.Clock.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		change func(*server.RedeemRequest)
		want   error
	}{
		"neither":                   {func(r *server.RedeemRequest) { r.ApprovalID = "" }, policy.ErrInvalid},
		"both":                      {func(r *server.RedeemRequest) { r.OverrideID = "ovr_1" }, policy.ErrInvalid},
		"there is none":             {func(r *server.RedeemRequest) { r.ApprovalID = "apr_none" }, policy.ErrNotFound},
		"no such override":          {func(r *server.RedeemRequest) { r.ApprovalID, r.OverrideID = "", "ovr_none" }, policy.ErrNotFound},
		"no digest":                 {func(r *server.RedeemRequest) { r.Digest = "" }, policy.ErrPrecondition},
		"of a change it is not for": {func(r *server.RedeemRequest) { r.Observations = map[string]server.Observation{"c": {}} }, policy.ErrInvalid},
		"a reading of the future": {func(r *server.RedeemRequest) {
			r.Observations = map[string]server.Observation{"b": {BeforeObservedAt: future}}
		}, policy.ErrInvalid},
		"a fact of the future":       {func(r *server.RedeemRequest) { r.Observations = facts("period_spend", 1, future) }, policy.ErrInvalid},
		"a fact with a strange name": {func(r *server.RedeemRequest) { r.Observations = facts("Period Spend", 1, s.Clock.Now()) }, policy.ErrInvalid},
	} {
		request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest}
		test.change(&request)
		if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if now := approvalNow(t, s, a.ID); now.Version != a.Version {
		t.Errorf("what was refused has changed it: %+v", now)
	}
}

// facts is what a caller has read of the bid "b" since.
func facts(name string, micros int64, at time.Time) map[string]server.Observation {
	return map[string]server.Observation{"b": {BeforeObservedAt: at, Facts: map[string]policy.Fact{
		name: {Value: policy.MoneyValue(micros, "USD"), ObservedAt: at, Source: "the automation"}}}}
}

// What a caller says at redemption is the caller's word, whatever they call it: it confirms nothing.
func TestFactsOfACallerConfirmNothing(t *testing.T) {
	s := company(t)
	change := servertest.Bid("b", 100, 150)
	change.BeforeObservedAt = timestamppb.New(s.Clock.Now())
	a := agreedTo(t, s, change)
	s.Clock.Advance(20 * time.Minute)
	request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Observations: facts("current_value", 1_000_000, s.Clock.Now())}
	seen := request.Observations["b"]
	seen.BeforeObservedAt = time.Time{}
	request.Observations["b"] = seen
	if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); reasonOf(err) != approval.NotCovered {
		t.Errorf("got %v, want NOT_COVERED: an old reading is not confirmed by the caller's own fact", err)
	}
}

// A permit that expires between the reading and the writing of a redemption is settled before another is given out: what it
// held is given back, and what the ledger says is what the holds say.
func TestAPermitThatExpiresMeanwhile(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := company(t, servertest.WithStore(fake.Under))
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	first, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(first.Permit.ExpiresAt.Sub(s.Clock.Now()) - time.Millisecond)
	moved := false
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		if !moved {
			moved = true
			s.Clock.Advance(time.Second)
		}
		return fake.Store.Update(ctx, fn)
	})
	second, err := redeem(t, s, a)
	if err != nil || second.Permit.ID == first.Permit.ID || !moved {
		t.Fatalf("got %s, %v, want another permit", second.Permit.ID, err)
	}
	if state := permitNow(t, s, first.Permit.ID).State; state != permit.Expired {
		t.Errorf("the first is %s", state)
	}
	shown, err := s.Core.Ledger(t.Context(), s.Auditor.Principal, ledger.AccountScope("google_ads", "example"), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(shown.Holds) != 1 || shown.Holds[0].ID != second.Decisions[0].ID {
		t.Errorf("got the open holds %+v, want that of the second", shown.Holds)
	}
	for _, window := range shown.Windows {
		if window.Unit.Kind == policy.KindBid && window.Window.Count > 0 && (window.Window.Raised != 500_000 || window.Window.Count != 1 || window.Window.Open != 1) {
			t.Errorf("%s: got %+v, want one rise of 0.50 USD", window.Name.Name, window.Window)
		}
	}
}
