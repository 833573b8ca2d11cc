// Package ledger keeps running totals of what changes move, and refuses what would exceed them. A rule
// on single steps lets five good rises of 18% double a bid; the ledger remembers the first four.
// Start with [Place], which reserves the movement of a change in every [Scope] it counts in, or in
// none; [Post], [Void] and [Expire] resolve the [Hold] it returns, and [Tally.Window] and
// [Sheet.Used] say what a scope has used.
//
// All of it is arithmetic on values: no clock, no storage. The caller locks the scopes in the order of
// [ScopesOf], reads their tallies, calls, and writes what came back, in one transaction.
//
// # What it promises
//
//   - A movement counts in full from the moment it is placed, and once in each scope. A cut frees
//     room only when it is posted: two pending moves cannot pay for each other.
//   - A hold that is voided or expires gives back exactly what it took, where it took it; what a
//     window has left behind is not given back a second time.
//   - [Place] never lets posted and held together pass a cap, except that a movement which does not add
//     to a measure always passes: a cut is not refused because rises are used up.
//   - Whatever is in doubt looks larger, never smaller: sums that overflow stay at the largest amount,
//     conversions round up, a scope that was not read and a rate that is missing are errors.
//
// # How exact it is
//
// A tally keeps sums in buckets which grow with their age: a minute wide up to an hour back, then a quarter
// of an hour up to a day, 2 hours up to 7 days, 6 hours up to 30 days. A window counts every bucket
// that overlaps the time from now-length, not included, to now. So it misses nothing, and counts
// nothing that is older than length by a bucket's width ([Length.Width]) or more. What is
// freed, in [NetRise] and [NetFall], is taken only from buckets wholly within the window, as the
// bucket at its start may hold cuts of before and rises of after. Three more roundings are in the same
// direction and end when no hold placed in the same bucket, or for the last two in the same
// tally, is open: the values in [Window], [Tally.LastChange], and [Reversals], which stays one
// too high for each hold that was placed against one that was voided later.
//
// With posted cuts NetRise may pass its cap as time goes by, when a cut leaves the window before the
// rise it paid for. Nothing more is let through until it is below the cap again.
//
// Time is absolute. When the clock goes back, a new movement joins the newest bucket and windows reach
// to the newest bucket there is, so nothing is lost: for windows of 30 days up to a day back, for
// shorter ones up to the rest of 31 days. A jump ahead makes buckets wider and drops what has left 31 days,
// as time would; the caller has to see to it that its clock does not.
package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// State is the sheets of scopes. A scope that is not in it was not read, which is not the same as an
// empty sheet, where nothing has moved.
type State map[Scope]Sheet

// Place counts a hold in every one of its scopes, if none of the caps is against it, and returns the
// sheets that changed (in each of them the tally of the movement's unit) and the hold, now held. The
// state itself stays as it is; for the next change of a transaction the caller copies what changed into
// it. Caps are on scopes of the hold.
//
// On an error nothing is placed. The error joins an [ExhaustedError] for every cap that has no room
// and a [RateError] for every cap that cannot be judged.
func Place(state State, hold Hold, caps []Cap, rates Rates, now time.Time) (State, Hold, error) {
	if hold.State != New {
		return nil, hold, fmt.Errorf("%w: hold %s is already %v", policy.ErrPrecondition, hold.ID, hold.State)
	}
	placed, changed, err := hold.place(state, now)
	if err != nil {
		return nil, hold, err
	}
	var problems []error
	for i := range caps {
		if err := caps[i].check(&placed, state, changed, rates, now); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, hold, errors.Join(problems...)
	}
	return changed, placed, nil
}

// place counts the hold without looking at any cap.
func (h Hold) place(state State, now time.Time) (Hold, State, error) {
	m := &h.Movement
	for _, charge := range h.Charges {
		sheet, read := state[charge.Scope]
		if !read {
			return h, nil, unread(h.ID, charge.Scope)
		}
		if charge.Scope.Kind == Field {
			tally := sheet.tally(m.Unit, true)
			h.Reversal = h.Reversal || tally.reverses(m.Direction)
		}
	}
	changed := make(State, len(h.Charges))
	charges := make([]Charge, len(h.Charges))
	for i, charge := range h.Charges {
		if _, twice := changed[charge.Scope]; twice {
			return h, nil, fmt.Errorf("%w: hold %s names %s twice", policy.ErrInvalid, h.ID, charge.Scope)
		}
		sheet := state[charge.Scope]
		tally, at, sequence := sheet.tally(m.Unit, charge.Scope.Kind == Field).place(m, h.reversal(), instant(now))
		changed[charge.Scope] = sheet.with(tally)
		charges[i] = Charge{charge.Scope, moment(at), sequence}
	}
	h.State, h.PlacedAt, h.Charges = Held, moment(instant(now)), charges
	return h, changed, nil
}

// check judges a hold that has been counted: state is before it, changed after.
func (c *Cap) check(hold *Hold, state, changed State, rates Rates, now time.Time) error {
	if err := c.validate(); err != nil {
		return err
	}
	sheet, ours := changed[c.Scope]
	if !ours {
		return fmt.Errorf("%w: the cap %q is on %s, where hold %s does not count", policy.ErrInvalid, c.Name, c.Scope, hold.ID)
	}
	if !c.concerns(hold.Movement.Unit.Kind) || !c.Measure.grows(&hold.Movement, hold.Reversal) {
		return nil
	}
	used, err := sheet.Used(*c, rates, now)
	if err != nil {
		return err
	}
	if used <= c.Limit && used != largest {
		return nil
	}
	// What was used before has the same currencies, and rates, but for one that is new.
	before, err := state[c.Scope].Used(*c, rates, now)
	if err != nil {
		return err
	}
	wanted := int64(largest)
	if used != largest {
		wanted = add(used, -before)
	}
	return &ExhaustedError{Cap: *c, Used: before, Wanted: wanted}
}
