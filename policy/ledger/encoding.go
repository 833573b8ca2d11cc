package ledger

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// The first byte of an encoded tally and an encoded hold. The rest is unsigned integers of variable
// length (signed ones zigzag), text with its length in front, and bytes of flags which say what
// follows. Every value has exactly one encoding, and readers accept no other.
const (
	tallyVersion = 1
	holdVersion  = 1
)

// Flags of a tally.
const (
	tallyField = 1 << iota
	tallyTurnedRise
	tallyTurnedCut

	tallyFlags = tallyField | tallyTurnedRise | tallyTurnedCut
)

// Flags of a bucket; the two bits below them are its grain.
const (
	bucketRaised = 4 << iota
	bucketLowered
	bucketOpen
	bucketReversals
	bucketUnbounded
	bucketValues

	bucketGrain = 3
)

// Flags of a span.
const (
	spanOpening = 1 << iota
	spanSeen
	spanHeld

	spanFlags = spanOpening | spanSeen | spanHeld
)

// AppendBinary appends the tally as [DecodeTally] reads it. It never fails.
func (t *Tally) AppendBinary(to []byte) ([]byte, error) {
	flags := byte(0)
	if t.field {
		flags |= tallyField
	}
	switch t.turn {
	case policy.Rise:
		flags |= tallyTurnedRise
	case policy.Cut:
		flags |= tallyTurnedCut
	}
	to = append(to, tallyVersion, flags, byte(t.unit.Kind))
	to = appendText(to, t.unit.Currency)
	for _, number := range [...]uint64{t.sequence, t.turnSequence, uint64(t.latest), t.sinceLatest(t.lastPosted), t.sinceLatest(t.lastHeld),
		uint64(t.open), uint64(t.openRises), uint64(t.openCuts)} {
		to = binary.AppendUvarint(to, number)
	}
	count := len(t.older)
	if t.newest.count > 0 {
		count++
	}
	to = binary.AppendUvarint(to, uint64(count))
	end := int32(0)
	for i := range t.older {
		to, end = t.older[i].append(to, end)
	}
	if t.newest.count > 0 {
		to, _ = t.newest.append(to, end)
	}
	return to, nil
}

// MarshalBinary is [Tally.AppendBinary] to nothing.
func (t *Tally) MarshalBinary() ([]byte, error) { return t.AppendBinary(nil) }

// sinceLatest writes an instant short: 0 for none, or how long before latest it was, and 1.
func (t *Tally) sinceLatest(instant int64) uint64 {
	if instant == 0 {
		return 0
	}
	return uint64(t.latest-instant) + 1
}

func (b *bucket) append(to []byte, previousEnd int32) ([]byte, int32) {
	flags := b.grain
	if b.raised > 0 {
		flags |= bucketRaised
	}
	if b.lowered > 0 {
		flags |= bucketLowered
	}
	if b.open > 0 {
		flags |= bucketOpen
	}
	if b.reversals > 0 {
		flags |= bucketReversals
	}
	if b.unbounded > 0 {
		flags |= bucketUnbounded
	}
	if b.values != nil {
		flags |= bucketValues
	}
	to = append(to, flags)
	to = binary.AppendUvarint(to, uint64(b.start-previousEnd))
	to = binary.AppendUvarint(to, uint64(b.count))
	for _, optional := range [...]int64{b.raised, b.lowered} {
		if optional > 0 {
			to = binary.AppendUvarint(to, uint64(optional))
		}
	}
	if b.open > 0 {
		to = binary.AppendUvarint(to, uint64(b.open))
		to = binary.AppendUvarint(to, uint64(b.heldRaised))
		to = binary.AppendUvarint(to, uint64(b.heldLowered))
	}
	for _, optional := range [...]int64{b.reversals, b.unbounded} {
		if optional > 0 {
			to = binary.AppendUvarint(to, uint64(optional))
		}
	}
	if b.values != nil {
		to = b.values.append(to)
	}
	return to, b.end()
}

// append writes extremes as distances from the opening, which are short. Distances wrap around, so
// they are exact for any two values.
func (s *span) append(to []byte) []byte {
	flags := byte(0)
	if s.hasOpening {
		flags |= spanOpening
	}
	if s.seen.known {
		flags |= spanSeen
	}
	if s.held.known {
		flags |= spanHeld
	}
	to = append(to, flags)
	if s.hasOpening {
		to = binary.AppendVarint(to, s.opening)
	}
	for _, extent := range [...]extent{s.seen, s.held} {
		if extent.known {
			to = binary.AppendVarint(to, extent.low-s.opening)
			to = binary.AppendUvarint(to, uint64(extent.high)-uint64(extent.low))
		}
	}
	return to
}

// DecodeTally reads what [Tally.AppendBinary] wrote, and refuses everything else.
func DecodeTally(data []byte) (Tally, error) {
	r := reader{data: data}
	t := r.tally()
	if err := r.end(); err != nil {
		return Tally{}, fmt.Errorf("a tally of %d bytes: %w", len(data), err)
	}
	return t, nil
}

// reader reads an encoding up to its first problem.
type reader struct {
	data    []byte
	at      int
	problem string
}

func (r *reader) fail(problem string) {
	if r.problem == "" {
		r.problem = problem
	}
}

func (r *reader) check(is bool, problem string) {
	if !is {
		r.fail(problem)
	}
}

func (r *reader) end() error {
	r.check(r.at == len(r.data), "there is more than belongs to it")
	if r.problem != "" {
		return fmt.Errorf("%w: byte %d: %s: it is damaged, or of a newer version of this program", policy.ErrInvalid, r.at, r.problem)
	}
	return nil
}

