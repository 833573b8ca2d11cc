package server_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

// whole is everything that a store holds about permits, as one state of it.
type whole struct {
	now     time.Time
	permits []permit.Permit
	holds   map[string]ledger.Hold // those that a permit names
	open    int                    // holds that are held, whoever names them
	sheets  ledger.State           // of every scope of a hold
	modes   map[ledger.Scope]mode.Setting
}

func readWhole(ctx context.Context, s store.Store) (*whole, error) {
	var w *whole
	err := s.View(ctx, func(r store.Reader) error {
		w = &whole{now: r.Now(), modes: map[ledger.Scope]mode.Setting{}}
		for page := (store.Page{Limit: store.MaxPage}); ; {
			permits, next, err := r.ListPermits(permit.None, page)
			if err != nil {
				return err
			}
			w.permits = append(w.permits, permits...)
			if page.After = next; next == "" {
				break
			}
		}
		var ids []string
		for _, given := range w.permits {
			for _, leg := range given.Legs {
				ids = append(ids, leg.DecisionID)
			}
		}
		var err error
		if w.holds, err = r.Holds(ids); err != nil {
			return err
		}
		scopes := map[ledger.Scope]bool{}
		var all []ledger.Scope
		for _, hold := range w.holds {
			for _, scope := range hold.Scopes() {
				if !scopes[scope] {
					scopes[scope] = true
					all = append(all, scope)
				}
			}
		}
		if w.sheets, err = r.Sheets(all); err != nil {
			return err
		}
		const page = 1000
		for after := ""; ; {
			holds, err := r.OpenHolds(after, page)
			if err != nil {
				return err
			}
			if w.open += len(holds); len(holds) < page {
				break
			}
			after = holds[len(holds)-1].ID
		}
		settings, err := r.Modes()
		for _, setting := range settings {
			w.modes[setting.Scope] = setting
		}
		return err
	})
	return w, err
}

// holdStates is what the hold of a leg can be in each state of its permit: what nobody knows the end of is held.
var holdStates = map[permit.State][]ledger.HoldState{
	permit.Issued: {ledger.Held}, permit.Claimed: {ledger.Held}, permit.Unknown: {ledger.Held},
	permit.Applied: {ledger.Posted}, permit.Partial: {ledger.Posted, ledger.Voided},
	permit.Failed: {ledger.Voided}, permit.Revoked: {ledger.Voided}, permit.Expired: {ledger.Expired},
}

// used is what the holds of one unit add up to, each counted as plainly as can be.
type used struct{ raised, lowered, postedLowered, heldRaised, heldLowered, count, open int64 }

func (u used) netRise() int64 { return u.raised - u.postedLowered }

// use adds up all holds, for every scope.
func (w *whole) use() map[store.ScopeUnit]used {
	sums := map[store.ScopeUnit]used{}
	for _, hold := range w.holds {
		after := hold.Movement.After
		if hold.State == ledger.Posted {
			after = hold.Applied
		}
		amount := after.Amount - hold.Movement.Before.Amount
		if hold.Movement.Direction == policy.Unordered { // what it said of itself was contradicted: a rise as far as the ledger makes it
			amount = hold.Movement.Amount
		}
		for _, scope := range hold.Scopes() {
			key := store.ScopeUnit{Scope: scope, Unit: hold.Movement.Unit}
			sum := sums[key]
			switch held := hold.State == ledger.Held; {
			case !held && hold.State != ledger.Posted:
			case amount < 0:
				sum.count++
				sum.lowered -= amount
				if held {
					sum.open++
					sum.heldLowered -= amount
				} else {
					sum.postedLowered -= amount
				}
			default:
				sum.count++
				sum.raised += amount
				if held {
					sum.open++
					sum.heldRaised += amount
				}
			}
			sums[key] = sum
		}
	}
	return sums
}

