package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

var outcomeWords = map[ExpressionOutcome]string{NotReached: "not reached", Fired: "fired", Held: "held", Failed: "failed", Undefined: "undefined", Errored: "error"}

// written is an explanation as plain text, for golden files.
func written(explanation *Explanation) string {
	var text strings.Builder
	fmt.Fprintln(&text, explanation.Outcome.Verdict)
	for _, finding := range explanation.Outcome.Findings {
		fmt.Fprintf(&text, "%s %s: %s\n", finding.Effect, finding.Rule, finding.Message)
	}
	for _, rule := range explanation.Rules {
		fmt.Fprintf(&text, "\n%s: %s\n", rule.Rule.ID, rule.Effect)
		for _, body := range rule.Bodies {
			fmt.Fprintf(&text, "  %s:%d %s\n", body.File, body.Line, outcomeWords[body.Outcome])
			for _, expression := range body.Expressions {
				fmt.Fprintf(&text, "    %d %s: %s\n", expression.Line, expression.Text, outcomeWords[expression.Outcome])
				for _, name := range slices.Sorted(maps.Keys(expression.Values)) {
					fmt.Fprintf(&text, "        %s = %s\n", name, expression.Values[name])
				}
			}
		}
	}
	return text.String()
}

func explained(t *testing.T, engine *Engine, request *Request) *Explanation {
	t.Helper()
	explanation, err := engine.Explain(t.Context(), engine.Evaluate(t.Context(), request).Input)
	if err != nil {
		t.Fatal(err)
	}
	return explanation
}

func TestExplanationShowsWhatHeldAndWhatDidNot(t *testing.T) {
	engine := compileSmall(t, files{
		"rules/probe.rego": probe(`import data.bidrail.lib.sums

block contains finding if {
	input.change.kind == "bid"
	share := input.limits.bid.step.ppm
	sums.rise(input.change) > share
	finding := {"message": "it rises by more than {limit}", "limit": input.limits.bid.step}
}

approve contains {"message": "old"} if {
	input.change.before_age_s > 900
	input.mode == "active"
}

warn contains {"message": "over"} if {
	some label in input.change.field_mask
	startswith(label, "amount")
	not input.change.promo_id == "spring"
}

warn contains {"message": "late"} if {
	input.mode == "active"
	late
}

late if time.parse_rfc3339_ns(input.change.reason.text) > input.now
`),
		"lib/sums.rego": "package bidrail.lib.sums\n\nrise(change) := (change.after.micros - change.before.micros) * 10\n",
	})
	explanation := explained(t, engine, bidRequest(edit(func(c *Change) {
		c.After.Amount, c.FieldMask = 51_000_000, []string{"status", "amount_micros"}
	})))
	golden(t, "testdata/explain.golden.txt", written(explanation))

	missing := explained(t, engine, bidRequest(edit(func(c *Change) { c.BeforeObservedAt = c.EffectiveAt })))
	golden(t, "testdata/explain_missing.golden.txt", written(missing))
}

func TestExplanationOfTheShippedPackShowsWhyItFired(t *testing.T) {
	engine := shippedEngine(t)
	explanation := explained(t, engine, shippedBid(edit(func(c *Change) { c.Before.Amount, c.After.Amount = 45_000_000, 50_010_000 })))
	if len(explanation.Rules) != len(engine.Rules()) {
		t.Errorf("%d of %d rules are explained", len(explanation.Rules), len(engine.Rules()))
	}
	if explanation.Outcome.Verdict != Block || explanation.Outcome.Input == nil {
		t.Errorf("the outcome is %+v", explanation.Outcome)
	}
	for _, rule := range explanation.Rules {
		if !rule.Rule.Concerns(KindBid) && len(rule.Bodies) > 0 {
			t.Errorf("%s does not concern bids and was explained", rule.Rule.ID)
		}
		fired := slices.ContainsFunc(rule.Bodies, func(body BodyExplanation) bool { return body.Outcome == Fired })
		if rule.Effect != EffectNone && !fired {
			t.Errorf("%s made a finding and none of its bodies fired", rule.Rule.ID)
		}
		if rule.Rule.ID != "bid.ceiling" {
			continue
		}
		if rule.Effect != Blocks {
			t.Fatalf("bid.ceiling has the effect %s", rule.Effect)
		}
		values := map[string]string{}
		for _, body := range rule.Bodies {
			if body.Outcome != Fired {
				continue
			}
			for _, expression := range body.Expressions {
				if expression.Outcome != Held || len(expression.Values) == 0 {
					t.Errorf("line %d, %s: %s with %v", expression.Line, expression.Text, outcomeWords[expression.Outcome], expression.Values)
				}
				maps.Copy(values, expression.Values)
			}
		}
		if got, want := values["input.change.after"], `{"currency":"USD","micros":50010000,"type":"money"}`; got != want {
			t.Errorf("input.change.after = %s, want %s", got, want)
		}
		if got := values["ceiling"]; !strings.Contains(got, `"micros":50000000`) {
			t.Errorf("ceiling = %s", got)
		}
	}
}

