package server_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// How many race, and how often each of them asks.
const (
	racers = 64
	rounds = 3
)

// race is one room that many go for.
type race struct {
	t         *testing.T
	s         *servertest.Server
	campaigns int
	portfolio func(campaign int) int
	caps      []ledger.Cap

	calls    atomic.Int64
	outcomes sync.Map // string → true: what has happened at least once
}

// Whatever many clients do at once to the last room of an account, and of 200 scopes that overlap, under a cap of the
// operator and under a rule over windows: what is used never passes a limit, the sums are those of the holds, and what
// is left in the end can be had to the last unit.
func TestRaceForTheLastRoom(t *testing.T) {
	account := []ledger.Cap{netRiseCap(ledger.Account, 60)}
	overlapping := []ledger.Cap{netRiseCap(ledger.Campaign, 12), netRiseCap(ledger.Portfolio, 25), netRiseCap(ledger.Account, 600), netRiseCap(ledger.Organisation, 590)}
	for _, tt := range []struct {
		name      string
		campaigns int
		caps      []ledger.Cap
	}{
		{"one account", 1, account},
		{"200 scopes", 158, overlapping}, // 158 campaigns in 40 portfolios of an account of the organisation
	} {
		for _, judge := range []struct {
			name string
			with []servertest.Option
			caps []ledger.Cap
		}{
			{"a cap", []servertest.Option{servertest.WithoutSync(), servertest.WithCaps(tt.caps...), servertest.WithRevision(netRiseRules())}, tt.caps},
			{"a rule", []servertest.Option{servertest.WithoutSync(), servertest.WithRevision(netRiseRules(tt.caps...))}, tt.caps},
		} {
			t.Run(tt.name+" under "+judge.name, func(t *testing.T) {
				t.Parallel()
				r := &race{t: t, s: servertest.New(t, judge.with...), campaigns: tt.campaigns, caps: judge.caps,
					portfolio: func(campaign int) int { return campaign % 40 }}
				r.run()
			})
		}
	}
}

func (r *race) run() {
	var clients sync.WaitGroup
	for client := range racers {
		clients.Go(func() { r.client(client) })
	}
	clients.Wait()
	if r.t.Failed() {
		return
	}
	r.settle()
	for _, outcome := range []string{"allowed", "refused", "APPLIED", "PARTIAL", "FAILED", "UNKNOWN", "EXPIRED"} {
		if _, happened := r.outcomes.Load(outcome); !happened {
			r.t.Errorf("nothing was %s, so this test shows nothing of that", outcome)
		}
	}
	r.fill()
	wholeLog(r.t, r.s.Store)
}

// hold demands that the store keeps its promises now.
func (r *race) hold() *whole {
	w, err := readWhole(r.t.Context(), r.s.Store)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	for _, problem := range w.problems(r.caps) {
		r.t.Error(problem)
	}
	return w
}

// client asks, and does one thing or another with what it gets.
func (r *race) client(number int) {
	random := rand.New(rand.NewPCG(uint64(number), 1))
	who := r.s.Automation
	if number%2 == 1 {
		who = r.s.OtherAutomation
	}
	for round := range rounds {
		if r.calls.Add(1)%64 == 0 {
			r.hold() // what anybody sees meanwhile is within the limits, too
		}
		results, err := r.s.Core.Check(r.t.Context(), who.Principal, server.CheckRequest{Changes: r.changes(random, fmt.Sprint(number, "-", round))})
		if err != nil {
			if !errors.Is(err, policy.ErrUnavailable) {
				r.t.Error(err)
			}
			continue
		}
		given := map[string]server.Result{}
		for _, result := range results {
			switch {
			case result.Decision.Verdict != policy.Allow:
				r.outcomes.Store("refused", true)
			default:
				r.outcomes.Store("allowed", true)
				given[result.Permit.ID] = result
			}
		}
		for _, result := range given {
			if err := r.use(random, who.Principal, result); err != nil && !errors.Is(err, policy.ErrPrecondition) { // it may have expired
				r.t.Error(err)
			}
		}
		if random.IntN(8) == 0 {
			r.s.Clock.Advance(10 * time.Second)
			if _, err := r.s.Core.Sweep(r.t.Context()); err != nil && !errors.Is(err, store.ErrConflict) {
				r.t.Error(err)
			}
		}
	}
}

