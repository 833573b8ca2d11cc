package policy

import (
	"strings"
	"testing"
)

// What Rego accepts and would never say anything is refused, with the line it stands on.
func TestWhatCouldNeverFireIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"a limit instead of its amount":   {`block contains {"message": "no"} if input.change.after.micros > input.limits.bid.ceiling`, "is an object and not a number"},
		"a value instead of its amount":   {`block contains {"message": "no"} if input.change.after > 5`, "is a value with a type and not a number"},
		"text":                            {`block contains {"message": "no"} if input.change.after.micros > "50"`, "is text and not a number"},
		"an id":                           {`block contains {"message": "no"} if input.change.target.campaign < 7`, "is text and not a number"},
		"a kind that there is not":        {`block contains {"message": "no"} if input.change.kind == "bidd"`, `is never "bidd"`},
		"a state that there is not":       {"block contains {\"message\": \"no\"} if {\n\tsome i\n\tinput.experiments[i].state == \"runing\"\n}", `is never "runing"`},
		"a window that there is not":      {`block contains {"message": "no"} if input.windows.account.yesterday.moved > 5`, "input.windows.account.yesterday"},
		"the value of an account":         {`block contains {"message": "no"} if input.windows.account.day.peak > 5`, "input.windows.account.day.peak"},
		"a set that nothing reads":        {"warn contains {\"message\": \"yes\"} if input.change.kind == \"bid\"\n\nblocks contains {\"message\": \"no\"} if input.change.kind == \"bid\"", "nothing reads the set blocks"},
		"sprintf under another name":      {"block contains {\"message\": \"no\"} if cut(\"%99999d\", [1]) with cut as sprintf\n\ncut(a, b) := a if b", "cannot stand in for another function"},
		"a look-up that leads to nothing": {`block contains {"message": "no"} if data.platfroms[input.change.target.platform]`, "is neither a rule nor data"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(t.Context(), readSmall(t, probed(test.body)), Options{SkipTests: true})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), ".rego:") {
				t.Errorf("got %v, want a refusal with a line and %q", err, test.want)
			}
		})
	}
}

// What stands under a `not` that itself stands under a `not` is read for good.
func TestDoubleNegationNeedsWhatItReads(t *testing.T) {
	engine := compileSmall(t, probed("block contains {\"message\": \"no\"} if not within\n\nwithin if not input.change.before_age_s > input.limits.bid.step.ppm"))
	for _, rule := range engine.Rules() {
		if rule.ID == "test.probe" && strings.Join(rule.Needs, " ") != "input.limits.bid.step" {
			t.Errorf("needs %v, want the step", rule.Needs)
		}
	}
}

// A caller who sends a fact of another type must not silence the rule that reads it.
func TestAFactOfAnotherTypeIsUndetermined(t *testing.T) {
	engine := compileSmall(t, probed(`block contains {"message": "no"} if input.change.after.micros > input.facts.daily_budget.micros`))
	request := bidRequest(func(r *Request) {
		r.Facts = map[string]Fact{"daily_budget": {Value: TextValue("hundred"), FromCaller: true}}
	})
	if outcome := engine.Evaluate(t.Context(), request); outcome.Verdict != Block || outcome.Findings[0].Rule != FindingUndetermined {
		t.Errorf("got %v %+v, want policy.undetermined", outcome.Verdict, outcome.Findings)
	}
}

// A file whose author believes that it counts is refused when it would not be read.
func TestFilesThatWouldNotBeReadAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"a limits file of another name": {"limits/brand.yaml", "entries: []", "would not be read"},
		"a table in a deeper folder":    {"limits/eu/keywords.csv", "platform\nx\n", "would not be read"},
		"modes of another name":         {"rules/modes.yaml", "{}", "would not be read"},
		"an ending in capitals":         {"rules/second.REGO", "package x", "would not be read"},
		"data where rules are":          {"bidrail/lib/l/data.yaml", "most: 1", "data.bidrail is where rules are"},
		"a rule outside the rules":      {"rules/stray.rego", strings.Replace(probe(`block contains {"message": "x"} if input.change`), "bidrail.rules.probe", "bidrail.rule.probe", 1), "would not be one"},
		"a rule named like a test":      {"rules/geo_test.rego", strings.Replace(probe(`block contains {"message": "x"} if input.change`), "bidrail.rules.probe", "bidrail.rules.geo_test", 1), "are for tests"},
		"a time zone of the machine":    {"accounts/data.yaml", "google_ads: {\"100\": {currency: USD, time_zone: Local, name: x}}", "IANA time zone"},
	} {
		t.Run(name, func(t *testing.T) {
			revision, err := ReadRevision(smallRevision(files{test.file: test.text}), "test")
			if err == nil {
				_, err = Compile(t.Context(), revision, Options{SkipTests: true})
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
		})
	}
}

// Rules that need sums say it once when a change has no currency, and it still does not pass.
func TestNoCurrencyIsSaidOnce(t *testing.T) {
	engine := compileSmall(t, nil)
	outcome := engine.Evaluate(t.Context(), bidRequest(func(r *Request) { r.Change.Before, r.Change.After = AbsentValue(), AbsentValue() }))
	if outcome.Verdict != Block || len(outcome.Findings) != 1 || !strings.Contains(outcome.Findings[0].Message, "the change has no currency") {
		t.Errorf("got %v %+v", outcome.Verdict, outcome.Findings)
	}
}
