package ledger

import "time"

// bucket is the sum of what was placed from start up to, not including, the start of the next
// bucket of its width.
type bucket struct {
	start int32 // in minutes since 1970, a multiple of the width
	grain uint8 // index of grains

	raised, lowered         int64 // posted and held
	heldRaised, heldLowered int64 // the held part of them
	unbounded               int64 // rises without a size among count
	count, open             int64 // changes posted and held; those still held
	reversals               int64

	values *span // of a field's tally; never changed once another bucket may share it
}

func (b *bucket) end() int32 { return b.start + grains[b.grain].width }

func (b *bucket) startInstant() int64 { return int64(b.start) * int64(time.Minute) }
func (b *bucket) endInstant() int64   { return int64(b.end()) * int64(time.Minute) }

func (b *bucket) covers(minute int32) bool { return b.start <= minute && minute < b.end() }

// place counts a movement in full, as held.
func (b *bucket) place(m *Movement, reversal int64, withValues bool) {
	if m.lowers() {
		b.lowered, b.heldLowered = add(b.lowered, m.Amount), add(b.heldLowered, m.Amount)
	} else {
		b.raised, b.heldRaised = add(b.raised, m.Amount), add(b.heldRaised, m.Amount)
	}
	if m.Unbounded {
		b.unbounded++
	}
	b.count++
	b.open++
	b.reversals += reversal
	if withValues {
		b.values = b.values.place(m, b.count == 1)
	}
}

// post turns a held movement into the part of it that was applied.
func (b *bucket) post(m, part *Movement) {
	b.release(m)
	if m.lowers() {
		b.lowered = add(take(b.lowered, m.Amount), part.Amount)
	} else {
		b.raised = add(take(b.raised, m.Amount), part.Amount)
	}
	if m.Unbounded && !part.Unbounded {
		b.unbounded--
	}
	if b.values != nil {
		b.values = b.values.post(part, b.open)
	}
}

// withdraw takes a held movement out as if it had never been placed.
func (b *bucket) withdraw(m *Movement, reversal int64) {
	b.release(m)
	if m.lowers() {
		b.lowered = take(b.lowered, m.Amount)
	} else {
		b.raised = take(b.raised, m.Amount)
	}
	if m.Unbounded {
		b.unbounded--
	}
	b.count--
	b.reversals -= reversal
	if b.values != nil {
		b.values = b.values.withdraw(b.open)
	}
}

// release takes the movement out of what is held.
func (b *bucket) release(m *Movement) {
	if m.lowers() {
		b.heldLowered = take(b.heldLowered, m.Amount)
	} else {
		b.heldRaised = take(b.heldRaised, m.Amount)
	}
	b.open--
}

// merge adds a later bucket to this one.
func (b *bucket) merge(later *bucket) {
	b.raised, b.lowered = add(b.raised, later.raised), add(b.lowered, later.lowered)
	b.heldRaised, b.heldLowered = add(b.heldRaised, later.heldRaised), add(b.heldLowered, later.heldLowered)
	b.unbounded = add(b.unbounded, later.unbounded)
	b.count, b.open = add(b.count, later.count), add(b.open, later.open)
	b.reversals = add(b.reversals, later.reversals)
	if b.values != nil && later.values != nil {
		b.values = b.values.merge(later.values)
	}
}

// widen gives the bucket the width it has at this minute.
func (b *bucket) widen(now int32) {
	for int(b.grain) < len(grains)-1 {
		width := grains[b.grain+1].width
		start := b.start - b.start%width
		if start+width > now-grains[b.grain].reach {
			return
		}
		b.start = start
		b.grain++
	}
}
