package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNothingMissingPassesTheShippedPack(t *testing.T) {
	engine := shippedEngine(t)
	report, err := CheckAbsence(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	for _, laxer := range report.Laxer {
		t.Error(laxer)
	}
	for _, wrong := range report.Wrong {
		t.Error(wrong)
	}
	for _, rule := range report.Untested {
		t.Errorf("%s has no example that fires", rule)
	}
	if report.Rules != len(engine.Rules()) || report.Examples < 2*report.Rules || report.Removals < 50*report.Rules {
		t.Errorf("%d rules, %d examples, %d removals", report.Rules, report.Examples, report.Removals)
	}
}

// withExamples is a revision whose only rule is the probe, with examples made of one full document: the
// part of it that is overridden, and what is expected.
func withExamples(t *testing.T, custom, body string, examples ...[2]string) *Engine {
	t.Helper()
	document := string(compileSmall(t, nil).Evaluate(t.Context(), fullRequest()).Input)
	var test strings.Builder
	test.WriteString("package bidrail.rules.probe_test\n\nbase := " + document + "\n\nexamples := {\n")
	for i, example := range examples {
		fmt.Fprintf(&test, "\t%q: {\"input\": object.union(base, %s), \"expect\": %q},\n", string(rune('a'+i)), example[0], example[1])
	}
	test.WriteString("}\n")
	return compileSmall(t, files{"rules/ceiling.rego": "", "rules/probe.rego": probeWith(custom, body), "rules/probe_test.rego": test.String()})
}

func checkAbsence(t *testing.T, engine *Engine) *AbsenceReport {
	t.Helper()
	report, err := CheckAbsence(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func paths(laxer []Laxer) []string {
	var paths []string
	for _, each := range laxer {
		paths = append(paths, each.Path)
	}
	slices.Sort(paths)
	return paths
}

func TestARuleThatPassesWhatIsMissingIsReported(t *testing.T) {
	for _, test := range []struct {
		name, custom, body, example string
		laxer, declared             []string
	}{
		{"an age read directly", "", `block contains {"message": "old"} if input.change.before_age_s > 900`, `{"change": {"before_age_s": 1000}}`, nil, nil},
		{"an age read directly by a rule that has opted out of being told", "strict: false", `block contains {"message": "old"} if input.change.before_age_s > 900`, `{"change": {"before_age_s": 1000}}`,
			[]string{"input.change.before_age_s"}, nil},
		{"an age that may be missing, handled", "", "block contains {\"message\": \"old\"} if not fresh\n\nfresh if input.change.before_age_s <= 900", `{"change": {"before_age_s": 1000}}`, nil, nil},
		{"a warning that would go away", "", `warn contains {"message": "later"} if input.change.revert_at > input.now`, `{}`, nil, nil},
		{"a warning that goes away", "strict: false", `warn contains {"message": "later"} if input.change.revert_at > input.now`, `{}`, []string{"input.change.revert_at"}, nil},
		{"a fact that is declared optional and not handled", "optional: [input.facts.spend_today]", `block contains {"message": "spent"} if input.facts.spend_today.micros >= 0`, `{}`,
			nil, []string{"input.facts.spend_today"}},
		{"a fact that is needed", "", `block contains {"message": "spent"} if input.facts.spend_today.micros >= 0`, `{}`, nil, nil},
		{"the age of a fact", "", `block contains {"message": "old"} if input.facts.current_value.age_s > 5`, `{}`, nil, nil},
		{"a limit that is needed", "", `block contains {"message": "step"} if input.limits.bid.step.ppm > 5`, `{}`, nil, nil},
		{"a limit that is needed, and absence asks a person", "undetermined: approve", `block contains {"message": "step"} if input.limits.bid.step.ppm > 5`, `{}`,
			[]string{"input.limits.bid", "input.limits.bid.step"}, nil},
		{"a window that is needed", "", `block contains {"message": "moved"} if input.windows.account.day.moved > 2`, `{}`, nil, nil},
		{"a window with a default", "", `block contains {"message": "moved"} if object.get(input.windows, ["account", "day", "moved"], 0) > 2`, `{}`,
			[]string{"input.windows.account", "input.windows.account.day", "input.windows.account.day.moved"}, nil},
		{"a scope that is declared optional and not handled", "optional: [input.windows.account]", `block contains {"message": "moved"} if input.windows.account.day.moved > 2`, `{}`,
			nil, []string{"input.windows.account", "input.windows.account.day", "input.windows.account.day.moved"}},
		{"a member that is declared optional and not handled", "optional: [input.windows.account.day.moved]", `block contains {"message": "moved"} if input.windows.account.day.moved > 2`, `{}`,
			nil, []string{"input.windows.account", "input.windows.account.day", "input.windows.account.day.moved"}},
		{"one of two members declared optional and not handled", "optional: [input.windows.account.day.moved]\nundetermined: approve",
			`block contains {"message": "moved"} if input.windows.account.day.moved + input.windows.account.day.lowered > 2`, `{}`,
			[]string{"input.windows.account", "input.windows.account.day", "input.windows.account.day.lowered"}, []string{"input.windows.account.day.moved"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			expect := "block"
			if strings.HasPrefix(test.body, "warn") {
				expect = "warn"
			}
			report := checkAbsence(t, withExamples(t, test.custom, test.body, [2]string{test.example, expect}))
			if len(report.Wrong) > 0 || len(report.Untested) > 0 || report.Removals < 50 {
				t.Fatalf("got %+v", report)
			}
			if !slices.Equal(paths(report.Laxer), test.laxer) || !slices.Equal(paths(report.Declared), test.declared) {
				t.Errorf("laxer without %v, want %v; declared %v, want %v", paths(report.Laxer), test.laxer, paths(report.Declared), test.declared)
			}
		})
	}
}

func TestAnExampleThatIsWrongIsReported(t *testing.T) {
	body := `block contains {"message": "old"} if input.change.before_age_s > 900`
	report := checkAbsence(t, withExamples(t, "", body, [2]string{`{"change": {"before_age_s": 1000}}`, "approve"}, [2]string{`{"change": {"before_age_s": 10}}`, "pass"},
		[2]string{`{"change": {"kind": "bit"}}`, "block"}))
	if len(report.Wrong) != 2 || len(report.Untested) != 1 || report.Rules != 0 || report.Examples != 3 {
		t.Fatalf("got %+v", report)
	}
	if got, want := report.Wrong[0], `test.probe: example "a" gives block and expects approve`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := report.Wrong[1]; !strings.Contains(got, `example "c" gives pass and expects block (the engine says: integrity.schema: `) {
		t.Errorf("got %s", got)
	}
}

func TestExamplesThatCannotBeReadAreRefused(t *testing.T) {
	body := `block contains {"message": "no"}`
	for text, want := range map[string]string{
		"examples := [1]":                                    "must be an object: name → {input, expect}",
		`examples := {"a": 1}`:                               "must be {input, expect}",
		`examples := {"a": {"expect": "block"}}`:             "needs input, and expect of block, approve, warn or pass",
		`examples := {"a": {"input": {}, "expect": "deny"}}`: "needs input, and expect of block, approve, warn or pass",
		`examples := {"a": 1} if input.now > 5`:              "the examples cannot be evaluated",
		`examples := time.parse_rfc3339_ns("noon")`:          "the examples cannot be evaluated",
	} {
		over := alone(body)
		over["rules/probe_test.rego"] = "package bidrail.rules.probe_test\n\n" + text + "\n"
		if _, err := CheckAbsence(t.Context(), compileSmall(t, over)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// The three ways in which a rule that only says what it denies lets everything through in plain OPA: each is a
// BLOCK here, without the rule doing anything for it.
func TestClassicFailOpensAreBlocked(t *testing.T) {
	engine := compileSmall(t, files{
		"limits/data.yaml": strings.Replace(smallLimits, "    set:", "    set:\n      bid.floor: [0.05 USD]", 1),
		"rules/probe.rego": probeWith("kinds: [bid]", `block contains {"message": "below the floor"} if input.change.after.micros < input.limits.bid.floor.micros`),
	})
	low := func(micros int64, currency string) *Request {
		return bidRequest(edit(func(c *Change) { c.Before, c.After = MoneyValue(60_000, currency), MoneyValue(micros, currency) }))
	}
	document := string(engine.Evaluate(t.Context(), low(10_000, "USD")).Input)
	for _, test := range []struct{ name, input, rule string }{
		{"as it should be", document, "test.probe"},
		{"a missing field", strings.Replace(document, `"micros":10000,`, "", 1), FindingSchema},
		{"a number as text", strings.Replace(document, `"micros":10000,`, `"micros":"0.1",`, 1), FindingSchema},
		{"an unknown key", string(engine.Evaluate(t.Context(), low(10_000, "GBP")).Input), FindingUndetermined},
	} {
		outcome, err := engine.EvaluateInput(t.Context(), []byte(test.input))
		if err != nil {
			t.Fatal(err)
		}
		if outcome.Verdict != Block || outcome.Findings[0].Rule != test.rule {
			t.Errorf("%s: got %s with %+v", test.name, outcome.Verdict, outcome.Findings)
		}
	}
	if outcome := engine.Evaluate(t.Context(), low(50_000, "USD")); outcome.Verdict != Allow {
		t.Errorf("at the floor: got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}