func (r *reader) byte() byte {
	if r.problem != "" || r.at == len(r.data) {
		r.fail("it ends early")
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

func (r *reader) unsigned() uint64 {
	if r.problem != "" {
		return 0
	}
	number, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 || n > 1 && r.data[r.at+n-1] == 0 {
		r.fail("this is no number in its shortest form")
		return 0
	}
	r.at += n
	return number
}

// natural is a number from least to math.MaxInt64.
func (r *reader) natural(least int64) int64 {
	number := r.unsigned()
	if number > math.MaxInt64 || int64(number) < least {
		r.fail("this number is out of its range")
		return least
	}
	return int64(number)
}

func (r *reader) signed() int64 {
	number := r.unsigned()
	return int64(number>>1) ^ -int64(number&1)
}

func (r *reader) text() string {
	length := r.unsigned()
	if length > uint64(len(r.data)-r.at) {
		r.fail("the text is longer than what is left")
		return ""
	}
	r.at += int(length)
	return string(r.data[r.at-int(length) : r.at])
}

func (r *reader) kind() policy.Kind {
	kind := policy.Kind(r.byte())
	r.check(kind == policy.KindUnknown || kind.Known(), "this kind of change is not known")
	return kind
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

func (r *reader) tally() Tally {
	r.check(r.byte() == tallyVersion, "this version is not known")
	flags := r.byte()
	r.check(flags&^byte(tallyFlags) == 0, "a flag is not known")
	t := Tally{field: flags&tallyField != 0, unit: Unit{Kind: r.kind(), Currency: r.text()}}
	t.sequence, t.turnSequence = r.unsigned(), r.unsigned()
	t.latest = r.natural(0)
	r.check(t.latest <= int64(lastMinute)*int64(time.Minute), "the time is too far ahead")
	switch flags &^ tallyField {
	case tallyTurnedRise:
		t.turn = policy.Rise
	case tallyTurnedCut:
		t.turn = policy.Cut
	default:
		r.check(flags&^tallyField == 0, "the last change went both ways")
	}
	r.check((t.turnSequence > 0) == (t.turn != 0) && t.turnSequence <= t.sequence, "the last change has no place in the order")
	t.lastPosted, t.lastHeld = r.beforeLatest(t.latest), r.beforeLatest(t.latest)
	t.open, t.openRises, t.openCuts = r.natural(0), r.natural(0), r.natural(0)
	r.check(uint64(t.open) <= t.sequence && t.openRises <= t.open && t.openCuts <= t.open-t.openRises, "more is open than was placed")
	r.check((t.lastHeld > 0) == (t.open > 0) || t.latest == 0, "the last hold is not open")
	r.buckets(&t)
	return t
}

func (r *reader) beforeLatest(latest int64) int64 {
	back := r.natural(0)
	if back == 0 {
		return 0
	}
	r.check(back <= latest, "the last change was before all time")
	return latest - back + 1
}

func (r *reader) buckets(t *Tally) {
	count := r.unsigned()
	if count > uint64(len(r.data)-r.at)/3 { // no bucket is shorter
		r.fail("there are more buckets than there is left to read")
		return
	}
	t.older = make([]bucket, 0, count)
	end, open := int32(0), int64(0)
	for range count {
		b := r.bucket(end, t.field)
		end, open = b.end(), add(open, b.open)
		t.older = append(t.older, b)
	}
	last := minuteOf(t.latest)
	r.check(count == 0 || t.older[count-1].start <= last, "a bucket is later than the last change")
	r.check(open <= t.open, "more is open in the buckets than in all")
}

func (r *reader) bucket(previousEnd int32, field bool) bucket {
	flags := r.byte()
	b := bucket{grain: flags & bucketGrain}
	start := uint64(previousEnd) + min(r.unsigned(), math.MaxInt32)
	if start > uint64(lastMinute) || int32(start)%grains[b.grain].width != 0 {
		r.fail("a bucket begins where none can")
		return b
	}
	b.start = int32(start)
	b.count = r.natural(1)
	optional := func(flag byte) int64 {
		if flags&flag == 0 {
			return 0
		}
		return r.natural(1)
	}
	b.raised, b.lowered = optional(bucketRaised), optional(bucketLowered)
	if b.open = optional(bucketOpen); b.open > 0 {
		b.heldRaised, b.heldLowered = r.natural(0), r.natural(0)
	}
	r.check(b.open <= b.count && b.heldRaised <= b.raised && b.heldLowered <= b.lowered, "more is held than there is")
	b.reversals, b.unbounded = optional(bucketReversals), optional(bucketUnbounded)
	r.check(b.reversals <= b.count && b.unbounded <= b.count, "more changes are special than there are")
	if flags&bucketValues != 0 {
		r.check(field, "only fields have values")
		b.values = r.span(b.open > 0)
	} else {
		r.check(!field, "the values of a field are missing")
	}
	return b
}

func (r *reader) span(open bool) *span {
	flags := r.byte()
	r.check(flags&^byte(spanFlags) == 0, "a flag is not known")
	s := &span{hasOpening: flags&spanOpening != 0}
	if s.hasOpening {
		s.opening = r.signed()
	}
	s.seen, s.held = r.extent(flags&spanSeen != 0, s.opening), r.extent(flags&spanHeld != 0, s.opening)
	r.check(open || !s.held.known, "there are held values and no hold")
	r.check(!s.hasOpening || s.seen.known && s.seen.low <= s.opening && s.opening <= s.seen.high, "the opening value was never seen")
	return s
}

func (r *reader) extent(known bool, opening int64) extent {
	if !known {
		return extent{}
	}
	low := opening + r.signed()
	width := r.unsigned()
	high := int64(uint64(low) + width)
	r.check(high >= low && uint64(high)-uint64(low) == width, "the highest value is below the lowest")
	return extent{true, low, high}
}
