package calendar

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Revert is a field whose value was raised for a time and is to be put back. It is a record: every step returns another, and it is there
// as long as there are promises.
//
//	a rise with a revert_at is allowed      a promise is made; the first one sets the baseline
//	it was not made after all               the promise is gone
//	it was made                             the promise stands
//	later, a change is made that brings the field to the baseline or below: the promises that stand are kept
//
// What is allowed and not yet made keeps no promise: nobody knows whether it ever is. A change that was asked for before a rise was reported
// keeps that rise's promise neither: nobody knows which of both came last.
type Revert struct {
	Target policy.Target `json:"target"`
	Kind   policy.Kind   `json:"kind"`
	// Baseline is what the field had before the first of the rises, and is to be put back to, or below. A rise on top of another does not
	// move it up.
	Baseline policy.Value `json:"baseline"`
	Promises []Promise    `json:"promises"` // in the order in which they were made
}

// Promise is one rise that is to be taken back.
type Promise struct {
	DecisionID string    `json:"decision_id"` // that allowed it
	PromoID    string    `json:"promo_id,omitempty"`
	Due        time.Time `json:"due"`
	Made       time.Time `json:"made"`             // when it was allowed
	Applied    time.Time `json:"applied,omitzero"` // when the rise was reported; zero: it was not, yet
}

// Promise makes the promise of an allowed change, if it makes one: it says when it will be put back, and leaves the field above what it is
// to be put back to. Before is the value before as far as the ledger knows it, which may be lower than the change says.
func (r Revert) Promise(change *policy.Change, before policy.Value, decisionID string, at time.Time) (Revert, bool) {
	if change.RevertAt.IsZero() {
		return r, false
	}
	if len(r.Promises) == 0 {
		r = Revert{Target: change.Target, Kind: change.Kind, Baseline: before}
	} else if direction(r.Kind, r.Baseline, before) == policy.Cut {
		r.Baseline = before
	}
	if r.back(change.After) {
		return r, false
	}
	r.Promises = append(slices.Clone(r.Promises), Promise{DecisionID: decisionID, PromoID: change.PromoID, Due: change.RevertAt, Made: at})
	return r, true
}

// Apply is that a change of the field was made, up to the value that the field has now. It was asked for at a time.
func (r Revert) Apply(decisionID string, value policy.Value, asked, at time.Time) (Revert, bool) {
	back := r.back(value)
	changed := false
	var promises []Promise
	for _, promise := range r.Promises {
		switch {
		case promise.DecisionID == decisionID && back: // as far as it was made, there is nothing to take back
			changed = true
			continue
		case promise.DecisionID == decisionID && promise.Applied.IsZero():
			promise.Applied, changed = at, true
		case back && !promise.Applied.IsZero() && !promise.Applied.After(asked):
			changed = true
			continue
		}
		promises = append(promises, promise)
	}
	r.Promises = promises
	return r, changed
}

// Drop is that a change of the field was not made and will not be.
func (r Revert) Drop(decisionID string) (Revert, bool) {
	promises := slices.DeleteFunc(slices.Clone(r.Promises), func(promise Promise) bool { return promise.DecisionID == decisionID })
	changed := len(promises) < len(r.Promises)
	r.Promises = promises
	return r, changed
}

// Last is the promise that is due last, which is when the value is to be put back. There must be one.
func (r Revert) Last() Promise {
	return slices.MaxFunc(r.Promises, func(a, b Promise) int { return a.Due.Compare(b.Due) })
}

// Open is the revert as rules see it.
func (r Revert) Open() policy.Revert {
	last := r.Last()
	return policy.Revert{DecisionID: last.DecisionID, PromoID: last.PromoID, Baseline: r.Baseline, Due: last.Due}
}

// back reports whether a value is the baseline, or one of less risk.
func (r Revert) back(value policy.Value) bool {
	towards := direction(r.Kind, r.Baseline, value)
	return towards == policy.Same || towards == policy.Cut
}

// direction is that of risk. Where no bid modifier is set, the platform multiplies by 100%.
func direction(kind policy.Kind, before, after policy.Value) policy.Direction {
	counted := func(value policy.Value) policy.Value {
		if kind == policy.KindBidModifier && value.Form == policy.Absent {
			return policy.RatioValue(1_000_000)
		}
		return value
	}
	change := policy.Change{Kind: kind, Before: counted(before), After: counted(after)}
	return change.Direction()
}

// Encode is the stored form.
func (r Revert) Encode() ([]byte, error) { return json.Marshal(r) }

// DecodeRevert reads what [Revert.Encode] wrote.
func DecodeRevert(encoded []byte) (r Revert, err error) {
	err = json.Unmarshal(encoded, &r)
	return r, err
}
