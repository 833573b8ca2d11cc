package ledger

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that no machine skips the test of daylight saving

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

func budgetCap(measure Measure, limit int64) Cap {
	return Cap{Name: "budget." + measure.String(), Scope: account(), Length: day, Measure: measure,
		Kinds: []policy.Kind{policy.KindDailyBudget}, Limit: limit * 1_000_000, Currency: "USD"}
}

func budget(id string, before, after int64) *policy.Change {
	return change(policy.KindDailyBudget, campaign(id), usd(before), usd(after))
}

// Five good rises of 18% more than double a bid.
func TestFiveGoodRises(t *testing.T) {
	b := newBook(t)
	scope := FieldScope(keyword().Key(), policy.KindBid)
	limit := Cap{Name: "bid.drift", Scope: scope, Length: day, Measure: NetRise, Kinds: []policy.Kind{policy.KindBid},
		Limit: 500_000, Currency: "USD"} // half of the bid
	bid, refused := int64(1_000_000), 0
	for step := 1; step <= 5; step++ {
		next := bid * 118 / 100
		rise := change(policy.KindBid, keyword(), policy.MoneyValue(bid, "USD"), policy.MoneyValue(next, "USD"))
		hold, err := b.place(rise, limit)
		if err != nil {
			refused = step
			break
		}
		b.post(hold, rise.After)
		bid = next
		b.now = b.now.Add(10 * time.Minute)
	}
	if refused != 3 {
		t.Errorf("refused rise %d, want 3: 1.18 x 1.18 is +39%%, and once more +64%%", refused)
	}
	window := b.window(scope, day)
	if !window.StartKnown || window.StartLow != 1_000_000 || window.StartHigh != 1_000_000 || window.Peak != bid {
		t.Errorf("got %+v, want a start of 1.00 and a peak of %d", window, bid)
	}
}

func TestI4_PlaceRefusesWhatExceedsACap(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cap     Cap
		refused int // which of the changes, from 1
		used    int64
		wanted  int64
	}{
		{"raised", budgetCap(Raised, 150), 3, 100e6, 60e6},
		{"raised, exactly", budgetCap(Raised, 160), 0, 0, 0},
		{"lowered", budgetCap(Lowered, 29), 2, 0, 30e6},
		{"moved", budgetCap(Moved, 189), 3, 130e6, 60e6},
		{"a held cut frees nothing", budgetCap(NetRise, 159), 3, 100e6, 60e6},
		{"a held rise frees nothing", budgetCap(NetFall, 29), 2, 0, 30e6},
		{"count", Cap{Scope: account(), Length: day, Measure: Count, Limit: 2}, 3, 2, 1},
		{"another kind", Cap{Scope: account(), Length: day, Measure: Raised, Kinds: []policy.Kind{policy.KindBid}, Currency: "USD"}, 0, 0, 0},
		{"zero", budgetCap(Raised, 0), 1, 0, 100e6},
		{"the largest limit", budgetCap(Raised, math.MaxInt64/1_000_000), 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBook(t)
			for i, c := range []*policy.Change{budget("1", 100, 200), budget("2", 50, 20), budget("3", 40, 100)} {
				before := maps.Clone(b.state)
				hold, err := b.place(c, tt.cap)
				if i+1 != tt.refused {
					if err != nil {
						t.Fatalf("change %d: %v", i+1, err)
					}
					continue
				}
				problem, is := errors.AsType[*ExhaustedError](err)
				if !is || !errors.Is(err, policy.ErrExhausted) || problem.Used != tt.used || problem.Wanted != tt.wanted {
					t.Fatalf("got %v (%+v)", err, problem)
				}
				if hold.State != New {
					t.Errorf("the refused hold is %v", hold.State)
				}
				for scope, sheet := range before {
					if sheet.Open() != b.state[scope].Open() {
						t.Errorf("%s changed", scope)
					}
				}
				return
			}
			if tt.refused > 0 {
				t.Errorf("change %d was placed", tt.refused)
			}
		})
	}
}

// Open is how many holds of a sheet are open.
func (s Sheet) Open() (open int64) {
	for i := range s {
		open += s[i].open
	}
	return open
}

