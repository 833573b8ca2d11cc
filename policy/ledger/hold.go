package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// HoldState is where a hold is in its life: New, then Held, then one of the others for ever.
type HoldState uint8

// The states of a hold.
const (
	New     HoldState = iota // in no tally yet
	Held                     // reserved, counted in full
	Posted                   // the change was applied, in full or in part
	Voided                   // it was not, and will not be
	Expired                  // nobody claimed it in time

	holdStateEnd
)

var holdStateNames = [holdStateEnd]string{"NEW", "HELD", "POSTED", "VOIDED", "EXPIRED"}

// String returns the state's name.
func (s HoldState) String() string {
	if s < holdStateEnd {
		return holdStateNames[s]
	}
	return fmt.Sprintf("unknown(%d)", uint8(s))
}

// Hold is the reservation of one movement in every scope it counts in. It is a record: placing and
// resolving return another.
type Hold struct {
	ID         string
	Movement   Movement
	State      HoldState
	Reversal   bool         // it turned its field around, and counts as that in every scope
	PlacedAt   time.Time    // what the clock said
	ResolvedAt time.Time    // zero while it is held
	Applied    policy.Value // what was posted
	Charges    []Charge     // one for each scope, in the lock order
}

// Charge is where in one scope's tally a hold was counted.
type Charge struct {
	Scope    Scope
	At       time.Time // later than PlacedAt if the clock had gone back
	Sequence uint64
}

// NewHold makes the hold of a change, to be placed. The automation is as for [ScopesOf].
func NewHold(id string, change *policy.Change, automation string) Hold {
	hold := Hold{ID: id, Movement: MovementOf(change)}
	for _, scope := range ScopesOf(change, automation) {
		hold.Charges = append(hold.Charges, Charge{Scope: scope})
	}
	return hold
}

// Scopes are the scopes the hold counts in, in the lock order.
func (h *Hold) Scopes() []Scope {
	scopes := make([]Scope, len(h.Charges))
	for i, charge := range h.Charges {
		scopes[i] = charge.Scope
	}
	return scopes
}

// reversal is how many reversals the hold counts as.
func (h *Hold) reversal() int64 {
	if h.Reversal {
		return 1
	}
	return 0
}

// Post says that the change was applied, up to the value the field has now: the one asked for, or one
// on the way to it, in which case the rest is given back. From here on a cut frees room.
//
// Like [Void] and [Expire], it returns the sheets that changed. To resolve a hold again in the same
// way changes nothing and is no error; to resolve it in another is, and says what it was.
func Post(state State, hold Hold, applied policy.Value, at time.Time) (State, Hold, error) {
	if hold.State != Held {
		if hold.State == Posted && hold.Applied != applied {
			return nil, hold, fmt.Errorf("%w: hold %s was posted for %v, and is not posted for %v as well",
				policy.ErrPrecondition, hold.ID, hold.Applied, applied)
		}
		return nil, hold, hold.again(Posted)
	}
	part, err := hold.Movement.partly(applied)
	if err != nil {
		return nil, hold, fmt.Errorf("hold %s: %w", hold.ID, err)
	}
	hold.Applied = applied
	return hold.resolve(state, Posted, at, func(t Tally, charge Charge) Tally {
		return t.post(&hold.Movement, &part, instant(charge.At), charge.Sequence)
	})
}

// Void says that the change was not applied. All that the hold had counted for is given back.
func Void(state State, hold Hold, at time.Time) (State, Hold, error) {
	return hold.withdraw(state, Voided, at)
}

// Expire says that the hold was not claimed in time. All that it had counted for is given back.
func Expire(state State, hold Hold, at time.Time) (State, Hold, error) {
	return hold.withdraw(state, Expired, at)
}

func (h Hold) withdraw(state State, outcome HoldState, at time.Time) (State, Hold, error) {
	if h.State != Held {
		return nil, h, h.again(outcome)
	}
	return h.resolve(state, outcome, at, func(t Tally, charge Charge) Tally {
		return t.withdraw(&h.Movement, h.reversal(), instant(charge.At))
	})
}

// again is the answer to a resolution of a hold that is not held: nil if it repeats the one before.
func (h *Hold) again(outcome HoldState) error {
	switch h.State {
	case outcome:
		return nil
	case New:
		return fmt.Errorf("%w: hold %s was never placed and cannot be %v", policy.ErrPrecondition, h.ID, outcome)
	}
	return fmt.Errorf("%w: hold %s was %v at %s and cannot be %v", policy.ErrPrecondition,
		h.ID, h.State, h.ResolvedAt.Format(time.RFC3339), outcome)
}

func (h Hold) resolve(state State, outcome HoldState, at time.Time, change func(Tally, Charge) Tally) (State, Hold, error) {
	changed := make(State, len(h.Charges))
	for _, charge := range h.Charges {
		sheet, read := state[charge.Scope]
		if !read {
			return nil, h, unread(h.ID, charge.Scope)
		}
		i := slices.IndexFunc(sheet, func(t Tally) bool { return t.unit == h.Movement.Unit })
		if i < 0 || sheet[i].sequence < charge.Sequence || sheet[i].open == 0 {
			return nil, h, fmt.Errorf("%w: hold %s is not in the tally of %s, which is older than the hold: read them together",
				policy.ErrPrecondition, h.ID, charge.Scope)
		}
		changed[charge.Scope] = sheet.with(change(sheet[i], charge))
	}
	h.State, h.ResolvedAt = outcome, moment(instant(at))
	return changed, h, nil
}

func unread(hold string, scope Scope) error {
	return fmt.Errorf("%w: the sheet of %s was not read: hold %s needs every one of its scopes", policy.ErrPrecondition, scope, hold)
}
