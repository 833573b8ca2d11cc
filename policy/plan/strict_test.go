package plan

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// planned has OPA plan data.test.found of a module whose package is test.
func planned(t testing.TB, module string) *ir.Policy {
	t.Helper()
	parsed, err := ast.ParseModuleWithOpts("test.rego", "package test\n\n"+module, ast.ParserOptions{RegoVersion: ast.RegoV2})
	if err != nil {
		t.Fatal(err)
	}
	compiler := compile.New().WithTarget(compile.TargetPlan).WithRegoVersion(ast.RegoV2).WithPruneUnused(true).
		WithEntrypoints("test/found").
		WithBundle(&bundle.Bundle{Data: map[string]any{}, Modules: []bundle.ModuleFile{{URL: "test.rego", Path: "test.rego", Parsed: parsed}}})
	if err := compiler.Build(context.Background()); err != nil {
		t.Fatal(err)
	}
	policy := &ir.Policy{}
	if err := json.Unmarshal(compiler.Bundle().PlanModules[0].Raw, policy); err != nil {
		t.Fatal(err)
	}
	return policy
}

func value(t testing.TB, written string) term.Value {
	t.Helper()
	parsed, err := term.ParseJSON([]byte(written))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// asked is what data.test.found comes to in a strict program.
func asked(t testing.TB, module, data, input string) Result {
	t.Helper()
	program, err := Compile(planned(t, module), value(t, data), Options{Strict: true, BuiltinErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	document, ok := program.Document("test.found")
	if !ok {
		t.Fatal("the plan has no test.found")
	}
	results, err := program.Evaluate(t.Context(), nil, []Document{document}, value(t, input))
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestWhatIsNotThereIsTold(t *testing.T) {
	const limits = `{"limits": {"shop": {"floor": 5}}, "none": {}}`
	for name, test := range map[string]struct {
		rule, input string
		want        []string // reasons
		value       string   // default []
	}{
		"a missing field": {`found contains 1 if input.bid < 5`, `{}`, []string{"input.bid is not there"}, ""},
		"an unknown key": {`found contains 1 if input.bid < data.limits[input.vertical].floor`, `{"bid": 1, "vertical": "new"}`,
			[]string{"data.limits.new is not there"}, ""},
		"the key itself": {`found contains 1 if input.bid < data.limits[input.vertical].floor`, `{"bid": 1}`,
			[]string{"input.vertical is not there"}, ""},
		"a number sent as a string": {`found contains 1 if input.bid < data.limits.shop.floor`, `{"bid": "1"}`,
			[]string{"lt compares a string with a number, and the one is always above the other"}, ""},
		"the same on the other side, where it fires": {`found contains 1 if input.bid > data.limits.shop.floor`, `{"bid": "1"}`,
			[]string{"gt compares a string with a number, and the one is always above the other"}, "[1]"},
		"a part of a path":         {`found contains 1 if input.a.b.c == 1`, `{"a": {}}`, []string{"input.a.b is not there"}, ""},
		"a member of a scalar":     {`found contains 1 if input.a.b.c == 1`, `{"a": {"b": 7}}`, []string{"input.a.b.c is not there"}, ""},
		"through a variable":       {`found contains 1 if { a := input.a; b := a.b; b == 1 }`, `{"a": {}}`, []string{"input.a.b is not there"}, ""},
		"a member of a list":       {`found contains 1 if { some x in input.list; x.a > 1 }`, `{"list": [{"a": 2}, {"b": 2}]}`, []string{"input.list[1].a is not there"}, "[1]"},
		"a sum":                    {`found contains s if s := sum([x.a | some x in input.list])`, `{"list": [{"a": 2}, {}]}`, []string{"input.list[1].a is not there"}, "[2]"},
		"an argument":              {"low(x) if x.bid < 5\nfound contains 1 if low(input.change)", `{"change": {}}`, []string{"input.change.bid is not there"}, ""},
		"the domain of every":      {`found contains 1 if every x in input.list { x > 1 }`, `{}`, []string{"input.list is not there"}, ""},
		"a helper rule":            {"bid := input.bid\nfound contains 1 if bid < 5\nfound contains 2 if bid < 7", `{}`, []string{"input.bid is not there"}, ""},
		"the object of object.get": {`found contains 1 if object.get(input.facts, "spend", 0) > 5`, `{}`, []string{"input.facts is not there"}, ""},
		"not of a not":             {"fine if not input.bid > 5\nfound contains 1 if not fine", `{}`, []string{"input.bid is not there"}, ""},
		"else is no excuse":        {"limit := 1 if input.tier > 3\nelse := 2\nfound contains limit", `{}`, []string{"input.tier is not there"}, "[2]"},
		"default is no excuse":     {"default limit := 2\nlimit := 1 if input.tier > 3\nfound contains limit", `{}`, []string{"input.tier is not there"}, "[2]"},
		"a comparison under not":   {`found contains 1 if not input.bid > 5`, `{"bid": "9"}`, []string{"gt compares a string with a number, and the one is always above the other"}, ""},
		"a message":                {`found contains sprintf("%d", [input.bid]) if input.ok`, `{"ok": true}`, []string{"input.bid is not there"}, ""},
		"a set as a table":         {`found contains 1 if data.none[input.key]`, `{}`, []string{"input.key is not there"}, ""},

		"there":                          {`found contains 1 if input.bid < 5`, `{"bid": 1}`, nil, "[1]"},
		"a path that stands alone":       {`found contains 1 if input.a.b`, `{"a": {}}`, nil, ""},
		"under not":                      {`found contains 1 if not input.bid > 5`, `{}`, nil, "[1]"},
		"not of a path":                  {`found contains 1 if not input.bid`, `{}`, nil, "[1]"},
		"object.get":                     {`found contains 1 if object.get(input, ["facts", "spend"], 0) > 5`, `{}`, nil, ""},
		"a condition before it":          {`found contains 1 if { input.kind == "bid"; input.bid < 5 }`, `{"kind": "budget"}`, nil, ""},
		"an empty collection":            {`found contains 1 if { some x in input.list; x.a > 1 }`, `{"list": []}`, nil, ""},
		"another clause gives the value": {"amount(v) := v.micros\namount(v) := v.ppm\nfound contains amount(input.after)", `{"after": {"ppm": 7}}`, nil, "[7]"},
		"what the rule made itself":      {`found contains 1 if { made := object.union({"a": input.bid}, input.more); made.b == 1 }`, `{"bid": 1, "more": {}}`, nil, ""},
		"two numbers":                    {`found contains 1 if input.bid < 5.5`, `{"bid": 1}`, nil, "[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			result := asked(t, test.rule, limits, test.input)
			if result.Err != nil {
				t.Fatal(result.Err)
			}
			var reasons []string
			for _, absence := range result.Absences {
				reasons = append(reasons, absence.Reason)
			}
			if diff := cmp.Diff(test.want, reasons); diff != "" {
				t.Errorf("absences (-want +got):\n%s", diff)
			}
			want := test.value
			if want == "" {
				want = "[]"
			}
			if got := result.Value.String(); got != want {
				t.Errorf("found is %s and not %s", got, want)
			}
		})
	}
}

func TestAbsencesNameTheExpression(t *testing.T) {
	result := asked(t, strings.Join([]string{`found contains 1 if {`, `	input.kind == "bid"`, `	input.facts.spend.micros * 2 > 7`, `}`}, "\n"), `{}`, `{"kind": "bid", "facts": {}}`)
	want := []Absence{{File: "test.rego", Line: 5, Column: 2, EndLine: 5, EndColumn: 26, Path: "input.facts.spend", Reason: "input.facts.spend is not there"}}
	if diff := cmp.Diff(want, result.Absences); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestErrorsAreOfTheDocument(t *testing.T) {
	for name, test := range map[string]struct {
		rule string
		kind ErrorKind
	}{
		"two values":       {"x := 1 if input.a\nx := 2 if input.a\nfound contains x", ConflictError},
		"a key twice":      {`found contains {k: v | some [k, v] in [["a", 1], ["a", input.b]]}`, ConflictError},
		"a built-in fails": {`found contains 1 if time.parse_rfc3339_ns(input.text) > 0`, BuiltinError},
	} {
		t.Run(name, func(t *testing.T) {
			result := asked(t, test.rule, `{}`, `{"a": true, "b": 2, "text": "noon"}`)
			failure, ok := result.Err.(*Error)
			if !ok || failure.Kind != test.kind || failure.File != "test.rego" || failure.Line < 3 {
				t.Errorf("the error is %v", result.Err)
			}
		})
	}
}

func TestACallerWhoCopesIsNotTold(t *testing.T) {
	program, err := Compile(planned(t, `found contains 1 if input.facts.spend > 5`), term.Value{}, Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	document, _ := program.Document("test.found")
	document.Copes = func(path string) bool { return path == "input.facts.spend" }
	for input, want := range map[string]int{`{"facts": {}}`: 0, `{}`: 1} {
		results, err := program.Evaluate(t.Context(), nil, []Document{document}, value(t, input))
		if err != nil || len(results[0].Absences) != want {
			t.Errorf("%s: %v, %v", input, results, err)
		}
	}
}
