// Package limits resolves the limits that hold for one target: how high a bid may go, how far a budget may move,
// how old a baseline may be. Start with [Builder], which reads a revision's limits into a [Set], and [Set.Resolve],
// which answers for a [Target].
//
// # Which entry wins
//
// An [Entry] names what it matches and sets some limits. For every limit the most specific matching entry that sets
// it decides; two entries are compared by the most significant field that only one of them names, in the order
//
//	entity > entity_type > ad_group > campaign > labels > portfolio > account > channel > platform > kind
//
// and, when both name the same fields, the one with more labels. What is left (entries with different labels, as many of each)
// is decided by the value: the tighter one wins. Money is resolved for each currency by itself, so an entry in euros
// says nothing about dollars; unlimited money is unlimited in every currency.
//
// A hard entry is a wall: whatever more specific entries say, the result is never looser than a matching hard entry.
//
// # What is not there
//
// A limit that nobody sets for a target is not in the result. Absent, zero and unlimited are three answers, and it is
// the rules that say what absence means.
//
// # Cost
//
// Entries are grouped by shape, that is by the fields and label keys they match on. A lookup looks at one place for
// every shape, so its cost follows the number of shapes and not the number of entries. The entries lie in one block
// of text: one of a large table takes about 150 bytes and nothing for the garbage collector to follow.
package limits

import (
	"hash/maphash"
	"maps"
	"slices"
)

// Set is the limits of one revision. It does not change once built and may be used by many goroutines.
type Set struct {
	definitions []Definition // sorted by name
	concerning  concerning
	settings    []setting
	currencies  map[string]currencyID
	files       []string
	records     string   // every entry, one record after the other; see record.go
	shapes      []*shape // most specific first
	used        fieldSet // every field some shape matches on
	seed        maphash.Seed
	hashBits    uint64
	length      int
}

// New makes a set of definitions and entries that are already Go values.
func New(definitions []Definition, entries ...Entry) (*Set, error) {
	var b Builder
	for _, d := range definitions {
		_ = b.Define(d) // Build returns every error
	}
	for _, e := range entries {
		_ = b.Add(e)
	}
	return b.Build()
}

// Definitions returns the definitions sorted by name. The caller may keep the slice.
func (s *Set) Definitions() []Definition {
	definitions := slices.Clone(s.definitions)
	for i := range definitions {
		definitions[i].Kinds = slices.Clone(definitions[i].Kinds)
	}
	return definitions
}

// Currencies returns the currencies that some entry has an amount in, sorted.
func (s *Set) Currencies() []string { return slices.Sorted(maps.Keys(s.currencies)) }

// Len is the number of entries.
func (s *Set) Len() int { return s.length }

// Held is one limit that holds for a target, and the entry that says so.
type Held struct {
	Name   string
	Value  Value
	Source Source
}

// candidate is the best answer so far for one definition. Its class is the precedence class of the shape it came
// from; classes count from 1, so zero means that nobody has set the limit yet.
type candidate struct {
	class   uint32
	setting settingID
	amount  int64
	record  uint64
}

// Resolve appends the limits that hold for target to dst, sorted by name, and returns the extended slice. It does not
// allocate when dst has room for every definition.
//
// Money limits are those of target.Currency; without a currency there are none.
func (s *Set) Resolve(dst []Held, target Target) []Held {
	var room [48]candidate
	best := room[:]
	if len(s.definitions) > len(room) {
		best = make([]candidate, len(s.definitions))
	}
	q := s.query(&target)
	for _, shape := range s.shapes {
		hash, ok := q.hash(shape)
		if !ok {
			continue
		}
		for page := shape.page(hash); ; page = shape.after(page) {
			record, end := shape.span(page)
			q.warm(record, end)
			for record < end && s.records[record] != 0 {
				r := reader{text: s.records, at: record}
				tag, next := r.begin()
				// An equal hash is a hint. The stored key decides.
				if tag == byte(hash) {
					if hard, ok := q.matches(shape, &r); ok {
						s.weigh(best, &q, shape.class, record, r, hard)
					}
				}
				record = next
			}
			if s.records[end] == 0 {
				break
			}
		}
	}
	return s.hold(dst, best, target.Currency)
}

// weigh compares the values of one matching record with the best so far. Shapes come most specific first, so a value
// that is already there gives way only to a tighter one of the same class or of a hard entry.
func (s *Set) weigh(best []candidate, q *query, class uint32, record uint64, values reader, hard bool) {
	for range values.number() {
		id := settingID(values.number())
		setting := &s.settings[id]
		amount := int64(0)
		if !setting.unlimited {
			amount = int64(values.number())
		}
		if !q.concerns.has(setting.definition) || !setting.holdsIn(q.currency) {
			continue
		}
		held := &best[setting.definition]
		switch {
		case held.class == 0:
			held.class = class
		case held.class != class && !hard:
			continue
		case !s.definitions[setting.definition].Tighter.tighter(
			amount, setting.unlimited, held.amount, s.settings[held.setting].unlimited):
			continue
		}
		// The class stays that of the most specific entry: a hard value that overrules it must not open the door to
		// the values beside the hard one.
		held.setting, held.amount, held.record = id, amount, record
	}
}

// hold writes the winners down in the order of the definitions.
func (s *Set) hold(dst []Held, best []candidate, currency string) []Held {
	dst = slices.Grow(dst, len(s.definitions))
	for i := range s.definitions {
		won := &best[i]
		if won.class == 0 {
			continue
		}
		definition := &s.definitions[i]
		value := Value{Type: definition.Type, Amount: won.amount, Unlimited: s.settings[won.setting].unlimited}
		if definition.Type == Money && !value.Unlimited {
			value.Currency = currency
		}
		dst = append(dst, Held{Name: definition.Name, Value: value, Source: s.source(won.record)})
	}
	return dst
}
