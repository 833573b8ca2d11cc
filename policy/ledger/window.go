package ledger

import (
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Window is what moved in the last hour, day or whatever the [Length] is. Everything in it errs on
// the strict side; the package comment says by how much.
type Window struct {
	Raised  int64 // sum of rises, posted and held
	Lowered int64 // sum of cuts, posted and held
	Moved   int64 // both
	NetRise int64 // rises, posted and held, less posted cuts; negative after more cuts than rises
	NetFall int64 // cuts, posted and held, less posted rises

	HeldRaised, HeldLowered int64 // what holds may still give back

	Count     int64 // changes, posted and held
	Open      int64 // those of them still held
	Reversals int64 // changes that turned their field around

	// Of fields with an amount, while they have changed in the window: the value at the start of the
	// window lies between StartLow and StartHigh, which differ only when it changed about then, and
	// the lowest and highest value since are Low and Peak. Before a first change all of them are the
	// value the field has now, which the ledger does not know. Wider scopes have no values: what a
	// budget may still spend today is at most what it is now and Lowered on top.
	StartKnown          bool
	StartLow, StartHigh int64
	ValuesKnown         bool
	Low, Peak           int64
}

// Window sums up the time from now-length, not included, to now.
func (t *Tally) Window(length Length, now time.Time) (Window, error) {
	if err := length.validate(); err != nil {
		return Window{}, err
	}
	return t.since(instant(now) - int64(length)), nil
}

// Since sums up the time from an instant to now: from midnight where an account is, for a day of
// the calendar. Such a day may have 25 hours, which makes it longer than a window of 24.
func (t *Tally) Since(from, now time.Time) (Window, error) {
	if back := now.Sub(from); back > time.Duration(Horizon) {
		return Window{}, fmt.Errorf("%w: a sum since %v, which is more than %v back", policy.ErrInvalid, from.Format(time.RFC3339), Horizon)
	}
	return t.since(instant(from)), nil
}

// since sums every bucket that reaches beyond an instant. That includes those later than the
// caller's now, if its clock went back.
func (t *Tally) since(from int64) Window {
	var s summing
	for i := t.firstEndingAfter(from); i < len(t.older); i++ {
		s.add(&t.older[i], from)
	}
	if t.newest.count > 0 && t.newest.endInstant() > from {
		s.add(&t.newest, from)
	}
	w := &s.window
	w.Moved = add(w.Raised, w.Lowered)
	w.NetRise, w.NetFall = net(w.Raised, s.freedByCuts), net(w.Lowered, s.freedByRises)
	return *w
}

// summing is a window in the making.
type summing struct {
	window                    Window
	freedByCuts, freedByRises int64
	started                   bool
}

func (s *summing) add(b *bucket, from int64) {
	w := &s.window
	if b.unbounded > 0 {
		w.Raised = largest
	}
	w.Raised, w.Lowered = add(w.Raised, b.raised), add(w.Lowered, b.lowered)
	w.HeldRaised, w.HeldLowered = add(w.HeldRaised, b.heldRaised), add(w.HeldLowered, b.heldLowered)
	w.Count, w.Open = add(w.Count, b.count), add(w.Open, b.open)
	w.Reversals = add(w.Reversals, b.reversals)

	// A bucket that began before the window may have its rises in the window and its cuts before it.
	whole := b.startInstant() > from
	if whole {
		s.freedByCuts = add(s.freedByCuts, posted(b.lowered, b.heldLowered))
		s.freedByRises = add(s.freedByRises, posted(b.raised, b.heldRaised))
	}
	if b.values != nil {
		s.addValues(b.values, whole)
	}
	s.started = true
}

func (s *summing) addValues(values *span, whole bool) {
	w, all := &s.window, values.all()
	switch {
	case s.started:
	case whole:
		w.StartKnown, w.StartLow, w.StartHigh = values.hasOpening, values.opening, values.opening
	default:
		w.StartKnown, w.StartLow, w.StartHigh = values.hasOpening, all.low, all.high
		if !values.hasOpening {
			w.StartLow, w.StartHigh = 0, 0
		}
	}
	if all.known {
		so := extent{w.ValuesKnown, w.Low, w.Peak}.union(all)
		w.ValuesKnown, w.Low, w.Peak = so.known, so.low, so.high
	}
}

// posted is what of a sum is not held. Of a sum that does not fit nobody knows; it frees nothing.
func posted(sum, held int64) int64 {
	if sum == largest {
		return 0
	}
	return max(sum-held, 0)
}

// net is what is left of an amount after what was freed. An amount that does not fit stays so.
func net(amount, freed int64) int64 {
	if amount == largest {
		return largest
	}
	return amount - freed
}
