package limits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Entry sets limits for the targets it matches.
type Entry struct {
	ID    string
	File  string // where the entry is written; may be empty
	Match Match
	Hard  bool               // a more specific entry may only tighten it
	Set   map[string][]Value // by limit; several values only for money, each in its own currency
}

// Builder collects definitions and entries for a [Set]. Definitions come before the entries that use them. The zero
// Builder is ready to use.
//
// A builder remembers what was wrong: after any error Build fails too, so that no set lacks an entry somebody wrote.
type Builder struct {
	definitions []Definition
	byName      map[string]definitionID

	settings   []setting
	settingIDs map[setting]settingID
	currencies map[string]currencyID

	files   []string
	fileIDs map[string]uint64
	ids     map[Source]struct{}

	records strings.Builder // as in record.go, without tags and in the order they came
	scratch []byte
	shapes  map[string]*shapeBuilder
	length  int

	problems []error

	// hashBits, when it is not zero, are the only bits of a hash that count. Tests make collisions with it.
	hashBits uint64
}

// shapeBuilder is a shape before its table is made.
type shapeBuilder struct {
	fields  fieldSet
	labels  []string
	records []uint64
}

// row is one entry on its way into the records, whether it comes from a document, a table or Go.
type row struct {
	source Source
	values fieldValues
	labels []label // sorted by key
	hard   bool
	set    []assignment
}

type label struct{ key, value string }

type assignment struct {
	definition definitionID
	value      Value
}

// fail remembers an error and returns it.
func (b *Builder) fail(err error) error {
	b.problems = append(b.problems, err)
	return err
}

// Define adds a definition.
func (b *Builder) Define(d Definition) error {
	if err := b.define(d); err != nil {
		return b.fail(&Error{Field: "definition " + d.Name, Err: err})
	}
	return nil
}

func (b *Builder) define(d Definition) error {
	if err := d.check(); err != nil {
		return err
	}
	if _, ok := b.byName[d.Name]; ok {
		return errors.New("is defined twice: keep one definition")
	}
	if b.byName == nil {
		b.byName = map[string]definitionID{}
	}
	b.byName[d.Name] = definitionID(len(b.definitions))
	d.Kinds = slices.Clone(d.Kinds)
	b.definitions = append(b.definitions, d)
	return nil
}

// Add adds an entry.
func (b *Builder) Add(e Entry) error {
	r := row{source: Source{File: e.File, ID: e.ID}, values: e.Match.values(), hard: e.Hard}
	fail := func(field string, err error) error {
		return b.fail(&Error{Source: r.source, Field: field, Err: err})
	}
	if err := b.claimID(r.source); err != nil {
		return fail("id", err)
	}
	if err := e.Match.Check(); err != nil {
		return fail("match", err)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Match.Labels)) {
		r.labels = append(r.labels, label{key, e.Match.Labels[key]})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		definition, ok := b.byName[name]
		if !ok {
			return fail("set", b.unknownLimit(name))
		}
		for _, value := range e.Set[name] {
			err := value.check()
			if want := b.definitions[definition].Type; err == nil && value.Type != want {
				err = fmt.Errorf("%q is a %v, but the limit is a %v: %s", value, value.Type, want, want.accepts())
			}
			if err != nil {
				return fail("set."+name, err)
			}
			r.set = append(r.set, assignment{definition, value})
		}
	}
	if err := b.add(&r); err != nil {
		return fail("set", err)
	}
	return nil
}

// claimID refuses a second entry of the same id in one file: a finding's source must lead to one entry.
func (b *Builder) claimID(source Source) error {
	if source.ID == "" {
		return errors.New("is empty: give the entry an id of its own")
	}
	if err := checkText(source.ID); err != nil {
		return err
	}
	if _, ok := b.ids[source]; ok {
		return fmt.Errorf("%q is there twice: give each entry an id of its own", source.ID)
	}
	if b.ids == nil {
		b.ids = map[Source]struct{}{}
	}
	b.ids[source] = struct{}{}
	return nil
}

func (b *Builder) unknownLimit(name string) error {
	if len(b.definitions) == 0 {
		return fmt.Errorf("unknown limit %q: nothing is defined yet; define the limits before the entries", name)
	}
	return fmt.Errorf("unknown limit %q: define it, or write one of %s",
		name, strings.Join(slices.Sorted(maps.Keys(b.byName)), ", "))
}

