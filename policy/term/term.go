// Package term holds the values that rules are about: the input document, the data of a revision, and what
// rules make of them.
//
// They are those of Rego (null, booleans, numbers, strings, arrays, objects and sets) with Rego's order and
// Rego's equality, in a form that is cheap to make, to look into and to compare: an integer is an int64, a string is the
// Go string, and an object whose keys are known beforehand shares them with all others of its form (see [Keys]). Package
// plan runs on them; [FromAST] and [Value.AST] lead from and to OPA's own values.
//
// Start with [Value].
package term

import (
	"cmp"
	"strings"
	"unsafe"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Kind is the type of a value, in Rego's order of types.
type Kind uint8

// The kinds.
const (
	Undefined Kind = iota // no value: what the zero Value is
	Null
	Boolean
	Number
	String
	Array
	Object
	Set
)

var kindNames = [...]string{"undefined", "null", "boolean", "number", "string", "array", "object", "set"}

// String is the name that Rego's type_name gives the kind.
func (k Kind) String() string { return kindNames[k] }

// Value is one value of Rego. The zero Value is undefined, which is no value. It is small and passed by value; what it refers
// to does not change once it is shared. Values are compared with [Equal] and [Compare], never with ==.
//
// It is laid out as the values of log/slog are: a word for integers and lengths, and an interface that says of what type
// it is or points to what does not fit the word.
type Value struct {
	_    [0]func() // not comparable with ==
	word uint64
	ref  any // nil, Kind, text, *wide, *decimal, *List, *Map or *Members
}

type text *byte // the bytes of a string, whose length is in the word

// decimal is any other number: larger still, or written with a fraction or an exponent.
type decimal struct{ number ast.Number }

// NullValue is Rego's null.
func NullValue() Value { return Value{ref: Null} }

// Bool is a boolean.
func Bool(is bool) Value {
	if is {
		return Value{ref: Boolean, word: 1}
	}
	return Value{ref: Boolean}
}

// Int is an integer.
func Int(number int64) Value { return Value{ref: Number, word: uint64(number)} }

// Text is a string.
func Text(s string) Value { return Value{ref: text(unsafe.StringData(s)), word: uint64(len(s))} }

// Decimal is a number as it is written. One that is an int64 is the same value as [Int] gives.
func Decimal(number ast.Number) Value {
	if integer, ok := number.Int64(); ok && plainInteger(string(number)) {
		return Int(integer)
	}
	if integer, ok := wideOf(number); ok {
		return integer
	}
	return Value{ref: &decimal{number}}
}

// plainInteger reports whether text is how strconv writes an integer, so that nothing is lost by keeping the integer alone.
func plainInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] == '0' && text != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// Kind is the type of the value.
func (v Value) Kind() Kind {
	switch ref := v.ref.(type) {
	case Kind:
		return ref
	case text:
		return String
	case *Map:
		return Object
	case *List:
		return Array
	case *Members:
		return Set
	case *wide, *decimal:
		return Number
	}
	return Undefined
}

// Defined reports whether there is a value.
func (v Value) Defined() bool { return v.ref != nil }

// IsFalse reports whether the value is the boolean false, the one value besides undefined for which a condition does not hold.
func (v Value) IsFalse() bool {
	kind, ok := v.ref.(Kind)
	return ok && kind == Boolean && v.word == 0
}

// Bool is the boolean, if it is one.
func (v Value) Bool() (is, ok bool) {
	kind, ok := v.ref.(Kind)
	return v.word != 0, ok && kind == Boolean
}

// Int is the integer, if it is one that fits.
func (v Value) Int() (int64, bool) {
	kind, ok := v.ref.(Kind)
	return int64(v.word), ok && kind == Number
}

// Number is the number as it is written, if it is one: an integer beyond int64 and a fraction too.
func (v Value) Number() (ast.Number, bool) {
	if v.Kind() != Number {
		return "", false
	}
	return v.number(), true
}

// Text is the string, if it is one.
func (v Value) Text() (string, bool) {
	if ref, ok := v.ref.(text); ok {
		return unsafe.String((*byte)(ref), int(v.word)), true
	}
	return "", false
}

// Map is the object, or nil if it is none.
func (v Value) Map() *Map {
	object, _ := v.ref.(*Map)
	return object
}

// List is the array, or nil if it is none.
func (v Value) List() *List {
	list, _ := v.ref.(*List)
	return list
}

// Members is the set, or nil if it is none.
func (v Value) Members() *Members {
	members, _ := v.ref.(*Members)
	return members
}

// Len is how many characters a string and how many members an array, an object or a set has. Others have none.
func (v Value) Len() (int, bool) {
	switch ref := v.ref.(type) {
	case text:
		return len([]rune(unsafe.String((*byte)(ref), int(v.word)))), true
	case *Map:
		return ref.Len(), true
	case *List:
		return len(ref.items), true
	case *Members:
		return ref.Len(), true
	}
	return 0, false
}

// Get is the member at a key: of an object by its key, of an array by its index, of a set the member itself. It is undefined
// where there is none, and of anything else.
func (v Value) Get(key Value) Value {
	switch ref := v.ref.(type) {
	case *Map:
		return ref.Get(key)
	case *List:
		if i, ok := key.Int(); ok && 0 <= i && i < int64(len(ref.items)) {
			return ref.items[i]
		}
		if d, ok := key.ref.(*decimal); ok { // an index written 1.0, but not 1e0: so OPA has it
			if i, ok := d.number.Int64(); ok && 0 <= i && i < int64(len(ref.items)) {
				return ref.items[i]
			}
		}
	case *Members:
		if ref.Has(key) {
			return key
		}
	}
	return Value{}
}

// Field is the member of an object at a string, undefined where there is none and of anything else.
func (v Value) Field(name string) Value {
	if object, ok := v.ref.(*Map); ok {
		return object.Get(Text(name))
	}
	return Value{}
}

// Compare orders values as Rego does: by kind, then by value; objects by their keys first.
func Compare(a, b Value) int {
	kind := a.Kind()
	if c := cmp.Compare(kind, b.Kind()); c != 0 {
		return c
	}
	switch kind {
	case Boolean:
		return cmp.Compare(a.word, b.word)
	case Number:
		x, xFits := a.Int()
		y, yFits := b.Int()
		if xFits && yFits {
			return cmp.Compare(x, y)
		}
		if x, ok := integerOf(a); ok {
			if y, ok := integerOf(b); ok {
				return x.compare(&y)
			}
		}
		return ast.Compare(a.number(), b.number())
	case String:
		x, _ := a.Text()
		y, _ := b.Text()
		return strings.Compare(x, y)
	case Array:
		return compareLists(a.List(), b.List())
	case Object:
		return compareMaps(a.Map(), b.Map())
	case Set:
		return a.Members().compare(&b.Members().Keys)
	}
	return 0
}

// Equal reports whether two values are the same in Rego.
func Equal(a, b Value) bool {
	switch x := a.ref.(type) {
	case Kind:
		if y, ok := b.ref.(Kind); ok {
			return x == y && a.word == b.word
		}
	case text:
		y, ok := b.ref.(text)
		return ok && a.word == b.word && (x == y || unsafe.String((*byte)(x), int(a.word)) == unsafe.String((*byte)(y), int(b.word)))
	case *Map:
		y, ok := b.ref.(*Map)
		return ok && (x == y || x.equal(y))
	case *Members:
		y, ok := b.ref.(*Members)
		return ok && (x == y || x.sameAs(&y.Keys))
	}
	return Compare(a, b) == 0
}
