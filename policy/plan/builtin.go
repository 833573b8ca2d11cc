package plan

import (
	"strings"

	"github.com/bidrail/bidrail/policy/term"
)

// builtin is one of Rego's built-in functions. A direct version leaves what it cannot do itself, such as numbers that are no int64 or
// arguments of the wrong type, to OPA's by saying that it has not done it. A result that is undefined is one.
//
// An error is one of three: the end of the budget or of the context, for which the run must end; a [topdown.Halt], for which it must
// end too; or what the built-in has against its arguments, in OPA's words without the name of the built-in.
type builtin func(b *budget, arguments []term.Value) (result term.Value, done bool, err error)

// lookup is the built-in of a name as it is called in one place: the direct version first, and OPA's for what that leaves. The constants
// are the arguments that are the same at each call there; the others are undefined. It is not found where OPA has none.
func lookup(name string, constants []term.Value) (builtin, bool) {
	general, ok := reference(name)
	if !ok {
		return nil, false
	}
	special := direct(name, constants)
	if special == nil {
		return general, true
	}
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		if result, done, err := special(b, arguments); done || err != nil {
			return result, true, err
		}
		return general(b, arguments)
	}, true
}

// direct is the direct version of a built-in, nil where there is none.
func direct(name string, constants []term.Value) builtin {
	switch name {
	case "equal":
		return isEqual(true)
	case "neq":
		return isEqual(false)
	case "lt":
		return isOrdered(func(c int) bool { return c < 0 })
	case "lte":
		return isOrdered(func(c int) bool { return c <= 0 })
	case "gt":
		return isOrdered(func(c int) bool { return c > 0 })
	case "gte":
		return isOrdered(func(c int) bool { return c >= 0 })
	case "plus":
		return ofIntegers(term.Add)
	case "minus":
		return minus
	case "mul":
		return ofIntegers(term.Multiply)
	case "rem":
		return ofIntegers(remainder)
	case "abs":
		return absolute
	case "is_number":
		return isOfKind(term.Number)
	case "is_string":
		return isOfKind(term.String)
	case "is_boolean":
		return isOfKind(term.Boolean)
	case "is_array":
		return isOfKind(term.Array)
	case "is_set":
		return isOfKind(term.Set)
	case "is_object":
		return isOfKind(term.Object)
	case "is_null":
		return isOfKind(term.Null)
	case "type_name":
		return typeName
	case "glob.match":
		return globMatch(constants)
	case "sprintf":
		return sprintf
	}
	if collection := directOnCollections(name); collection != nil {
		return collection
	}
	return directOnTexts(name)
}

func directOnCollections(name string) builtin {
	switch name {
	case "count":
		return count
	case "sum":
		return sum
	case "max":
		return extreme(1)
	case "min":
		return extreme(-1)
	case "sort":
		return sorted
	case "and":
		return ofSets((*term.Members).Intersection)
	case "or":
		return ofSets((*term.Members).Union)
	case "union":
		return ofSetOfSets((*term.Members).Union)
	case "intersection":
		return ofSetOfSets((*term.Members).Intersection)
	case "internal.member_2":
		return isMember
	case "internal.member_3":
		return isMemberAt
	case "array.concat":
		return arrayConcat
	case "array.slice":
		return arraySlice
	case "array.reverse":
		return arrayReverse
	case "object.get":
		return objectGet
	case "object.keys":
		return objectKeys
	case "object.union":
		return objectUnion
	case "object.union_n":
		return objectUnionAll
	case "object.remove":
		return objectSelect(false)
	case "object.filter":
		return objectSelect(true)
	case "object.subset":
		return objectSubset
	}
	return nil
}

func directOnTexts(name string) builtin {
	switch name {
	case "startswith":
		return startsWith
	case "endswith":
		return endsWith
	case "contains":
		return contains
	case "strings.count":
		return occurrences
	case "strings.any_prefix_match":
		return anyAffix(strings.HasPrefix)
	case "strings.any_suffix_match":
		return anyAffix(strings.HasSuffix)
	case "lower":
		return inCase(strings.ToLower)
	case "upper":
		return inCase(strings.ToUpper)
	case "split":
		return split
	case "substring":
		return substring
	case "indexof":
		return indexOf
	case "trim":
		return trimmed(strings.Trim)
	case "trim_left":
		return trimmed(strings.TrimLeft)
	case "trim_right":
		return trimmed(strings.TrimRight)
	case "trim_prefix":
		return trimmed(strings.TrimPrefix)
	case "trim_suffix":
		return trimmed(strings.TrimSuffix)
	case "trim_space":
		return trimSpace
	case "format_int":
		return formatInt
	}
	return nil
}
