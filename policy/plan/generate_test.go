package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"
)

// generated is a random policy with documents to run it over.
type generated struct {
	module      string
	rules       []string // names of the rules that are asked for
	input, data string   // JSON
}

// policies generates small modules, a rule at a time. A rule that the compiler refuses is left out: most are written so that names are
// bound before they are used and expressions get what they work on, but types and safety are for the compiler to judge.
func policies() *rapid.Generator[generated] {
	return rapid.Custom(func(t *rapid.T) generated {
		w := &writer{t: t, text: "package t\n\n"}
		policy := generated{input: w.document(), data: `{"d": ` + w.document() + `}`}
		for i := range w.upTo("functions", 3) {
			w.attempt(func() { w.function(fmt.Sprintf("f%d", i)) })
		}
		for i := range 2 + w.upTo("rules", 6) {
			w.attempt(func() { w.rule(fmt.Sprintf("r%d", i)) })
		}
		for _, rule := range w.rules {
			policy.rules = append(policy.rules, rule.text)
		}
		policy.module = w.text
		return policy
	}).Filter(func(policy generated) bool { return len(policy.rules) > 0 })
}

// sortOf is what an expression is expected to come to.
type sortOf string

const (
	number sortOf = "number"
	text   sortOf = "text"
	list   sortOf = "list"
	set    sortOf = "set"
	object sortOf = "object"
	anyOf  sortOf = "anything"
)

var sorts = []sortOf{number, text, list, set, object}

type name struct {
	text string
	sort sortOf
}

// writer writes a module, from top to bottom: rules use only what is above them, so that none is recursive.
type writer struct {
	t         *rapid.T
	text      string
	rules     []name
	functions []name
	locals    []name
	fresh     int
}

// attempt writes something and takes it back where the compiler refuses the module with it.
func (w *writer) attempt(write func()) {
	before := *w
	write()
	module, err := ast.ParseModuleWithOpts("t.rego", w.text, ast.ParserOptions{RegoVersion: ast.RegoV2, Capabilities: harmless()})
	if err == nil {
		compiler := ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV2).WithCapabilities(harmless())
		if compiler.Compile(map[string]*ast.Module{"t.rego": module}); !compiler.Failed() {
			return
		}
	}
	*w = before
}

func (w *writer) pick(from ...string) string { return rapid.SampledFrom(from).Draw(w.t, "pick") }

// oneOf writes one of several things, each of which draws more only when it is the one.
func (w *writer) oneOf(from ...func() string) string {
	return from[rapid.IntRange(0, len(from)-1).Draw(w.t, "form")]()
}

func (w *writer) upTo(what string, most int) int { return rapid.IntRange(0, most).Draw(w.t, what) }

// often is true two times out of three.
func (w *writer) often() bool { return w.upTo("often", 2) > 0 }

