package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// budget is a change of the daily budget of one campaign.
func budget(account, campaign string, before, after policy.Value) *policy.Change {
	return &policy.Change{Kind: policy.KindDailyBudget, Before: before, After: after, Target: policy.Target{
		Platform: "google_ads", Account: account, Campaign: campaign, Channel: "search", EntityType: "campaign", EntityID: campaign,
	}}
}

func euros(amount int64) policy.Value { return policy.MoneyValue(amount*1_000_000, "EUR") }

// place places the hold of a change and stores it, as a use case does.
func place(tx store.Tx, id string, change *policy.Change, at time.Time) (ledger.Hold, error) {
	hold := ledger.NewHold(id, change, "bidder")
	state, err := tx.Sheets(hold.Scopes())
	if err != nil {
		return hold, err
	}
	changed, hold, err := ledger.Place(state, hold, nil, ledger.Rates{}, at)
	if err != nil {
		return hold, err
	}
	return hold, errors.Join(tx.PutTallies(moved(changed, hold)), tx.InsertHolds([]ledger.Hold{hold}))
}

// resolve posts or voids a hold and stores that.
func resolve(tx store.Tx, id string, outcome ledger.HoldState, at time.Time) (ledger.Hold, error) {
	holds, err := tx.Holds([]string{id})
	if err != nil {
		return ledger.Hold{}, err
	}
	hold := holds[id]
	state, err := tx.Sheets(hold.Scopes())
	if err != nil {
		return hold, err
	}
	var changed ledger.State
	if outcome == ledger.Posted {
		changed, hold, err = ledger.Post(state, hold, hold.Movement.After, at)
	} else {
		changed, hold, err = ledger.Void(state, hold, at)
	}
	if err != nil {
		return hold, err
	}
	return hold, errors.Join(tx.PutTallies(moved(changed, hold)), tx.ResolveHolds([]ledger.Hold{hold}))
}

// moved is what has to be stored of the sheets that a hold has changed.
func moved(changed ledger.State, hold ledger.Hold) (tallies []store.ScopeTally) {
	for scope, sheet := range changed {
		for _, tally := range sheet {
			if tally.Unit() == hold.Movement.Unit {
				tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: tally})
			}
		}
	}
	return tallies
}

// heads is a state as text that can be compared: the head of a tally stands for all of it.
func heads(state ledger.State) map[string]string {
	texts := make(map[string]string)
	for scope, sheet := range state {
		texts[scope.String()] = "" // an empty sheet is something else than none
		for _, tally := range sheet {
			head, _ := tally.Encode()
			texts[fmt.Sprint(scope, " ", tally.Unit())] = fmt.Sprintf("%x", head)
		}
	}
	return texts
}

func wantSheets(t *testing.T, r store.LedgerReader, want ledger.State) {
	t.Helper()
	got, err := r.Sheets(slices.Collect(maps.Keys(want)))
	if err != nil {
		t.Error(err)
		return
	}
	if difference := cmp.Diff(heads(want), heads(got)); difference != "" {
		t.Errorf("sheets (-want +got):\n%s", difference)
	}
}

func wantHolds(t *testing.T, got, want []ledger.Hold) {
	t.Helper()
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("holds (-want +got):\n%s", difference)
	}
}