func TestI14_TwoPendingShiftsCannotFundEachOther(t *testing.T) {
	b := newBook(t)
	limit := budgetCap(NetRise, 0)
	firstCut := b.mustPlace(budget("1", 100, 50), limit)
	secondCut := b.mustPlace(budget("2", 100, 50), limit)
	for _, rise := range []*policy.Change{budget("3", 10, 60), budget("4", 10, 60)} {
		if _, err := b.place(rise, limit); !errors.Is(err, policy.ErrExhausted) {
			t.Fatalf("a rise was paid for by a cut that is only held: %v", err)
		}
	}
	b.post(firstCut, usd(70)) // 30 of 50
	if _, err := b.place(budget("3", 10, 41), limit); !errors.Is(err, policy.ErrExhausted) {
		t.Fatalf("31 was paid for by 30: %v", err)
	}
	b.mustPlace(budget("3", 10, 40), limit)
	b.void(secondCut)
	if _, err := b.place(budget("4", 10, 11), limit); !errors.Is(err, policy.ErrExhausted) {
		t.Fatalf("a voided cut paid: %v", err)
	}
	if room, err := b.state[account()].Headroom(limit, b.rates, b.now); room != 0 || err != nil {
		t.Errorf("got headroom %d, %v, want none", room, err)
	}
}

// A limit that is full of rises does not stand in the way of a cut.
func TestCutsPassAFullLimit(t *testing.T) {
	b := newBook(t)
	b.apply(budget("1", 100, 200))
	hold := b.mustPlace(budget("1", 200, 150), budgetCap(Raised, 10), budgetCap(NetRise, 10))
	b.post(hold, usd(150))
	used, err := b.state[account()].Used(budgetCap(NetRise, 10), b.rates, b.now)
	if used != 50e6 || err != nil {
		t.Errorf("got %d, %v, want 50 USD", used, err)
	}
}

func TestUnlimitedIsMoreThanAnyCap(t *testing.T) {
	b := newBook(t)
	limit := budgetCap(Raised, 1)
	limit.Limit = math.MaxInt64
	raise := change(policy.KindDailyBudget, campaign("1"), usd(10), policy.UnlimitedValue())
	if _, err := b.place(raise, limit); !errors.Is(err, policy.ErrExhausted) || !strings.Contains(err.Error(), "more than can be written") {
		t.Fatalf("got %v", err)
	}
	hold := b.mustPlace(raise)
	if w := b.window(account(), hour); w.Raised != math.MaxInt64 || w.Moved != math.MaxInt64 || w.NetRise != math.MaxInt64 {
		t.Errorf("got %+v", w)
	}
	part := b.post(hold, usd(15)) // the platform made 15 of it
	if w := b.window(account(), hour); w.Raised != 5e6 || part.State != Posted {
		t.Errorf("got %+v, %v", w, part.State)
	}
	b.void(b.mustPlace(raise))
	if w := b.window(account(), hour); w.Raised != 5e6 || w.Count != 1 {
		t.Errorf("got %+v after it was voided", w)
	}
}

// Sums that overflow stay at the largest amount, even when a part of them is given back.
func TestOverflowNeverLooksSmaller(t *testing.T) {
	huge := policy.MoneyValue(math.MaxInt64-1, "USD")
	b := newBook(t)
	b.apply(change(policy.KindDailyBudget, campaign("1"), usd(0), huge))
	second := b.mustPlace(change(policy.KindDailyBudget, campaign("2"), usd(0), huge))
	if w := b.window(account(), day); w.Raised != math.MaxInt64 || w.NetRise != math.MaxInt64 {
		t.Errorf("got %+v", w)
	}
	b.void(second)
	if w := b.window(account(), day); w.Raised != math.MaxInt64 {
		t.Errorf("got %+v: nobody knows how much is left", w)
	}
	if w := b.window(CampaignScope("google_ads", "100", "1"), day); w.Raised != math.MaxInt64-1 {
		t.Errorf("got %+v", w)
	}

	// Cuts that overflowed free nothing: the one that was voided is still in their sum.
	b = newBook(t)
	b.apply(change(policy.KindDailyBudget, campaign("1"), huge, usd(0)))
	b.void(b.mustPlace(change(policy.KindDailyBudget, campaign("2"), huge, usd(0))))
	b.mustPlace(budget("3", 0, 5))
	if w := b.window(account(), day); w.NetRise != 5e6 || w.Lowered != math.MaxInt64 {
		t.Errorf("got %+v", w)
	}
}