// problems says where the state breaks a promise: permits and their holds agree (I5), sums are those of the holds, so
// that no update was lost, and no cap is passed (I4). Nothing may be older than the longest window.
func (w *whole) problems(caps []ledger.Cap) []string {
	var found []string
	complain := func(format string, arguments ...any) { found = append(found, fmt.Sprintf(format, arguments...)) }
	held := 0
	for _, given := range w.permits {
		for _, leg := range given.Legs {
			hold, there := w.holds[leg.DecisionID]
			if !there || !slices.Contains(holdStates[given.State], hold.State) {
				complain("I5: permit %s is %v and the hold behind its leg %s is %v", given.ID, given.State, leg.ChangeID, hold.State)
			}
			if hold.State == ledger.Held {
				held++
			}
		}
	}
	if held != w.open {
		complain("I5: %d holds are held, and the permits that are open have %d", w.open, held)
	}
	sums := w.use()
	for key, sum := range sums {
		tally, found := w.sheets[key.Scope].Tally(key.Unit)
		window, err := tally.Window(ledger.Horizon, w.now)
		got := used{window.Raised, window.Lowered, window.Raised - window.NetRise, window.HeldRaised, window.HeldLowered, window.Count, window.Open}
		if !found || err != nil || got != sum {
			complain("the tally of %s says %+v (error %v), and its holds say %+v", key.Scope, got, err, sum)
		}
		for _, limit := range ledger.CapsOn(caps, []ledger.Scope{key.Scope}) {
			if slices.Contains(limit.Kinds, key.Unit.Kind) && sum.netRise() > limit.Limit {
				complain("I4: %s has risen by %d, above its limit of %d", key.Scope, sum.netRise(), limit.Limit)
			}
		}
	}
	return found
}

// wholeNow reads the store and demands that it keeps its promises.
func wholeNow(t *testing.T, s store.Store, caps []ledger.Cap) *whole {
	t.Helper()
	w, err := readWhole(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range w.problems(caps) {
		t.Error(problem)
	}
	return w
}

// wholeLog demands that the log of the store verifies.
func wholeLog(t *testing.T, s store.Store) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		_, err := store.VerifyLog(r)
		return err
	})
	if err != nil {
		t.Error("verify the log:", err)
	}
}

const micros = 1_000_000

// netRiseCap is an operator's cap on what bids of each scope of a kind may rise by in a day.
func netRiseCap(kind ledger.ScopeKind, units int64) ledger.Cap {
	return ledger.Cap{Name: "rises of a " + kind.String(), Scope: ledger.Scope{Kind: kind}, Measure: ledger.NetRise,
		Length: ledger.Length(24 * time.Hour), Kinds: ledger.Family(policy.KindBid), Limit: units * micros, Currency: "USD"}
}

// netRiseRules is the rules that hold scopes to the same limits, as a revision of its own. With no caps it allows
// everything; nothing in it is about modes.
func netRiseRules(caps ...ledger.Cap) fstest.MapFS {
	rule := `# METADATA
# title: Rises of a day
# description: For tests.
# custom: {id: test.rises, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.rises

rise := input.change.after.micros - input.change.before.micros

block contains finding if {
	rise > 1000000000000
	finding := {"message": "more than a million"}
}
`
	for _, limit := range caps {
		rule += fmt.Sprintf(`
block contains finding if {
	rise > 0
	input.windows.%[1]s.day.net_rise + rise > %[2]d
	finding := {"message": "the %[1]s has no room for it"}
}
`, limit.Scope.Kind, limit.Limit)
	}
	return fstest.MapFS{
		"rules/rises.rego":   {Data: []byte(rule)},
		"windows/data.yaml":  {Data: []byte("{day: 24h}\n")},
		"accounts/data.yaml": {Data: []byte("google_ads:\n  \"1\": {currency: USD, time_zone: America/New_York, name: Shop}\n")},
	}
}

// bid is a change of one keyword's bid in account 1, by so many units.
func bid(id string, campaign, portfolio int, units int64) *policy.Change {
	return bidIn("1", id, campaign, portfolio, units)
}

func bidIn(account, id string, campaign, portfolio int, units int64) *policy.Change {
	return &policy.Change{ID: id, Kind: policy.KindBid, Before: policy.MoneyValue(1000*micros, "USD"), After: policy.MoneyValue((1000+units)*micros, "USD"),
		Target: policy.Target{Platform: "google_ads", Account: account, Portfolio: fmt.Sprint("p", portfolio), Campaign: fmt.Sprint("c", campaign),
			EntityType: "keyword", EntityID: "k-" + id}}
}

// openTokens signs permits with nothing: what keeps permits from being forged has tests of its own.
type openTokens struct{}

var _ server.Keys = openTokens{}

func (openTokens) Sign(p permit.Permit) (string, error)     { return "token of " + p.ID, nil }
func (openTokens) Verify(token string) (id string, _ error) { return token[len("token of "):], nil }
func (openTokens) Public() []byte                           { return nil }