func mustUpdate(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// A change in every form a tally can have: with a currency, another, none, and without an amount.
func sheets(t *testing.T, s store.Store) {
	status := budget("100", "1", policy.TextValue("PAUSED"), policy.TextValue("ENABLED"))
	status.Kind = policy.KindStatus
	roas := budget("100", "1", policy.RatioValue(4_000_000), policy.RatioValue(3_000_000))
	roas.Kind = policy.KindTargetROAS
	odd := budget("1/2 %", "ünï#\x00", euros(1), euros(2))
	state := ledger.State{}
	for n, change := range []*policy.Change{
		budget("100", "1", euros(100), euros(120)), budget("100", "1", policy.MoneyValue(1, "USD"), policy.MoneyValue(5, "USD")), status, roas, odd,
		budget("100", "1", euros(120), euros(90)),
	} {
		at := start.Add(time.Duration(n) * time.Minute)
		hold := ledger.NewHold(fmt.Sprint("dec_", n), change, "bidder")
		for _, scope := range hold.Scopes() {
			if _, known := state[scope]; !known {
				state[scope] = nil
			}
		}
		changed, hold, err := ledger.Place(state, hold, nil, ledger.Rates{}, at)
		if err != nil {
			t.Fatal(err)
		}
		mustUpdate(t, s, func(tx store.Tx) error {
			wantSheets(t, tx, state) // empty ones among them
			stored, err := place(tx, hold.ID, change, at)
			if err != nil {
				return err
			}
			wantHolds(t, []ledger.Hold{stored}, []ledger.Hold{hold})
			maps.Copy(state, changed)
			wantSheets(t, tx, state)
			return nil
		})
	}
	view(t, s, func(r store.Reader) error {
		wantSheets(t, r, state)
		account := ledger.AccountScope("google_ads", "100")
		got, err := r.Sheets([]ledger.Scope{account, account, account})
		if len(got) != 1 || len(got[account]) != 4 {
			t.Errorf("one scope three times: got %d sheets, with %d tallies; want 1 with 4", len(got), len(got[account]))
		}
		none, noneErr := r.Sheets(nil)
		if len(none) != 0 {
			t.Errorf("got %d sheets of no scopes", len(none))
		}
		return errors.Join(err, noneErr)
	})
}

// A month of changes, after which wide scopes have hundreds of buckets; some are posted long after, some
// in Updates that fail, and each in an Update of its own, so that whatever an engine remembers is used.
func widePast(t *testing.T, s store.Store) {
	mine := errors.New("changed my mind")
	memory := ledger.State{}
	for _, scope := range ledger.ScopesOf(budget("100", "1", euros(1), euros(2)), "bidder") {
		memory[scope] = nil
	}
	at, open := start, []ledger.Hold(nil)
	for n := range 300 {
		at = at.Add([]time.Duration{time.Second, 20 * time.Minute, 5 * time.Hour}[n%3])
		id := fmt.Sprintf("dec_%04d", n)
		change := budget("100", "1", euros(1), euros(2+int64(n%7)))
		if n%5 == 4 {
			err := s.Update(t.Context(), func(tx store.Tx) error {
				_, err := place(tx, id, change, at.Add(time.Hour)) // as if it were later, and then it is not
				return errors.Join(err, mine)
			})
			wantError(t, "Update", err, mine)
		}
		mustUpdate(t, s, func(tx store.Tx) error { _, err := place(tx, id, change, at); return err })
		changed, hold, err := ledger.Place(memory, ledger.NewHold(id, change, "bidder"), nil, ledger.Rates{}, at)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(memory, changed)
		if open = append(open, hold); n%4 == 3 {
			hold := open[n%len(open)]
			open = slices.DeleteFunc(open, func(h ledger.Hold) bool { return h.ID == hold.ID })
			mustUpdate(t, s, func(tx store.Tx) error { _, err := resolve(tx, hold.ID, ledger.Posted, at); return err })
			changed, _, err := ledger.Post(memory, hold, hold.Movement.After, at)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(memory, changed)
		}
		if n%10 == 9 {
			view(t, s, func(r store.Reader) error { wantSheets(t, r, memory); return nil })
		}
	}
	if organisation := memory[ledger.OrganisationScope()]; !organisation[0].Apart() {
		t.Error("the widest tally is not wide enough to say anything")
	}
	view(t, s, func(r store.Reader) error {
		wantSheets(t, r, memory)
		got, err := r.OpenHolds("", store.MaxPage)
		wantHolds(t, got, open)
		return err
	})
}

// As many scopes at once as a large batch has, each its own and some everybody's.
func manySheets(t *testing.T, s store.Store) {
	const count = 700
	state, scopes := ledger.State{}, []ledger.Scope{ledger.OrganisationScope()}
	var holds []ledger.Hold
	for n := range count {
		change := budget("100", fmt.Sprint(n), euros(1), euros(2))
		hold := ledger.NewHold(fmt.Sprintf("dec_%04d", n), change, "bidder")
		for _, scope := range hold.Scopes() {
			if _, known := state[scope]; !known {
				state[scope] = nil
			}
		}
		changed, hold, err := ledger.Place(state, hold, nil, ledger.Rates{}, start)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(state, changed)
		holds, scopes = append(holds, hold), append(scopes, hold.Scopes()...)
	}
	mustUpdate(t, s, func(tx store.Tx) error {
		before, err := tx.Sheets(scopes)
		if err != nil {
			return err
		}
		for scope, sheet := range before {
			if len(sheet) > 0 {
				t.Errorf("%s is not empty", scope)
			}
		}
		if len(before) != len(state) {
			t.Errorf("got %d sheets, want %d", len(before), len(state))
		}
		var tallies []store.ScopeTally
		for scope, sheet := range state {
			tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: sheet[0]})
		}
		return errors.Join(tx.PutTallies(tallies), tx.InsertHolds(holds))
	})
	view(t, s, func(r store.Reader) error {
		wantSheets(t, r, state)
		var ids []string
		for n := range count + 10 {
			ids = append(ids, fmt.Sprintf("dec_%04d", n), "dec_0000") // the last few are not there
		}
		got, err := r.Holds(ids)
		wantHolds(t, slices.SortedFunc(maps.Values(got), func(a, b ledger.Hold) int { return strings.Compare(a.ID, b.ID) }), holds)
		return err
	})
}

