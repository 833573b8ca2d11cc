package limits

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Decode reads the document data.limits, decoded from YAML or JSON already, and says that it came from file. It
// accepts nothing it does not know: every unknown key, wrong type and bad number is an error, and all of them are
// returned, joined. Entries are read only once the definitions are right.
//
// Numbers have to arrive as integers or as [json.Number]. A float64 is refused, since nobody can tell any more what
// was written.
func (b *Builder) Decode(document any, file string) error {
	d := documentReader{builder: b, file: file}
	d.read(document)
	b.problems = append(b.problems, d.problems...)
	return errors.Join(d.problems...)
}

// documentReader collects what is wrong with one document.
type documentReader struct {
	builder  *Builder
	file     string
	problems []error
}

// fail reports a problem of the entry with the id, or of the whole document when there is none.
func (d *documentReader) fail(id, field string, err error) {
	d.problems = append(d.problems, &Error{Source: Source{File: d.file, ID: id}, Field: field, Err: err})
}

func (d *documentReader) read(document any) {
	keys, ok := d.mapping("", "", document, "a mapping with definitions and entries")
	if !ok {
		return
	}
	d.known("", "", keys, "definitions", "entries")
	before := len(d.problems)
	if value, ok := keys["definitions"]; ok {
		definitions, _ := d.mapping("", "definitions", value, "a mapping from names of limits to what they are")
		for _, name := range slices.Sorted(maps.Keys(definitions)) {
			d.definition(name, definitions[name])
		}
	}
	if len(d.problems) > before {
		return
	}
	if value, ok := keys["entries"]; ok {
		entries, ok := value.([]any)
		if !ok {
			d.fail("", "entries", wrongType(value, "a list"))
		}
		for i, entry := range entries {
			d.entry(i, entry)
		}
	}
}

func (d *documentReader) definition(name string, value any) {
	field := "definitions." + name
	keys, ok := d.mapping("", field, value, "a mapping with type, tighter, kinds, about and source")
	if !ok {
		return
	}
	before := len(d.problems)
	d.known("", field, keys, "type", "tighter", "kinds", "about", "source")
	definition := Definition{
		Name:   name,
		About:  d.text("", field, keys, "about"),
		Source: d.text("", field, keys, "source"),
	}
	var err error
	if word := d.text("", field, keys, "type"); word != "" {
		if definition.Type, err = ParseType(word); err != nil {
			d.fail("", field+".type", err)
		}
	}
	if word := d.text("", field, keys, "tighter"); word != "" {
		if definition.Tighter, err = ParseTighter(word); err != nil {
			d.fail("", field+".tighter", err)
		}
	}
	if value, ok := keys["kinds"]; ok {
		definition.Kinds = d.kinds(field+".kinds", value)
	}
	if len(d.problems) > before {
		return
	}
	if err := d.builder.define(definition); err != nil {
		d.fail("", field, err)
	}
}

func (d *documentReader) kinds(field string, value any) []string {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		d.fail("", field, errors.New("is not a list of kinds: write one such as [bid, default_bid], or leave it out for all kinds"))
		return nil
	}
	var kinds []string
	for i, element := range list {
		kind, ok := element.(string)
		if !ok {
			d.fail("", fmt.Sprintf("%s[%d]", field, i), wrongType(element, "text"))
			continue
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func (d *documentReader) entry(position int, value any) {
	field := fmt.Sprintf("entries[%d]", position)
	keys, ok := d.mapping("", field, value, "a mapping with id, match, hard, source and set")
	if !ok {
		return
	}
	before := len(d.problems)
	id := d.text("", field, keys, "id")
	if id == "" {
		if _, ok := keys["id"]; !ok {
			d.fail("", field+".id", errors.New("is missing: give the entry an id of its own"))
		}
		return // the rest could not be named
	}
	r := row{source: Source{File: d.file, ID: id}}
	if err := d.builder.claimID(r.source); err != nil {
		d.fail("", field+".id", err)
		return
	}
	d.known(id, "", keys, "id", "match", "hard", "source", "set")
	d.text(id, "", keys, "source") // for people; a finding leads to the entry itself
	if value, ok := keys["match"]; ok {
		d.match(&r, value)
	} else {
		d.fail(id, "match", errors.New("is missing: write {} to match everything"))
	}
	if value, ok := keys["hard"]; ok {
		hard, err := decodeValue(Flag, value)
		if err != nil {
			d.fail(id, "hard", err)
		}
		r.hard = hard.Amount == 1
	}
	if value, ok := keys["set"]; ok {
		d.set(&r, value)
	} else {
		d.fail(id, "set", errors.New("is missing: write the limits the entry sets"))
	}
	if len(d.problems) > before {
		return
	}
	if err := d.builder.add(&r); err != nil {
		d.fail(id, "set", err)
	}
}

func (d *documentReader) match(r *row, value any) {
	id := r.source.ID
	keys, _ := d.mapping(id, "match", value, "a mapping, or {} to match everything")
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if name == fieldNames[labelsField] {
			d.labels(r, keys[name])
			continue
		}
		field, ok := fieldNamed(name)
		if !ok {
			d.fail(id, "match", fmt.Errorf("unknown field %q: write any of %s and labels", name, acceptedFields))
			continue
		}
		r.values[field], _ = d.matchText(id, "match."+name, keys[name])
	}
}

func (d *documentReader) labels(r *row, value any) {
	id := r.source.ID
	keys, ok := d.mapping(id, "match.labels", value, "a mapping from labels to their values")
	if ok && len(keys) == 0 {
		d.fail(id, "match.labels", errors.New("is empty: name a label or leave labels out"))
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if err := checkText(key); err != nil {
			d.fail(id, "match.labels", err)
		}
		if text, ok := d.matchText(id, "match.labels."+key, keys[key]); ok {
			r.labels = append(r.labels, label{key, text})
		}
	}
}

// matchText reads a value to match. Identifiers that look like numbers have to be quoted: read as a number, 007 and 7
// are the same, and YAML takes 010 for eight.
func (d *documentReader) matchText(id, field string, value any) (string, bool) {
	text, ok := value.(string)
	if !ok {
		d.fail(id, field, wrongType(value, "text in quotes"))
		return "", false
	}
	if err := checkText(text); err != nil {
		d.fail(id, field, err)
		return "", false
	}
	return text, true
}

func (d *documentReader) set(r *row, value any) {
	id := r.source.ID
	keys, _ := d.mapping(id, "set", value, "a mapping from limits to values")
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		definition, ok := d.builder.byName[name]
		if !ok {
			d.fail(id, "set", d.builder.unknownLimit(name))
			continue
		}
		values, err := decodeValues(d.builder.definitions[definition].Type, keys[name])
		if err != nil {
			d.fail(id, "set."+name, err)
		}
		for _, value := range values {
			r.set = append(r.set, assignment{definition, value})
		}
	}
}

