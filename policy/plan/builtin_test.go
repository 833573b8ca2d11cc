package plan

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	opa "github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

func plenty(ctx context.Context) *budget {
	b := newBudget(ctx, 1<<40, 1<<40)
	return &b
}

// Numbers that are no int64, or no plain one.
var decimals = []opa.Number{"1.0", "1e3", "0.5", "-0", "9223372036854775808", "-9223372036854775809", "1e0", "2.0", "1e-2"}

var integerEdges = []int64{0, 1, -1, 2, 8, 10, 16, math.MaxInt64, math.MinInt64, math.MaxInt32, math.MinInt32, 1 << 32, 3037000500}

var (
	anInteger = rapid.OneOf(rapid.SampledFrom(integerEdges), rapid.Int64Range(-5, 20), rapid.Int64())
	aNumber   = rapid.Custom(func(t *rapid.T) term.Value {
		if rapid.IntRange(0, 9).Draw(t, "decimal") == 0 {
			return term.Decimal(rapid.SampledFrom(decimals).Draw(t, "number"))
		}
		return term.Int(anInteger.Draw(t, "integer"))
	})
	aSmallNumber = rapid.Custom(func(t *rapid.T) term.Value {
		if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
			return aNumber.Draw(t, "number")
		}
		return term.Int(rapid.Int64Range(-3, 9).Draw(t, "index"))
	})
	aText = rapid.Custom(func(t *rapid.T) term.Value {
		return term.Text(rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("ab.é界 A")), 0, 7, -1),
			rapid.SampledFrom([]string{"", "a", "ab", "a\xffb", "\xff", "İ", "ǅ", "  a b ", "a.b.c", "aaaa"}),
		).Draw(t, "text"))
	})
	aMildValue = rapid.OneOf(rapid.Just(term.NullValue()), rapid.Just(term.Bool(true)), rapid.Just(term.Decimal("0.5")),
		rapid.Map(rapid.Int64Range(-3, 9), term.Int), aText)
	aKey = rapid.Custom(func(t *rapid.T) term.Value {
		return rapid.OneOf(aText, aSmallNumber, aText).Draw(t, "key")
	})
	aValue  = valueOf(2)
	aScalar = valueOf(0)
	aList   = listOf(aValue)
	aSet    = setOf(aValue)
	anyMap  = mapOf(aKey, valueOf(2))
)

func valueOf(depth int) *rapid.Generator[term.Value] {
	scalars := []*rapid.Generator[term.Value]{
		rapid.Just(term.NullValue()), rapid.Just(term.Bool(true)), rapid.Just(term.Bool(false)), aNumber, aText, aSmallNumber,
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := valueOf(depth - 1)
	return rapid.OneOf(append(scalars, listOf(inner), setOf(inner), mapOf(aKey, inner), mapOf(aKey, inner))...)
}

func listOf(items *rapid.Generator[term.Value]) *rapid.Generator[term.Value] {
	return rapid.Custom(func(t *rapid.T) term.Value { return term.NewList(rapid.SliceOfN(items, 0, 5).Draw(t, "items")...) })
}

// setOf makes sets that are not sorted yet, as rules make them.
func setOf(members *rapid.Generator[term.Value]) *rapid.Generator[term.Value] {
	return rapid.Custom(func(t *rapid.T) term.Value {
		set := &term.Members{}
		for _, member := range rapid.SliceOfN(members, 0, 5).Draw(t, "members") {
			set.Add(member)
		}
		return set.Value()
	})
}

func mapOf(keys, values *rapid.Generator[term.Value]) *rapid.Generator[term.Value] {
	return rapid.Custom(func(t *rapid.T) term.Value {
		object := &term.Map{}
		for range rapid.IntRange(0, 5).Draw(t, "members") {
			object.Set(keys.Draw(t, "key"), values.Draw(t, "value"))
		}
		return object.Value()
	})
}

var (
	aPattern = rapid.Custom(func(t *rapid.T) term.Value {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b", "*", "**", "?", ".", "[a-b]", "[!a]", "[ab.]", "{a,b}", "{a*,,b}", "{a,{b,*}}", `\*`, "é", "A", ",", "]", "[", "}", " ",
		}), 0, 6).Draw(t, "parts")
		return term.Text(strings.Join(parts, ""))
	})
	someDelimiters = rapid.SampledFrom([]term.Value{
		term.NullValue(), term.NewList(), term.NewList(term.Text("a")), term.NewList(term.Text("."), term.Text("é")),
		term.NewList(term.Text("\xff")), term.NewList(term.Text("ab")), term.NewList(term.Text("]"), term.Text("^")),
	})
	aFormat = rapid.Custom(func(t *rapid.T) term.Value {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"%d", "%s", "%v", "%q", "%x", "% #x", "%5d", "%-8s|", "%08d", "%.2s", "%t", "%c", "%U", "%%", "%", "a", "%[1]d", "%*d", "%!", "%+q", "é",
		}), 0, 5).Draw(t, "parts")
		return term.Text(strings.Join(parts, ""))
	})
)