func holds(t *testing.T, s store.Store) {
	var placed []ledger.Hold
	for n := range 10 {
		mustUpdate(t, s, func(tx store.Tx) error {
			hold, err := place(tx, fmt.Sprintf("dec_%04d", 9-n), budget("100", "1", euros(1), euros(2)), start.Add(time.Duration(n)*time.Second))
			placed = append(placed, hold)
			return err
		})
	}
	listed := func(want ...ledger.Hold) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			var got []ledger.Hold
			for after := ""; ; after = got[len(got)-1].ID {
				some, err := r.OpenHolds(after, 3)
				if err != nil {
					return err
				}
				if got = append(got, some...); len(some) < 3 {
					break
				}
			}
			wantHolds(t, got, want)
			return nil
		})
	}
	listed(placed...)
	var posted, voided ledger.Hold
	mustUpdate(t, s, func(tx store.Tx) (err error) {
		if posted, err = resolve(tx, placed[2].ID, ledger.Posted, start.Add(time.Hour)); err == nil {
			voided, err = resolve(tx, placed[5].ID, ledger.Voided, start.Add(time.Hour))
		}
		return err
	})
	still := slices.Concat(placed[:2], placed[3:5], placed[6:])
	listed(still...)
	view(t, s, func(r store.Reader) error {
		got, err := r.Holds([]string{posted.ID, voided.ID, "dec_none"})
		if difference := cmp.Diff(map[string]ledger.Hold{posted.ID: posted, voided.ID: voided}, got); difference != "" {
			t.Errorf("holds (-want +got):\n%s", difference)
		}
		after, afterErr := r.OpenHolds(posted.ID, 2) // no longer held, but still a place
		wantHolds(t, after, placed[3:5])
		_, none := r.OpenHolds("dec_none", 2)
		wantError(t, "after a hold that never was", none, policy.ErrNotFound)
		for _, limit := range []int{-1, 0, store.MaxPage + 1} {
			_, refused := r.OpenHolds("", limit)
			wantError(t, fmt.Sprint("a limit of ", limit), refused, policy.ErrInvalid)
		}
		return errors.Join(err, afterErr)
	})

	unplaced, other := placed[0], placed[1]
	unplaced.ID, unplaced.State = "dec_new", ledger.New
	never := posted
	never.ID = "dec_never"
	for _, test := range []struct {
		name string
		do   func(store.Tx) error
		want error
	}{
		{"a hold that is there", func(tx store.Tx) error { return tx.InsertHolds([]ledger.Hold{renamed(other, "dec_x"), other}) }, store.ErrConflict},
		{"a hold twice", func(tx store.Tx) error {
			return tx.InsertHolds([]ledger.Hold{renamed(other, "dec_x"), renamed(other, "dec_x")})
		}, store.ErrConflict},
		{"one that was not placed", func(tx store.Tx) error { return tx.InsertHolds([]ledger.Hold{unplaced}) }, policy.ErrInvalid},
		{"one that is resolved", func(tx store.Tx) error { return tx.InsertHolds([]ledger.Hold{never}) }, policy.ErrInvalid},
		{"one without an id", func(tx store.Tx) error { return tx.InsertHolds([]ledger.Hold{renamed(other, "")}) }, policy.ErrInvalid},
		{"resolved again", func(tx store.Tx) error { return tx.ResolveHolds([]ledger.Hold{resolved(other), posted}) }, store.ErrConflict},
		{"resolved twice", func(tx store.Tx) error { return tx.ResolveHolds([]ledger.Hold{resolved(other), resolved(other)}) }, store.ErrConflict},
		{"never placed", func(tx store.Tx) error { return tx.ResolveHolds([]ledger.Hold{resolved(other), never}) }, store.ErrConflict},
		{"resolved to be held", func(tx store.Tx) error { return tx.ResolveHolds([]ledger.Hold{other}) }, policy.ErrInvalid},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			wantError(t, test.name, test.do(tx), test.want)
			return nil // it counts all the same
		})
		wantError(t, test.name, err, test.want)
	}
	listed(still...)
}

