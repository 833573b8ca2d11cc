package limits

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// maxProblems is after how many errors a table or a comparison of entries gives up: more of them help nobody.
const maxProblems = 20

// Build makes the set. It fails with everything that went wrong before, and with entries that contradict each other.
func (b *Builder) Build() (*Set, error) {
	if len(b.problems) > 0 {
		return nil, errors.Join(b.problems...)
	}
	s := &Set{
		settings:   slices.Clone(b.settings),
		currencies: maps.Clone(b.currencies),
		files:      slices.Clone(b.files),
		records:    b.records.String(),
		seed:       maphash.MakeSeed(),
		hashBits:   b.hashBits,
		length:     b.length,
	}
	if s.hashBits == 0 {
		s.hashBits = math.MaxUint64
	}
	b.sortDefinitions(s)
	s.concerning = newConcerning(s.definitions)

	var problems []error
	var keyed [][]keyedRecord
	var undecided []undecidedSetting
	for _, from := range b.sortedShapes() {
		made := &shape{fields: from.fields, labels: from.labels, class: 1}
		if len(s.shapes) > 0 {
			previous := s.shapes[len(s.shapes)-1]
			made.class = previous.class
			if made.rank() != previous.rank() {
				made.class++
				undecided = undecided[:0]
			}
		}
		s.used |= made.fields
		s.shapes = append(s.shapes, made)
		keyed = append(keyed, s.keyed(made, from.records))
		problems = append(problems, s.contradictions(made, keyed[len(keyed)-1])...)

		mine, err := s.undecided(made, from.records, undecided)
		if err != nil {
			problems = append(problems, err)
		}
		undecided = append(undecided, mine...)
		if len(problems) >= maxProblems {
			break
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	s.arrange(keyed)
	return s, nil
}

// sortDefinitions gives the set its definitions by name, and the settings their new positions.
func (b *Builder) sortDefinitions(s *Set) {
	s.definitions = slices.SortedFunc(slices.Values(b.definitions), func(a, b Definition) int {
		return strings.Compare(a.Name, b.Name)
	})
	for position, d := range s.definitions {
		for i, from := range b.settings {
			if from.definition == b.byName[d.Name] {
				s.settings[i].definition = definitionID(position)
			}
		}
	}
}

// sortedShapes puts the most specific shape first. The order does not depend on that of the entries.
func (b *Builder) sortedShapes() []*shapeBuilder {
	return slices.SortedFunc(maps.Values(b.shapes), func(a, b *shapeBuilder) int {
		return cmp.Or(
			-cmp.Compare(a.fields, b.fields),
			-cmp.Compare(len(a.labels), len(b.labels)),
			slices.Compare(a.labels, b.labels),
		)
	})
}

// keyedRecord is where a record starts and the hash of its key.
type keyedRecord struct{ hash, record uint64 }

// keyed sorts the records of a shape by their hashes, and those of one hash as they were written.
func (s *Set) keyed(shape *shape, records []uint64) []keyedRecord {
	keyed := make([]keyedRecord, len(records))
	for i, record := range records {
		hash, _ := s.key(shape, record)
		keyed[i] = keyedRecord{hash, record}
	}
	slices.SortFunc(keyed, func(a, b keyedRecord) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.record, b.record))
	})
	return keyed
}

// contradictions reports entries that set the same limit for the same match, in the order they were written.
func (s *Set) contradictions(shape *shape, keyed []keyedRecord) (problems []error) {
	type pair struct{ first, second uint64 }
	var pairs []pair
	for from := 0; from < len(keyed); {
		to := from + 1
		for ; to < len(keyed) && keyed[to].hash == keyed[from].hash; to++ {
			for _, earlier := range keyed[from:to] {
				if s.contradict(shape, earlier.record, keyed[to].record) != "" {
					pairs = append(pairs, pair{earlier.record, keyed[to].record})
					break
				}
			}
		}
		from = to
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.second, b.second) })
	for _, p := range pairs[:min(len(pairs), maxProblems)] {
		problems = append(problems, fmt.Errorf("%v and %v both set %s for %v: keep one of them",
			s.source(p.first), s.source(p.second), s.contradict(shape, p.first, p.second), s.match(shape, p.first)))
	}
	return problems
}

