package approval

import (
	"cmp"
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/permit"
)

// A reviewer may approve a change in part: up to a cap between the value that is there and the value that was asked for.
// Which of two caps goes further is a matter of how far from the old value they are, so that caps of cuts, and of fields
// where less is more, work alike: the safe side is where the field is now.
//
// A value is agreed to by those whose caps reach it. The cap of a stage is the furthest value for which those who agree
// to it are what the stage asks for. With a plain quorum of n that is the n-th furthest of the caps. The cap of the
// approval is the nearest one of its stages'. Neither depends on the order of reviews.
//
// Changes that have no amounts on both sides cannot be made in part. Of groups only a shift can, which takes from one field
// exactly what it gives to another of the same kind: its cap is a value of the field that is given to, and what is taken
// follows. No rule says how to cut other changes that belong together.

// capped is the leg that caps are values of, if what the approval is for can be made in part.
func (a *Approval) capped() (permit.Leg, bool) {
	switch len(a.Legs) {
	case 1:
		leg := a.Legs[0]
		return leg, partial(&leg)
	case 2:
		to, _, is := a.shift()
		return a.Legs[to], is
	}
	return permit.Leg{}, false
}

// Capped is the id of the change that caps are values of; "": what the approval is for cannot be made in part.
func (a *Approval) Capped() string {
	if leg, possible := a.capped(); possible {
		return leg.ChangeID
	}
	return ""
}

// partial reports whether a leg moves from one amount to another.
func partial(leg *permit.Leg) bool {
	amount := leg.Before.Form == policy.Money || leg.Before.Form == policy.Ratio
	return amount && leg.After.Form == leg.Before.Form && leg.After.Currency == leg.Before.Currency && leg.After.Amount != leg.Before.Amount
}

// shift is which of two legs is given to and which is taken from, if as much is given as is taken.
func (a *Approval) shift() (to, from int, is bool) {
	if a.Legs[0].After.Amount < a.Legs[0].Before.Amount {
		to = 1
	}
	given, taken := &a.Legs[to], &a.Legs[1-to]
	if !partial(given) || !partial(taken) || given.Kind != taken.Kind || given.After.Form != policy.Money || given.After.Currency != taken.After.Currency ||
		given.Before.Amount < 0 || taken.After.Amount < 0 || given.After.Amount < given.Before.Amount || taken.After.Amount > taken.Before.Amount {
		return to, 1 - to, false
	}
	return to, 1 - to, given.After.Amount-given.Before.Amount == taken.Before.Amount-taken.After.Amount
}

// Made is the new value of each leg, in their order, when what was agreed to is made up to a value; Missing is all of it. The value
// is one that [Redeem] does not refuse.
func (a *Approval) Made(value policy.Value) []policy.Value {
	made := mapped(a.Legs, func(leg permit.Leg) policy.Value { return leg.After })
	leg, possible := a.capped()
	if value.Form == policy.Missing || !possible {
		return made
	}
	if len(a.Legs) == 1 {
		return []policy.Value{value}
	}
	to, from, _ := a.shift()
	made[to] = value
	made[from].Amount = a.Legs[from].Before.Amount - (value.Amount - leg.Before.Amount)
	return made
}

// Bound is the furthest value that may be redeemed; Missing while nothing is approved, and of a group
// that cannot be made in part.
func (a *Approval) Bound() policy.Value {
	switch leg, possible := a.capped(); {
	case !a.State.Approves():
		return policy.Value{}
	case a.Cap.Form != policy.Missing:
		return a.Cap
	case possible:
		return leg.After
	case len(a.Legs) == 1:
		return a.Legs[0].After
	default:
		return policy.Value{}
	}
}

// checkCap says why a cap is none.
func (a *Approval) checkCap(limit policy.Value) error {
	leg, possible := a.capped()
	switch {
	case !possible:
		return refused(NoCap, "approval %s is for what cannot be made in part; approve it as it is, reject it, or ask for changes", a.ID)
	case !within(leg, limit):
		return refused(OutOfBounds, "a cap is a value after %v and up to %v, not %v; to leave it at %v, reject it", leg.Before, leg.After, limit, leg.Before)
	}
	return nil
}

// within reports whether a value is a part of the move: beyond the old value, and no further than the new one.
func within(leg permit.Leg, value policy.Value) bool {
	if value.Form != leg.After.Form || value.Currency != leg.After.Currency || value != (policy.Value{Form: value.Form, Amount: value.Amount, Currency: value.Currency}) {
		return false
	}
	if leg.After.Amount > leg.Before.Amount {
		return value.Amount > leg.Before.Amount && value.Amount <= leg.After.Amount
	}
	return value.Amount < leg.Before.Amount && value.Amount >= leg.After.Amount
}

// compareCaps orders caps of the leg, the nearest first; Missing is all of the move.
func compareCaps(leg permit.Leg, a, b policy.Value) int {
	amount := func(limit policy.Value) int64 {
		if limit.Form == policy.Missing {
			return leg.After.Amount
		}
		return limit.Amount
	}
	if leg.After.Amount > leg.Before.Amount {
		return cmp.Compare(amount(a), amount(b))
	}
	return cmp.Compare(amount(b), amount(a))
}

// agreed is the furthest cap that enough of those who approve agree to, and who they are. Missing is all of the move.
func (a *Approval) agreed(approve []voter) (policy.Value, []voter, bool) {
	stage := a.open()
	leg, possible := a.capped()
	if !possible {
		return policy.Value{}, approve, stage.met(approve, a.Tier)
	}
	furthest := func(x, y voter) int { return compareCaps(leg, y.review.Cap, x.review.Cap) }
	sorted := slices.SortedStableFunc(slices.Values(approve), furthest)
	for i := range sorted {
		if i+1 < len(sorted) && furthest(sorted[i], sorted[i+1]) == 0 {
			continue
		}
		if stage.met(sorted[:i+1], a.Tier) {
			limit := sorted[i].review.Cap
			if limit == leg.After {
				limit = policy.Value{}
			}
			return limit, sorted[:i+1], true
		}
	}
	return policy.Value{}, nil, false
}

// nearestCap is the cap over all the stages that are met.
func (a *Approval) nearestCap() policy.Value {
	leg, possible := a.capped()
	nearest := policy.Value{}
	for _, met := range a.Met {
		if possible && compareCaps(leg, met.Cap, nearest) < 0 {
			nearest = met.Cap
		}
	}
	return nearest
}
