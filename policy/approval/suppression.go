package approval

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

// Suppression remembers that people have rejected a move, so that the automation does not ask them again every few
// minutes. Until a person clears it or it has aged out, it is against the same move of the same field by the same
// automation, and against any that goes as far or further.
type Suppression struct {
	ID         string           `json:"suppression_id"`
	ApprovalID string           `json:"approval_id"` // what was rejected
	Automation string           `json:"automation"`
	Target     policy.Target    `json:"target"`
	Kind       policy.Kind      `json:"kind"`
	Direction  policy.Direction `json:"direction"`
	Before     policy.Value     `json:"before"`
	After      policy.Value     `json:"after"`
	Reason     string           `json:"reason"` // of the rejection
	At         time.Time        `json:"at"`
	Until      time.Time        `json:"until"`
	Version    int64            `json:"version"` // 1, and 2 once it is cleared
	ClearedAt  time.Time        `json:"cleared_at,omitzero"`
	ClearedBy  string           `json:"cleared_by,omitempty"`
	ClearedFor string           `json:"cleared_for,omitempty"` // why
}

// Suppress makes a suppression of each change of a rejected approval, with the ids that the caller has for them. Of an
// approval in any other state there are none.
func (a *Approval) Suppress(ids []string, lasts Wait) []Suppression {
	if a.State != Rejected {
		return nil
	}
	suppressions := make([]Suppression, 0, len(a.Legs))
	for i, leg := range a.Legs[:min(len(a.Legs), len(ids))] {
		suppressions = append(suppressions, Suppression{ID: ids[i], Version: 1, ApprovalID: a.ID, Automation: a.Automation, Target: leg.Target, Kind: leg.Kind,
			Direction: leg.Direction, Before: leg.Before, After: leg.After, Reason: a.Reason, At: a.ChangedAt, Until: a.ChangedAt.Add(time.Duration(lasts))})
	}
	return suppressions
}

// Encode is the stored form of the suppression.
func (s Suppression) Encode() ([]byte, error) { return json.Marshal(s) }

// DecodeSuppression reads what [Suppression.Encode] wrote.
func DecodeSuppression(encoded []byte) (Suppression, error) {
	return decode[Suppression](encoded, "a suppression")
}

// Active reports whether the suppression holds at a time.
func (s *Suppression) Active(now time.Time) bool { return now.Before(s.Until) && s.ClearedAt.IsZero() }

// Blocks reports whether the suppression is against a change. A change that nobody can compare with what was rejected
// is taken to go further.
func (s *Suppression) Blocks(change *policy.Change, automation string, now time.Time) bool {
	if !s.Active(now) || automation != s.Automation || change.Target.Key() != s.Target.Key() || change.Kind != s.Kind {
		return false
	}
	if change.After == s.After && change.Before != change.After {
		return true
	}
	was := ledger.MovementOf(&policy.Change{Kind: s.Kind, Before: s.Before, After: s.After})
	is := ledger.MovementOf(&policy.Change{Kind: change.Kind, Before: change.Before, After: change.After})
	switch {
	case is.Direction == policy.Same:
		return false
	case (is.Direction == policy.Cut) != (was.Direction == policy.Cut):
		return false
	case is.Unit != was.Unit:
		return true
	case is.Unbounded || was.Unbounded:
		return is.Unbounded
	case is.Amount == 0 && was.Amount == 0: // words: the same direction is the same thing, another word is another
		return is.Direction == was.Direction && is.Direction != policy.Unordered
	case is.Amount >= was.Amount:
		return true
	}
	return beyond(change, s.After)
}

// beyond reports whether the change ends at or past a value, in its own direction: many small steps are one large one.
func beyond(change *policy.Change, end policy.Value) bool {
	if change.After.Form != end.Form || change.After.Currency != end.Currency {
		return true
	}
	if change.After.Amount > change.Before.Amount {
		return change.After.Amount >= end.Amount
	}
	return change.After.Amount <= end.Amount
}

// Clear lets the move be proposed again. Only a person can, and not one with a stake in it.
func (s Suppression) Clear(by string, people People, stake, reason string, now time.Time) (Suppression, error) {
	person := people(by)
	switch {
	case !person.Human || person.ID == "":
		return s, fmt.Errorf("%w: suppression %s: a person clears it", policy.ErrForbidden, s.ID)
	case stake != "" || by == s.Automation:
		return s, fmt.Errorf("%w: suppression %s: %s has a stake in it (%s); somebody else clears it", policy.ErrForbidden, s.ID, by, stake)
	case reason == "" || len(reason) > MaxText:
		return s, fmt.Errorf("%w: suppression %s: say why it is cleared, in at most %d bytes", policy.ErrInvalid, s.ID, MaxText)
	case !s.Active(now):
		return s, fmt.Errorf("%w: suppression %s does not hold any more", policy.ErrPrecondition, s.ID)
	}
	s.ClearedAt, s.ClearedBy, s.ClearedFor = now, by, reason
	s.Version++
	return s, nil
}