// arrange moves the records to the pages of their shapes.
func (s *Set) arrange(keyed [][]keyedRecord) {
	size := uint64(0)
	for i, shape := range s.shapes {
		total, largest := uint64(0), uint64(0)
		for _, k := range keyed[i] {
			length := s.end(k.record) - k.record
			total += length
			largest = max(largest, length)
		}
		// A page that has no room for a record is more than half full, as two of the largest fit. Pages for twice
		// the text are more than that can happen to, so every record finds room and every search an end.
		shape.pageSize = max(minPageSize, (2*largest+1+cacheLine-1)/cacheLine*cacheLine)
		shape.pages = 2*total/(shape.pageSize-1) + 1
		shape.base = size
		size += shape.pages * shape.pageSize
	}
	arranged := make([]byte, size)
	for i, shape := range s.shapes {
		free := make([]uint64, shape.pages) // where the free part of each page starts
		for page := range free {
			free[page], _ = shape.span(uint64(page))
		}
		for _, k := range keyed[i] {
			record := s.records[k.record:s.end(k.record)]
			page := shape.page(k.hash)
			_, end := shape.span(page)
			for free[page]+uint64(len(record)) > end {
				arranged[end] = 1
				page = shape.after(page)
				_, end = shape.span(page)
			}
			copy(arranged[free[page]:], record)
			tag := reader{text: record}
			tag.number()
			arranged[free[page]+tag.at] = byte(k.hash)
			free[page] += uint64(len(record))
		}
	}
	s.records = string(arranged)
}

// end is where the record ends.
func (s *Set) end(record uint64) uint64 {
	r := reader{text: s.records, at: record}
	_, end := r.begin()
	return end
}

// key is the record's key as it is stored, and its hash.
func (s *Set) key(shape *shape, record uint64) (hash uint64, key string) {
	r := reader{text: s.records, at: record}
	r.begin()
	r.place()
	from := r.at
	hash = emptyKey
	for range shape.values() {
		hash = mix(hash, maphash.String(s.seed, r.string()))
	}
	return hash & s.hashBits, s.records[from:r.at]
}

// values is how many values a key has.
func (s *shape) values() int {
	return bits.OnesCount16(uint16(s.fields&^(1<<labelsField))) + len(s.labels)
}

// recordSettings are the settings of a record in the order they were written.
func (s *Set) recordSettings(shape *shape, record uint64) []settingID {
	r := reader{text: s.records, at: record}
	r.begin()
	r.place()
	for range shape.values() {
		r.string()
	}
	ids := make([]settingID, r.number())
	for i := range ids {
		ids[i] = settingID(r.number())
		if !s.settings[ids[i]].unlimited {
			r.number()
		}
	}
	return ids
}

// contradict names a limit that two records of a shape both set for the same match, if there is one.
func (s *Set) contradict(shape *shape, first, second uint64) string {
	_, firstKey := s.key(shape, first)
	if _, secondKey := s.key(shape, second); firstKey != secondKey {
		return ""
	}
	for _, a := range s.recordSettings(shape, first) {
		for _, b := range s.recordSettings(shape, second) {
			if s.settings[a].clashes(s.settings[b]) {
				return s.definitions[s.settings[a].definition].Name + s.inCurrency(a, b)
			}
		}
	}
	return ""
}

// inCurrency names the currency two clashing settings meet in.
func (s *Set) inCurrency(a, b settingID) string {
	id := max(s.settings[a].currency, s.settings[b].currency)
	for code, currency := range s.currencies {
		if currency == id {
			return " in " + code
		}
	}
	return ""
}

// match is what a record matches, for error messages.
func (s *Set) match(shape *shape, record uint64) Match {
	r := reader{text: s.records, at: record}
	r.begin()
	r.place()
	var values fieldValues
	for field := range fieldCount {
		if field != labelsField && shape.fields.has(field) {
			values[field] = r.string()
		}
	}
	match := values.match()
	for _, key := range shape.labels {
		if match.Labels == nil {
			match.Labels = map[string]string{}
		}
		match.Labels[key] = r.string()
	}
	return match
}

// undecidedSetting is a setting of a limit without tighter, and the first record of a shape that has it.
type undecidedSetting struct {
	setting settingID
	record  uint64
}

// undecided lists what a shape sets without there being a way to tell which of two values is tighter, and fails when
// an equally specific shape does the same: a target with the labels of both would have two answers.
func (s *Set) undecided(shape *shape, records []uint64, others []undecidedSetting) (mine []undecidedSetting, err error) {
	if len(shape.labels) == 0 || !slices.ContainsFunc(s.definitions, func(d Definition) bool {
		return d.Tighter == Unordered
	}) {
		return nil, nil
	}
	seen := make([]bool, len(s.settings))
	for _, record := range records {
		for _, id := range s.recordSettings(shape, record) {
			definition := &s.definitions[s.settings[id].definition]
			if definition.Tighter != Unordered || seen[id] {
				continue
			}
			seen[id] = true
			mine = append(mine, undecidedSetting{id, record})
			for _, other := range others {
				if s.settings[id].clashes(s.settings[other.setting]) {
					return mine, fmt.Errorf("%v and %v set %s for different labels, and its definition does not say "+
						"which way is tighter: add tighter to the definition",
						s.source(other.record), s.source(record), definition.Name)
				}
			}
		}
	}
	return mine, nil
}
