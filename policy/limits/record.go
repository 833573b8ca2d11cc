package limits

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// A record is one entry as text, so that a lookup touches one place in memory and nothing has to be allocated or
// scanned for it:
//
//	length           number: of what follows the tag; never 0
//	tag              byte: the lower end of the key's hash, which spares most looks at a key that is another one
//	file and hard    number: the file's position in Set.files, shifted by one, and the hard bit
//	line             number: 0 for an entry of a document
//	id               length and text, only when the line is 0
//	key              length and text of every field of its shape, in the order of the fields, then of every label
//	values           how many, then for each the setting and, unless that is unlimited, the amount
//
// Numbers are written as in encoding/binary's Uvarint.

type (
	definitionID uint32
	settingID    uint32
	currencyID   uint32
)

// What stands in the place of a currency where there is none. Real currencies follow.
const (
	noCurrency    currencyID = iota // the value is not money; the target has no currency
	everyCurrency                   // unlimited money; a target's currency that no entry mentions
	firstCurrency
)

// A setting is what a value in a record is about: a limit, in one currency if it is money.
type setting struct {
	definition definitionID
	currency   currencyID
	unlimited  bool
}

// holdsIn tells whether the setting says something to a target with the currency.
func (s *setting) holdsIn(currency currencyID) bool {
	return s.currency == noCurrency ||
		currency != noCurrency && (s.currency == everyCurrency || s.currency == currency)
}

// clashes tells whether both settings give the same limit a value in some currency.
func (s *setting) clashes(other setting) bool {
	return s.definition == other.definition &&
		(s.currency == other.currency || s.currency == everyCurrency || other.currency == everyCurrency)
}

// reader reads a record from where it stands.
type reader struct {
	text string
	at   uint64
}

func (r *reader) number() uint64 {
	c := r.text[r.at]
	r.at++
	if c < 0x80 {
		return uint64(c)
	}
	number := uint64(c & 0x7f)
	for shift := 7; ; shift += 7 {
		c := r.text[r.at]
		r.at++
		number |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return number
		}
	}
}

func (r *reader) string() string {
	length := r.number()
	text := r.text[r.at : r.at+length]
	r.at += length
	return text
}

// begin reads the start of a record and says where the next one starts.
func (r *reader) begin() (tag byte, next uint64) {
	length := r.number()
	tag = r.text[r.at]
	r.at++
	return tag, r.at + length
}

// place reads where the entry came from, leaving the reader at the key.
func (r *reader) place() (file uint64, hard bool, line uint64, id string) {
	head := r.number()
	line = r.number()
	if line == 0 {
		id = r.string()
	}
	return head >> 1, head&1 != 0, line, id
}

// source is where the record was read from.
func (s *Set) source(record uint64) Source {
	r := reader{text: s.records, at: record}
	r.begin()
	file, _, line, id := r.place()
	return Source{File: s.files[file], ID: id, Line: int(line)}
}

func appendString(records []byte, text string) []byte {
	records = binary.AppendUvarint(records, uint64(len(text)))
	return append(records, text...)
}

// A shape is what all entries that match on the same fields and label keys have in common, and the pages their
// records are on.
//
// The upper end of a hash says which page a record belongs on; when that is full it goes to the next page that has
// room. There is no table beside the pages: on large sets a lookup spends its time waiting for memory, and a table would
// be one more wait. A page is written full of records from its start, the rest is zero, and its last byte is 1 when a
// record that belongs on it or before it had to go further.
type shape struct {
	fields   fieldSet
	labels   []string // the keys, sorted
	class    uint32   // shapes of the same class are equally specific
	base     uint64   // where the first page starts
	pages    uint64
	pageSize uint64
}

const (
	cacheLine   = 64 // the unit in which processors fetch memory
	minPageSize = 4 * cacheLine
)

// rank orders shapes by how specific they are.
func (s *shape) rank() uint64 { return uint64(s.fields)<<32 | uint64(len(s.labels)) }

// page is the number of the page where records with the hash begin.
func (s *shape) page(hash uint64) uint64 {
	page, _ := bits.Mul64(hash, s.pages)
	return page
}

// after is the page where records go that find no room.
func (s *shape) after(page uint64) uint64 {
	if page++; page < s.pages {
		return page
	}
	return 0
}

// span is where the records of a page start and where they end at the latest; the byte there tells whether some went
// further.
func (s *shape) span(page uint64) (start, end uint64) {
	start = s.base + page*s.pageSize
	return start, start + s.pageSize - 1
}

// mix adds the hash of one more value to that of the values before it.
func mix(hash, value uint64) uint64 {
	high, low := bits.Mul64(hash^value, 0x9e3779b97f4a7c15)
	return high ^ low
}

// emptyKey is the hash of no values at all.
const emptyKey = 0x2545f4914f6cdd1d

// A query is a target made ready to be looked up in every shape.
type query struct {
	set      *Set
	values   fieldValues
	hashes   [fieldCount]uint64
	labels   map[string]string
	known    fieldSet
	concerns definitionSet
	currency currencyID
	warmed   byte // keeps what warm reads from being optimised away
}

func (s *Set) query(target *Target) query {
	q := query{
		set:      s,
		values:   target.values(),
		labels:   target.Labels,
		concerns: s.concerning.kind(target.Kind),
	}
	if target.Currency != "" {
		q.currency = everyCurrency
		if id, ok := s.currencies[target.Currency]; ok {
			q.currency = id
		}
	}
	for field, value := range q.values {
		if value != "" && s.used.has(field) {
			q.known |= 1 << field
			q.hashes[field] = maphash.String(s.seed, value)
		}
	}
	if len(target.Labels) > 0 {
		q.known |= 1 << labelsField
	}
	return q
}

// hash is the hash of the target's key in a shape; false when the target lacks one of the shape's fields.
func (q *query) hash(shape *shape) (uint64, bool) {
	if shape.fields&^q.known != 0 {
		return 0, false
	}
	hash := uint64(emptyKey)
	for rest := shape.fields &^ (1 << labelsField); rest != 0; rest &= rest - 1 {
		hash = mix(hash, q.hashes[bits.TrailingZeros16(uint16(rest))])
	}
	for _, key := range shape.labels {
		value, ok := q.labels[key]
		if !ok {
			return 0, false
		}
		hash = mix(hash, maphash.String(q.set.seed, value))
	}
	return hash & q.set.hashBits, true
}

// warm reads a byte of every cache line of a page. In a large set none is in a cache, and where the second record
// starts is known only once the first is there: asking for all of them first costs the wait for one.
func (q *query) warm(start, end uint64) {
	warmed := byte(0)
	for ; start < end; start += cacheLine {
		warmed |= q.set.records[start]
	}
	q.warmed = warmed
}

// matches compares the key of the record in r with the target, leaving the reader at the values.
func (q *query) matches(shape *shape, r *reader) (hard, ok bool) {
	_, hard, _, _ = r.place()
	for rest := shape.fields &^ (1 << labelsField); rest != 0; rest &= rest - 1 {
		if r.string() != q.values[bits.TrailingZeros16(uint16(rest))] {
			return hard, false
		}
	}
	for _, key := range shape.labels {
		if r.string() != q.labels[key] {
			return hard, false
		}
	}
	return hard, true
}
