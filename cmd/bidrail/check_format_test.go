package main

import (
	"strings"
	"testing"

	"github.com/bidrail/bidrail/client"
	"github.com/bidrail/bidrail/client/formats"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Only what is allowed as it was asked for may be sent. Whatever else comes back keeps the operation out.
func TestMayBeMade(t *testing.T) {
	asked := &bidrailv1.Change{ChangeId: "r/0", After: client.Money(1_200_000, "USD")}
	answered := func(edit func(*bidrailv1.Decision)) *bidrailv1.CheckResult {
		decision := &bidrailv1.Decision{ChangeId: "r/0", Verdict: bidrailv1.Verdict_VERDICT_ALLOW, After: client.Money(1_200_000, "USD")}
		decision.Permit = &bidrailv1.Permit{Token: "t", Changes: []*bidrailv1.PermittedChange{{ChangeId: "r/0", After: client.Money(1_200_000, "USD")}}}
		edit(decision)
		return &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Decision{Decision: decision}}
	}
	for name, c := range map[string]struct {
		result          *bidrailv1.CheckResult
		judged, granted bool // whether it may be made as judged here, and as a server recorded it
	}{
		"allowed":                  {answered(func(*bidrailv1.Decision) {}), true, true},
		"no permit":                {answered(func(d *bidrailv1.Decision) { d.Permit = nil }), true, false},
		"a permit that is used up": {answered(func(d *bidrailv1.Decision) { d.Permit.Token = "" }), true, false},
		"a permit for less":        {answered(func(d *bidrailv1.Decision) { d.Permit.Changes[0].After = client.Money(1_100_000, "USD") }), true, false},
		"a permit for another":     {answered(func(d *bidrailv1.Decision) { d.Permit.Changes[0].ChangeId = "r/1" }), true, false},
		"people agreed to less":    {answered(func(d *bidrailv1.Decision) { d.After = client.Money(1_100_000, "USD") }), false, false},
		"another change":           {answered(func(d *bidrailv1.Decision) { d.ChangeId = "r/1" }), false, false},
		"blocked":                  {answered(func(d *bidrailv1.Decision) { d.Verdict = bidrailv1.Verdict_VERDICT_BLOCK }), false, false},
		"people are asked":         {answered(func(d *bidrailv1.Decision) { d.Verdict = bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL }), false, false},
		"a verdict of the future":  {answered(func(d *bidrailv1.Decision) { d.Verdict = 99 }), false, false},
		"a problem":                {&bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Problem{Problem: &bidrailv1.Problem{}}}, false, false},
		"nothing":                  {&bidrailv1.CheckResult{}, false, false},
		"no result":                {nil, false, false},
	} {
		if got := mayBeMade(asked, c.result, false); got != c.judged {
			t.Errorf("%s, judged here: %v, want %v", name, got, c.judged)
		}
		if got := mayBeMade(asked, c.result, true); got != c.granted {
			t.Errorf("%s, on record: %v, want %v", name, got, c.granted)
		}
	}
}

// Results that are not one for each change are never taken for those of the operations.
func TestEmitWantsAResultForEachChange(t *testing.T) {
	context, err := formats.ParseContext([]byte(`{"account": "example", "currency": "GBP"}`))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := formats.Read(formats.AmazonSP, []byte(`{"keywords": [{"keywordId": "1", "bid": 1}, {"keywordId": "2", "bid": 1}]}`), context)
	if err != nil {
		t.Fatal(err)
	}
	var results []*bidrailv1.CheckResult
	for _, change := range payload.Changes() {
		results = append(results, &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Decision{Decision: &bidrailv1.Decision{
			ChangeId: change.GetChangeId(), Verdict: bidrailv1.Verdict_VERDICT_ALLOW, After: change.GetAfter()}}})
	}
	for _, c := range []struct {
		results []*bidrailv1.CheckResult
		emitted bool
	}{{results, true}, {results[:1], false}, {append(results, results[0]), false}, {nil, false}} {
		var out, notes strings.Builder
		err := formatFlags{EmitAllowed: "-"}.emit(environment{stdout: &out, stderr: &notes}, payload, c.results, false)
		if (err == nil) != c.emitted || (out.Len() > 0) != c.emitted {
			t.Errorf("with %d results: %v, and this is emitted: %s", len(c.results), err, &out)
		}
	}
}
