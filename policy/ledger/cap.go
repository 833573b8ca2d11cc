package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Measure is which of a window's sums a [Cap] is on.
type Measure uint8

// The measures.
const (
	Raised Measure = iota + 1
	Lowered
	Moved
	NetRise
	NetFall
	Count
	Reversals

	measureEnd
)

var measureNames = [measureEnd]string{Raised: "raised", Lowered: "lowered", Moved: "moved", NetRise: "net_rise",
	NetFall: "net_fall", Count: "count", Reversals: "reversals"}

// String returns the measure's name.
func (m Measure) String() string {
	if m > 0 && m < measureEnd {
		return measureNames[m]
	}
	return fmt.Sprintf("unknown(%d)", uint8(m))
}

// ParseMeasure is the inverse of [Measure.String].
func ParseMeasure(name string) (Measure, error) {
	if i := slices.Index(measureNames[1:], name); i >= 0 {
		return Measure(i + 1), nil
	}
	return 0, fmt.Errorf("%w: no measure is called %q", policy.ErrInvalid, name)
}

// hasAmount reports whether the measure is in micros or ppm, and not a number of changes.
func (m Measure) hasAmount() bool { return m != Count && m != Reversals }

// Of is the measure's sum in a window.
func (m Measure) Of(w *Window) int64 {
	switch m {
	case Raised:
		return w.Raised
	case Lowered:
		return w.Lowered
	case Moved:
		return w.Moved
	case NetRise:
		return w.NetRise
	case NetFall:
		return w.NetFall
	case Count:
		return w.Count
	case Reversals:
		return w.Reversals
	}
	return largest // what cannot be measured is more than any cap
}

// grows reports whether a movement adds to the measure. One that does not is never refused for it:
// a cut may always pass a full limit on rises.
func (m Measure) grows(movement *Movement, reversal bool) bool {
	moves := movement.Amount > 0 || movement.Unbounded
	switch m {
	case Raised, NetRise:
		return moves && !movement.lowers()
	case Lowered, NetFall:
		return moves && movement.lowers()
	case Moved:
		return moves
	case Reversals:
		return reversal
	}
	return true
}

// Cap is the most that one measure of one scope may be within a window. A scope without a cap is
// unlimited; a cap of 0 lets nothing through.
type Cap struct {
	Name    string // of the limit it comes from, for people
	Scope   Scope
	Length  Length
	Measure Measure
	// Kinds are which changes count; none means all of them. A measure in amounts names them, as
	// amounts of different kinds have nothing to do with one another unless somebody says so.
	Kinds    []policy.Kind
	Limit    int64
	Currency string // of Limit; "" for numbers of changes and parts per million
}

// On is the cap on another scope.
func (c Cap) On(scope Scope) Cap {
	c.Scope = scope
	return c
}

func (c *Cap) validate() error {
	invalid := func(why string) error {
		return fmt.Errorf("%w: the cap %q on %s: %s", policy.ErrInvalid, c.Name, c.Scope, why)
	}
	switch {
	case c.Measure == 0 || c.Measure >= measureEnd:
		return invalid("its measure is not known")
	case c.Measure.hasAmount() && len(c.Kinds) == 0:
		return invalid("name the kinds whose amounts add up")
	case !c.Measure.hasAmount() && c.Currency != "":
		return invalid("a number of changes has no currency")
	}
	if err := c.Length.validate(); err != nil {
		return invalid(err.Error())
	}
	return nil
}

func (c *Cap) concerns(kind policy.Kind) bool {
	return len(c.Kinds) == 0 || slices.Contains(c.Kinds, kind)
}

// write writes an amount as the cap is written.
func (c *Cap) write(amount int64) string {
	switch {
	case amount == largest:
		return "more than can be written"
	case !c.Measure.hasAmount():
		return fmt.Sprint(amount)
	case c.Currency == "":
		return policy.FormatRatio(amount)
	}
	return policy.FormatMoney(amount, c.Currency)
}

// ExhaustedError says that a cap has no room for a movement. It is a [policy.ErrExhausted].
type ExhaustedError struct {
	Cap    Cap
	Used   int64 // before the movement, in the cap's currency
	Wanted int64 // what the movement would add
}

// Error says what is full, and how full.
func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("%s of %s in %v would be %s with %s used, above its limit of %s (%s): wait until the window moves on, or ask for less",
		e.Cap.Measure, e.Cap.Scope, e.Cap.Length, e.Cap.write(add(e.Used, e.Wanted)), e.Cap.write(e.Used), e.Cap.write(e.Cap.Limit), e.Cap.Name)
}

// Unwrap makes every ExhaustedError a policy.ErrExhausted.
func (e *ExhaustedError) Unwrap() error { return policy.ErrExhausted }

// Sheet is every tally of one scope, in any order.
type Sheet []Tally

// Used is how much of a cap is taken, posted and held, in the cap's currency. It may be negative
// where cuts outweigh rises. The error is a [RateError] when a sum in another currency cannot be
// converted.
func (s Sheet) Used(c Cap, rates Rates, now time.Time) (int64, error) {
	if err := c.validate(); err != nil {
		return 0, err
	}
	used := int64(0)
	for i := range s {
		unit := s[i].unit
		if !c.concerns(unit.Kind) {
			continue
		}
		window := s[i].since(instant(now) - int64(c.Length))
		sum := c.Measure.Of(&window)
		if c.Measure.hasAmount() {
			converted, err := rates.Convert(sum, unit.Currency, c.Currency, now)
			if err != nil {
				return 0, fmt.Errorf("%s of %s in %v: %w", c.Measure, c.Scope, c.Length, err)
			}
			sum = converted
		}
		if sum == largest {
			return largest, nil
		}
		used = add(used, sum)
	}
	return used, nil
}

// Headroom is how much more a cap has room for, never negative.
func (s Sheet) Headroom(c Cap, rates Rates, now time.Time) (int64, error) {
	used, err := s.Used(c, rates, now)
	if err != nil || used == largest || used >= c.Limit {
		return 0, err
	}
	return add(c.Limit, -used), nil
}

// LastChange is when the last change of any unit was placed; see [Tally.LastChange].
func (s Sheet) LastChange() (last time.Time, ok bool) {
	for i := range s {
		if at, changed := s[i].LastChange(); changed && (!ok || at.After(last)) {
			last, ok = at, true
		}
	}
	return last, ok
}

// tally is the tally of a unit, a new one if there is none yet.
func (s Sheet) tally(unit Unit, field bool) Tally {
	for i := range s {
		if s[i].unit == unit {
			return s[i]
		}
	}
	return newTally(unit, field)
}

// with is the sheet with a tally in place of the one of its unit.
func (s Sheet) with(tally Tally) Sheet {
	next := make(Sheet, len(s), len(s)+1)
	copy(next, s)
	for i := range next {
		if next[i].unit == tally.unit {
			next[i] = tally
			return next
		}
	}
	return append(next, tally)
}

// CapsOn is the caps that hold for the scopes: each template, of which only the kind of its scope counts, on every
// scope of that kind.
func CapsOn(templates []Cap, scopes []Scope) []Cap {
	var caps []Cap
	for _, template := range templates {
		for _, scope := range scopes {
			if scope.Kind == template.Scope.Kind {
				caps = append(caps, template.On(scope))
			}
		}
	}
	return caps
}
