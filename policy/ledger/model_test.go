package ledger

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

// remembered is one movement as the naive model keeps it: as it was placed, for ever.
type remembered struct {
	hold    Hold
	at      map[Scope]time.Time
	applied Movement // once it is posted
}

func (m *remembered) counts() bool { return m.hold.State == Held || m.hold.State == Posted }

// amount is what the movement counts for now: all of it while it is held, then what was applied.
func (m *remembered) amount() int64 {
	if m.hold.State == Posted {
		return m.applied.Amount
	}
	return m.hold.Movement.Amount
}

// sums of the naive model. The ledger's lie between those of a window and those of one that is longer
// by a bucket.
type sums struct{ raised, lowered, postedRaised, postedLowered, count, open, reversals int64 }

// tallyName says which tally: each has a clock of its own, which never goes back.
type tallyName struct {
	scope Scope
	unit  Unit
}

// machine drives the ledger and the model together. Its rates never change, so that what was used
// changes only by what it does.
type machine struct {
	book
	caps      []Cap
	stored    shelf
	movements []*remembered
	latest    map[tallyName]time.Time
	highest   time.Time // of the clock
	outcomes  map[HoldState]int
}

var modelKinds = []policy.Kind{policy.KindDailyBudget, policy.KindBid, policy.KindStatus}

func (m *machine) sums(scope Scope, kinds []policy.Kind, currency string, after time.Time) (s sums) {
	for _, movement := range m.movements {
		at, here := movement.at[scope]
		unit := movement.hold.Movement.Unit
		if !here || !at.After(after) || !movement.counts() || unit.Currency != currency || len(kinds) > 0 && !slices.Contains(kinds, unit.Kind) {
			continue
		}
		posted := movement.hold.State == Posted
		if movement.hold.Movement.Direction == policy.Cut {
			s.lowered += movement.amount()
			if posted {
				s.postedLowered += movement.amount()
			}
		} else {
			s.raised += movement.amount()
			if posted {
				s.postedRaised += movement.amount()
			}
		}
		s.count++
		if !posted {
			s.open++
		}
		if movement.hold.Reversal {
			s.reversals++
		}
	}
	return s
}

func (m *machine) place(t *rapid.T) {
	account, rate := "100", "USD"
	if rapid.IntRange(0, 3).Draw(t, "account") == 0 {
		account, rate = "200", "EUR"
	}
	id := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "campaign")
	target := policy.Target{Platform: "p", Account: account, Campaign: id, EntityType: "campaign", EntityID: id}
	kind := rapid.SampledFrom(modelKinds).Draw(t, "kind")
	var before, after policy.Value
	if kind == policy.KindStatus {
		before, after = policy.TextValue("ENABLED"), policy.TextValue("PAUSED")
		if rapid.Bool().Draw(t, "enable") {
			before, after = after, before
		}
	} else {
		amount := rapid.Int64Range(0, 100)
		before, after = policy.MoneyValue(amount.Draw(t, "before"), rate), policy.MoneyValue(amount.Draw(t, "after"), rate)
	}
	hold := NewHold(fmt.Sprint(len(m.movements)), change(kind, target, before, after), "bidder")
	for _, scope := range hold.Scopes() {
		if _, read := m.state[scope]; !read {
			m.state[scope] = nil
		}
	}
	var caps []Cap
	for _, limit := range m.caps {
		if slices.Contains(hold.Scopes(), limit.Scope) {
			caps = append(caps, limit)
		}
	}
	changed, held, err := Place(m.state, hold, caps, m.rates, m.now)
	if err != nil {
		if !errors.Is(err, policy.ErrExhausted) || len(changed) > 0 {
			t.Fatalf("got %v, with %d sheets changed", err, len(changed))
		}
		return
	}
	if err := errors.Join(m.reencode(changed), m.rehold(held)); err != nil {
		t.Fatal(err)
	}
	m.keep(changed)
	movement := &remembered{hold: held, at: map[Scope]time.Time{}}
	for _, charge := range held.Charges {
		at, name := m.now, tallyName{charge.Scope, held.Movement.Unit}
		if at.Before(m.latest[name]) {
			at = m.latest[name]
		}
		if !charge.At.Equal(at) {
			t.Fatalf("%s: placed at %v, want %v", charge.Scope, charge.At, at)
		}
		movement.at[charge.Scope], m.latest[name] = at, at
	}
	m.movements = append(m.movements, movement)
	m.checkCaps(t, &held)
}

