package ledger

import (
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// families are the kinds whose amounts are of one sort, so that they add up: what is paid for a click, what may
// be spent in a day, what share of delivery is taken away. Every other kind adds up with itself alone.
var families = [][]policy.Kind{
	{policy.KindBid, policy.KindDefaultBid},
	{policy.KindDailyBudget, policy.KindSharedBudget},
	{policy.KindStatus, policy.KindTargetingExclusion, policy.KindTargeting},
}

// Family is the kinds whose amounts add up with those of kind, itself among them.
func Family(kind policy.Kind) []policy.Kind {
	for _, family := range families {
		if slices.Contains(family, kind) {
			return family
		}
	}
	return []policy.Kind{kind}
}

// Sum is the window of a sheet over some kinds: their amounts in one currency, and the numbers of their changes. It has
// no values; those are of one tally. With an error, a [RateError], the numbers of changes are right and the amounts are
// not known.
func (s Sheet) Sum(kinds []policy.Kind, currency string, rates Rates, length Length, now time.Time) (Window, error) {
	if err := length.validate(); err != nil {
		return Window{}, err
	}
	var total Window
	var failed error
	for i := range s {
		unit := s[i].unit
		if !slices.Contains(kinds, unit.Kind) {
			continue
		}
		w := s[i].since(instant(now) - int64(length))
		total.Count, total.Open, total.Reversals = add(total.Count, w.Count), add(total.Open, w.Open), add(total.Reversals, w.Reversals)
		for _, sum := range [...]struct {
			to   *int64
			from int64
		}{
			{&total.Raised, w.Raised}, {&total.Lowered, w.Lowered}, {&total.NetRise, w.NetRise}, {&total.NetFall, w.NetFall},
			{&total.HeldRaised, w.HeldRaised}, {&total.HeldLowered, w.HeldLowered},
		} {
			converted, err := rates.Convert(sum.from, unit.Currency, currency, now)
			if err != nil {
				failed = err
				continue
			}
			if *sum.to != largest {
				*sum.to = add(*sum.to, converted)
			}
			if converted == largest {
				*sum.to = largest
			}
		}
	}
	total.Moved = add(total.Raised, total.Lowered)
	return total, failed
}

// Tally is the tally of a unit; one in which nothing has moved if there is none.
func (s Sheet) Tally(unit Unit) (tally Tally, found bool) {
	for i := range s {
		if s[i].unit == unit {
			return s[i], true
		}
	}
	return newTally(unit, false), false
}

// Reverses reports whether a change of a field would turn it around, as [Place] will count it.
func (s Sheet) Reverses(m *Movement) bool {
	tally := s.tally(m.Unit, true)
	return tally.reverses(m.Direction)
}
