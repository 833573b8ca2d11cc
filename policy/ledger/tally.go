package ledger

import (
	"slices"
	"sort"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Tally is what has moved in one [Scope] in one [Unit], for as far back as windows reach. It is a
// value: placing and resolving return a new one, and the old one stays as it was.
type Tally struct {
	unit  Unit
	field bool // the tally of a field keeps values too

	latest   int64  // the last instant something was placed at; no later one is earlier
	sequence uint64 // changes placed so far

	// The last posted change, in the order of placing, that has a direction.
	turn         policy.Direction
	turnSequence uint64

	// What a field has since the last posted change whose value is a number; of the field's tally only.
	value         int64
	valueSequence uint64 // 0: not known

	lastPosted, lastHeld      int64 // when the last such change was placed; 0: none
	open, openRises, openCuts int64
	older                     []bucket // by time, disjoint, never changed once made
	apart                     digest   // of older, where that is stored apart; zero: not known, or not stored yet
	newest                    bucket   // not among the older ones, so that placing copies no more than this; count 0: none
}

func newTally(unit Unit, field bool) Tally { return Tally{unit: unit, field: field} }

// Unit is what the tally's amounts are.
func (t *Tally) Unit() Unit { return t.unit }

// LastChange is when the last change was placed that is posted or still held. While several holds
// are open it may be one that was voided since.
func (t *Tally) LastChange() (at time.Time, ok bool) {
	last := max(t.lastPosted, t.lastHeld)
	return moment(last), last > 0
}

// Open is how many holds are open, whenever they were placed.
func (t *Tally) Open() int64 { return t.open }

// reverses reports whether a change would turn the field around: against the last posted change,
// or against any that is still held and may yet be posted. It never misses a reversal among the
// changes that end up posted; it may count one too many when a hold is voided.
func (t *Tally) reverses(direction policy.Direction) bool {
	switch direction {
	case policy.Rise:
		return t.turn == policy.Cut || t.openCuts > 0
	case policy.Cut:
		return t.turn == policy.Rise || t.openRises > 0
	}
	return false
}

// place counts a movement as held. It returns when, which is now unless the clock went back, and
// the movement's place in the tally's order.
func (t Tally) place(m *Movement, reversal int64, now int64) (after Tally, at int64, sequence uint64) {
	// A clock that went back would make the movement older than it is: it joins the latest instead.
	t.latest = max(t.latest, now)
	t.sequence++
	t.lastHeld = t.latest
	t.countOpen(m, 1)
	t.advance(minuteOf(t.latest))
	t.newest.place(m, reversal, t.field)
	return t, t.latest, t.sequence
}

// advance makes newest the bucket of this minute, and the older ones as wide as they are by now.
func (t *Tally) advance(minute int32) {
	if t.newest.count > 0 && t.newest.covers(minute) {
		return
	}
	buckets := make([]bucket, 0, len(t.older)+1)
	for i := range t.older {
		buckets = appendAged(buckets, t.older[i], minute)
	}
	if t.newest.count > 0 {
		buckets = appendAged(buckets, t.newest, minute)
	}
	t.newest = bucket{start: minute}
	t.older, t.apart = buckets, digest{}
}

// appendAged appends a bucket as wide as it is by now: none when no window reaches it any more, and
// merged with the one before when they share a wider one.
func appendAged(buckets []bucket, b bucket, minute int32) []bucket {
	if b.end() <= minute-kept {
		return buckets
	}
	b.widen(minute)
	if n := len(buckets); n > 0 && buckets[n-1].start == b.start {
		buckets[n-1].merge(&b)
		return buckets
	}
	return append(buckets, b)
}

// post turns a held movement into its applied part.
func (t Tally) post(m, part *Movement, at int64, sequence uint64) Tally {
	t.lastPosted = max(t.lastPosted, at)
	if sequence > t.turnSequence && (m.Direction == policy.Rise || m.Direction == policy.Cut) {
		t.turn, t.turnSequence = m.Direction, sequence
	}
	if value, known := level(part.After); known && t.field && sequence > t.valueSequence {
		t.value, t.valueSequence = value, sequence
	}
	t.countOpen(m, -1)
	t.edit(minuteOf(at), func(b *bucket) { b.post(m, part) })
	return t
}

// withdraw takes a held movement out again.
func (t Tally) withdraw(m *Movement, reversal int64, at int64) Tally {
	t.countOpen(m, -1)
	t.edit(minuteOf(at), func(b *bucket) { b.withdraw(m, reversal) })
	return t
}

func (t *Tally) countOpen(m *Movement, by int64) {
	t.open += by
	switch m.Direction {
	case policy.Rise:
		t.openRises += by
	case policy.Cut:
		t.openCuts += by
	}
	if t.open == 0 {
		t.lastHeld = 0
	}
}

// edit changes the bucket that covers a minute. When there is none it has left every window, and
// what was in it with it: there is nothing to give back.
func (t *Tally) edit(minute int32, change func(*bucket)) {
	if t.newest.count > 0 && t.newest.covers(minute) {
		change(&t.newest)
		return
	}
	i := t.firstEndingAfter(int64(minute) * int64(time.Minute))
	if i == len(t.older) || !t.older[i].covers(minute) {
		return
	}
	t.older, t.apart = slices.Clone(t.older), digest{}
	change(&t.older[i])
	if t.older[i].count == 0 {
		t.older = slices.Delete(t.older, i, i+1)
	}
}

// firstEndingAfter is the index of the first older bucket that reaches beyond an instant.
func (t *Tally) firstEndingAfter(instant int64) int {
	return sort.Search(len(t.older), func(i int) bool { return t.older[i].endInstant() > instant })
}