// add writes a row whose match and values have been checked one by one; it checks what depends on several of them.
func (b *Builder) add(r *row) error {
	if len(r.set) == 0 {
		return errors.New("the entry sets nothing: give it a limit or remove it")
	}
	for i, a := range r.set {
		d := &b.definitions[a.definition]
		if r.hard && d.Tighter == Unordered {
			return fmt.Errorf("%s cannot be hard, as its definition does not say which way is tighter: "+
				"add tighter to the definition or set it in an entry that is not hard", d.Name)
		}
		if kind := r.values[kindField]; kind != "" && !d.concerns(kind) {
			return fmt.Errorf("%s is never resolved for the kind %q the entry matches, only for %s",
				d.Name, kind, strings.Join(d.Kinds, ", "))
		}
		mine := b.setting(a)
		for _, earlier := range r.set[:i] {
			if b.settings[mine].clashes(b.settings[b.setting(earlier)]) {
				return fmt.Errorf("%s is set to %v and to %v: keep one%s",
					d.Name, earlier.value, a.value, perCurrency(d.Type))
			}
		}
	}
	b.write(r)
	return nil
}

func perCurrency(t Type) string {
	if t == Money {
		return " for each currency; unlimited stands for all currencies"
	}
	return ""
}

// setting finds or makes the setting an assignment is about.
func (b *Builder) setting(a assignment) settingID {
	s := setting{definition: a.definition, unlimited: a.value.Unlimited}
	switch {
	case a.value.Type != Money:
	case a.value.Unlimited:
		s.currency = everyCurrency
	default:
		s.currency = b.currency(a.value.Currency)
	}
	id, ok := b.settingIDs[s]
	if !ok {
		if b.settingIDs == nil {
			b.settingIDs = map[setting]settingID{}
		}
		id = settingID(len(b.settings))
		b.settings = append(b.settings, s)
		b.settingIDs[s] = id
	}
	return id
}

func (b *Builder) currency(code string) currencyID {
	id, ok := b.currencies[code]
	if !ok {
		if b.currencies == nil {
			b.currencies = map[string]currencyID{}
		}
		id = firstCurrency + currencyID(len(b.currencies))
		b.currencies[strings.Clone(code)] = id
	}
	return id
}

func (b *Builder) file(name string) uint64 {
	id, ok := b.fileIDs[name]
	if !ok {
		if b.fileIDs == nil {
			b.fileIDs = map[string]uint64{}
		}
		id = uint64(len(b.files))
		b.files = append(b.files, name)
		b.fileIDs[name] = id
	}
	return id
}

// write appends the row as a record.
func (b *Builder) write(r *row) {
	shape := b.shape(r)
	shape.records = append(shape.records, uint64(b.records.Len()))
	b.length++

	head := b.file(r.source.File) << 1
	if r.hard {
		head |= 1
	}
	body := binary.AppendUvarint(b.scratch[:0], head)
	body = binary.AppendUvarint(body, uint64(r.source.Line))
	if r.source.Line == 0 {
		body = appendString(body, r.source.ID)
	}
	for _, value := range r.values {
		if value != "" {
			body = appendString(body, value)
		}
	}
	for _, l := range r.labels {
		body = appendString(body, l.value)
	}
	body = binary.AppendUvarint(body, uint64(len(r.set)))
	for _, a := range r.set {
		body = binary.AppendUvarint(body, uint64(b.setting(a)))
		if !a.value.Unlimited {
			body = binary.AppendUvarint(body, uint64(a.value.Amount))
		}
	}
	b.scratch = body

	var start [binary.MaxVarintLen64 + 1]byte
	b.records.Write(append(binary.AppendUvarint(start[:0], uint64(len(body))), 0))
	b.records.Write(body)
}

// shape finds or makes the shape of a row.
func (b *Builder) shape(r *row) *shapeBuilder {
	fields := fieldSet(0)
	for field, value := range r.values {
		if value != "" {
			fields |= 1 << field
		}
	}
	if len(r.labels) > 0 {
		fields |= 1 << labelsField
	}
	name := strconv.AppendUint(make([]byte, 0, 64), uint64(fields), 10)
	for _, l := range r.labels {
		name = appendString(name, l.key) // with its length, so that two lists of keys never read the same
	}
	shape, ok := b.shapes[string(name)]
	if !ok {
		shape = &shapeBuilder{fields: fields}
		for _, l := range r.labels {
			shape.labels = append(shape.labels, strings.Clone(l.key))
		}
		if b.shapes == nil {
			b.shapes = map[string]*shapeBuilder{}
		}
		b.shapes[string(name)] = shape
	}
	return shape
}
