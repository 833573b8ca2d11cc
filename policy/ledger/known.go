package ledger

import (
	"math"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Known is a movement as the ledger sees it, which is not always as the change says. What a change says holds now is the
// caller's word, and a rise looks like a cut to whoever believes a large enough one. So a movement that claims to be a
// cut, or none, is held against the values that the ledger has seen its field take within the [Horizon]: the last that was
// posted, and those that holds may yet bring. Where it would be anything but a cut from one of them, it is of no known
// direction: it counts as a rise, by the longest of the distances, and frees nothing. Everything else stays as it is.
//
// A field may have been changed behind the ledger's back. Then a true cut counts as a rise, which is strict, until a change
// of it is posted.
func (s Sheet) Known(m Movement, now time.Time) (known Movement, contradicted bool) {
	if m.Direction != policy.Cut && m.Direction != policy.Same || !hasAmount(m.After) {
		return m, false
	}
	known = m
	s.values(m, now, func(from policy.Value) {
		seen := measure(m.Unit.Kind, from, m.After)
		if seen.Direction == policy.Cut || seen.Direction == policy.Same {
			return
		}
		contradicted = true
		known.Direction = policy.Unordered
		known.Amount = max(known.Amount, seen.Amount)
		known.Unbounded = known.Unbounded || seen.Unbounded
	})
	return known, contradicted
}

// Baseline is the value that a movement begins at, for whoever is to put it back: the one that the change says, or, where that contradicts
// the ledger as [Sheet.Known] has it, the one of least risk among those that the ledger has seen.
func (s Sheet) Baseline(m Movement, now time.Time) policy.Value {
	baseline := m.Before
	if _, contradicted := s.Known(m, now); contradicted {
		s.values(m, now, func(seen policy.Value) {
			if lower := (&policy.Change{Kind: m.Unit.Kind, Before: baseline, After: seen}).Direction(); lower == policy.Cut {
				baseline = seen
			}
		})
	}
	return baseline
}

// values calls do with the values that a movement's field is known to have or may be about to: the last that was posted, and those that
// holds may yet bring. They are of the form of the movement's.
func (s Sheet) values(m Movement, now time.Time, do func(policy.Value)) {
	tally, _ := s.Tally(m.Unit)
	against := func(amount int64) {
		value := m.After
		if value.Amount = amount; amount == math.MaxInt64 {
			value = policy.UnlimitedValue()
		}
		do(value)
	}
	if tally.valueSequence > 0 && instant(now)-tally.lastPosted <= int64(Horizon) {
		against(tally.value)
	}
	held := func(b *bucket) {
		if b.open > 0 && b.values != nil && b.values.held.known {
			against(b.values.held.low)
			against(b.values.held.high)
		}
	}
	for i := range tally.older {
		held(&tally.older[i])
	}
	held(&tally.newest)
}
