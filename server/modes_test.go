package server_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

func setMode(t *testing.T, s *servertest.Server, scope ledger.Scope, to policy.Mode) mode.Setting {
	t.Helper()
	setting, err := s.Core.SetMode(t.Context(), s.Governance.Principal, scope, to, "a test of the switch")
	if err != nil {
		t.Fatal(err)
	}
	return setting
}

func TestModesDecide(t *testing.T) {
	elsewhere := ledger.AccountScope("google_ads", "other")
	for _, scope := range []ledger.Scope{
		ledger.OrganisationScope(), ledger.AccountScope("google_ads", "example"), ledger.CampaignScope("google_ads", "example", "101"),
		ledger.AutomationScope("pacer"), elsewhere,
	} {
		t.Run(scope.String(), func(t *testing.T) {
			s := servertest.New(t)
			want := func(id string, to int64, verdict policy.Verdict) {
				t.Helper()
				if scope == elsewhere {
					verdict = policy.Allow
				}
				if got := decide(t, s, servertest.Bid(id, 100, to))[0].Decision; got.Verdict != verdict {
					t.Errorf("to %d: %v, want %v; %+v", to, got.Verdict, verdict, got.Findings)
				}
			}
			want("rise before", 110, policy.Allow)
			setMode(t, s, scope, policy.ModeReduceOnly)
			want("rise", 110, policy.Block)
			want("cut", 90, policy.Allow)
			setMode(t, s, scope, policy.ModeHalted)
			want("halted rise", 110, policy.Block)
			want("halted cut", 90, policy.Block)
			setMode(t, s, scope, policy.ModeActive)
			want("rise after", 110, policy.Allow)
		})
	}
}

// The switch works with a revision that has no rule about it, too.
func TestModesDecideWithoutARule(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{"rules/governance_mode.rego": "", "rules/governance_mode_test.rego": ""})))
	setMode(t, s, ledger.OrganisationScope(), policy.ModeReduceOnly)
	results := decide(t, s, servertest.Bid("up", 100, 110), servertest.Bid("down", 100, 90))
	if results[0].Decision.Verdict != policy.Block || results[0].Decision.Findings[0].Rule != policy.FindingMode || results[1].Decision.Verdict != policy.Allow {
		t.Errorf("a rise is %v and a cut %v, want BLOCK for %s and ALLOW", results[0].Decision.Verdict, results[1].Decision.Verdict, policy.FindingMode)
	}
}

// Every switch makes the permits of the scope unusable that were issued before, the one back too.
func TestASwitchRevokesPermits(t *testing.T) {
	s := servertest.New(t)
	result, other := allowed(t, s, servertest.Bid("a", 100, 110)), allowed(t, s, servertest.Bid("b", 100, 110))
	setMode(t, s, ledger.AccountScope("google_ads", "other"), policy.ModeHalted)
	claim(t, s, other) // another account's switch is none of its business
	setMode(t, s, ledger.CampaignScope("google_ads", "example", "101"), policy.ModeHalted)
	setMode(t, s, ledger.CampaignScope("google_ads", "example", "101"), policy.ModeActive)
	_, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "x")
	if !errors.Is(err, policy.ErrPrecondition) || !strings.Contains(err.Error(), "a test of the switch") {
		t.Errorf("error %v, want ErrPrecondition that says why", err)
	}
	if state, hold := permitNow(t, s, result.Permit.ID).State, holdNow(t, s, result.Decision.ID).State; state != permit.Revoked || hold != ledger.Voided {
		t.Errorf("the permit is %v and its hold %v, want REVOKED and VOIDED", state, hold)
	}
	// What was claimed before the switch is under way, and can still be told about.
	report(t, s, other, permit.Report{Outcome: permit.Applied})
	// A new one is good.
	claim(t, s, allowed(t, s, servertest.Bid("c", 100, 110)))
}

// Between judging and recording somebody pulls the switch: what is recorded knows it.
func TestASwitchWhileJudging(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	var once sync.Once
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		once.Do(func() {
			err := fake.Store.Update(ctx, func(tx store.Tx) error {
				return tx.SetMode(mode.Setting{Scope: ledger.OrganisationScope(), Mode: policy.ModeHalted, Epoch: 1, Reason: "now", By: "gita", At: tx.Now()})
			})
			if err != nil {
				t.Error(err)
			}
		})
		return fake.Store.Update(ctx, fn)
	})
	if got := decide(t, s, servertest.Bid("a", 100, 110))[0].Decision; got.Verdict != policy.Block {
		t.Errorf("got %v, want BLOCK", got.Verdict)
	}
}

// Modes that are switched without end are no reason to allow.
func TestASwitchEachTime(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	epoch := int64(0)
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		epoch++
		err := fake.Store.Update(ctx, func(tx store.Tx) error {
			return tx.SetMode(mode.Setting{Scope: ledger.OrganisationScope(), Mode: policy.Mode(1 + epoch%2), Epoch: epoch, Reason: "now", By: "gita", At: tx.Now()})
		})
		if err != nil {
			t.Error(err)
		}
		return fake.Store.Update(ctx, fn)
	})
	_, err := s.Core.Check(t.Context(), s.Automation.Principal, checkRequest(servertest.Bid("a", 100, 90)))
	if !errors.Is(err, policy.ErrUnavailable) || s.Recorded(t) != 0 {
		t.Errorf("error %v and %d decisions, want ErrUnavailable and none", err, s.Recorded(t))
	}
}

func TestWhoMaySwitch(t *testing.T) {
	s := servertest.New(t)
	for _, caller := range s.Callers() {
		_, err := s.Core.SetMode(t.Context(), caller.Principal, ledger.OrganisationScope(), policy.ModeHalted, "an emergency")
		may := caller.Principal.Has(policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin)
		if may != (err == nil) || !may && !errors.Is(err, policy.ErrForbidden) {
			t.Errorf("%s: error %v", caller.Principal.Subject, err)
		}
	}
	settings, err := s.Core.Modes(t.Context(), s.Automation.Principal)
	if err != nil || len(settings) != 1 || settings[0].By != "root" || settings[0].Epoch != 3 {
		t.Errorf("got %+v, error %v; want the last of three switches", settings, err)
	}
	for name, scope := range map[string]ledger.Scope{"a field": ledger.FieldScope(policy.TargetKey{}, policy.KindBid), "a run": ledger.RunScope("a", "b")} {
		if _, err := s.Core.SetMode(t.Context(), s.Admin.Principal, scope, policy.ModeHalted, "x"); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
	}
	if _, err := s.Core.SetMode(t.Context(), s.Admin.Principal, ledger.OrganisationScope(), policy.ModeActive, ""); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("no reason: error %v, want ErrInvalid", err)
	}
}
