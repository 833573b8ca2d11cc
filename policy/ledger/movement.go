package ledger

import (
	"fmt"
	"math"

	"github.com/bidrail/bidrail/policy"
)

// Unit is what the amounts of a tally are. A bid is paid per click and a budget per day, so even
// in one currency they are not one sum: there is a tally for each kind and currency of a scope.
type Unit struct {
	Kind     policy.Kind
	Currency string // "" where amounts are parts per million, and where there are none
}

// Movement is how far one change moves one field. Start with [MovementOf].
type Movement struct {
	Unit          Unit
	Before, After policy.Value
	// Direction is that of risk. Only a Cut counts as lowered; a rise does, and whatever nobody can
	// say the direction of, counts as raised.
	Direction policy.Direction
	Amount    int64 // how far, never negative; 0 for changes that are counted but have no amount
	Unbounded bool  // a rise without a size, such as one to unlimited: more than any amount
}

// MovementOf measures a change:
//
//	an amount to an amount of the same currency    the distance
//	nothing known to an amount                     the whole new amount
//	an amount to nothing, or to something else     the whole old amount, as a rise
//	a rise to or from unlimited                    unbounded
//	a cut to or from unlimited                     no amount: it counts, and frees nothing
//	a pause or an exclusion                        the share of delivery it takes away
//	other text, flags                              no amount
//
// The share of delivery is the fact delivery_share, in parts per million, as the change tells it; where nobody has told it, there
// is no amount.
func MovementOf(change *policy.Change) Movement { return MovementKnowing(change, change.Facts) }

// MovementKnowing measures a change as [MovementOf] does, with what is known of its target in place of what it tells itself.
func MovementKnowing(change *policy.Change, facts map[string]policy.Fact) Movement {
	m := measure(change.Kind, change.Before, change.After)
	targets := change.Kind == policy.KindTargetingExclusion || change.Kind == policy.KindTargeting
	removes := change.Kind == policy.KindStatus && m.Direction == policy.Cut || targets && m.Direction != policy.Same
	if share := facts[DeliveryShare].Value; removes && share.Form == policy.Ratio && m.Unit.Currency == "" && m.Amount == 0 {
		// More than all of it, or less than none, is nonsense, and counts as all.
		if m.Amount = share.Amount; m.Amount < 0 || m.Amount > wholeShare {
			m.Amount = wholeShare
		}
	}
	return m
}

// DeliveryShare is the name of the fact that says how large a share of its account's recent delivery a target has.
const DeliveryShare = "delivery_share"

// wholeShare is all of it, in parts per million.
const wholeShare = 1_000_000

func measure(kind policy.Kind, before, after policy.Value) Movement {
	change := policy.Change{Kind: kind, Before: before, After: after}
	m := Movement{Unit: Unit{Kind: kind}, Before: before, After: after, Direction: change.Direction()}
	switch {
	case hasAmount(after):
		m.Unit.Currency = after.Currency
	case hasAmount(before):
		m.Unit.Currency = before.Currency
	}
	switch {
	case m.Direction == policy.Same:
	case before.Form == policy.Unlimited || after.Form == policy.Unlimited:
		m.Unbounded = m.Direction != policy.Cut
	case hasAmount(after) && before.Form == after.Form && before.Currency == after.Currency:
		m.Amount = distance(after.Amount, before.Amount)
	case hasAmount(after):
		m.Amount = distance(after.Amount, 0)
	case hasAmount(before):
		m.Amount = distance(before.Amount, 0)
	}
	if m.Amount == largest && m.Direction != policy.Cut {
		m.Amount, m.Unbounded = 0, true
	}
	return m
}

func hasAmount(value policy.Value) bool {
	return value.Form == policy.Money || value.Form == policy.Ratio
}

// level is the value as a number that compares, if it has one: unlimited is above every amount.
func level(value policy.Value) (amount int64, known bool) {
	switch value.Form {
	case policy.Money, policy.Ratio:
		return value.Amount, true
	case policy.Unlimited:
		return math.MaxInt64, true
	}
	return 0, false
}

// lowers reports whether the movement counts as lowered, and not as raised.
func (m *Movement) lowers() bool { return m.Direction == policy.Cut }

// partly is the movement up to the value that was really applied: all of it, or a part of it in
// the same direction.
func (m *Movement) partly(applied policy.Value) (Movement, error) {
	if applied == m.After {
		return *m, nil
	}
	if applied == m.Before {
		return Movement{}, fmt.Errorf("%w: the field is still %v, so nothing was applied: void the hold", policy.ErrInvalid, applied)
	}
	// As the change says it: whether a part of it was made does not depend on what the ledger makes of it.
	whole, part := measure(m.Unit.Kind, m.Before, m.After), measure(m.Unit.Kind, m.Before, applied)
	switch {
	case !hasAmount(applied),
		part.Unit != whole.Unit,
		part.Direction != whole.Direction,
		hasAmount(m.After) && (m.After.Form != applied.Form || (m.After.Amount < 0) != (applied.Amount < 0)),
		!whole.Unbounded && (part.Unbounded || part.Amount > whole.Amount),
		!whole.Unbounded && m.Before.Form == policy.Unlimited:
		return Movement{}, fmt.Errorf("%w: %v was applied, which is no part of the move from %v to %v that was held: reconcile the field",
			policy.ErrInvalid, applied, m.Before, m.After)
	}
	if *m != whole { // the ledger knew better: nobody can say how much of that the part is
		part = *m
		part.After = applied
	}
	return part, nil
}
