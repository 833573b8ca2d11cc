package server_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
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

// What approvals, permits and holds never do, one test each. Of I2, I3, I6, I8, I10 and I13 there are tests in package approval,
// where they are decided; TestApprovalSimulation holds whole records against all of them.

// people is a server with few rules, and people to ask.
func people(t *testing.T, with ...servertest.Option) *servertest.Server {
	t.Helper()
	return servertest.New(t, append([]servertest.Option{servertest.WithRevision(peopleRules(t, "")), servertest.WithoutSync()}, with...)...)
}

// agreed is an approval of these changes, to which everybody has said yes whom it takes.
func agreed(t *testing.T, s *servertest.Server, changes ...*policy.Change) approval.Approval {
	t.Helper()
	a := escalatedOf(t, s, changes...)
	for _, person := range []string{"ana", "ben", "fay"} {
		if a.State == approval.Pending {
			a = review(t, s, person, a.ID, approval.Approve)
		}
	}
	if a.State != approval.Approved {
		t.Fatalf("got %s, want APPROVED", a.State)
	}
	return a
}

// escalatedOf is an approval of these changes, which nobody has looked at.
func escalatedOf(t *testing.T, s *servertest.Server, changes ...*policy.Change) approval.Approval {
	t.Helper()
	results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: changes})
	if err != nil || results[0].Err != nil || results[0].Decision.ApprovalID == "" {
		t.Fatalf("got %+v (error %v), want an approval", results, err)
	}
	return approvalNow(t, s, results[0].Decision.ApprovalID)
}

// permitsOf is all permits that were redeemed from an approval.
func permitsOf(t *testing.T, s *servertest.Server, id string) []permit.Permit {
	t.Helper()
	all, _, err := s.Core.ListPermits(t.Context(), s.Auditor.Principal, permit.None, store.Page{Limit: store.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(given permit.Permit) bool { return given.Redeems != id })
}

// I1: at most one APPLIED per permit, and at most one live permit per approval.
func TestI1OneLivePermitAndOneUse(t *testing.T) {
	const crowd = 8
	s := people(t)
	a := agreed(t, s, bid("b", 1, 1, 5))
	var last string
	for round, dies := range []bool{true, false} { // the first one expires
		var tokens [crowd]string
		atOnce(crowd, func(i int) {
			got, err := redeem(t, s, a)
			if err != nil {
				t.Error(err)
			}
			tokens[i] = got.Token
		})
		for _, token := range tokens[1:] {
			if token != tokens[0] || token == last {
				t.Fatalf("round %d: redeemed at once, there were several permits", round)
			}
		}
		last = tokens[0]
		if dies {
			s.Clock.Advance(2 * time.Minute)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var claimed [crowd]bool
		atOnce(crowd, func(i int) {
			_, err := s.Core.Claim(t.Context(), s.Automation.Principal, tokens[i], fmt.Sprint("attempt-", i))
			claimed[i] = err == nil
		})
		if yes := len(slices.DeleteFunc(claimed[:], func(yes bool) bool { return !yes })); dies && yes != 0 || !dies && yes != 1 {
			t.Fatalf("round %d: of claims at once %d were said yes to", round, yes)
		}
	}
	used := permitsOf(t, s, a.ID)
	if len(used) != 2 {
		t.Fatalf("got %d permits, want the one that expired and the one that was used", len(used))
	}
	for _, outcome := range []permit.State{permit.Applied, permit.Failed, permit.Applied} {
		_, err := s.Core.Report(t.Context(), s.Automation.Principal, used[0].ID, permit.Report{Outcome: outcome})
		if (err == nil) != (outcome == permit.Applied) { // to say the same again is no second one
			t.Errorf("reported %s: %v", outcome, err)
		}
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.Ended {
		t.Errorf("redeemed after its use: %v", err)
	}
}

// atOnce calls something so many times at once.
func atOnce(count int, call func(i int)) {
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { call(i) })
	}
	all.Wait()
}

// I4: posted and held together are never more than the cap, under concurrency.
func TestI4RedemptionsShareACap(t *testing.T) {
	caps := []ledger.Cap{netRiseCap(ledger.Account, 12)}
	s := people(t, servertest.WithCaps(caps...))
	var all []approval.Approval
	for i := range 8 {
		all = append(all, agreed(t, s, bid(fmt.Sprint("b", i), i%3, i%2, 3)))
	}
	var redeemed sync.Map
	atOnce(len(all), func(i int) {
		got, err := redeem(t, s, all[i])
		if err == nil {
			redeemed.Store(i, got)
		} else if !errors.Is(err, policy.ErrExhausted) {
			t.Error(err)
		}
	})
	wholeNow(t, s.Store, caps)
	count, without, one := 0, -1, server.Redemption{}
	for i := range all {
		if got, has := redeemed.Load(i); has {
			count, one = count+1, got.(server.Redemption)
		} else {
			without = i
		}
	}
	if count != 4 {
		t.Fatalf("%d rises of 3 were redeemed where there is room for 12", count)
	}
	if a := approvalNow(t, s, all[without].ID); a.State != approval.Approved {
		t.Errorf("where there was no room, the approval is %s", a.State)
	}
	if _, err := s.Core.Report(t.Context(), s.Automation.Principal, one.Permit.ID, permit.Report{Outcome: permit.Failed}); err != nil {
		t.Fatal(err)
	}
	if _, err := redeem(t, s, all[without]); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
	wholeNow(t, s.Store, caps)
}

// I5: everything that was held ends as posted, voided or expired.
func TestI5WhatARedemptionHoldsEnds(t *testing.T) {
	half := policy.MoneyValue(1002*micros, "USD")
	reported := func(report permit.Report) func(*testing.T, *servertest.Server, server.Redemption) {
		return func(t *testing.T, s *servertest.Server, got server.Redemption) {
			if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "a"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, report); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		ends func(*testing.T, *servertest.Server, server.Redemption)
		want ledger.HoldState
		used int64
	}{
		{"made", reported(permit.Report{Outcome: permit.Applied}), ledger.Posted, 5},
		{"made in part", reported(permit.Report{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: "b", Value: half}}}), ledger.Posted, 2},
		{"not made", reported(permit.Report{Outcome: permit.Failed}), ledger.Voided, 0},
		{"nobody knows", reported(permit.Report{Outcome: permit.Unknown}), ledger.Held, 5},
		{"nobody knows, then somebody looks", func(t *testing.T, s *servertest.Server, got server.Redemption) {
			reported(permit.Report{Outcome: permit.Unknown})(t, s, got)
			if _, err := s.Core.Report(t.Context(), s.Admin.Principal, got.Permit.ID, permit.Report{Outcome: permit.Failed}); err != nil {
				t.Fatal(err)
			}
		}, ledger.Voided, 0},
		{"given back", func(t *testing.T, s *servertest.Server, got server.Redemption) {
			if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, permit.Report{Outcome: permit.Failed}); err != nil {
				t.Fatal(err)
			}
		}, ledger.Voided, 0},
		{"taken back", func(t *testing.T, s *servertest.Server, got server.Redemption) {
			if _, err := s.Core.RevokeApproval(t.Context(), servertest.Person("ben"), got.Approval.ID, "no"); err != nil {
				t.Fatal(err)
			}
		}, ledger.Voided, 0},
		{"never used", func(t *testing.T, s *servertest.Server, _ server.Redemption) {
			s.Clock.Advance(2 * time.Minute)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, ledger.Expired, 0},
		{"late for everything", func(t *testing.T, s *servertest.Server, _ server.Redemption) {
			s.Clock.Advance(simLives)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, ledger.Expired, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := people(t)
			got, err := redeem(t, s, agreed(t, s, bid("b", 1, 1, 5)))
			if err != nil {
				t.Fatal(err)
			}
			hold := func() ledger.Hold { return holdNow(t, s, got.Decisions[0].ID) }
			if hold().State != ledger.Held {
				t.Fatalf("after it was redeemed, the hold is %v", hold().State)
			}
			test.ends(t, s, got)
			if hold().State != test.want {
				t.Errorf("the hold is %v, want %v", hold().State, test.want)
			}
			w := wholeNow(t, s.Store, nil)
			for key, sum := range w.use() {
				if key.Scope.Kind == ledger.Organisation && sum.netRise() != test.used*micros {
					t.Errorf("%d is used, want %d units", sum.netRise(), test.used)
				}
			}
			if (w.open == 0) != (test.want != ledger.Held) {
				t.Errorf("%d holds are held", w.open)
			}
		})
	}
}

