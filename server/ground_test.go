package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// A store may undo together what it was to commit together. A decision that was to be committed behind a switch has seen
// its epoch, and when both are undone another switch takes that epoch: what the first one said must not be remembered.
func TestASwitchThatWasUndoneIsForgotten(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		return fake.Store.Update(ctx, func(tx store.Tx) error {
			undone := mode.Setting{Scope: ledger.AccountScope("google_ads", "other"), Mode: policy.ModeHalted, Epoch: 1, Reason: "now", By: "gita", At: tx.Now()}
			return errors.Join(tx.SetMode(undone), fn(tx), errors.New("disk on fire"))
		})
	})
	if _, err := s.Core.Check(t.Context(), s.Automation.Principal, checkRequest(servertest.Bid("a", 100, 110))); !errors.Is(err, policy.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	fake.OnUpdate(nil)
	if setting := setMode(t, s, ledger.OrganisationScope(), policy.ModeHalted); setting.Epoch != 1 {
		t.Fatalf("the switch has epoch %d, want that of the one that was undone", setting.Epoch)
	}
	if got := decide(t, s, servertest.Bid("b", 100, 110))[0].Decision; got.Verdict != policy.Block {
		t.Errorf("everything is halted, and the answer is %v", got.Verdict)
	}
}

// A group may shift money out of what is switched to reduce only: each leg is under the modes of its own scopes, when it is
// decided and when it is claimed.
func TestLegsStandUnderTheirOwnModes(t *testing.T) {
	s := servertest.New(t)
	setMode(t, s, ledger.CampaignScope("google_ads", "example", "101"), policy.ModeReduceOnly)
	claim(t, s, allowed(t, s, servertest.InGroup("out", servertest.Budget("down", "101", 10000, 9000), servertest.Budget("up", "102", 10000, 11000))...))
	into := decide(t, s, servertest.InGroup("into", servertest.Budget("more", "101", 10000, 11000), servertest.Budget("less", "102", 10000, 9000))...)
	wantVerdicts(t, into, policy.Block, policy.Block)
}