// decodeValues reads one value or, for money, a list with one for each currency.
func decodeValues(t Type, decoded any) ([]Value, error) {
	list, ok := decoded.([]any)
	if !ok {
		value, err := decodeValue(t, decoded)
		return []Value{value}, err
	}
	if t != Money {
		return nil, fmt.Errorf("is a list, which only money can be: %s", t.accepts())
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("is an empty list: %s", t.accepts())
	}
	values := make([]Value, len(list))
	for i, element := range list {
		var err error
		if values[i], err = decodeValue(t, element); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func decodeValue(t Type, decoded any) (Value, error) {
	switch decoded := decoded.(type) {
	case string:
		return ParseValue(t, decoded)
	case bool:
		if t == Flag {
			return ParseValue(t, fmt.Sprint(decoded))
		}
	case int, int64, uint64, json.Number:
		if t == Count {
			return ParseValue(t, fmt.Sprint(decoded))
		}
	case float64:
		if t == Count {
			return Value{}, fmt.Errorf("%v is not a whole number, or was decoded as if it were not: %s", decoded, t.accepts())
		}
	case nil:
		return Value{}, fmt.Errorf("is empty: %s", t.accepts())
	case []any:
		return Value{}, fmt.Errorf("is a list: %s", t.accepts())
	case map[string]any, map[any]any:
		return Value{}, fmt.Errorf("is a mapping: %s", t.accepts())
	}
	return Value{}, fmt.Errorf("%v cannot be read as a %v: %s", decoded, t, t.accepts())
}

// mapping reads a mapping whose keys are text. YAML gives map[any]any where some key is not.
func (d *documentReader) mapping(id, field string, value any, want string) (map[string]any, bool) {
	switch value := value.(type) {
	case map[string]any:
		return value, true
	case map[any]any:
		keys := make(map[string]any, len(value))
		for key, element := range value {
			text, ok := key.(string)
			if !ok {
				d.fail(id, field, fmt.Errorf("the key %v is not text: write it in quotes", key))
				return nil, false
			}
			keys[text] = element
		}
		return keys, true
	}
	d.fail(id, field, wrongType(value, want))
	return nil, false
}

// known reports keys that mean nothing.
func (d *documentReader) known(id, field string, keys map[string]any, accepted ...string) {
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(accepted, key) {
			d.fail(id, field, fmt.Errorf("unknown key %q: write any of %s", key, strings.Join(accepted, ", ")))
		}
	}
}

// text reads a text that may be left out, but not left empty.
func (d *documentReader) text(id, field string, keys map[string]any, key string) string {
	value, ok := keys[key]
	if !ok {
		return ""
	}
	if field != "" {
		key = field + "." + key
	}
	text, ok := value.(string)
	switch {
	case !ok:
		d.fail(id, key, wrongType(value, "text"))
	case text == "":
		d.fail(id, key, errors.New("is empty: write something or leave it out"))
	}
	return text
}

func wrongType(value any, want string) error {
	switch value := value.(type) {
	case nil:
		return fmt.Errorf("is empty: write %s", want)
	case string:
		return fmt.Errorf("is the text %q: write %s", value, want)
	case bool:
		return fmt.Errorf("is %v: write %s", value, want)
	case []any:
		return fmt.Errorf("is a list: write %s", want)
	case map[string]any, map[any]any:
		return fmt.Errorf("is a mapping: write %s", want)
	}
	return fmt.Errorf("is the number %v: write %s", value, want)
}