// checkCaps is I4, in rational numbers: right after a hold was placed for every measure it adds to, and
// at any time for those that only placing adds to.
func (m *machine) checkCaps(t *rapid.T, placed *Hold) {
	for _, limit := range m.caps {
		if placed != nil && (!limit.concerns(placed.Movement.Unit.Kind) || !slices.Contains(placed.Scopes(), limit.Scope) ||
			!limit.Measure.grows(&placed.Movement, placed.Reversal)) {
			continue
		}
		if placed == nil && (limit.Measure == NetRise || limit.Measure == NetFall) {
			continue // a posted cut may leave the window before the rise it paid for
		}
		now := m.now
		if placed == nil {
			now = m.highest // back in time a window sees what it had already left
		}
		after := now.Add(-time.Duration(limit.Length))
		used := new(big.Rat)
		for currency, rate := range map[string]*big.Rat{"USD": big.NewRat(1, 1), "EUR": big.NewRat(7, 6), "": new(big.Rat)} {
			s := m.sums(limit.Scope, limit.Kinds, currency, after)
			amount := map[Measure]int64{Raised: s.raised, Lowered: s.lowered, Moved: s.raised + s.lowered, NetRise: s.raised - s.postedLowered,
				NetFall: s.lowered - s.postedRaised, Count: s.count, Reversals: s.reversals}[limit.Measure]
			if !limit.Measure.hasAmount() {
				rate = big.NewRat(1, 1)
			}
			used.Add(used, new(big.Rat).Mul(big.NewRat(amount, 1), rate))
		}
		if used.Cmp(big.NewRat(limit.Limit, 1)) > 0 {
			t.Fatalf("I4: %v of %v in %v is %v, above %d", limit.Measure, limit.Scope, limit.Length, used, limit.Limit)
		}
	}
}

func (m *machine) open(t *rapid.T) *remembered {
	var open []*remembered
	for _, movement := range m.movements {
		if movement.hold.State == Held {
			open = append(open, movement)
		}
	}
	if len(open) == 0 {
		t.Skip("no hold is open")
	}
	return rapid.SampledFrom(open).Draw(t, "hold")
}

func (m *machine) resolve(t *rapid.T, movement *remembered, outcome HoldState) {
	held := movement.hold
	applied := held.Movement.After
	if outcome == Posted && held.Movement.Amount > 1 && rapid.Bool().Draw(t, "part") {
		part := rapid.Int64Range(1, held.Movement.Amount-1).Draw(t, "applied")
		if held.Movement.Direction == policy.Cut {
			part = -part
		}
		applied.Amount = held.Movement.Before.Amount + part
	}
	resolve := func(hold Hold, outcome HoldState) (State, Hold, error) {
		switch outcome {
		case Posted:
			return Post(m.state, hold, applied, m.now)
		case Voided:
			return Void(m.state, hold, m.now)
		}
		return Expire(m.state, hold, m.now)
	}
	changed, resolved, err := resolve(held, outcome)
	if err == nil {
		err = errors.Join(m.reencode(changed), m.rehold(resolved))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.keep(changed)
	movement.hold = resolved
	if outcome == Posted {
		movement.applied = measure(held.Movement.Unit.Kind, held.Movement.Before, applied)
	}
	m.outcomes[outcome]++
	for _, second := range []HoldState{Posted, Voided, Expired} {
		changed, again, err := resolve(resolved, second)
		if len(changed) > 0 || again.State != outcome || (err == nil) != (second == outcome) {
			t.Fatalf("%v after %v: got %v, %v, %d sheets", second, outcome, again.State, err, len(changed))
		}
	}
}

// reencode reads the sheets back from bytes, as a store would.
func (m *machine) reencode(changed State) error {
	for scope, sheet := range changed {
		for i := range sheet {
			tally, err := m.stored.store(scope, &sheet[i])
			if err != nil {
				return fmt.Errorf("%s: %w", scope, err)
			}
			if m.next++; m.next%2 == 0 { // the others stay as they were in memory
				sheet[i] = tally
			}
		}
	}
	return nil
}

func (m *machine) rehold(hold Hold) error {
	encoded, _ := hold.MarshalBinary()
	back, err := DecodeHold(encoded)
	if err != nil {
		return err
	}
	if again, _ := back.MarshalBinary(); string(again) != string(encoded) || back.Movement != hold.Movement || !slices.Equal(back.Charges, hold.Charges) {
		return fmt.Errorf("%+v became %+v", hold, back)
	}
	return nil
}

func (m *machine) advance(t *rapid.T) {
	most := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 8 * time.Hour, 4 * 24 * time.Hour, 40 * 24 * time.Hour}).Draw(t, "most")
	m.now = m.now.Add(time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, "later")))
	if m.now.After(m.highest) {
		m.highest = m.now
	}
}

