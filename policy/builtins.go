package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowedBuiltins is the sandbox of a rule: what is not in this list cannot be called. Left out is
// everything that reaches outside (network, clock, environment, random), that can take long or
// grow large on small input, that turns text into numbers, and division, which is not exact.
// Each name was reviewed against OPA v1.22.2.
var allowedBuiltins = []string{
	// Unification and assignment.
	"assign", "eq",
	// Comparison.
	"equal", "neq", "lt", "lte", "gt", "gte",
	// Exact arithmetic on integers.
	"plus", "minus", "mul", "rem", "abs",
	// Aggregates and sets.
	"count", "sum", "max", "min", "sort", "and", "or", "union", "intersection",
	"internal.member_2", "internal.member_3",
	// Arrays and objects.
	"array.concat", "array.slice", "array.reverse",
	"object.get", "object.keys", "object.union", "object.union_n", "object.remove", "object.filter", "object.subset",
	// Text. No concat, no replace, no regex: their result or cost is not bounded by the size of their input.
	"startswith", "endswith", "contains", "lower", "upper", "split", "substring", "indexof",
	"trim", "trim_left", "trim_right", "trim_prefix", "trim_suffix", "trim_space",
	"strings.any_prefix_match", "strings.any_suffix_match", "strings.count",
	"sprintf", "format_int", "glob.match",
	// Types.
	"is_number", "is_string", "is_boolean", "is_array", "is_set", "is_object", "is_null", "type_name",
	// Time as arithmetic on input.now; there is no clock.
	"time.parse_rfc3339_ns", "time.clock", "time.date", "time.weekday", "time.add_date", "time.diff",
}

// testBuiltins are for tests besides: they take a document apart, and tests decide nothing.
var testBuiltins = []string{"json.remove", "json.patch", "json.filter"}

// builtinAdvice says what to do instead of what is most likely to be missed.
var builtinAdvice = map[string]string{
	"div":          "division is not exact: compare a/b with c/d as a*d with c*b, and let {placeholders} in messages show percentages",
	"time.now_ns":  "the only clock is input.now, so that a decision can be derived again from its record",
	"http.send":    "rules see nothing but their input; have a connector push the fact",
	"to_number":    "numbers arrive as integers; text that looks like one is a mistake",
	"concat":       "use sprintf with a constant format, or a list as a placeholder of the message",
	"regex.match":  "use glob.match with a constant pattern, or split and compare",
	"print":        "put what you want to see into the message of a warn finding, or use explain",
	"trace":        "use explain",
	"opa.runtime":  "rules see nothing but their input and the revision's data",
	"rand.intn":    "a decision must come out the same each time",
	"uuid.rfc4122": "a decision must come out the same each time",
}

func isAllowed(builtin string, inTest bool) bool {
	return slices.Contains(allowedBuiltins, builtin) || inTest && slices.Contains(testBuiltins, builtin)
}

// capabilities is what the compiler is told exists.
func capabilities(withTests bool) *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	all.Builtins = slices.DeleteFunc(all.Builtins, func(builtin *ast.Builtin) bool {
		return !isAllowed(builtin.Name, withTests)
	})
	all.AllowNet = []string{}
	return all
}

// wideFormat finds a width or precision above two digits, or one taken from an argument, be it the
// next ("%*d") or a numbered one ("%[2]*[1]d"). Doubled per cent signs are taken out before.
var wideFormat = regexp.MustCompile(`%[-+# 0-9.]*(\d{3}|\*|\[)`)

// refusedCalls returns what a module uses that it may not, one sentence each with file and line.
func refusedCalls(module *ast.Module, owner string, inTest bool) []string {
	var refused []string
	complain := func(location *ast.Location, format string, arguments ...any) {
		refused = append(refused, fmt.Sprintf("%s: %s: %s", where(location), owner, fmt.Sprintf(format, arguments...)))
	}
	check := func(name string, location *ast.Location) {
		if _, known := ast.BuiltinMap[name]; !known || isAllowed(name, inTest) {
			return
		}
		advice := builtinAdvice[name]
		if advice == "" {
			advice = "the list of allowed built-ins is in the policy guide"
		}
		complain(location, "built-in %s is not allowed: %s", name, advice)
	}
	called := func(terms []*ast.Term, location *ast.Location) {
		name := terms[0].Value.String()
		check(name, location)
		if name == "sprintf" && len(terms) > 1 {
			format, constant := terms[1].Value.(ast.String)
			switch {
			case !constant:
				complain(location, "sprintf needs a constant format")
			case wideFormat.MatchString(strings.ReplaceAll(string(format), "%%", "")):
				complain(location, "sprintf takes widths and precisions of at most two digits, and arguments in their order")
			}
		}
		if name == "glob.match" && len(terms) > 1 {
			if _, constant := terms[1].Value.(ast.String); !constant {
				complain(location, "glob.match needs a constant pattern")
			}
		}
	}
	ast.WalkExprs(module, func(expression *ast.Expr) bool {
		if terms, ok := expression.Terms.([]*ast.Term); ok && expression.IsCall() {
			called(terms, expression.Location)
		}
		for _, with := range expression.With {
			name := with.Value.Value.String()
			check(name, with.Location)
			if name == "sprintf" || name == "glob.match" {
				complain(with.Location, "%s cannot stand in for another function: its first argument must be seen to be constant", name)
			}
		}
		return false
	})
	ast.WalkTerms(module, func(term *ast.Term) bool {
		switch value := term.Value.(type) {
		case ast.Call:
			called(value, term.Location)
		case ast.Number:
			if !isInteger(value) {
				complain(term.Location, "%s is not an integer: money is in micros and ratios in parts per million", value)
			}
		}
		return false
	})
	return refused
}

func where(location *ast.Location) string {
	if location == nil {
		return "?"
	}
	return fmt.Sprintf("%s:%d", location.File, location.Row)
}