// arguments are what the direct versions are tried with, by name: what they are for.
func arguments() map[string][]*rapid.Generator[term.Value] {
	type of = []*rapid.Generator[term.Value]
	two, sets, texts := of{aNumber, aNumber}, of{aSet, aSet}, of{aText, aText}
	values := of{rapid.OneOf(aValue, aNumber), rapid.OneOf(aValue, aNumber)}
	numbers := rapid.OneOf(listOf(aNumber), setOf(aNumber), listOf(aSmallNumber))
	manyTexts := rapid.OneOf(aText, listOf(aText), setOf(aText))
	nested := mapOf(aKey, rapid.OneOf(mapOf(aKey, valueOf(1)), aScalar))
	composite := rapid.OneOf(aList, aSet, anyMap)
	sameKind := rapid.OneOf(listOf(aSmallNumber), setOf(aSmallNumber), nested)
	all := map[string]of{
		"equal": values, "neq": values, "lt": values, "lte": values, "gt": values, "gte": values,
		"plus": two, "minus": two, "mul": two, "rem": two, "abs": {aNumber},
		"count": {aValue}, "sum": {numbers}, "max": {composite}, "min": {composite}, "sort": {composite},
		"and": sets, "or": sets, "union": {setOf(setOf(aSmallNumber))}, "intersection": {setOf(setOf(aSmallNumber))},
		"internal.member_2": {aScalar, composite}, "internal.member_3": {aKey, aScalar, composite},
		"array.concat": {aList, aList}, "array.slice": {aList, aSmallNumber, aSmallNumber}, "array.reverse": {aList},
		"object.get":  {nested, rapid.OneOf(aKey, listOf(aKey)), aScalar},
		"object.keys": {anyMap}, "object.union": {nested, nested}, "object.union_n": {listOf(nested)},
		"object.remove": {anyMap, rapid.OneOf(listOf(aKey), setOf(aKey), anyMap)},
		"object.filter": {anyMap, rapid.OneOf(listOf(aKey), setOf(aKey), anyMap)},
		"object.subset": {sameKind, sameKind},
		"startswith":    texts, "endswith": texts, "contains": texts, "strings.count": texts, "split": texts, "indexof": texts,
		"trim": texts, "trim_left": texts, "trim_right": texts, "trim_prefix": texts, "trim_suffix": texts,
		"lower": {aText}, "upper": {aText}, "trim_space": {aText}, "substring": {aText, aSmallNumber, aSmallNumber},
		"strings.any_prefix_match": {manyTexts, manyTexts}, "strings.any_suffix_match": {manyTexts, manyTexts},
		"format_int": {aNumber, rapid.SampledFrom([]term.Value{term.Int(2), term.Int(8), term.Int(10), term.Int(16), term.Int(3)})},
		"glob.match": {aPattern, someDelimiters, aText},
		"sprintf":    {aFormat, listOf(aValue)},
	}
	for _, kind := range []string{"is_number", "is_string", "is_boolean", "is_array", "is_set", "is_object", "is_null", "type_name"} {
		all[kind] = of{aValue}
	}
	return all
}