func (m *machine) goBack(t *rapid.T) {
	earliest := m.highest.Add(-24 * time.Hour)
	m.now = earliest.Add(time.Duration(rapid.Int64Range(0, int64(m.now.Sub(earliest))).Draw(t, "since a day ago")))
}

// check compares every window of every tally with the model.
func (m *machine) check(t *rapid.T) {
	m.checkCaps(t, nil)
	for scope, sheet := range m.state {
		for i := range sheet {
			tally := &sheet[i]
			for _, length := range DefaultLengths() {
				m.checkWindow(t, scope, tally, length)
			}
			m.checkTally(t, scope, tally)
		}
	}
}

func (m *machine) checkWindow(t *rapid.T, scope Scope, tally *Tally, length Length) {
	window, err := tally.Window(length, m.now)
	if err != nil {
		t.Fatal(err)
	}
	from := m.now.Add(-time.Duration(length))
	width := length.Width()
	if behind := m.latest[tallyName{scope, tally.unit}].Sub(m.now); behind > 0 { // then buckets are as wide as for that much more
		width = (length + Length(behind)).Width()
	}
	kinds := []policy.Kind{tally.unit.Kind}
	exact := m.sums(scope, kinds, tally.unit.Currency, from)
	longer := m.sums(scope, kinds, tally.unit.Currency, from.Add(-width))
	shorter := m.sums(scope, kinds, tally.unit.Currency, from.Add(width))
	for _, sum := range []struct {
		name             string
		least, got, most int64
	}{
		{"raised", exact.raised, window.Raised, longer.raised},
		{"lowered", exact.lowered, window.Lowered, longer.lowered},
		{"moved", exact.raised + exact.lowered, window.Moved, longer.raised + longer.lowered},
		{"held raised", exact.raised - exact.postedRaised, window.HeldRaised, longer.raised - longer.postedRaised},
		{"held lowered", exact.lowered - exact.postedLowered, window.HeldLowered, longer.lowered - longer.postedLowered},
		{"net rise", exact.raised - exact.postedLowered, window.NetRise, longer.raised - shorter.postedLowered},
		{"net fall", exact.lowered - exact.postedRaised, window.NetFall, longer.lowered - shorter.postedRaised},
		{"count", exact.count, window.Count, longer.count},
		{"open", exact.open, window.Open, longer.open},
		{"reversals", exact.reversals, window.Reversals, longer.reversals},
	} {
		if sum.got < sum.least || sum.got > sum.most {
			t.Fatalf("%v, %v, %v: %s is %d, want %d to %d", scope, tally.unit, length, sum.name, sum.got, sum.least, sum.most)
		}
	}
	if scope.Kind == Field {
		m.checkValues(t, tally, scope, from, width, &window)
	}
}