// Explaining must give the verdict that was recorded, or it would explain another decision.
func TestExplanationDecidesTheSame(t *testing.T) {
	engine := shippedEngine(t)
	for _, request := range []*Request{shippedBid(), shippedBudget(), shippedBudget(edit(func(c *Change) { c.After = UnlimitedValue() })), shippedBid(edit(func(c *Change) { c.Before = Value{} }))} {
		recorded := engine.Evaluate(t.Context(), request)
		explanation, err := engine.Explain(t.Context(), recorded.Input)
		if err != nil {
			t.Fatal(err)
		}
		if got := explanation.Outcome; got.Verdict != recorded.Verdict || !slices.Equal(got.Findings, recorded.Findings) {
			t.Errorf("recorded %+v, explained %+v", recorded.Findings, got.Findings)
		}
	}
	if _, err := engine.Explain(t.Context(), []byte("{")); err == nil {
		t.Error("half a document was explained")
	}
}

// What was decided before documents had all the members of today is explained by the rules of then, which do not read them.
func TestDocumentsOfEarlierVersionsAreExplained(t *testing.T) {
	engine := compileSmall(t, probed(`warn contains {"message": "m"} if input.change.kind == "bid"`))
	recorded := engine.Evaluate(t.Context(), bidRequest())
	var document map[string]any
	if err := json.Unmarshal(recorded.Input, &document); err != nil {
		t.Fatal(err)
	}
	earlier := func(lacks func(map[string]any)) []byte {
		t.Helper()
		lacking := maps.Clone(document)
		lacks(lacking)
		written, err := json.Marshal(lacking)
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	input := earlier(func(document map[string]any) {
		delete(document, "unknown")
		document["calendar"] = map[string]any{"freezes": []any{}, "promos": []any{}}
	})
	explanation, err := engine.Explain(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	if got := explanation.Outcome; got.Verdict != recorded.Verdict || !slices.Equal(got.Findings, recorded.Findings) || len(got.Findings) == 0 {
		t.Errorf("recorded %+v, explained %+v", recorded.Findings, got.Findings)
	}
	if !slices.ContainsFunc(explanation.Rules, func(rule RuleExplanation) bool { return len(rule.Bodies) > 0 }) {
		t.Error("no rule was shown it")
	}
	if again, err := engine.EvaluateInput(t.Context(), input); err != nil || !slices.Equal(again.Findings, recorded.Findings) {
		t.Errorf("decided again: %+v, %v", again.Findings, err)
	}
	for name, lacks := range map[string]func(map[string]any){
		"a value, which a caller may leave out": func(document map[string]any) {
			change := maps.Clone(document["change"].(map[string]any))
			delete(change, "before")
			document["change"] = change
		},
		"a member of another type": func(document map[string]any) { document["unknown"] = "" },
	} {
		explanation, err := engine.Explain(t.Context(), earlier(lacks))
		if err != nil || !slices.ContainsFunc(explanation.Outcome.Findings, func(finding Finding) bool { return finding.Rule == FindingSchema }) {
			t.Errorf("%s: %+v, %v", name, explanation.Outcome, err)
		}
	}
}

func TestLongValuesAreCutInExplanations(t *testing.T) {
	engine := compileSmall(t, probed(`warn contains {"message": "m"} if startswith(input.change.reason.text, "x")`))
	explanation := explained(t, engine, bidRequest(edit(func(c *Change) { c.Reason.Text = strings.Repeat("xü", 2000) })))
	for _, rule := range explanation.Rules {
		for _, body := range rule.Bodies {
			for _, expression := range body.Expressions {
				for name, value := range expression.Values {
					if len(value) > maxExplainedValue+4 {
						t.Errorf("%s has %d bytes", name, len(value))
					}
				}
			}
		}
	}
}