// changes is one change, the legs of a group, or a batch of both.
func (r *race) changes(random *rand.Rand, id string) []*policy.Change {
	one := func(id string) *policy.Change {
		campaign, units := random.IntN(r.campaigns), 1+random.Int64N(6)
		if random.IntN(6) == 0 {
			units = -units
		}
		return bid(id, campaign, r.portfolio(campaign), units)
	}
	group := func(id string) []*policy.Change {
		legs := []*policy.Change{one(id + "a"), one(id + "b"), one(id + "c")}
		for _, leg := range legs {
			leg.AtomicGroupID = id
		}
		return legs
	}
	switch random.IntN(3) {
	case 0:
		return []*policy.Change{one(id)}
	case 1:
		return group(id)
	}
	changes := []*policy.Change{one(id + "-1"), one(id + "-2")}
	changes = append(changes, group(id+"-g")...)
	return append(changes, one(id+"-3"), one(id+"-4"))
}

// use does with a permit what automations do.
func (r *race) use(random *rand.Rand, principal policy.Principal, result server.Result) error {
	tell := func(report permit.Report) error {
		told, err := r.s.Core.Report(r.t.Context(), principal, result.Permit.ID, report)
		if err == nil {
			r.outcomes.Store(told.State.String(), true)
		}
		return err
	}
	choice := random.IntN(8)
	switch choice {
	case 0, 1:
		return tell(permit.Report{Outcome: permit.Failed}) // given back
	case 2:
		return nil // left to expire
	}
	if _, err := r.s.Core.Claim(r.t.Context(), principal, result.Token, "attempt"); err != nil {
		return err
	}
	switch choice {
	case 3:
		return tell(permit.Report{Outcome: permit.Unknown})
	case 4:
		leg := result.Permit.Legs[0]
		part := leg.Before
		if leg.Direction == policy.Rise {
			part.Amount += micros / 2
		} else {
			part.Amount -= micros / 2
		}
		return tell(permit.Report{Outcome: permit.Partial, Applied: []permit.Part{{ChangeID: leg.ChangeID, Value: part}}})
	case 5:
		return tell(permit.Report{Outcome: permit.Failed})
	}
	return tell(permit.Report{Outcome: permit.Applied})
}

// settle brings every permit to its end.
func (r *race) settle() {
	r.s.Clock.Advance(15 * time.Minute)
	if _, err := r.s.Core.Sweep(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, given := range r.hold().permits {
		if given.State == permit.Expired {
			r.outcomes.Store("EXPIRED", true)
		}
		if given.State.Final() {
			continue
		}
		if given.State != permit.Unknown {
			r.t.Errorf("permit %s is %v although it is due since long", given.ID, given.State)
		}
		principal := policy.Principal{Subject: given.Automation, Roles: []policy.Role{policy.RoleAutomation}}
		if _, err := r.s.Core.Report(r.t.Context(), principal, given.ID, permit.Report{Outcome: permit.Failed}); err != nil {
			r.t.Error(err)
		}
	}
	if w := r.hold(); w.open != 0 {
		r.t.Errorf("I5: %d holds are still held", w.open)
	}
}

// fill uses up what is left in every campaign, asking for all of it at once, and then for the smallest bit more.
func (r *race) fill() {
	for campaign := range r.campaigns {
		left, found := r.left(campaign)
		if !found || left < 0 {
			r.t.Fatalf("campaign %d: %d is left", campaign, left)
		}
		ask := func(name string, amount int64) policy.Verdict {
			change := bid(fmt.Sprint(name, "-", campaign), campaign, r.portfolio(campaign), 0)
			change.After.Amount += amount
			results, err := r.s.Core.Check(r.t.Context(), r.s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{change}})
			if err != nil {
				r.t.Fatal(err)
			}
			return results[0].Decision.Verdict
		}
		if got := ask("too-much", left+1); got != policy.Block {
			r.t.Errorf("campaign %d: one micro more than is left was answered %v", campaign, got)
		}
		if left == 0 {
			continue // as the change before has shown
		}
		if got := ask("the-rest", left); got != policy.Allow {
			r.t.Errorf("campaign %d: all that is left, %d micros, was answered %v", campaign, left, got)
		}
		if got := ask("one-more", 1); got != policy.Block {
			r.t.Errorf("campaign %d: with nothing left, one micro was answered %v", campaign, got)
		}
		if campaign == 2 { // the others are as good, and the organisation is full before long
			break
		}
	}
	r.hold()
}

// left is how much bids of a campaign may still rise, by the holds alone.
func (r *race) left(campaign int) (left int64, found bool) {
	sums := r.hold().use()
	change := bid("x", campaign, r.portfolio(campaign), 1)
	for _, scope := range ledger.ScopesOf(change, r.s.Automation.Principal.Subject) {
		for _, limit := range ledger.CapsOn(r.caps, []ledger.Scope{scope}) {
			room := limit.Limit - sums[store.ScopeUnit{Scope: scope, Unit: ledger.Unit{Kind: policy.KindBid, Currency: "USD"}}].netRise()
			if !found || room < left {
				left, found = room, true
			}
		}
	}
	return left, found
}
