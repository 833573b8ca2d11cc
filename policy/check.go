package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/bidrail/bidrail/policy/term"
)

// check returns what is wrong with a document, each as a path and a complaint; nil when it has
// the shape.
func (s *shape) check(document term.Value) []violation { return s.checkBy(document, false) }

// checkRecorded is check of a document that was recorded, perhaps when documents had fewer members: those that are missing are nothing to
// complain of, but for values, which a caller may have left out.
func (s *shape) checkRecorded(document term.Value) []violation { return s.checkBy(document, true) }

func (s *shape) checkBy(document term.Value, recorded bool) []violation {
	c := checker{path: make([]string, 0, 8), recorded: recorded}
	c.value(s, term.Text("input"), document)
	return c.found
}

// checkWindows is check of a document in which all but the windows has been checked.
func (s *shape) checkWindows(windows term.Value) []violation {
	c := checker{path: append(make([]string, 0, 8), "input")}
	c.value(s.properties["windows"], term.Text("windows"), windows)
	return c.found
}

type violation struct{ path, complaint string }

func (v violation) String() string { return v.path + " " + v.complaint }

// checker walks a document beside its shape. The path is only put together for what is wrong:
// almost every document is right.
type checker struct {
	path     []string
	found    []violation
	recorded bool
}

func (c *checker) complain(name, format string, arguments ...any) {
	path := strings.Join(c.path, ".")
	if name != "" {
		path += "." + name
	}
	path = strings.ReplaceAll(strings.TrimPrefix(path, "."), ".[", "[")
	c.found = append(c.found, violation{path, fmt.Sprintf(format, arguments...)})
}

func (c *checker) value(s *shape, key, value term.Value) {
	name, _ := key.Text()
	switch s.form {
	case formString:
		text, ok := value.Text()
		if !ok {
			c.complain(name, "is %s and must be a string", value.Kind())
		} else if len(s.enum) > 0 && !slices.Contains(s.enum, text) {
			c.complain(name, "is %q, which is not one of the known values", text)
		}
	case formInteger:
		if _, ok := value.Int(); ok {
			return
		}
		if number, ok := value.Number(); !ok {
			c.complain(name, "is %s and must be an integer", value.Kind())
		} else if !isInteger(number) {
			c.complain(name, "is %s and must be an integer", number)
		}
	case formBoolean:
		if value.Kind() != term.Boolean {
			c.complain(name, "is %s and must be true or false", value.Kind())
		}
	case formArray:
		list := value.List()
		if list == nil {
			c.complain(name, "is %s and must be a list", value.Kind())
			return
		}
		c.path = append(c.path, name)
		for i := range list.Len() {
			c.value(s.members, term.Text(indexName(i)), list.At(i))
		}
		c.path = c.path[:len(c.path)-1]
	default:
		object := value.Map()
		if object == nil {
			c.complain(name, "is %s and must be an object", value.Kind())
			return
		}
		c.path = append(c.path, name)
		c.object(s, object)
		c.path = c.path[:len(c.path)-1]
	}
}

func (c *checker) object(s *shape, object *term.Map) {
	if fit := s.fitting(object.SharedKeys()); fit != nil {
		c.fit(s, fit, object)
		return
	}
	required := s.required
	if c.recorded && s.form == formObject {
		required = s.requiredValues()
	}
	c.demand(object, required)
	c.demandMembers(s, object)
	if s.unless != "" && !object.Get(term.Text(s.unless)).Defined() {
		c.demand(object, s.otherwise)
	}
	for i := range object.Len() {
		key, member := object.At(i)
		name, ok := key.Text()
		if !ok {
			c.complain("", "has a key that is not a string")
			continue
		}
		property := s.members
		if property == nil {
			property = s.properties[name]
		}
		if property == nil {
			c.complain(name, "is not part of the input document")
			continue
		}
		c.value(property, key, member)
	}
}

// requiredValues is what is required of an object and is a value.
func (s *shape) requiredValues() (names []string) {
	for _, name := range s.required {
		if s.properties[name].form == formValue {
			names = append(names, name)
		}
	}
	return names
}

func (c *checker) demand(object *term.Map, names []string) {
	for _, name := range names {
		if !object.Get(term.Text(name)).Defined() {
			c.complain(name, "is missing")
		}
	}
}

// demandMembers demands what a typed value must have, which depends on its type.
func (c *checker) demandMembers(s *shape, object *term.Map) {
	if s.form == formValue {
		if kind, ok := object.Get(term.Text("type")).Text(); ok {
			c.demand(object, valueMembers[kind])
		}
	}
}

// fit checks the members of an object whose keys are known to be right.
func (c *checker) fit(s *shape, fit *fitting, object *term.Map) {
	c.demandMembers(s, object)
	for i, place := range fit.places {
		key, member := object.At(i)
		switch place.plain {
		case term.Undefined:
		case term.Number:
			if _, ok := member.Int(); ok {
				continue
			}
		default:
			if member.Kind() == place.plain {
				continue
			}
		}
		c.value(place.shape, key, member)
	}
}

// fitting are keys that an object of a shape can have: all that it must have are among them, and no others than it may
// have. The objects of documents that were not read from text share a few such keys, so they are compared with the shape once.
type fitting struct {
	keys   *term.Keys
	places []fittingPlace // at the place of each key
}

type fittingPlace struct {
	shape *shape
	plain term.Kind // what the value is where its shape says no more than that, else undefined
}

// fitting is what is known of the keys, nil where they are not right or belong to one object alone.
func (s *shape) fitting(keys *term.Keys) *fitting {
	if keys == nil || s.members != nil {
		return nil
	}
	place := 0
	for ; place < len(s.met); place++ {
		met := s.met[place].Load()
		if met == nil {
			break
		}
		if met.keys == keys {
			return met
		}
	}
	fit := s.compare(keys)
	if fit != nil {
		s.met[min(place, len(s.met)-1)].Store(fit) // with so many forms the last keeps changing
	}
	return fit
}

func (s *shape) compare(keys *term.Keys) *fitting {
	lacks := func(name string) bool { return !keys.Has(term.Text(name)) }
	if slices.ContainsFunc(s.required, lacks) || s.unless != "" && lacks(s.unless) && slices.ContainsFunc(s.otherwise, lacks) {
		return nil
	}
	fit := &fitting{keys: keys, places: make([]fittingPlace, keys.Len())}
	for i := range fit.places {
		name, _ := keys.At(i).Text()
		property := s.properties[name]
		if property == nil {
			return nil
		}
		fit.places[i] = fittingPlace{property, property.plain()}
	}
	return fit
}

// plain is the kind of all values of the shape, undefined where the shape says more of them.
func (s *shape) plain() term.Kind {
	switch {
	case s.form == formString && len(s.enum) == 0:
		return term.String
	case s.form == formInteger:
		return term.Number
	case s.form == formBoolean:
		return term.Boolean
	}
	return term.Undefined
}

func indexName(i int) string {
	if i == 0 {
		return "[0]" // what nearly every list has
	}
	return fmt.Sprintf("[%d]", i)
}

func isInteger(number ast.Number) bool {
	for i, digit := range []byte(number) {
		if (digit < '0' || digit > '9') && (i > 0 || digit != '-') {
			return false
		}
	}
	return number != "" && number != "-"
}