// I14: two pending shifts cannot fund each other: what one takes away frees no room before it is taken.
func TestI14TwoPendingShiftsCannotFundEachOther(t *testing.T) {
	limit := netRiseCap(ledger.Account, 5)
	limit.Kinds = ledger.Family(policy.KindDailyBudget)
	s := people(t, servertest.WithCaps(limit))
	shift := func(name, from, to string) approval.Approval {
		return agreed(t, s, shifted(name, from, -5), shifted(name, to, 5))
	}
	one, other := shift("one", "c1", "c2"), shift("other", "c3", "c4")
	got, err := redeem(t, s, one)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if _, err := redeem(t, s, other); !errors.Is(err, policy.ErrExhausted) {
			t.Errorf("%s, the other was redeemed: %v", when, err)
		}
		wholeNow(t, s.Store, []ledger.Cap{limit})
	}
	refused("while the first is held")
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "a"); err != nil {
		t.Fatal(err)
	}
	refused("while the first is being made")
	if _, err := s.Core.Report(t.Context(), s.Automation.Principal, got.Permit.ID, permit.Report{Outcome: permit.Applied}); err != nil {
		t.Fatal(err)
	}
	if _, err := redeem(t, s, other); err != nil {
		t.Errorf("after what the first took away was taken away: %v", err)
	}
	wholeNow(t, s.Store, []ledger.Cap{limit})
}

// shifted is one leg of a shift between the daily budgets of two campaigns.
func shifted(name, campaign string, units int64) *policy.Change {
	change := bid(name+"-"+campaign, 0, 0, units)
	change.Kind, change.AtomicGroupID = policy.KindDailyBudget, name
	change.Target.EntityType, change.Target.EntityID, change.Target.Campaign = "campaign", campaign, campaign
	return change
}