// A direct version gives what OPA's gives, or leaves it to OPA's. Numbers come written as OPA writes them, with one exception: where
// one that is written in two ways (1 and 1.0) meets itself as a member of sets or as a key, either way may be what is kept.
func TestDirectVersionsAreOPAs(t *testing.T) {
	all := arguments()
	for _, name := range allowed(t) {
		if direct(name, make([]term.Value, 3)) == nil {
			continue
		}
		drawn := all[name]
		if drawn == nil {
			t.Errorf("there are no arguments to try %s with", name)
		}
		t.Run(name, func(t *testing.T) {
			general, _ := reference(name)
			calls, done := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				for range 30 {
					calls++
					arguments := make([]term.Value, len(drawn))
					for i, each := range drawn {
						if rapid.IntRange(0, 19).Draw(t, "stray") == 0 {
							each = aValue
						}
						arguments[i] = each.Draw(t, "argument")
					}
					constants := make([]term.Value, len(drawn))
					if rapid.Bool().Draw(t, "constant") {
						constants = arguments
					}
					if sameAsOPA(t, name, direct(name, constants), general, arguments) {
						done++
					}
				}
			})
			if calls < 2000 || done < calls/4 {
				t.Errorf("of %d calls it did %d itself", calls, done)
			}
		})
	}
}

func sameAsOPA(t interface{ Fatalf(string, ...any) }, name string, special, general builtin, arguments []term.Value) (done bool) {
	got, done, err := special(plenty(context.Background()), arguments)
	if err != nil {
		t.Fatalf("%s(%v) fails: %v", name, arguments, err)
	}
	if !done {
		return false
	}
	want, _, err := general(plenty(context.Background()), arguments)
	if err != nil {
		t.Fatalf("%s(%v) is %v, but OPA's says: %v", name, arguments, got, err)
	}
	keyed := got.Kind() == term.Set || got.Kind() == term.Object
	if got.Kind() != want.Kind() || !term.Equal(got, want) || !keyed && got.String() != want.String() {
		t.Fatalf("%s(%v) is %v, but OPA's gives %v", name, arguments, got, want)
	}
	return true
}

// allowed is the list that policy has, read from its source, since policy imports this package.
func allowed(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../builtins.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		value, ok := node.(*ast.ValueSpec)
		if !ok || value.Names[0].Name != "allowedBuiltins" {
			return true
		}
		for _, each := range value.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(each.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return false
	})
	if len(names) == 0 {
		t.Fatal("policy has no allowedBuiltins any more")
	}
	return names
}

// A built-in that rules may newly call must have a direct version or be listed here.
func TestEveryAllowedBuiltinIsDirectOrLeftToOPA(t *testing.T) {
	planned := []string{"assign", "eq"} // statements of a plan, never called
	left := []string{"time.parse_rfc3339_ns", "time.clock", "time.date", "time.weekday", "time.add_date", "time.diff"}
	for _, name := range allowed(t) {
		isDirect := direct(name, make([]term.Value, 3)) != nil
		if isDirect == slices.Contains(slices.Concat(planned, left), name) {
			t.Errorf("%s is direct: %v. Write a direct version, or list it as left to OPA's", name, isDirect)
		}
		if _, ok := lookup(name, make([]term.Value, 3)); ok == slices.Contains(planned, name) {
			t.Errorf("%s is found: %v", name, ok)
		}
	}
	if _, ok := lookup("no.such", nil); ok {
		t.Error("a built-in that there is not is found")
	}
}