// document is what the input and data.d look like: known names, which may be missing or hold something else.
func (w *writer) document() string {
	members := []string{}
	put := func(name, value string) {
		switch w.upTo("presence", 9) {
		case 0:
		case 1:
			members = append(members, fmt.Sprintf("%q: %s", name, w.pick("null", "true", "false", `"x"`, "7", "[]", "{}", "[[1]]")))
		default:
			members = append(members, fmt.Sprintf("%q: %s", name, value))
		}
	}
	many := func(from ...string) string {
		items := make([]string, w.upTo("length", 4))
		for i := range items {
			items[i] = w.pick(from...)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	put("n", w.pick("0", "1", "2", "-3", "5000000", "9007199254740993", "9223372036854775807", "9223372036854775808", "1.5", "2.0"))
	put("s", w.pick(`""`, `"a"`, `"ab"`, `"a,b,c"`, `"Äpfel"`, `" b "`, `"US-BRAND"`))
	put("ns", many("0", "1", "2", "3", "-1", "2.0", "10"))
	put("ss", many(`"a"`, `"b"`, `"ab"`, `"c"`, `""`))
	put("xs", many(`{"k": "a", "v": 1}`, `{"k": "b", "v": 2}`, `{"k": "a"}`, `{"v": null}`, "[1, 2]", "3", `"a"`, "false"))
	put("o", "{"+strings.Join([]string{`"a": ` + w.pick("1", "2", "{}", "false"), `"b": ` + w.pick(`"x"`, `{"c": 3}`, "[4]")}, ", ")+"}")
	return "{" + strings.Join(members, ", ") + "}"
}

// within writes something with locals of its own.
func (w *writer) within(write func()) {
	mark := len(w.locals)
	write()
	w.locals = w.locals[:mark]
}

func (w *writer) bind(sort sortOf) string {
	w.fresh++
	local := fmt.Sprintf("v%d", w.fresh)
	w.locals = append(w.locals, name{local, sort})
	return local
}

func (w *writer) known(names []name, sort sortOf) []string {
	var fit []string
	for _, each := range names {
		if each.sort == sort || sort == anyOf || each.sort == anyOf {
			fit = append(fit, each.text)
		}
	}
	return fit
}

func (w *writer) expression(sort sortOf, depth int) string {
	if depth <= 0 || w.upTo("known", 3) == 0 {
		if locals := w.known(w.locals, sort); len(locals) > 0 && w.often() {
			return w.pick(locals...)
		}
		return w.leaf(sort)
	}
	if rules := w.known(w.rules, sort); len(rules) > 0 && w.upTo("rule", 4) == 0 {
		return w.pick(rules...)
	}
	if functions := w.known(w.functions, sort); len(functions) > 0 && w.upTo("function", 4) == 0 {
		return fmt.Sprintf("%s(%s, %s)", w.pick(functions...), w.expression(number, depth-1), w.expression(anyOf, depth-1))
	}
	of := func(format string, sorts ...any) func() string {
		return func() string {
			parts := make([]any, len(sorts))
			for i, each := range sorts {
				parts[i] = w.expression(each.(sortOf), depth-1)
			}
			return fmt.Sprintf(format, parts...)
		}
	}
	switch sort {
	case number:
		return w.oneOf(of("(%s + %s)", number, number), of("(%s - %s)", number, number), of("(%s * %s)", number, number),
			of("(%s %% %s)", number, number), of("count(%s)", list), of("count(%s)", set), of("count(%s)", text), of("count(%s)", object),
			of("sum(%s)", list), of("max(%s)", list), of("min(%s)", set), of("abs(%s)", number), of("indexof(%s, %s)", text, text),
			of("strings.count(%s, %s)", text, text), of(`object.get(%s, "a", %s)`, object, number), of("%s[%s]", list, number))
	case text:
		return w.oneOf(of("lower(%s)", text), of("upper(%s)", text), of("substring(%s, %s, %s)", text, number, number), of("trim(%s, %s)", text, text),
			of("trim_left(%s, %s)", text, text), of("trim_right(%s, %s)", text, text), of("trim_prefix(%s, %s)", text, text),
			of("trim_suffix(%s, %s)", text, text), of("trim_space(%s)", text), of(`sprintf("%%v-%%v", [%s, %s])`, anyOf, anyOf),
			of(`sprintf("%%d %%s", [%s, %s])`, number, text), of("format_int(%s, 10)", number), of(`split(%s, ",")[0]`, text),
			of("type_name(%s)", anyOf), of(`object.get(%s, ["b", "c"], %s)`, object, text), of("%s[%s]", list, number))
	case list:
		return w.oneOf(of("[%s, %s]", anyOf, anyOf), of("[%s]", number), of("array.concat(%s, %s)", list, list), of("array.slice(%s, %s, %s)", list, number, number),
			of("array.reverse(%s)", list), of("split(%s, %s)", text, text), of("sort(%s)", list), of("sort(%s)", set),
			func() string { return w.comprehension("[%s | %s]", depth, anyOf) })
	case set:
		return w.oneOf(of("{%s, %s}", anyOf, anyOf), of("(%s & %s)", set, set), of("(%s | %s)", set, set), of("(%s - %s)", set, set),
			of("object.keys(%s)", object), of("union({%s, %s})", set, set), of("intersection({%s, %s})", set, set),
			func() string { return w.comprehension("{%s | %s}", depth, anyOf) })
	case object:
		return w.oneOf(of(`{"a": %s, "b": %s}`, anyOf, anyOf), of("{%s: %s}", text, anyOf), of("object.union(%s, %s)", object, object),
			of("object.remove(%s, %s)", object, set), of("object.filter(%s, %s)", object, list), of("object.union_n([%s, %s])", object, object),
			func() string { return w.comprehension("{%s: %s | %s}", depth, text, anyOf) })
	}
	return w.expression(sorts[w.upTo("sort", len(sorts)-1)], depth)
}

// leaf is something without parts.
func (w *writer) leaf(sort sortOf) string {
	from := w.pick("input", "input", "data.d")
	switch sort {
	case number:
		return w.oneOf(func() string {
			return w.pick("0", "1", "2", "3", "-1", "10", "9007199254740993", "9223372036854775807", "0.5")
		},
			func() string { return from + w.pick(".n", ".n", ".o.a", ".ns[0]", ".xs[0].v") })
	case text:
		return w.oneOf(func() string { return w.pick(`""`, `"a"`, `"b"`, `"ab"`, `","`, `"a,b"`, `"é"`, "`x`") },
			func() string { return from + w.pick(".s", ".s", ".ss[0]", ".o.b", ".xs[0].k") })
	case list:
		return w.oneOf(func() string { return w.pick("[]", "[1, 2]", `["a", "b"]`, "[[1], 2]") },
			func() string { return from + w.pick(".ns", ".ns", ".ss", ".xs") })
	case set:
		return w.pick("set()", "{1, 2}", `{"a", "b"}`, `{"a", 1, [2]}`)
	case object:
		return w.oneOf(func() string { return w.pick("{}", `{"a": 1}`, `{"a": {"b": 1}}`, `{1: "x"}`) },
			func() string { return from + w.pick("", ".o", ".o", ".xs[0]") })
	}
	return w.oneOf(func() string { return w.pick("null", "true", "false") }, func() string { return from + w.pick(".missing", ".xs[1]", ".n.deep", ".o") },
		func() string { return w.leaf(sorts[w.upTo("sort", len(sorts)-1)]) })
}

// comprehension fills in the heads, then the body.
func (w *writer) comprehension(format string, depth int, heads ...sortOf) (written string) {
	w.within(func() {
		body := strings.Join(w.body(depth-1), "; ")
		parts := []any{}
		for _, each := range heads {
			parts = append(parts, w.expression(each, depth-1))
		}
		written = fmt.Sprintf(format, append(parts, body)...)
	})
	return written
}

func (w *writer) body(depth int) []string {
	statements := []string{}
	for range 1 + w.upTo("statements", 2) {
		statements = append(statements, w.statement(depth))
	}
	return statements
}

func (w *writer) collection(depth int) string {
	return w.expression(rapid.SampledFrom([]sortOf{list, list, set, object}).Draw(w.t, "collection"), depth)
}

func (w *writer) statement(depth int) string {
	depth--
	condition := func() string { return w.condition(depth) }
	return w.oneOf(condition, condition, condition,
		func() string {
			sort := sorts[w.upTo("sort", len(sorts)-1)]
			value := w.expression(sort, depth)
			return w.bind(sort) + " := " + value
		},
		func() string {
			from := w.collection(depth)
			member := w.bind(anyOf)
			return "some " + member + " in " + from + "; " + w.use(member)
		},
		func() string {
			from := w.collection(depth)
			key, member := w.bind(anyOf), w.bind(anyOf)
			return "some " + key + ", " + member + " in " + from + "; " + w.use(key, member)
		},
		func() string {
			from := w.collection(depth)
			if strings.ContainsAny(from[len(from)-1:], "]})") {
				return w.bind(anyOf) + " := " + from
			}
			index := w.bind(number)
			return "some " + index + "; " + w.bind(anyOf) + " = " + from + "[" + index + "]"
		},
		func() string {
			from := w.expression(list, depth)
			return w.apart("[%s, %s]", from)
		},
		func() string {
			from := w.expression(object, depth)
			return w.apart(`{"a": %s, "b": %s}`, from)
		},
		func() string { return "not " + w.condition(depth) },
		func() string { return w.every(depth) },
		func() string { return "not { " + w.aside(depth) + " }" },
		func() string { return w.condition(depth) + w.pick(" and ", " or ") + w.condition(depth) },
		func() string {
			return "{ " + w.aside(depth) + " }" + w.pick(" and ", " or ") + "{ " + w.aside(depth) + " }"
		},
		func() string { return w.condition(depth) + w.with(depth) },
		func() string {
			value := w.expression(anyOf, depth) + w.with(depth)
			return w.bind(anyOf) + " := " + value
		},
	)
}

// apart takes something apart by a pattern.
func (w *writer) apart(pattern, from string) string {
	whole := w.bind(anyOf)
	return whole + " := " + from + "; " + fmt.Sprintf(pattern, w.bind(anyOf), w.bind(anyOf)) + " = " + whole
}

// use writes a condition on locals, which the compiler insists on for those that some and every bring.
func (w *writer) use(locals ...string) string {
	if len(locals) == 1 && w.often() {
		return locals[0] + w.pick(" != ", " == ", " < ", " >= ") + w.expression(anyOf, 1)
	}
	if len(locals) == 2 && w.often() {
		return locals[0] + w.pick(" != ", " <= ", " > ") + locals[1]
	}
	return "is_array([" + strings.Join(locals, ", ") + "])"
}

// aside writes a body whose locals end with it.
func (w *writer) aside(depth int) (written string) {
	w.within(func() { written = strings.Join(w.body(depth), "; ") })
	return written
}

func (w *writer) every(depth int) (written string) {
	from := w.collection(depth)
	w.within(func() {
		locals := []string{w.bind(anyOf)}
		if w.often() {
			locals = append(locals, w.bind(anyOf))
		}
		written = "every " + strings.Join(locals, ", ") + " in " + from + " { " + w.use(locals...) + "; " + strings.Join(w.body(depth), "; ") + " }"
	})
	return written
}

func (w *writer) with(depth int) string {
	target := w.pick("input.n", "input.s", "input.o.a", "input.new.deep", "input.ns", "input.xs", "data.d.n", "data.d.o", "data.d.new")
	value := w.expression(sorts[w.upTo("sort", len(sorts)-1)], min(depth, 1))
	written := " with " + target + " as " + value
	if w.upTo("whole", 5) == 0 {
		written = " with input as " + w.expression(object, min(depth, 1))
	}
	if w.upTo("twice", 5) == 0 {
		written += " with data.d.s as " + w.expression(text, 0)
	}
	return written
}

func (w *writer) condition(depth int) string {
	pair := func(format string, a, b sortOf) func() string {
		return func() string { return fmt.Sprintf(format, w.expression(a, depth), w.expression(b, depth)) }
	}
	compare := func() string {
		return w.expression(number, depth) + w.pick(" < ", " <= ", " > ", " >= ", " == ", " != ") + w.expression(number, depth)
	}
	return w.oneOf(compare, compare, compare, pair("%s == %s", anyOf, anyOf), pair("%s != %s", anyOf, anyOf), pair("%s < %s", anyOf, anyOf),
		pair("%s == %s", text, text), pair("startswith(%s, %s)", text, text), pair("endswith(%s, %s)", text, text), pair("contains(%s, %s)", text, text),
		pair("strings.any_prefix_match(%s, %s)", text, list), pair("object.subset(%s, %s)", object, object), pair("%s in %s", anyOf, list),
		pair("%s in %s", text, set), pair("%s, %s in input.xs", number, anyOf),
		func() string {
			return `glob.match("` + w.pick("a*", "*", "{a,b}", "?b") + `", [], ` + w.expression(text, depth) + ")"
		},
		func() string {
			return w.pick("is_number", "is_string", "is_array", "is_object", "is_set", "is_boolean", "is_null") + "(" + w.expression(anyOf, depth) + ")"
		},
		func() string {
			return w.pick("input", "data.d") + w.pick(".xs[_].k", ".ns[_]", ".o[_]", ".ss[_]") + " == " + w.leaf(anyOf)
		},
		func() string { return w.leaf(anyOf) },
		func() string { return w.leaf(number) },
	)
}

// depth is how deep expressions are nested at the most.
const depth = 2

func (w *writer) write(format string, arguments ...any) { w.text += fmt.Sprintf(format, arguments...) }

// clause writes a body, then the head that uses its locals, which goes before it.
func (w *writer) clause(head func() string) string {
	body := w.body(depth)
	return head() + " if {\n\t" + strings.Join(body, "\n\t") + "\n}"
}

func (w *writer) function(called string) {
	sort := sorts[w.upTo("sort", len(sorts)-1)]
	if w.upTo("default", 4) == 0 {
		w.write("default %s(_, _) := %s\n\n", called, w.constant(sort))
	}
	for range 1 + w.upTo("clauses", 2) {
		w.within(func() {
			x := w.oneOf(func() string { return w.bind(number) }, func() string { return w.bind(number) }, func() string { return w.pick("0", "1", "2") })
			y := w.oneOf(func() string { return w.bind(anyOf) }, func() string { return w.bind(anyOf) }, func() string { return `"a"` },
				func() string { return "[" + w.bind(anyOf) + ", " + w.bind(anyOf) + "]" })
			w.complete(fmt.Sprintf("%s(%s, %s)", called, x, y), sort)
		})
	}
	w.functions = append(w.functions, name{called, sort})
}

// complete writes one clause with the alternatives behind it.
func (w *writer) complete(head string, sort sortOf) {
	w.within(func() { w.write("%s", w.clause(func() string { return head + " := " + w.expression(sort, 1) })) })
	for range w.upTo("else", 3) - 1 {
		w.within(func() { w.write(" %s", w.clause(func() string { return "else := " + w.expression(sort, 1) })) })
	}
	w.write("\n\n")
}

func (w *writer) constant(sort sortOf) string {
	switch sort {
	case number:
		return w.pick("0", "1", "-5")
	case text:
		return w.pick(`""`, `"a"`)
	case list:
		return w.pick("[]", "[1, 2]")
	case set:
		return w.pick("set()", "{1, 2}")
	}
	return w.pick("{}", `{"a": 1}`)
}

func (w *writer) rule(called string) {
	sort := sorts[w.upTo("sort", len(sorts)-1)]
	clauses := 1 + w.upTo("clauses", 2)
	switch w.upTo("kind", 9) {
	case 0, 1, 2, 3: // complete
		if w.upTo("default", 2) == 0 {
			w.write("default %s := %s\n\n", called, w.constant(sort))
		}
		for range clauses {
			w.complete(called, sort)
		}
	case 4, 5, 6: // a set
		sort = set
		for range clauses {
			w.within(func() {
				w.write("%s\n\n", w.clause(func() string { return called + " contains " + w.expression(anyOf, 1) }))
			})
		}
	case 7: // an object
		sort = object
		for range clauses {
			w.within(func() {
				w.write("%s\n\n", w.clause(func() string {
					return fmt.Sprintf("%s[%s] := %s", called, w.expression(text, 1), w.expression(anyOf, 1))
				}))
			})
		}
	case 8: // an object of rules
		sort = object
		for _, part := range slices.Compact([]string{".a", ".b.c", w.pick(".b.d", ".e", ".a")}) {
			w.within(func() {
				w.write("%s\n\n", w.clause(func() string { return called + part + " := " + w.expression(anyOf, 1) }))
			})
		}
	case 9: // a constant
		w.write("%s := %s\n\n", called, w.expression(sort, 2))
	}
	w.rules = append(w.rules, name{called, sort})
}