func TestHoldTransitions(t *testing.T) {
	type resolve func(State, Hold, time.Time) (State, Hold, error)
	post := func(applied policy.Value) resolve {
		return func(state State, hold Hold, at time.Time) (State, Hold, error) { return Post(state, hold, applied, at) }
	}
	all := map[string]resolve{"post": post(usd(20)), "post a part": post(usd(15)), "void": Void, "expire": Expire}
	states := map[string]HoldState{"post": Posted, "post a part": Posted, "void": Voided, "expire": Expired}
	raised := map[string]int64{"post": 10e6, "post a part": 5e6, "void": 0, "expire": 0}
	for first, resolveFirst := range all {
		for second, resolveSecond := range all {
			t.Run(first+" then "+second, func(t *testing.T) {
				b := newBook(t)
				held := b.mustPlace(budget("1", 10, 20))
				if w := b.window(account(), day); w.Raised != 10e6 || w.HeldRaised != 10e6 || w.Open != 1 || w.Count != 1 {
					t.Errorf("held: got %+v", w)
				}
				b.now = b.now.Add(time.Minute)
				changed, resolved, err := resolveFirst(b.state, held, b.now)
				if err != nil || resolved.State != states[first] || !resolved.ResolvedAt.Equal(b.now) || len(changed) != len(held.Charges) {
					t.Fatalf("got %+v, %v", resolved, err)
				}
				b.keep(changed)
				check := func() {
					t.Helper()
					w := b.window(account(), day)
					if w.Raised != raised[first] || w.HeldRaised != 0 || w.Open != 0 {
						t.Errorf("got %+v, want %d raised", w, raised[first])
					}
				}
				check()
				changed, again, err := resolveSecond(b.state, resolved, b.now.Add(time.Minute))
				b.keep(changed)
				check()
				if diff := cmp.Diff(resolved, again); diff != "" || len(changed) > 0 {
					t.Errorf("the hold changed:\n%s", diff)
				}
				if first == second && err != nil {
					t.Errorf("repeated: %v", err)
				}
				if first != second && (!errors.Is(err, policy.ErrPrecondition) || !strings.Contains(strings.ToUpper(err.Error()), states[first].String())) {
					t.Errorf("got %v, want an error that says %v", err, states[first])
				}
			})
		}
	}
}