func TestErrorsAreOPAsOwn(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments []term.Value
		want      string
	}{
		{"plus", []term.Value{term.Int(1), term.Text("a")}, "operand 2 must be number but got string"},
		{"minus", []term.Value{term.NewSet(), term.Int(1)}, "operand 2 must be set but got number"},
		{"rem", []term.Value{term.Int(1), term.Int(0)}, "modulo by zero"},
		{"startswith", []term.Value{term.NullValue(), term.Text("a")}, "operand 1 must be string but got null"},
		{"substring", []term.Value{term.Text("a"), term.Int(-1), term.Int(1)}, "negative offset"},
		{"indexof", []term.Value{term.Text("a"), term.Text("")}, "empty search character"},
		{"object.get", []term.Value{term.Int(1), term.Text("a"), term.Int(1)}, "operand 1 must be object but got number"},
		{"sum", []term.Value{term.NewList(term.Bool(true))}, "operand 1 must be array of numbers but got array containing boolean"},
		{"glob.match", []term.Value{term.Text("{"), term.NullValue(), term.Text("a")}, "glob: syntax error at 1: unclosed `{`"},
		{"format_int", []term.Value{term.Int(1), term.Int(3)}, "operand 2 must be one of {2, 8, 10, 16}"},
	} {
		function, _ := lookup(test.name, test.arguments)
		result, _, err := function(plenty(t.Context()), test.arguments)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s(%v) is %v, %v; want %s", test.name, test.arguments, result, err, test.want)
		}
	}
}

// What does not fit an int64 is left to OPA's, which is exact.
func TestArithmeticGoesOnBeyondInt64(t *testing.T) {
	for _, test := range []struct {
		name string
		x, y int64
		want string
	}{
		{"plus", math.MaxInt64, 1, "9223372036854775808"}, {"minus", math.MinInt64, 1, "-9223372036854775809"},
		{"mul", math.MinInt64, -1, "9223372036854775808"}, {"mul", math.MinInt64, 1, "-9223372036854775808"},
		{"mul", math.MaxInt64, math.MaxInt64, "85070591730234615847396907784232501249"},
		{"mul", 3037000500, 3037000500, "9223372037000250000"}, {"rem", math.MinInt64, -1, "0"}, {"rem", -7, 3, "-1"},
	} {
		function, _ := lookup(test.name, make([]term.Value, 2))
		got, _, err := function(plenty(t.Context()), []term.Value{term.Int(test.x), term.Int(test.y)})
		if err != nil || got.String() != test.want {
			t.Errorf("%s(%d, %d) is %v, %v; want %s", test.name, test.x, test.y, got, err, test.want)
		}
	}
}

// OPA's built-ins lack nothing of the context that they are called in, whichever is called and with whatever. Some have panics of their own,
// on arguments of a form that they do not expect; and some that rules may not call make numbers as long as they are told to.
func TestContextOfCallsIsWhole(t *testing.T) {
	for _, builtin := range opa.Builtins {
		function, ok := reference(builtin.Name)
		if !ok {
			continue
		}
		t.Run(builtin.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				arguments := make([]term.Value, builtin.Decl.Arity())
				for i := range arguments {
					arguments[i] = rapid.OneOf(aMildValue, listOf(aMildValue), setOf(aMildValue), mapOf(aText, aMildValue)).Draw(t, "argument")
				}
				b := newBudget(context.Background(), 1<<20, 1<<26)
				if _, _, err := function(&b, arguments); err != nil && (strings.Contains(err.Error(), "nil pointer") || strings.Contains(err.Error(), "nil map")) {
					t.Fatalf("%s(%v) fails: %v", builtin.Name, arguments, err)
				}
			})
		})
	}
}

func TestPanicIsAnError(t *testing.T) {
	function, _ := reference("plus")
	result, _, err := function(plenty(t.Context()), nil)
	if !errors.As(err, new(topdown.Halt)) || !strings.Contains(err.Error(), "plus: OPA's version of it panics") || result.Defined() {
		t.Errorf("a call without arguments gives %v, %v", result, err)
	}
}

func TestNothingOutsideIsReached(t *testing.T) {
	request := &term.Map{}
	request.Set(term.Text("method"), term.Text("get"))
	request.Set(term.Text("url"), term.Text("http://127.0.0.1:1/"))
	schema := term.NewMap(term.NewKeys("$ref"), []term.Value{term.Text("http://127.0.0.1:1/schema")})
	for _, test := range []struct {
		name      string
		arguments []term.Value
		want      string
	}{
		{"http.send", []term.Value{request.Value()}, "disallowed host"},
		{"net.lookup_ip_addr", []term.Value{term.Text("example.test")}, "disallowed host"},
		{"json.match_schema", []term.Value{term.NewList(), schema}, "remote reference loading disabled"},
		{"uuid.rfc4122", []term.Value{term.Text("a")}, "EOF"},
		{"rand.intn", []term.Value{term.Text("a"), term.Int(9)}, "EOF"},
	} {
		function, _ := reference(test.name)
		result, _, err := function(plenty(t.Context()), test.arguments)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s gives %v, %v; want an error with %q", test.name, result, err, test.want)
		}
	}
	for name, want := range map[string]string{"opa.runtime": "{}", "time.now_ns": "0"} {
		function, _ := reference(name)
		if result, _, err := function(plenty(t.Context()), nil); err != nil || result.String() != want {
			t.Errorf("%s gives %v, %v; want %s", name, result, err, want)
		}
	}
}

