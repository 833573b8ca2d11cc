package ledger

import (
	"crypto/sha256"
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
	tallyNewest
	tallyApart // the older buckets are stored apart

	tallyFlags = tallyField | tallyTurnedRise | tallyTurnedCut | tallyNewest | tallyApart
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

// inline is how many older buckets are kept with the rest. They take less room there than apart, and
// most tallies have fewer.
const inline = 16

// Encode is the tally as it is stored, in two parts. head changes with whatever is placed or resolved.
// Of a tally with many buckets, which is one of a wide scope, it has only the newest and a digest of
// the others; those are older, which is nil as long as they are what was read, or what an earlier Encode
// of the same variable has returned. So most writes are of some fifty bytes.
func (t *Tally) Encode() (head, older []byte) {
	apart := len(t.older) > inline
	if apart && t.apart == (digest{}) {
		older = make([]byte, 0, 32*len(t.older))
		for i, end := 0, int32(0); i < len(t.older); i++ {
			older = t.older[i].append(older, t.older[i].start-end)
			end = t.older[i].end()
		}
		t.apart = digestOf(older)
	}
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
	if apart {
		flags |= tallyApart
	}
	if t.newest.count > 0 {
		flags |= tallyNewest
	}
	head = append(make([]byte, 0, 96), tallyVersion, flags, byte(t.unit.Kind))
	head = appendText(head, t.unit.Currency)
	for _, number := range [...]uint64{t.sequence, t.turnSequence, uint64(t.latest), t.sinceLatest(t.lastPosted), t.sinceLatest(t.lastHeld),
		uint64(t.open), uint64(t.openRises), uint64(t.openCuts)} {
		head = binary.AppendUvarint(head, number)
	}
	if t.field {
		if head = binary.AppendUvarint(head, t.valueSequence); t.valueSequence > 0 {
			head = binary.AppendVarint(head, t.value)
		}
	}
	if t.newest.count > 0 {
		head = t.newest.append(head, minuteOf(t.latest)-t.newest.start)
	}
	if apart {
		return append(head, t.apart[:]...), older
	}
	head = binary.AppendUvarint(head, uint64(len(t.older)))
	for i, end := 0, int32(0); i < len(t.older); i++ {
		head = t.older[i].append(head, t.older[i].start-end)
		end = t.older[i].end()
	}
	return head, nil
}

// digest is enough of the SHA-256 of older buckets to tell them from all that the same tally ever had.
type digest [8]byte

func digestOf(older []byte) digest {
	sum := sha256.Sum256(older)
	return digest(sum[:len(digest{})])
}

// sinceLatest writes an instant short: 0 for none, or how long before latest it was, and 1.
func (t *Tally) sinceLatest(instant int64) uint64 {
	if instant == 0 {
		return 0
	}
	return uint64(t.latest-instant) + 1
}

// append writes the bucket. gap says where it begins: so many minutes after the end of the one before,
// or for the newest, before the last change.
func (b *bucket) append(to []byte, gap int32) []byte {
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
	to = binary.AppendUvarint(to, uint64(gap))
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
	return to
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

// DecodeTally reads what [Tally.Encode] wrote, and refuses everything else, such as two parts that do not
// belong together. older is empty where there is none.
func DecodeTally(head, older []byte) (Tally, error) {
	t, apart, err := decodeHead(head)
	switch {
	case err != nil:
		return Tally{}, err
	case !apart && len(older) > 0:
		return Tally{}, fmt.Errorf("%w: there are older buckets of a tally whose head has all of them", policy.ErrInvalid)
	case !apart:
		return t, nil
	case digestOf(older) != t.apart:
		return Tally{}, fmt.Errorf("%w: the older buckets of a tally are not those that its head was stored with", policy.ErrInvalid)
	}
	r := reader{data: older}
	r.older(&t)
	r.check(len(t.older) > inline, "so few buckets are not kept apart")
	if err := r.end("the older buckets of a tally"); err != nil {
		return Tally{}, err
	}
	return t, nil
}

// Reread is DecodeTally for who has an earlier or later version of the tally in s, a sheet of the same scope,
// whose older buckets may still be the same. complete is false when they are not: then older has to be
// read after all, and now has nothing but its unit.
func (s Sheet) Reread(head []byte) (now Tally, complete bool, err error) {
	now, apart, err := decodeHead(head)
	if err != nil {
		return Tally{}, false, err
	}
	if !apart {
		return now, true, nil
	}
	for i := range s {
		if known := &s[i]; known.Apart() && known.apart == now.apart && known.unit == now.unit && known.field == now.field {
			now.older = known.older
			r := reader{}
			r.fitting(&now)
			return now, true, r.end("a tally")
		}
	}
	return Tally{unit: now.unit}, false, nil
}

// Apart reports whether the tally has older buckets that are stored apart from its head.
func (t *Tally) Apart() bool { return len(t.older) > inline }

// decodeHead reads a head. When the older buckets are apart, the tally has only their digest.
func decodeHead(head []byte) (t Tally, apart bool, err error) {
	r := reader{data: head}
	t, apart = r.tally()
	return t, apart, r.end("a tally")
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

func (r *reader) end(what string) error {
	r.check(r.at == len(r.data), "there is more than belongs to it")
	if r.problem != "" {
		return fmt.Errorf("%s of %d bytes: %w: byte %d: %s: it is damaged, or of a newer version of this program",
			what, len(r.data), policy.ErrInvalid, r.at, r.problem)
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

func (r *reader) tally() (t Tally, apart bool) {
	r.check(r.byte() == tallyVersion, "this version is not known")
	flags := r.byte()
	r.check(flags&^byte(tallyFlags) == 0, "a flag is not known")
	t = Tally{field: flags&tallyField != 0, unit: Unit{Kind: r.kind(), Currency: r.text()}}
	t.sequence, t.turnSequence = r.unsigned(), r.unsigned()
	t.latest = r.natural(0)
	r.check(t.latest <= int64(lastMinute)*int64(time.Minute), "the time is too far ahead")
	switch flags & (tallyTurnedRise | tallyTurnedCut) {
	case tallyTurnedRise:
		t.turn = policy.Rise
	case tallyTurnedCut:
		t.turn = policy.Cut
	case tallyTurnedRise | tallyTurnedCut:
		r.fail("the last change went both ways")
	}
	r.check((t.turnSequence > 0) == (t.turn != 0) && t.turnSequence <= t.sequence, "the last change has no place in the order")
	t.lastPosted, t.lastHeld = r.beforeLatest(t.latest), r.beforeLatest(t.latest)
	t.open, t.openRises, t.openCuts = r.natural(0), r.natural(0), r.natural(0)
	r.check(uint64(t.open) <= t.sequence && t.openRises <= t.open && t.openCuts <= t.open-t.openRises, "more is open than was placed")
	r.check((t.lastHeld > 0) == (t.open > 0) || t.latest == 0, "the last hold is not open")
	if t.field {
		if t.valueSequence = r.unsigned(); t.valueSequence > 0 {
			t.value = r.signed()
		}
		r.check(t.valueSequence <= t.sequence, "the value has no place in the order")
	}
	if flags&tallyNewest != 0 {
		t.newest = r.bucket(func(gap int64) int64 { return int64(minuteOf(t.latest)) - gap }, t.field)
	}
	if flags&tallyApart != 0 {
		for i := range t.apart {
			t.apart[i] = r.byte()
		}
		return t, true
	}
	count := r.unsigned()
	r.check(count <= inline, "so many buckets are kept apart")
	r.older(&t)
	r.check(uint64(len(t.older)) == count, "there are more or fewer buckets than it says")
	return t, false
}

func (r *reader) beforeLatest(latest int64) int64 {
	back := r.natural(0)
	if back == 0 {
		return 0
	}
	r.check(back <= latest, "the last change was before all time")
	return latest - back + 1
}

// older reads buckets to the end.
func (r *reader) older(t *Tally) {
	if r.at < len(r.data) {
		t.older = make([]bucket, 0, min((len(r.data)-r.at)/10, 512)+1)
	}
	for end := int32(0); r.problem == "" && r.at < len(r.data); end = t.older[len(t.older)-1].end() {
		t.older = append(t.older, r.bucket(func(gap int64) int64 { return int64(end) + gap }, t.field))
	}
	r.fitting(t)
}

// fitting checks that the newest bucket and the older ones are of one tally.
func (r *reader) fitting(t *Tally) {
	next, open := minuteOf(t.latest), t.newest.open
	if t.newest.count > 0 {
		next = t.newest.start
	}
	if n := len(t.older); n > 0 {
		r.check(t.older[n-1].end() <= next, "the newest bucket is not behind the others")
	}
	for i := range t.older {
		open = add(open, t.older[i].open)
	}
	r.check(open <= t.open, "more is open in the buckets than in all")
}

// bucket reads a bucket; startAt is when one with that gap begins.
func (r *reader) bucket(startAt func(gap int64) int64, field bool) bucket {
	flags := r.byte()
	b := bucket{grain: flags & bucketGrain}
	start := startAt(int64(min(r.unsigned(), math.MaxInt32)))
	if start < 0 || start > int64(lastMinute) || int32(start)%grains[b.grain].width != 0 {
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