func TestMisuse(t *testing.T) {
	b := newBook(t)
	hold := NewHold("h", budget("1", 10, 20), "bidder")
	if _, _, err := Place(State{}, hold, nil, b.rates, noon); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("scopes that were not read: got %v", err)
	}
	for name, resolve := range map[string]func(State, Hold, time.Time) (State, Hold, error){"void": Void, "expire": Expire} {
		if _, _, err := resolve(b.state, hold, noon); !errors.Is(err, policy.ErrPrecondition) {
			t.Errorf("%s before it was placed: got %v", name, err)
		}
	}
	if _, _, err := Post(b.state, hold, usd(20), noon); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("post before it was placed: got %v", err)
	}
	early := maps.Clone(b.state)
	held := b.mustPlace(budget("1", 10, 20))
	for scope := range b.state {
		early[scope] = nil
	}
	if _, _, err := Place(b.state, held, nil, b.rates, noon); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("placed twice: got %v", err)
	}
	if _, _, err := Void(early, held, noon); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("tallies older than the hold: got %v", err)
	}
	if _, _, err := Void(State{}, held, noon); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("voided without its tallies: got %v", err)
	}
	if _, _, err := Post(b.state, held, usd(21), noon); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("more applied than held: got %v", err)
	}
	twice := NewHold("t", budget("1", 10, 20), "bidder")
	twice.Charges = append(twice.Charges, twice.Charges[0])
	if _, _, err := Place(b.state, twice, nil, b.rates, noon); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("one scope twice: got %v", err)
	}
	for name, c := range map[string]Cap{
		"another scope":               {Scope: AccountScope("p", "x"), Length: day, Measure: Count, Limit: 1},
		"no measure":                  {Scope: account(), Length: day, Limit: 1},
		"no length":                   {Scope: account(), Measure: Count, Limit: 1},
		"an amount without kinds":     {Scope: account(), Length: day, Measure: Moved, Limit: 1, Currency: "USD"},
		"a count with a currency":     {Scope: account(), Length: day, Measure: Count, Limit: 1, Currency: "USD"},
		"a measure that is not known": {Scope: account(), Length: day, Measure: measureEnd, Limit: 1},
	} {
		if _, err := b.place(budget("1", 20, 30), c); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCurrenciesAreConverted(t *testing.T) {
	b := newBook(t)
	limit := Cap{Name: "organisation", Scope: OrganisationScope(), Length: day, Measure: Moved,
		Kinds: []policy.Kind{policy.KindDailyBudget}, Limit: 215e6, Currency: "USD"}
	euros := func(before, after int64) *policy.Change {
		target := campaign("7")
		target.Account = "200"
		return change(policy.KindDailyBudget, target, policy.MoneyValue(before, "EUR"), policy.MoneyValue(after, "EUR"))
	}
	b.mustPlace(budget("1", 100, 200), limit) // needs no rate
	_, err := b.place(euros(0, 100e6), limit)
	if problem, is := errors.AsType[*RateError](err); !is || problem.From != "EUR" || problem.To != "USD" || errors.Is(err, policy.ErrExhausted) {
		t.Fatalf("got %v, want a missing rate", err)
	}
	b.rates = mustRates(t, Rate{"EUR", "USD", 115, 100, noon.Add(-time.Hour)})
	hold := b.mustPlace(euros(0, 100e6), limit) // 100 + 115
	if _, err := b.place(euros(0, 1), limit); !errors.Is(err, policy.ErrExhausted) {
		t.Errorf("got %v", err)
	}
	b.now = b.now.Add(72 * time.Hour)
	if _, err := b.place(euros(0, 1), limit); !errors.Is(err, ErrRate) {
		t.Errorf("got %v, want a stale rate", err)
	}
	b.void(hold) // needs no rate
}

// A movement leaves a window once it is older by the window's length and a bucket's width, at the latest.
func TestMovementsLeaveWindows(t *testing.T) {
	for _, length := range DefaultLengths() {
		for _, offset := range []time.Duration{0, time.Nanosecond, 29 * time.Second, 7 * time.Minute, 59 * time.Minute, 5*time.Hour + 59*time.Minute} {
			b := newBook(t)
			b.now = noon.Add(offset)
			b.apply(budget("1", 100, 200))
			placed := b.now
			seen := func(age time.Duration) bool {
				b.now = placed.Add(age)
				return b.window(account(), length).Count > 0
			}
			if !seen(time.Duration(length) - 1) {
				t.Errorf("%v, placed at +%v: gone too early", length, offset)
			}
			if seen(time.Duration(length) + length.Width()) {
				t.Errorf("%v, placed at +%v: still there", length, offset)
			}
			// With later changes, which make the buckets wider.
			for step := range 40 {
				b.now = placed.Add(time.Duration(length) * time.Duration(step+1) / 40)
				b.apply(budget("2", 100, 100))
			}
			b.now = placed.Add(time.Duration(length) - 1)
			if w := b.window(account(), length); w.Raised != 100e6 {
				t.Errorf("%v, placed at +%v: gone too early with others around: %+v", length, offset, w)
			}
			b.now = placed.Add(time.Duration(length) + length.Width())
			if w := b.window(account(), length); w.Raised != 0 {
				t.Errorf("%v, placed at +%v: still there with others around: %+v", length, offset, w)
			}
		}
	}
}

// The bucket at the start of a window may hold a cut of before it and a rise of within it.
func TestFreedRoomIsTakenOnlyFromWithinTheWindow(t *testing.T) {
	b := newBook(t)
	b.apply(budget("1", 200, 100)) // at 12:00:00
	b.now = noon.Add(30 * time.Second)
	b.apply(budget("2", 100, 200))
	b.now = noon.Add(time.Hour + 10*time.Second) // only the rise is in the last hour
	if w := b.window(account(), hour); w.NetRise != 100e6 {
		t.Errorf("got %+v, want a net rise of 100", w)
	}
	if w := b.window(account(), day); w.NetRise != 0 {
		t.Errorf("got %+v, want none in a day", w)
	}
}

// A hold resolved after its bucket has left a window, or every window, takes nothing from those who stay.
func TestI5_NothingIsGivenBackTwice(t *testing.T) {
	for _, later := range []time.Duration{0, 2 * time.Hour, 26 * time.Hour, 8 * 24 * time.Hour, 29 * 24 * time.Hour, 33 * 24 * time.Hour, 70 * 24 * time.Hour} {
		b := newBook(t)
		late := b.mustPlace(budget("1", 100, 200))
		b.now = noon.Add(later)
		b.apply(budget("2", 100, 130))
		late = b.void(late)
		for _, length := range DefaultLengths() {
			if w := b.window(account(), length); w.Raised != 30e6 || w.Count != 1 || w.Open != 0 {
				t.Errorf("%v later, %v: got %+v", later, length, w)
			}
		}
		b.void(late)
		if w := b.window(account(), hour); w.Raised != 30e6 {
			t.Errorf("%v later, voided again: got %+v", later, w)
		}
	}
}

func TestReversals(t *testing.T) {
	field := FieldScope(campaign("1").Key(), policy.KindDailyBudget)
	b := newBook(t)
	limit := Cap{Name: "cadence.oscillation", Scope: field, Length: week, Measure: Reversals, Limit: 2}
	step := func(before, after int64) (Hold, error) {
		b.now = b.now.Add(time.Hour)
		return b.place(budget("1", before, after), limit)
	}
	must := func(before, after int64) Hold {
		t.Helper()
		hold, err := step(before, after)
		if err != nil {
			t.Fatal(err)
		}
		return hold
	}
	b.post(must(10, 20), usd(20))
	b.post(must(20, 30), usd(30))
	down := must(30, 20) // held: turns around
	if !down.Reversal || b.window(field, week).Reversals != 1 || b.window(account(), week).Reversals != 1 {
		t.Errorf("got %v, %+v", down.Reversal, b.window(field, week))
	}
	b.void(down)
	if w := b.window(field, week); w.Reversals != 0 {
		t.Errorf("voided: got %+v", w)
	}
	if up := must(30, 40); up.Reversal { // the cut never happened
		t.Error("a voided cut was turned around")
	}
	b.post(must(40, 35), usd(35))
	b.post(must(35, 36), usd(36))
	if _, err := step(36, 35); !errors.Is(err, policy.ErrExhausted) {
		t.Errorf("a third reversal: got %v", err)
	}
	must(36, 37)
	b.apply(budget("9", 20, 10)) // another field, another direction
	if w := b.window(account(), week); w.Reversals != 2 {
		t.Errorf("got %+v", w)
	}
}

// What turns a field around goes by the order of placing, not by that of posting.
func TestReversalsOfHoldsPostedOutOfOrder(t *testing.T) {
	b := newBook(t)
	rise := b.mustPlace(budget("1", 10, 20))
	cut := b.mustPlace(budget("1", 20, 15))
	b.post(cut, usd(15))
	b.post(rise, usd(20))
	if next := b.mustPlace(budget("1", 15, 30)); !next.Reversal {
		t.Error("a rise after a cut is no reversal")
	}
}

func TestLastChange(t *testing.T) {
	b := newBook(t)
	field := FieldScope(campaign("1").Key(), policy.KindDailyBudget)
	last := func(want time.Time) {
		t.Helper()
		if got, ok := b.state[field].LastChange(); ok == want.IsZero() || ok && !got.Equal(want) {
			t.Errorf("got %v, %v, want %v", got, ok, want)
		}
	}
	first := b.mustPlace(budget("1", 10, 20))
	last(noon)
	b.void(first)
	last(time.Time{})
	b.apply(budget("1", 10, 20))
	b.now = noon.Add(5 * time.Minute)
	second := b.mustPlace(budget("1", 20, 30))
	last(b.now)
	b.void(second)
	last(noon)
	b.now = noon.Add(40 * 24 * time.Hour)
	b.apply(change(policy.KindDailyBudget, campaign("1"), policy.AbsentValue(), policy.MoneyValue(1, "EUR"))) // another unit
	last(b.now)
}

func TestClockGoesBack(t *testing.T) {
	for _, back := range []time.Duration{time.Second, time.Minute, 3 * time.Hour, 24 * time.Hour} {
		b := newBook(t)
		b.apply(budget("1", 100, 200))
		b.now = noon.Add(-back)
		second := b.mustPlace(budget("2", 100, 150))
		if at := second.Charges[0].At; back > 0 && !at.Equal(b.now) {
			t.Errorf("the first change of a field is at %v, want %v", at, b.now)
		}
		for _, now := range []time.Time{noon.Add(-back), noon, noon.Add(59 * time.Minute)} {
			b.now = now
			for _, length := range DefaultLengths() {
				if w := b.window(account(), length); w.Raised != 150e6 || w.Count != 2 {
					t.Errorf("back by %v, %v at %v: got %+v", back, length, now, w)
				}
			}
		}
		b.post(second, usd(150))
		if w := b.window(account(), day); w.HeldRaised != 0 || w.Raised != 150e6 {
			t.Errorf("got %+v", w)
		}
	}
	// The longest window misses nothing for a day.
	b := newBook(t)
	b.apply(budget("1", 100, 200))
	b.now = noon.Add(30*24*time.Hour + 23*time.Hour)
	b.apply(budget("1", 200, 300))
	b.now = b.now.Add(-24 * time.Hour)
	if w := b.window(account(), Horizon); w.Raised != 200e6 {
		t.Errorf("got %+v", w)
	}
}

// A day has 25 hours when clocks are set back: a sum since midnight covers them all, a window of 24 hours
// does not, and both have the hour that comes twice in them twice.
func TestDaylightSaving(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		date  time.Time
		hours int
	}{
		{time.Date(2026, 11, 1, 0, 0, 0, 0, newYork), 25},
		{time.Date(2026, 3, 8, 0, 0, 0, 0, newYork), 23},
		{time.Date(2026, 5, 1, 0, 0, 0, 0, newYork), 24},
	} {
		b := newBook(t)
		midnight := tt.date
		for hours := range tt.hours {
			b.now = midnight.Add(time.Duration(hours)*time.Hour + 30*time.Minute)
			b.apply(budget("1", 10, 11))
		}
		b.now = midnight.AddDate(0, 0, 1).Add(-time.Nanosecond)
		w, err := b.state[account()][0].Since(midnight, b.now)
		if err != nil || w.Count != int64(tt.hours) {
			t.Errorf("%v: got %d changes, %v, want %d", midnight, w.Count, err, tt.hours)
		}
		if w := b.window(account(), day); w.Count != int64(min(tt.hours, 24)) {
			t.Errorf("%v: got %d in 24 hours", midnight, w.Count)
		}
		if w, err := b.state[account()][0].Since(midnight.AddDate(0, 0, 1), b.now.Add(time.Hour)); err != nil || w.Count != 0 {
			t.Errorf("%v: got %+v on the day after, %v", midnight, w, err)
		}
	}
}

// Whatever happens later, a tally that somebody holds stays what it was.
func TestTalliesAreValues(t *testing.T) {
	b := newBook(t)
	var holds []Hold
	for step := range 50 {
		b.now = noon.Add(time.Duration(step*step) * time.Minute)
		holds = append(holds, b.mustPlace(budget("1", 10, int64(11+step))))
	}
	old := maps.Clone(b.state)
	want := encodeState(t, old)
	for i, hold := range holds {
		if i%2 == 0 {
			b.void(hold)
		} else {
			b.post(hold, hold.Movement.After)
		}
		b.now = b.now.Add(5 * time.Hour)
		b.mustPlace(budget("1", 10, 9))
	}
	if diff := cmp.Diff(want, encodeState(t, old)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func encodeState(t testing.TB, state State) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for scope, sheet := range state {
		for i := range sheet {
			head, older := inFull(sheet[i])
			texts[scope.String()+sheet[i].unit.Kind.String()+sheet[i].unit.Currency] += string(head) + string(older)
		}
	}
	return texts
}