func TestRelationsYieldAllTheyHave(t *testing.T) {
	walk, _ := lookup("walk", make([]term.Value, 1))
	tree := term.NewList(term.Int(7), term.NewSet(term.Text("x")))
	got, _, err := walk(plenty(t.Context()), []term.Value{tree})
	if want := `[[[],[7,["x"]]],[[0],7],[[1],["x"]],[[1,"x"],"x"]]`; err != nil || got.String() != want {
		t.Errorf("walk yields %v, %v; want %s", got, err, want)
	}
	print, _ := lookup("internal.print", make([]term.Value, 1))
	if got, _, err := print(plenty(t.Context()), []term.Value{term.NewList()}); err != nil || got.String() != "true" {
		t.Errorf("print gives %v, %v", got, err)
	}
}

// The library that OPA uses takes minutes for these.
func TestGlobsTakeNoLongerThanTheirText(t *testing.T) {
	text := term.Text(strings.Repeat("a", 10_000))
	for _, pattern := range []string{
		"*a*a*a*a*a*a*a*b*", "?*?*?*?*?*b?", "*[a-z]*[a-z]*[a-z]*0*", "*a*b?", "{*a,*aa}{*a,*aa}{*a,*aa}b*c?",
		strings.Repeat("{a,aa}", 30) + "b*c?", strings.Repeat("{a*,a*}", 4) + "c?",
	} {
		arguments := []term.Value{term.Text(pattern), term.NewList(), text}
		match, _ := lookup("glob.match", []term.Value{arguments[0], arguments[1], {}})
		b := newBudget(t.Context(), 2_000_000, 1<<20)
		began := time.Now()
		got, _, err := match(&b, arguments)
		if err != nil || got.String() != "false" {
			t.Errorf("%s gives %v, %v", pattern, got, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %v", pattern, took)
		}
	}
}

// Values that share members are far larger than the memory they take.
func doubled(levels int) term.Value {
	value := term.NewList(term.Int(1))
	for range levels {
		value = term.NewList(value, value)
	}
	return value
}

func TestBudgetsBoundBuiltins(t *testing.T) {
	numbers, texts, set, object := &term.List{}, &term.List{}, &term.Members{}, &term.Map{}
	for i := range int64(5000) {
		name := term.Text(fmt.Sprint("name ", 5000-i))
		numbers.Append(term.Int(5000 - i))
		texts.Append(name)
		set.Add(name)
		object.Set(name, term.Int(i))
	}
	long, nothing := term.Text(strings.Repeat("a b ", 50_000)), term.Text("not there")
	list, members, fields, words := numbers.Value(), set.Value(), object.Value(), texts.Value()
	one := term.NewMap(term.NewKeys("one"), []term.Value{term.Int(1)})
	deep, alike := doubled(60), doubled(60)
	for _, test := range []struct {
		name      string
		arguments []term.Value
	}{
		{"equal", []term.Value{deep, alike}}, {"neq", []term.Value{long, term.Text(strings.Repeat("a b ", 50_000))}},
		{"lt", []term.Value{deep, alike}}, {"internal.member_2", []term.Value{nothing, list}},
		{"internal.member_2", []term.Value{deep, members}}, {"internal.member_3", []term.Value{deep, nothing, fields}},
		{"count", []term.Value{long}}, {"sum", []term.Value{list}}, {"max", []term.Value{list}}, {"min", []term.Value{members}},
		{"sort", []term.Value{list}}, {"sort", []term.Value{members}},
		{"and", []term.Value{members, members}}, {"or", []term.Value{members, members}}, {"minus", []term.Value{members, members}},
		{"union", []term.Value{term.NewSet(members, term.NewSet(list))}}, {"intersection", []term.Value{term.NewSet(members, term.NewSet(list))}},
		{"array.concat", []term.Value{list, list}}, {"array.reverse", []term.Value{list}},
		{"object.get", []term.Value{fields, deep, nothing}}, {"object.keys", []term.Value{fields}},
		{"object.union", []term.Value{fields, one}}, {"object.union", []term.Value{one, fields}},
		{"object.union_n", []term.Value{term.NewList(one, fields)}},
		{"object.remove", []term.Value{fields, members}}, {"object.filter", []term.Value{one, list}},
		{"object.subset", []term.Value{deep, alike}}, {"object.subset", []term.Value{list, term.NewSet(nothing)}},
		{"object.subset", []term.Value{members, members}}, {"object.subset", []term.Value{fields, fields}},
		{"startswith", []term.Value{long, long}}, {"endswith", []term.Value{long, long}}, {"contains", []term.Value{long, nothing}},
		{"strings.count", []term.Value{long, nothing}}, {"indexof", []term.Value{long, nothing}}, {"split", []term.Value{long, nothing}},
		{"strings.any_prefix_match", []term.Value{nothing, words}}, {"strings.any_suffix_match", []term.Value{words, nothing}},
		{"strings.any_suffix_match", []term.Value{words, words}},
		{"lower", []term.Value{long}}, {"upper", []term.Value{long}}, {"substring", []term.Value{long, term.Int(1), term.Int(2)}},
		{"trim", []term.Value{long, nothing}}, {"trim_left", []term.Value{long, term.Text("é")}}, {"trim_right", []term.Value{long, nothing}},
		{"trim_prefix", []term.Value{long, nothing}}, {"trim_suffix", []term.Value{long, nothing}}, {"trim_space", []term.Value{long}},
		{"sprintf", []term.Value{term.Text("%s"), term.NewList(long)}}, {"sprintf", []term.Value{term.Text("%v"), term.NewList(list)}},
		{"sprintf", []term.Value{term.Text("%*d"), term.NewList(term.Int(1_000_000), term.Int(1))}},
		{"sprintf", []term.Value{term.Text("%999999d"), term.NewList(term.Int(1))}},
		{"sprintf", []term.Value{term.Text(strings.Repeat("%[1]s", 9)), term.NewList(term.Text(strings.Repeat("a", 9000)))}},
		{"glob.match", []term.Value{term.Text("*a"), term.NullValue(), long}},
		{"plus", []term.Value{term.Decimal("1e999999999"), term.Int(1)}}, {"lt", []term.Value{term.Int(1), term.Decimal("1E-99999")}},
		{"sum", []term.Value{term.NewList(term.Decimal("1e99999999999999999999"))}},
		{"walk", []term.Value{doubled(12)}}, {"concat", []term.Value{nothing, words}}, {"numbers.range", []term.Value{term.Int(1), term.Int(5000)}},
	} {
		function, ok := lookup(test.name, make([]term.Value, len(test.arguments)))
		if !ok {
			t.Fatalf("there is no %s", test.name)
		}
		b := newBudget(t.Context(), 1000, 1<<40)
		if _, _, err := function(&b, test.arguments); !errors.Is(err, ErrBudget) {
			t.Errorf("%s of something large with few steps gives %v", test.name, err)
		}
	}
	for _, test := range []struct {
		name      string
		arguments []term.Value
	}{
		{"sort", []term.Value{list}}, {"array.concat", []term.Value{list, list}}, {"array.reverse", []term.Value{list}},
		{"or", []term.Value{members, term.NewSet(nothing)}}, {"split", []term.Value{long, term.Text(" ")}}, {"upper", []term.Value{long}},
		{"object.union", []term.Value{fields, one}}, {"object.remove", []term.Value{fields, term.NewList(nothing)}},
		{"sprintf", []term.Value{term.Text("%s"), term.NewList(long)}}, {"sprintf", []term.Value{term.Text("%999999d"), term.NewList(term.Int(1))}},
		{"numbers.range", []term.Value{term.Int(1), term.Int(5000)}}, {"json.marshal", []term.Value{list}},
	} {
		function, _ := lookup(test.name, make([]term.Value, len(test.arguments)))
		b := newBudget(t.Context(), 1<<40, 10_000)
		if _, _, err := function(&b, test.arguments); !errors.Is(err, ErrBudget) {
			t.Errorf("%s of something large with little memory gives %v", test.name, err)
		}
	}
}

func TestEndOfContextEndsBuiltins(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	for _, test := range []struct {
		name      string
		arguments []term.Value
	}{
		{"equal", []term.Value{doubled(60), doubled(60)}},
		{"walk", []term.Value{doubled(60)}},
		{"numbers.range", []term.Value{term.Int(1), term.Int(1 << 40)}},
	} {
		function, _ := lookup(test.name, make([]term.Value, len(test.arguments)))
		if _, _, err := function(plenty(ctx), test.arguments); !errors.Is(err, reason) {
			t.Errorf("%s gives %v after the end of its context", test.name, err)
		}
	}
}

var hotCalls = []struct {
	name      string
	arguments []term.Value
}{
	{"equal", []term.Value{term.Text("campaign"), term.Text("campaigns")}},
	{"lt", []term.Value{term.Int(1), term.Int(2)}},
	{"plus", []term.Value{term.Int(1), term.Int(2)}},
	{"mul", []term.Value{term.Int(1_000_000), term.Int(2_000_000)}},
	{"count", []term.Value{term.NewList(term.Int(1), term.Int(2))}},
	{"internal.member_2", []term.Value{term.Text("b"), term.NewSet(term.Text("a"), term.Text("b"))}},
	{"object.get", []term.Value{term.NewMap(term.NewKeys("a", "b"), []term.Value{term.Int(1), term.Int(2)}), term.Text("b"), term.Int(0)}},
	{"object.get", []term.Value{term.NewMap(term.NewKeys("a", "b"), []term.Value{term.Int(1), term.Int(2)}), term.NewList(term.Text("c")), term.Int(0)}},
	{"startswith", []term.Value{term.Text("campaign"), term.Text("camp")}},
	{"substring", []term.Value{term.Text("campaign"), term.Int(0), term.Int(4)}},
	{"glob.match", []term.Value{term.Text("brand-*"), term.NewList(), term.Text("brand-search-de")}},
}

func TestHotBuiltinsDoNotAllocate(t *testing.T) {
	b := plenty(t.Context())
	for _, call := range hotCalls {
		function, _ := lookup(call.name, call.arguments)
		if got := testing.AllocsPerRun(100, func() {
			if _, _, err := function(b, call.arguments); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%s allocates %v times", call.name, got)
		}
	}
}

func BenchmarkBuiltin(b *testing.B) {
	calls := append(slices.Clone(hotCalls), []struct {
		name      string
		arguments []term.Value
	}{
		{"sprintf", []term.Value{term.Text("%s of %d"), term.NewList(term.Text("budget"), term.Int(5))}},
		{"split", []term.Value{term.Text("brand-search-de"), term.Text("-")}},
		{"or", []term.Value{term.NewSet(term.Text("a"), term.Text("b")), term.NewSet(term.Text("c"))}},
		{"object.union", []term.Value{hotCalls[6].arguments[0], term.NewMap(term.NewKeys("c"), []term.Value{term.Int(1)})}},
		{"glob.match", []term.Value{term.Text("*-{search,display}-*"), term.NewList(), term.Text("brand-search-de")}},
	}...)
	for i, call := range calls {
		special, _ := lookup(call.name, call.arguments)
		general, _ := reference(call.name)
		for _, each := range []struct {
			name     string
			function builtin
		}{{"direct", special}, {"opa", general}} {
			b.Run(fmt.Sprintf("%s-%d/%s", call.name, i, each.name), func(b *testing.B) {
				b.ReportAllocs()
				budget := plenty(b.Context())
				for b.Loop() {
					if _, _, err := each.function(budget, call.arguments); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