func renamed(hold ledger.Hold, id string) ledger.Hold {
	hold.ID = id
	return hold
}

func resolved(hold ledger.Hold) ledger.Hold {
	hold.State, hold.ResolvedAt = ledger.Expired, start.Add(2*time.Hour)
	return hold
}

// What an Update that failed has moved did not move.
func ledgerWithoutWhatFailed(t *testing.T, s store.Store) {
	mine := errors.New("changed my mind")
	change := budget("100", "1", euros(1), euros(2))
	mustUpdate(t, s, func(tx store.Tx) error { _, err := place(tx, "dec_1", change, start); return err })
	var want ledger.State
	view(t, s, func(r store.Reader) (err error) {
		want, err = r.Sheets(ledger.ScopesOf(change, "bidder"))
		return err
	})
	for _, fail := range []func(store.Tx) error{
		func(store.Tx) error { return mine },
		func(store.Tx) error { panic(mine) },
		func(tx store.Tx) error { _, err := place(tx, "dec_1", change, start); return err },
		func(tx store.Tx) error {
			return tx.PutTallies([]store.ScopeTally{{Scope: ledger.AutomationScope(longName)}})
		},
	} {
		func() {
			defer func() { _ = recover() }()
			err := s.Update(t.Context(), func(tx store.Tx) error {
				if _, err := place(tx, "dec_2", change, start.Add(time.Hour)); err != nil {
					t.Error(err)
				}
				if _, err := resolve(tx, "dec_1", ledger.Posted, start.Add(time.Hour)); err != nil {
					t.Error(err)
				}
				return fail(tx)
			})
			if !errors.Is(err, mine) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("got error %v, want that of the function", err)
			}
		}()
		view(t, s, func(r store.Reader) error {
			wantSheets(t, r, want)
			got, err := r.Holds([]string{"dec_1", "dec_2"})
			if len(got) != 1 || got["dec_1"].State != ledger.Held {
				t.Errorf("got the holds %v, want the first as it was", got)
			}
			return err
		})
	}
}

// longName is longer than a scope can be.
var longName = string(make([]byte, store.MaxScope))

// Many writers that read a sum and write another: none of them is lost, whatever runs beside them.
func manyWritersOneTally(t *testing.T, s store.Store) {
	const movers, each = 8, 50
	mine := errors.New("changed my mind")
	together(movers, func(n int) {
		for i := range each {
			change := budget("100", fmt.Sprint(n), euros(1), euros(2))
			err := s.Update(t.Context(), func(tx store.Tx) error {
				hold, err := place(tx, fmt.Sprintf("dec_%d_%d", n, i), change, tx.Now())
				if err == nil && i%5 == 0 {
					_, err = resolve(tx, hold.ID, ledger.Voided, tx.Now())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			err = s.Update(t.Context(), func(tx store.Tx) error {
				_, err := place(tx, fmt.Sprintf("dec_%d_%d_not", n, i), change, tx.Now())
				return errors.Join(err, mine)
			})
			wantError(t, "Update", err, mine)
		}
	})
	view(t, s, func(r store.Reader) error {
		for scope, count := range map[ledger.Scope]int64{
			ledger.OrganisationScope():                       movers * each * 4 / 5,
			ledger.AccountScope("google_ads", "100"):         movers * each * 4 / 5,
			ledger.CampaignScope("google_ads", "100", "3"):   each * 4 / 5,
			ledger.CampaignScope("google_ads", "100", "999"): 0,
		} {
			state, err := r.Sheets([]ledger.Scope{scope})
			if err != nil {
				return err
			}
			var window ledger.Window
			if sheet := state[scope]; len(sheet) > 0 {
				if window, err = sheet[0].Window(ledger.Length(time.Hour), r.Now()); err != nil {
					return err
				}
			}
			if window.Count != count || window.Open != count || window.Raised != count*1_000_000 {
				t.Errorf("%s: got %d changes, %d open, %d raised; want %d of 1 EUR each", scope, window.Count, window.Open, window.Raised, count)
			}
		}
		return nil
	})
}