// checkValues: the extremes hold every value of a movement that counts, and none that no movement of
// the longer window had.
func (m *machine) checkValues(t *rapid.T, tally *Tally, scope Scope, from time.Time, width time.Duration, window *Window) {
	var exact, longer extent
	for _, movement := range m.movements {
		at, here := movement.at[scope]
		if !here || movement.hold.Movement.Unit != tally.unit {
			continue
		}
		for _, value := range []policy.Value{movement.hold.Movement.Before, movement.hold.Movement.After, movement.applied.After} {
			if amount, known := level(value); known && at.After(from.Add(-width)) {
				longer = longer.with(amount)
			}
		}
		if !movement.counts() || !at.After(from) {
			continue
		}
		after := movement.hold.Movement.After
		if movement.hold.State == Posted {
			after = movement.applied.After
		}
		for _, value := range []policy.Value{movement.hold.Movement.Before, after} {
			if amount, known := level(value); known {
				exact = exact.with(amount)
			}
		}
	}
	got := extent{window.ValuesKnown, window.Low, window.Peak}
	if got.union(exact) != got || longer.union(got) != longer {
		t.Fatalf("%v: values %+v, want %+v to %+v", scope, got, exact, longer)
	}
}

// checkTally: what is open, when the last change was, and that the reversals counted are at least those
// of the changes that count.
func (m *machine) checkTally(t *rapid.T, scope Scope, tally *Tally) {
	var open, reversals, trueReversals int64
	var last, lastOfAll time.Time
	var direction policy.Direction
	for _, movement := range m.movements {
		at, here := movement.at[scope]
		if !here || movement.hold.Movement.Unit != tally.unit {
			continue
		}
		lastOfAll = at
		if !movement.counts() {
			continue
		}
		last = at
		if movement.hold.State == Held {
			open++
		}
		if movement.hold.Reversal {
			reversals++
		}
		if d := movement.hold.Movement.Direction; movement.hold.State == Posted && (d == policy.Rise || d == policy.Cut) {
			if direction != 0 && d != direction {
				trueReversals++
			}
			direction = d
		}
	}
	if tally.Open() != open {
		t.Fatalf("%v: %d open, want %d", scope, tally.Open(), open)
	}
	got, ok := tally.LastChange()
	if ok == last.IsZero() || ok && (got.Before(last) || got.After(lastOfAll) || open == 0 && !got.Equal(last)) {
		t.Fatalf("%v: last change %v, want %v", scope, got, last)
	}
	if scope.Kind == Field && reversals < trueReversals {
		t.Fatalf("%v: %d reversals, want at least %d", scope, reversals, trueReversals)
	}
}

// TestModel_I4_I5_I14 drives the ledger and a model that keeps every movement.
func TestModel_I4_I5_I14(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates, err := NewRates(1_000_000*time.Hour, Rate{"EUR", "USD", 7, 6, noon.Add(-48 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		m := &machine{book: book{state: State{}, now: noon, rates: rates}, stored: shelf{}, latest: map[tallyName]time.Time{}, highest: noon, outcomes: map[HoldState]int{}}
		scopes := []Scope{AccountScope("p", "100"), CampaignScope("p", "100", "1"), OrganisationScope(), AutomationScope("bidder")}
		for range rapid.IntRange(0, 4).Draw(t, "caps") {
			limit := Cap{Name: "limit", Scope: rapid.SampledFrom(scopes).Draw(t, "scope"), Length: rapid.SampledFrom(DefaultLengths()).Draw(t, "length"),
				Measure: Measure(rapid.IntRange(1, int(measureEnd)-1).Draw(t, "measure")), Limit: rapid.Int64Range(0, 400).Draw(t, "limit")}
			if limit.Measure.hasAmount() {
				limit.Currency, limit.Kinds = "USD", rapid.SampledFrom([][]policy.Kind{{policy.KindDailyBudget}, {policy.KindDailyBudget, policy.KindBid}}).Draw(t, "kinds")
			} else {
				limit.Limit /= 40
			}
			m.caps = append(m.caps, limit)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"place":   m.place,
			"place 2": m.place,
			"post":    func(t *rapid.T) { m.resolve(t, m.open(t), Posted) },
			"void":    func(t *rapid.T) { m.resolve(t, m.open(t), Voided) },
			"expire":  func(t *rapid.T) { m.resolve(t, m.open(t), Expired) },
			"advance": m.advance,
			"go back": m.goBack,
		})
		// I5: in the end everything held was posted, voided or expired, and nothing is held any more.
		for _, movement := range m.movements {
			if movement.hold.State == Held {
				m.resolve(t, movement, rapid.SampledFrom([]HoldState{Posted, Voided, Expired}).Draw(t, "outcome"))
			}
		}
		if all := m.outcomes[Posted] + m.outcomes[Voided] + m.outcomes[Expired]; all != len(m.movements) {
			t.Fatalf("I5: %d resolved of %d", all, len(m.movements))
		}
		for scope, sheet := range m.state {
			for i := range sheet {
				if w := sheet[i].since(0); w.Open != 0 || w.HeldRaised != 0 || w.HeldLowered != 0 || sheet[i].open != 0 {
					t.Fatalf("I5: %v still holds %+v", scope, w)
				}
			}
		}
		m.check(t)
	})
}

// What is voided or expires leaves everything as if it had never been placed, in any state of the ledger.
func TestI5_WithdrawingRestoresExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{book: book{state: State{}, now: noon}, stored: shelf{}, latest: map[tallyName]time.Time{}, highest: noon, outcomes: map[HoldState]int{}}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			m.place(t)
			if rapid.Bool().Draw(t, "resolve") {
				m.resolve(t, m.movements[len(m.movements)-1], rapid.SampledFrom([]HoldState{Posted, Voided}).Draw(t, "outcome"))
			}
			m.advance(t)
		}
		sums := func() map[string]Window {
			windows := map[string]Window{}
			for scope, sheet := range m.state {
				for i := range sheet {
					for _, length := range DefaultLengths() {
						w := sheet[i].since(instant(m.now) - int64(length))
						w.StartKnown, w.StartLow, w.StartHigh, w.ValuesKnown, w.Low, w.Peak = false, 0, 0, false, 0, 0
						if w != (Window{}) { // a tally that is empty again is as good as none
							windows[fmt.Sprint(scope, sheet[i].unit, length)] = w
						}
					}
				}
			}
			return windows
		}
		before, count := sums(), len(m.movements)
		m.place(t)
		if len(m.movements) == count {
			t.Fatal("not placed, without any cap")
		}
		m.resolve(t, m.movements[count], rapid.SampledFrom([]HoldState{Voided, Expired}).Draw(t, "outcome"))
		if after := sums(); !maps.Equal(before, after) {
			t.Fatalf("got %+v, want %+v", after, before)
		}
	})
}

// While every change is posted at once, the value at the start of a window is known to lie in a range,
// and values are those the field had.
func TestValuesAtTheStartOfAWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := book{t: nil, state: State{}, now: noon}
		type set struct {
			at    time.Time
			value int64
		}
		value := int64(100)
		history := []set{{noon.Add(-1000 * time.Hour), value}}
		scope := FieldScope(campaign("1").Key(), policy.KindDailyBudget)
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			most := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 9 * time.Hour, 100 * time.Hour}).Draw(t, "most")
			b.now = b.now.Add(time.Duration(rapid.Int64Range(1, int64(most)).Draw(t, "later")))
			next := rapid.Int64Range(0, 1000).Draw(t, "value")
			hold, err := b.place(change(policy.KindDailyBudget, campaign("1"), policy.MoneyValue(value, "USD"), policy.MoneyValue(next, "USD")))
			if err != nil {
				t.Fatal(err)
			}
			changed, _, err := Post(b.state, hold, policy.MoneyValue(next, "USD"), b.now)
			if err != nil {
				t.Fatal(err)
			}
			b.keep(changed)
			value = next
			history = append(history, set{b.now, value})
		}
		now := b.now.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "asked later")))
		for _, length := range DefaultLengths() {
			window, err := b.state[scope][0].Window(length, now)
			if err != nil {
				t.Fatal(err)
			}
			from := now.Add(-time.Duration(length))
			var start int64
			during := extent{}
			for _, set := range history {
				if !set.at.After(from) {
					start, during = set.value, extent{}.with(set.value)
				} else {
					during = during.with(set.value)
				}
			}
			changed := history[len(history)-1].at.After(from)
			if changed && (!window.StartKnown || start < window.StartLow || start > window.StartHigh) {
				t.Fatalf("%v: start %d, got %+v", length, start, window)
			}
			got := extent{window.ValuesKnown, window.Low, window.Peak}
			if changed && got.union(during) != got {
				t.Fatalf("%v: values %+v, got %+v", length, during, window)
			}
		}
	})
}
