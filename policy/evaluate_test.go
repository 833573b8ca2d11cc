package policy

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy/term"
	"github.com/google/go-cmp/cmp"
)

func edit(change func(*Change)) func(*Request) { return func(r *Request) { change(r.Change) } }

func ids(findings []Finding) []string {
	rules := []string{}
	for _, finding := range findings {
		rules = append(rules, finding.Rule)
	}
	return rules
}

func TestAChangeWithinItsLimitsIsAllowed(t *testing.T) {
	outcome := compileSmall(t, nil).Evaluate(t.Context(), bidRequest())
	if outcome.Verdict != Allow || len(outcome.Findings) != 0 {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestAFindingSaysWhatWouldPassAndWhoSaysSo(t *testing.T) {
	outcome := compileSmall(t, nil).Evaluate(t.Context(), bidRequest(edit(func(c *Change) { c.After = MoneyValue(50_000_001, "USD") })))
	want := []Finding{{Rule: "bid.ceiling", Effect: Blocks, Message: "the bid 50.000001 USD is above its ceiling 50.00 USD",
		Observed: "50.000001 USD", Limit: "50.00 USD", MaxPermitted: MoneyValue(50_000_000, "USD"), Source: "limits/data.yaml#defaults"}}
	if diff := cmp.Diff(want, outcome.Findings); diff != "" || outcome.Verdict != Block {
		t.Errorf("%s (-want +got):\n%s", outcome.Verdict, diff)
	}
}

// The second promise of the service: an undefined result, a wrong type, an unknown kind, a missing
// baseline and so on are each a finding of their own, and none of them allows.
func TestNoDoubtBecomesAnAllow(t *testing.T) {
	for _, test := range []struct {
		name    string
		over    files
		edit    func(*Request)
		verdict Verdict
		rule    string
		message string // part of it
	}{
		{"no rule concerns the kind", nil, edit(func(c *Change) { c.Kind = KindTargetCPA }), RequireApproval, FindingNoRule, "a person has to look"},
		{"the only rule is off", files{"rules/data.yaml": "bid.ceiling: {mode: \"off\"}\n"}, nil, RequireApproval, FindingNoRule, "no enforced rule"},
		{"the only rule is in shadow", files{"rules/data.yaml": "bid.ceiling: {mode: shadow}\n"}, nil, RequireApproval, FindingNoRule, "no enforced rule"},

		{"before was not sent", nil, edit(func(c *Change) { c.Before = Value{} }), Block, FindingSchema, "does not say which value holds now (before)"},
		{"after was not sent", nil, edit(func(c *Change) { c.After = Value{} }), Block, FindingSchema, `input.change.after.type is "missing"`},
		{"an unknown kind", nil, edit(func(c *Change) { c.Kind = 77 }), Block, FindingSchema, `input.change.kind is "unknown(77)"`},
		{"no kind", nil, edit(func(c *Change) { c.Kind = KindUnknown }), Block, FindingSchema, `input.change.kind is "unknown"`},
		{"an unknown form", nil, edit(func(c *Change) { c.After.Form = 77 }), Block, FindingSchema, "input.change.after.type"},
		{"an unknown mode", nil, func(r *Request) { r.Mode = 77 }, Block, FindingSchema, `input.mode is "unknown(77)"`},
		{"a ratio for a bid", nil, edit(func(c *Change) { c.After = RatioValue(4_000_000) }), Block, FindingSchema, "after is a ratio value, which a change of bid cannot have"},
		{"text for a bid", nil, edit(func(c *Change) { c.Before = TextValue("4.00") }), Block, FindingSchema, "before is a text value"},
		{"an unlimited bid", nil, edit(func(c *Change) { c.After = UnlimitedValue() }), Block, FindingSchema, "after is a unlimited value"},
		{"a freeze with no effect", nil, func(r *Request) { r.Freezes = []OpenFreeze{{ID: "f", Until: noon}} }, Block, FindingSchema, "input.calendar.freezes[0].effect"},
		{"an experiment in an unknown state", nil, func(r *Request) {
			r.Experiments = []Participation{{ID: "e", Type: "ab", State: "resting", Relation: Member}}
		}, Block, FindingSchema, "input.experiments[0].state"},
		{"a fact with an unknown name", nil, func(r *Request) {
			r.Facts = map[string]Fact{"spend_tody": {Value: MoneyValue(1, "USD"), FromCaller: true}}
		},
			Block, FindingSchema, "input.facts.spend_tody is not part of the input document"},
		{"a fact without a value", nil, func(r *Request) { r.Facts = map[string]Fact{"spend_today": {}} }, Block, FindingSchema, "input.facts.spend_today.type"},
		{"a leg whose before was not sent", nil, func(r *Request) {
			r.Change.AtomicGroupID = "g"
			r.Group = []Leg{{Change: r.Change}, {Change: &Change{ID: "2", Kind: KindBid, After: MoneyValue(1, "USD")}}}
		}, Block, FindingSchema, "input.group.legs[1].before is missing"},

		{"another currency", nil, edit(func(c *Change) { c.After.Currency = "EUR" }), Block, FindingCurrency, "the value now is in USD and the new one in EUR"},
		{"a currency in small letters", nil, edit(func(c *Change) { c.Before.Currency, c.After.Currency = "usd", "usd" }), Block, FindingCurrency, `before has the currency "usd"`},
		{"no currency", nil, edit(func(c *Change) { c.Before.Currency, c.After.Currency = "", "" }), Block, FindingCurrency, `has the currency ""`},
		{"letters that are not Latin", nil, edit(func(c *Change) { c.Before.Currency, c.After.Currency = "ÜA", "ÜA" }), Block, FindingCurrency, "which is not an ISO 4217 code"},

		{"no limit in the currency", nil, edit(func(c *Change) { c.Before.Currency, c.After.Currency = "SEK", "SEK" }), Block, FindingUndetermined,
			"no amount in SEK is set for bid.ceiling; add one to limits/data.yaml"},
		{"a limit that nobody sets", files{"rules/probe.rego": probeWith("kinds: [bid]",
			`block contains {"message": "low"} if input.change.after.micros < input.limits.bid.floor.micros`)}, nil,
			Block, FindingUndetermined, "no amount in USD is set for bid.floor; add one to limits/data.yaml"},
		{"a fact that is not there", probed(`block contains {"message": "spent"} if input.facts.spend_today.micros > 5`), nil, Block, FindingUndetermined,
			"test.probe needs input.facts.spend_today"},
		{"a fact that is not there, in the library", files{
			"lib/spend.rego":   "package bidrail.lib.spend\n\nhigh if input.facts.spend_today.micros > 5\n",
			"rules/probe.rego": probe("import data.bidrail.lib.spend\n\nblock contains {\"message\": \"spent\"} if spend.high"),
		}, nil, Block, FindingUndetermined, "test.probe needs input.facts.spend_today"},
		{"a fact that is not there, and absence asks a person", files{"rules/probe.rego": probeWith("undetermined: approve",
			`block contains {"message": "spent"} if input.facts.spend_today.micros > 5`)}, nil, RequireApproval, FindingUndetermined, "test.probe needs input.facts.spend_today"},
		{"a fact that is not there, for a rule that only warns", probed(`warn contains {"message": "spent"} if input.facts.spend_today.micros > 5`), nil, Block, FindingUndetermined, ""},

		{"a built-in that fails", probed(`block contains {"message": "late"} if time.parse_rfc3339_ns(input.change.reason.text) > input.now`), nil,
			Block, FindingUndetermined, "test.probe could not be decided: time.parse_rfc3339_ns: "},
		{"a built-in that fails, where absence asks a person", files{"rules/probe.rego": probeWith("undetermined: approve",
			`block contains {"message": "late"} if time.parse_rfc3339_ns(input.change.reason.text) > input.now`)}, nil, Block, FindingUndetermined, "test.probe could not be decided"},
		{"a built-in that fails under not", probed(`block contains {"message": "late"} if not time.parse_rfc3339_ns(input.change.reason.text) > input.now`), nil,
			Block, FindingUndetermined, "test.probe could not be decided: time.parse_rfc3339_ns: "},
		{"two definitions that differ", probed("block contains {\"message\": \"no\"} if share > 5\n\nshare := 1 if input.change.kind == \"bid\"\n\nshare := 2 if input.mode == \"active\""), nil,
			Block, FindingUndetermined, "produced conflicting values"},
		{"a function with two results", probed("block contains {\"message\": \"no\"} if share(1) > 5\n\nshare(x) := x if input.mode == \"active\"\n\nshare(_) := 2 if input.mode == \"active\""), nil,
			Block, FindingUndetermined, "produced conflicting values"},

		{"a finding that is text", probed(`warn contains "no"`), nil, Block, FindingUndetermined, "a finding must be an object with a message, not string"},
		{"a finding that is null", probed(`warn contains null`), nil, Block, FindingUndetermined, "a finding must be an object with a message, not null"},
		{"a finding without a message", probed(`warn contains {"observed": 5}`), nil, Block, FindingUndetermined, "a finding has no message"},
		{"an empty message", probed(`warn contains {"message": ""}`), nil, Block, FindingUndetermined, "a finding has no message"},
		{"a message that is a number", probed(`approve contains {"message": 5}`), nil, Block, FindingUndetermined, "a finding has no message"},
		{"a placeholder that the finding does not have", probed(`warn contains {"message": "{share} is much"}`), nil, Block, FindingUndetermined, "asks for {share}, which the finding does not have"},
		{"a placeholder without an end", probed(`warn contains {"message": "{share is much"}`), nil, Block, FindingUndetermined, "has a { without a }"},
		{"a value that cannot be written", probed(`warn contains {"message": "{it}", "it": {"odd": 1}}`), nil, Block, FindingUndetermined, "cannot be written for people"},
		{"an observed value that cannot be written", probed(`warn contains {"message": "it", "observed": null}`), nil, Block, FindingUndetermined, "cannot be written for people"},
		{"a limit that cannot be written", probed(`warn contains {"message": "it", "limit": {"odd": 1}}`), nil, Block, FindingUndetermined, "cannot be written for people"},
		{"a largest value that is none", probed(`warn contains {"message": "it", "max_permitted": "50 USD"}`), nil, Block, FindingUndetermined, "max_permitted must be a typed value"},

		{"severity of a block", probed(`block contains {"message": "it", "severity": "high"}`), nil, Block, FindingUndetermined, "this finding is of block; they belong in approve"},
		{"magnitude of a warning", probed(`warn contains {"message": "it", "magnitude": 5}`), nil, Block, FindingUndetermined, "this finding is of warn; they belong in approve"},
		{"approval of a warning", probed(`warn contains {"message": "it", "approval": {"stages": [{"name": "a"}]}}`), nil, Block, FindingUndetermined, "this finding is of warn"},
		{"an empty severity", probed(`approve contains {"message": "it", "severity": ""}`), nil, Block, FindingUndetermined, "severity must be a word"},
		{"a severity that is a number", probed(`approve contains {"message": "it", "severity": 5}`), nil, Block, FindingUndetermined, "severity must be a word"},
		{"a severity that is a page", probed(`approve contains {"message": "it", "severity": "` + strings.Repeat("x", 101) + `"}`), nil, Block, FindingUndetermined, "severity must be a word"},
		{"a contamination that is a name", probed(`warn contains {"message": "it", "contaminates": "spring"}`), nil, Block, FindingUndetermined, "contaminates must be {"},
		{"a contamination with another key", probed(`warn contains {"message": "it", "contaminates": {"experiment": "spring", "days": 3}}`), nil, Block, FindingUndetermined, "contaminates must be {"},
		{"a contamination that aborts in words", probed(`warn contains {"message": "it", "contaminates": {"experiment": "spring", "aborts": "yes"}}`), nil, Block, FindingUndetermined, "contaminates must be {"},
		{"a contamination of a test that is not touched", probed(`warn contains {"message": "it", "contaminates": {"experiment": "spring"}}`), nil, Block, FindingUndetermined,
			`contaminates names the experiment "spring", which is none of input.experiments`},
		{"a contamination of no test", probed(`warn contains {"message": "it", "contaminates": {"arm": "base"}}`), nil, Block, FindingUndetermined, `contaminates names the experiment ""`},
		{"a magnitude in words", probed(`approve contains {"message": "it", "magnitude": "50 USD"}`), nil, Block, FindingUndetermined, "magnitude must be a typed value"},
		{"a magnitude of nothing", probed(`approve contains {"message": "it", "magnitude": {"type": "absent"}}`), nil, Block, FindingUndetermined, "nobody could tell what is more than that"},
		{"a magnitude that is text", probed(`approve contains {"message": "it", "magnitude": {"type": "text", "text": "much"}}`), nil, Block, FindingUndetermined, "nobody could tell what is more than that"},
		{"a magnitude beyond what is stored", probed(`approve contains {"message": "it", "magnitude": 9223372036854775808}`), nil, Block, FindingUndetermined, "magnitude is too large"},
		{"a magnitude far below what is stored", probed(`approve contains {"message": "it", "magnitude": {"type": "ratio", "ppm": -9223372036854775809}}`), nil, Block, FindingUndetermined, "magnitude is too large"},
		{"an approval that is a list", probed(`approve contains {"message": "it", "approval": [{"name": "a"}]}`), nil, Block, FindingUndetermined, "approval must be"},
		{"an approval with more in it", probed(`approve contains {"message": "it", "approval": {"stages": [{"name": "a"}], "quorum": 2}}`), nil, Block, FindingUndetermined, "approval must be"},
		{"a misspelt approval", probed(`approve contains {"message": "it", "approval": {"stage": [{"name": "a"}]}}`), nil, Block, FindingUndetermined, "approval must be"},
		{"no stages", probed(`approve contains {"message": "it", "approval": {"stages": []}}`), nil, Block, FindingUndetermined, "without any nobody is asked"},
		{"stages that are a set", probed(`approve contains {"message": "it", "approval": {"stages": {{"name": "a"}}}}`), nil, Block, FindingUndetermined, "must be a list"},
		{"a stage that is a name", probed(`approve contains {"message": "it", "approval": {"stages": [{"name": "a"}, "finance"]}}`), nil, Block, FindingUndetermined, "approval.stages[1] must be an object"},
		{"a stage with a set in it", probed(`approve contains {"message": "it", "approval": {"stages": [{"name": "a", "all_of": {"finance"}}]}}`), nil, Block, FindingUndetermined, "a set is no list"},
		{"a stage with a set deep in it", probed(`approve contains {"message": "it", "approval": {"stages": [{"name": "a", "tiers": [{"after": "1h", "groups": {"b"}}]}]}}`), nil, Block, FindingUndetermined, "a set is no list"},
		{"a stage with a number for a name", probed(`approve contains {"message": "it", "approval": {"stages": [{5: "a"}]}}`), nil, Block, FindingUndetermined, "approval.stages[0] must be an object"},
		{"stages without end", probed(`approve contains {"message": "it", "approval": {"stages": [{"name": "` + strings.Repeat("x", 16<<10) + `"}]}}`), nil, Block, FindingUndetermined, "larger than 16 KiB"},

		{"strictest of several", probed("warn contains {\"message\": \"w\"}\n\napprove contains {\"message\": \"a\"}\n\nblock contains {\"message\": \"b\"}"), nil, Block, "test.probe", "b"},
		{"approval and a warning", probed("warn contains {\"message\": \"w\"}\n\napprove contains {\"message\": \"a\"}"), nil, RequireApproval, "test.probe", "a"},
		{"an age that is not there", probed("block contains {\"message\": \"no age\"} if not input.change.before_age_s < 900"), edit(func(c *Change) { c.BeforeObservedAt = time.Time{} }), Block, "test.probe", "no age"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := bidRequest()
			if test.edit != nil {
				test.edit(request)
			}
			outcome := compileSmall(t, test.over).Evaluate(t.Context(), request)
			if outcome.Verdict != test.verdict {
				t.Errorf("got %s, want %s", outcome.Verdict, test.verdict)
			}
			if len(outcome.Findings) == 0 {
				t.Fatal("there are no findings")
			}
			if first := outcome.Findings[0]; first.Rule != test.rule || !strings.Contains(first.Message, test.message) {
				t.Errorf("got %s: %s\nwant %s: ... %s", first.Rule, first.Message, test.rule, test.message)
			}
			// What cannot be judged cannot be judged again either.
			again, err := compileSmall(t, test.over).EvaluateInput(t.Context(), outcome.Input)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(outcome, again); diff != "" {
				t.Errorf("decided again from its record (-first +again):\n%s", diff)
			}
		})
	}
}

func TestWithoutAPolicyNothingIsAllowed(t *testing.T) {
	var engine *Engine
	outcome := engine.Evaluate(t.Context(), bidRequest())
	if outcome.Verdict != Block || !cmp.Equal(ids(outcome.Findings), []string{FindingNoPolicy}) || outcome.Input != nil {
		t.Errorf("got %+v", outcome)
	}
}

// The failure of one rule must not hide what the others say.
func TestFindingsOfOtherRulesSurviveAnError(t *testing.T) {
	engine := compileSmall(t, files{
		"rules/probe.rego": probe(`block contains {"message": "late"} if time.parse_rfc3339_ns(input.change.reason.text) > input.now`),
		"rules/warn.rego":  strings.ReplaceAll(probe(`warn contains {"message": "look"}`), "probe", "warn"),
	})
	outcome := engine.Evaluate(t.Context(), bidRequest(edit(func(c *Change) { c.After.Amount = 51_000_000 })))
	if want := []string{"bid.ceiling", FindingUndetermined, "test.warn"}; !cmp.Equal(ids(outcome.Findings), want) {
		t.Errorf("got %v, want %v", ids(outcome.Findings), want)
	}
	if got, want := outcome.Findings[1].Location, "rules/probe.rego:10"; got != want {
		t.Errorf("the error is at %s, want %s", got, want)
	}
}

func TestOnlyWarningsAreAllowed(t *testing.T) {
	outcome := compileSmall(t, probed(`warn contains {"message": "look at {change.kind}", "change.kind": input.change.kind}`)).Evaluate(t.Context(), bidRequest())
	if want := []Finding{{Rule: "test.probe", Effect: Warn, Message: "look at bid"}}; outcome.Verdict != Allow || !cmp.Equal(outcome.Findings, want) {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestShadowFindingsAreRecordedAndDoNotCount(t *testing.T) {
	for name, body := range map[string]string{
		"a block":     `block contains {"message": "no"}`,
		"an approval": `approve contains {"message": "ask"}`,
		"an absence":  `block contains {"message": "no"} if input.facts.spend_today.micros > 5`,
		"an error":    `block contains {"message": "no"} if time.parse_rfc3339_ns(input.change.reason.text) > 5`,
		"a bad value": `block contains {"message": "{x}"}`,
	} {
		over := probed(body)
		over["rules/data.yaml"] = "test.probe: {mode: shadow}\n"
		outcome := compileSmall(t, over).Evaluate(t.Context(), bidRequest())
		if outcome.Verdict != Allow || len(outcome.Findings) != 1 || !outcome.Findings[0].Shadow {
			t.Errorf("%s: got %s with %+v", name, outcome.Verdict, outcome.Findings)
		}
	}
}

func TestRulesThatAreOffAreNotEvaluated(t *testing.T) {
	over := probed(`block contains {"message": "no"} if input.facts.spend_today.micros > time.parse_rfc3339_ns(input.change.reason.text)`)
	over["rules/data.yaml"] = "test.probe: {mode: \"off\"}\n"
	if outcome := compileSmall(t, over).Evaluate(t.Context(), bidRequest()); outcome.Verdict != Allow || len(outcome.Findings) != 0 {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestRulesForOtherKindsAreNotEvaluated(t *testing.T) {
	engine := compileSmall(t, files{"rules/probe.rego": probeWith("kinds: [status]", `block contains {"message": "no"} if input.facts.spend_today.micros > 5`)})
	if outcome := engine.Evaluate(t.Context(), bidRequest()); outcome.Verdict != Allow {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

// Amounts of small units are larger than what a float holds exactly (2^53).
func TestLargeAmountsAreExact(t *testing.T) {
	engine := compileSmall(t, files{"rules/probe.rego": probeWith("kinds: [daily_budget]", `block contains {"message": "{observed} is above {limit}", "observed": input.change.after, "limit": input.limits.budget.cap} if {
	input.change.after.micros > input.limits.budget.cap.micros
}`)})
	const capMicros = 55_000_000_000_000_000
	for after, want := range map[int64]Verdict{capMicros - 1: Allow, capMicros: Allow, capMicros + 1: Block} {
		outcome := engine.Evaluate(t.Context(), budgetRequest(MoneyValue(capMicros-2, "COP"), MoneyValue(after, "COP")))
		if outcome.Verdict != want {
			t.Errorf("%d: got %s, want %s; %+v", after, outcome.Verdict, want, outcome.Findings)
		}
		if !strings.Contains(string(outcome.Input), fmt.Sprintf(`"micros":%d`, after)) {
			t.Errorf("the document does not have %d in it: %s", after, outcome.Input)
		}
		if want == Block && outcome.Findings[0].Message != "55,000,000,000.000001 COP is above 55,000,000,000.00 COP" {
			t.Errorf("got %q", outcome.Findings[0].Message)
		}
	}
}

func TestComparisonsAtTheEndsOfInt64AreExact(t *testing.T) {
	engine := compileSmall(t, alone(`block contains {"message": "{move}", "move": {"from": input.change.before.micros, "to": input.change.after.micros}} if {
	input.change.after.micros * 1000000 > input.change.before.micros * 1300000
}`))
	for _, test := range []struct {
		before, after int64
		want          Verdict
	}{
		{math.MaxInt64 / 13 * 10, math.MaxInt64 / 13 * 13, Allow},
		{math.MaxInt64 / 13 * 10, math.MaxInt64/13*13 + 1, Block},
		{0, math.MaxInt64, Block},
		{math.MaxInt64, math.MaxInt64, Allow},
	} {
		outcome := engine.Evaluate(t.Context(), budgetRequest(MoneyValue(test.before, "USD"), MoneyValue(test.after, "USD")))
		if outcome.Verdict != test.want {
			t.Errorf("%d to %d: got %s, want %s", test.before, test.after, outcome.Verdict, test.want)
		}
	}
}

func TestValuesOfFindingsAreWrittenForPeople(t *testing.T) {
	for body, want := range map[string]string{
		`{"message": "{v}", "v": input.change.after}`:                 "4.50 USD",
		`{"message": "{v}", "v": input.limits.bid.step}`:              "30%",
		`{"message": "{v}", "v": {"ppm": 125000}}`:                    "12.5%",
		`{"message": "{v}", "v": {"from": 100, "to": 118}}`:           "+18%",
		`{"message": "{v}", "v": 1234567}`:                            "1,234,567",
		`{"message": "{v}", "v": -1234567}`:                           "-1,234,567",
		`{"message": "{v}", "v": 9223372036854775807 * 10}`:           "9,223,372,036,854,775,807",
		`{"message": "{v}", "v": ["a", "b"]}`:                         "a, b",
		`{"message": "{v}", "v": {"b", "a"}}`:                         "a, b",
		`{"message": "{v}", "v": [1, {"ppm": 10000}]}`:                "1, 1%",
		`{"message": "{v}", "v": true}`:                               "true",
		`{"message": "{v}", "v": {"count": 10, "source": "s"}}`:       "10",
		`{"message": "{v}", "v": {"seconds": 900, "source": "s"}}`:    "15 minutes",
		`{"message": "{v}", "v": {"micros": 5000}}`:                   "0.005 USD",
		`{"message": "{v}", "v": {"unlimited": true, "source": "s"}}`: "unlimited",
		`{"message": "{v}", "v": {"type": "absent"}}`:                 "not set",
		`{"message": "{v}", "v": {"flag": false, "source": "s"}}`:     "false",
		`{"message": "{v}", "v": {"type": "text", "text": "{w}"}}`:    "{w}",
		`{"message": "a {v} b {v}{w}", "v": "x", "w": ""}`:            "a x b x",
		`{"message": "no placeholders, 100%"}`:                        "no placeholders, 100%",
	} {
		outcome := compileSmall(t, probed("warn contains "+body)).Evaluate(t.Context(), bidRequest())
		if len(outcome.Findings) != 1 || outcome.Findings[0].Message != want || outcome.Verdict != Allow {
			t.Errorf("%s: got %s, %+v, want %q", body, outcome.Verdict, outcome.Findings, want)
		}
	}
}

func TestABareNumberAsLargestValueIsInTheUnitOfTheChange(t *testing.T) {
	engine := compileSmall(t, probed(`block contains {"message": "no", "max_permitted": 4200000, "source": "the rule"}`))
	outcome := engine.Evaluate(t.Context(), bidRequest())
	if got := outcome.Findings[0]; got.MaxPermitted != MoneyValue(4_200_000, "USD") || got.Source != "the rule" {
		t.Errorf("got %+v", got)
	}
	modifier := bidRequest(edit(func(c *Change) { c.Kind, c.Before, c.After = KindBidModifier, RatioValue(1), RatioValue(2) }))
	if got := engine.Evaluate(t.Context(), modifier).Findings[0].MaxPermitted; got != RatioValue(4_200_000) {
		t.Errorf("got %+v", got)
	}
	status := bidRequest(edit(func(c *Change) { c.Kind, c.Before, c.After = KindStatus, TextValue("PAUSED"), TextValue("ENABLED") }))
	if outcome := engine.Evaluate(t.Context(), status); outcome.Verdict != Block || outcome.Findings[0].Rule != FindingUndetermined {
		t.Errorf("a number is the largest status: %+v", outcome.Findings)
	}
}

func TestWhatAFindingAsksPeopleFor(t *testing.T) {
	for name, test := range map[string]struct {
		keys string
		want Finding
	}{
		"nothing":             {``, Finding{}},
		"a word":              {`, "severity": "high"`, Finding{Severity: "high"}},
		"a bare number":       {`, "magnitude": 4200000`, Finding{Magnitude: MoneyValue(4_200_000, "USD")}},
		"a typed value":       {`, "magnitude": input.change.after`, Finding{Magnitude: MoneyValue(4_500_000, "USD")}},
		"a ratio of a bid":    {`, "magnitude": {"type": "ratio", "ppm": 300000}`, Finding{Magnitude: RatioValue(300_000)}},
		"no bounds":           {`, "magnitude": {"type": "unlimited"}`, Finding{Magnitude: UnlimitedValue()}},
		"nothing at all":      {`, "magnitude": 0`, Finding{Magnitude: MoneyValue(0, "USD")}},
		"stages, as they are": {`, "approval": {"stages": [{"quorum": 2, "name": "leads", "any_of": [{"group": "leads"}]}]}`, Finding{Approval: `[{"any_of":[{"group":"leads"}],"name":"leads","quorum":2}]`}},
	} {
		outcome := compileSmall(t, probed(`approve contains {"message": "it"`+test.keys+`}`)).Evaluate(t.Context(), bidRequest())
		test.want.Rule, test.want.Effect, test.want.Message = "test.probe", Approve, "it"
		if diff := cmp.Diff([]Finding{test.want}, outcome.Findings); diff != "" || outcome.Verdict != RequireApproval {
			t.Errorf("%s: %s (-want +got):\n%s", name, outcome.Verdict, diff)
		}
	}
	// In shadow it is as wrong as anywhere, and as little counted.
	shadow := probed(`approve contains {"message": "it", "severity": 5}`)
	shadow["rules/data.yaml"] = "test.probe: {mode: shadow}\n"
	if outcome := compileSmall(t, shadow).Evaluate(t.Context(), bidRequest()); outcome.Verdict != Allow || len(outcome.Findings) != 1 || !outcome.Findings[0].Shadow {
		t.Errorf("in shadow: %s, %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestWhatAFindingSaysItSpoils(t *testing.T) {
	touched := bidRequest(func(r *Request) {
		r.Experiments = []Participation{{ID: "spring", Type: "ab", State: "running", Relation: Member, Arm: "trial"}}
	})
	for _, effect := range []string{"warn", "approve", "block"} {
		for keys, want := range map[string]Contamination{
			`{"experiment": "spring"}`: {Experiment: "spring"},
			`{"experiment": "spring", "arm": "trial", "emergency": true, "aborts": true}`: {Experiment: "spring", Arm: "trial", Emergency: true, Aborts: true},
		} {
			outcome := compileSmall(t, probed(effect+` contains {"message": "it", "contaminates": `+keys+`}`)).Evaluate(t.Context(), touched)
			if len(outcome.Findings) != 1 || outcome.Findings[0].Contaminates != want || outcome.Findings[0].Effect.String() != effect {
				t.Errorf("%s of %s: got %+v", keys, effect, outcome.Findings)
			}
		}
	}
}

// What several rules need is said once in each mode, and as strictly as the strictest of them has it.
func TestLimitsWithoutAnAmountInTheCurrencyAreNamedTogether(t *testing.T) {
	floor := `block contains {"message": "low"} if input.change.after.micros < input.limits.bid.floor.micros`
	inFrancs := bidRequest(edit(func(c *Change) { c.Before.Currency, c.After.Currency = "CHF", "CHF" }))
	const both = "no amount in CHF is set for bid.ceiling, bid.floor; add one to limits/data.yaml for each"
	one := func(limit string) string {
		return "no amount in CHF is set for " + limit + "; add one to limits/data.yaml"
	}
	for _, test := range []struct {
		name, custom, modes string
		want                []Finding
	}{
		{"both enforced", "kinds: [bid]", "", []Finding{{Rule: FindingUndetermined, Effect: Blocks, Message: both}}},
		{"one asks a person", "kinds: [bid]\nundetermined: approve", "", []Finding{{Rule: FindingUndetermined, Effect: Blocks, Message: both}}},
		{"one in shadow", "kinds: [bid]\nundetermined: approve", "test.probe: {mode: shadow}\n", []Finding{
			{Rule: FindingUndetermined, Effect: Blocks, Message: one("bid.ceiling")},
			{Rule: FindingUndetermined, Effect: Approve, Shadow: true, Message: one("bid.floor")}}},
		{"one that is off", "kinds: [bid]", "test.probe: {mode: \"off\"}\n", []Finding{{Rule: FindingUndetermined, Effect: Blocks, Message: one("bid.ceiling")}}},
	} {
		engine := compileSmall(t, files{"rules/probe.rego": probeWith(test.custom, floor), "rules/data.yaml": test.modes})
		if diff := cmp.Diff(test.want, engine.Evaluate(t.Context(), inFrancs).Findings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	engine := compileSmall(t, probed(`warn contains {"message": "{text}", "text": input.change.reason.text}`))
	outcome := engine.Evaluate(t.Context(), bidRequest(edit(func(c *Change) { c.Reason.Text = strings.Repeat("ü", 4000) })))
	if got := outcome.Findings[0].Message; len(got) > maxText+4 || !strings.HasSuffix(got, "ü ...") {
		t.Errorf("the message has %d bytes and ends in %q", len(got), got[len(got)-8:])
	}
}

// slowRule goes on for minutes, unless it is told to stop.
var slowRule = endless + `
block contains {"message": "no"} if {
	input.change.reason.code == "slow"
	count([1 | some a in many; some b in many; some c in many; some d in many; a + b + c + d < 0]) > 0
}`

func TestASlowRuleIsATimeoutAndTheEngineRecovers(t *testing.T) {
	const deadline = 30 * time.Millisecond
	engine, err := Compile(t.Context(), readSmall(t, probed(slowRule)), Options{SkipTests: true, Deadline: deadline})
	if err != nil {
		t.Fatal(err)
	}
	slow := bidRequest(edit(func(c *Change) { c.Reason.Code = "slow" }))
	for range 2 * maxAbandoned {
		began := time.Now()
		outcome := engine.Evaluate(t.Context(), slow)
		if took := time.Since(began); took > deadline+time.Second {
			t.Errorf("it took %v", took)
		}
		if outcome.Verdict != Block || !cmp.Equal(ids(outcome.Findings), []string{FindingTimeout}) || !strings.Contains(outcome.Findings[0].Message, "within 30ms") {
			t.Fatalf("got %s with %+v", outcome.Verdict, outcome.Findings)
		}
		recovered(t, engine)
	}
	engine.deadline = 10 * time.Second
	if outcome := engine.Evaluate(t.Context(), bidRequest()); outcome.Verdict != Allow {
		t.Errorf("afterwards: %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

// recovered waits until nothing runs past its deadline any more.
func recovered(t *testing.T, engine *Engine) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); engine.Abandoned() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d evaluations still run", engine.Abandoned())
		}
	}
}

func TestACallWhoseTimeIsUpIsNotAllowed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	engine := compileSmall(t, nil)
	for range 20 {
		if outcome := engine.Evaluate(ctx, bidRequest()); outcome.Verdict != Block || !cmp.Equal(ids(outcome.Findings), []string{FindingTimeout}) {
			t.Fatalf("got %s with %+v", outcome.Verdict, outcome.Findings)
		}
	}
	recovered(t, engine)
}

func TestTheCallersDeadlineCountsWhereItIsSooner(t *testing.T) {
	engine := compileSmall(t, probed(slowRule))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	outcome := engine.Evaluate(ctx, bidRequest(edit(func(c *Change) { c.Reason.Code = "slow" })))
	if outcome.Verdict != Block || time.Since(began) > 5*time.Second {
		t.Errorf("got %s after %v", outcome.Verdict, time.Since(began))
	}
	recovered(t, engine)
}

// fakeEvaluator answers in place of OPA.
type fakeEvaluator func(ctx context.Context, only *Rule) ([]Raised, error)

func (f fakeEvaluator) evaluate(ctx context.Context, _ Kind, rules []*Rule, all bool, _ term.Value) ([]ruleAnswer, error) {
	if all {
		rules = []*Rule{nil}
	}
	var answers []ruleAnswer
	for _, rule := range rules {
		raised, err := f(ctx, rule)
		if err != nil {
			return nil, err
		}
		for _, each := range raised {
			answers = append(answers, ruleAnswer{rule: each.Rule, raised: []Raised{each}})
		}
	}
	return answers, nil
}

func TestAPanicOfAnEvaluatorBlocks(t *testing.T) {
	engine := compileSmall(t, nil)
	engine.evaluator = fakeEvaluator(func(context.Context, *Rule) ([]Raised, error) { panic("index out of range") })
	outcome := engine.Evaluate(t.Context(), bidRequest())
	if outcome.Verdict != Block || !cmp.Equal(ids(outcome.Findings), []string{FindingUndetermined}) ||
		!strings.Contains(outcome.Findings[0].Message, "bid.ceiling could not be decided: the evaluator panicked: index out of range") {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestAnErrorThatNoRuleRepeatsIsNotForgotten(t *testing.T) {
	engine := compileSmall(t, nil)
	engine.evaluator = fakeEvaluator(func(_ context.Context, only *Rule) ([]Raised, error) {
		if only == nil {
			return nil, &EvaluationError{Reason: "the rules gave no result"}
		}
		return nil, nil
	})
	if outcome := engine.Evaluate(t.Context(), bidRequest()); outcome.Verdict == Allow {
		t.Errorf("the rules could not be evaluated together, and the verdict is %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

// An evaluator that does not stop when it is told to is left behind, and not too many of them.
func TestEvaluationsThatDoNotStopAreLeftBehindAndCounted(t *testing.T) {
	engine := compileSmall(t, nil)
	engine.deadline = 5 * time.Millisecond
	release := make(chan struct{})
	topdown := engine.evaluator
	engine.evaluator = fakeEvaluator(func(context.Context, *Rule) ([]Raised, error) {
		<-release
		return nil, nil
	})
	for i := range maxAbandoned + 2 {
		outcome := engine.Evaluate(t.Context(), bidRequest())
		if outcome.Verdict != Block || !cmp.Equal(ids(outcome.Findings), []string{FindingTimeout}) {
			t.Fatalf("got %s with %+v", outcome.Verdict, outcome.Findings)
		}
		if refused := strings.Contains(outcome.Findings[0].Message, "no more are started"); refused != (i >= maxAbandoned) {
			t.Errorf("evaluation %d: %s", i, outcome.Findings[0].Message)
		}
	}
	if got := engine.Abandoned(); got != maxAbandoned {
		t.Errorf("%d are left behind, want %d", got, maxAbandoned)
	}
	close(release)
	recovered(t, engine)
	engine.evaluator, engine.deadline = topdown, 10*time.Second
	if outcome := engine.Evaluate(t.Context(), bidRequest()); outcome.Verdict != Allow {
		t.Errorf("afterwards: %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestRecordsThatAreNotDocumentsAreNeverAllowed(t *testing.T) {
	engine := compileSmall(t, nil)
	for _, input := range []string{"", "{", "nothing"} {
		if outcome, err := engine.EvaluateInput(t.Context(), []byte(input)); err == nil || outcome.Verdict == Allow {
			t.Errorf("%q: got %s, %v", input, outcome.Verdict, err)
		}
	}
	for _, input := range []string{"null", "[]", "{}", `"text"`, "5"} {
		outcome, err := engine.EvaluateInput(t.Context(), []byte(input))
		if err != nil || outcome.Verdict != Block || outcome.Findings[0].Rule != FindingSchema {
			t.Errorf("%q: got %+v, %v", input, outcome, err)
		}
	}
}

func TestOneEngineServesManyAtOnce(t *testing.T) {
	engine := shippedEngine(t)
	requests := []*Request{
		shippedBid(),
		shippedBid(edit(func(c *Change) { c.After.Amount = 900_000_000 })),
		shippedBid(edit(func(c *Change) { c.Before = Value{} })),
		shippedBudget(),
		shippedBudget(edit(func(c *Change) { c.After.Amount = c.Before.Amount * 3 })),
	}
	want := make([]Outcome, len(requests))
	for i, request := range requests {
		want[i] = engine.Evaluate(t.Context(), request)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 25 {
				at := (worker + i) % len(requests)
				if diff := cmp.Diff(want[at], engine.Evaluate(t.Context(), requests[at])); diff != "" {
					t.Errorf("request %d (-alone +at once):\n%s", at, diff)
					return
				}
			}
		})
	}
	group.Wait()
}

// A panic outside the evaluator, in what is made of its answer, blocks as well.
func TestAPanicInTheEngineBlocks(t *testing.T) {
	engine := compileSmall(t, nil)
	engine.evaluator = fakeEvaluator(func(context.Context, *Rule) ([]Raised, error) {
		return []Raised{{Rule: nil, Effect: Warn, Finding: new(term.Map).Value()}}, nil // no rule to lay it to
	})
	outcome := engine.Evaluate(t.Context(), bidRequest())
	if outcome.Verdict != Block || len(outcome.Findings) != 1 || outcome.Findings[0].Rule != FindingUndetermined ||
		!strings.Contains(outcome.Findings[0].Message, "the engine panicked") {
		t.Errorf("got %v %+v, want policy.undetermined", outcome.Verdict, outcome.Findings)
	}
}

// A skipped test is neither passed nor failed, and is told.
func TestSkippedTestsAreTold(t *testing.T) {
	report, err := RunTests(t.Context(), readSmall(t, files{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\ntodo_test_later if false\n"}), TestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Skipped()) != 1 || len(report.Failures()) != 0 || report.Results[0].Passed {
		t.Errorf("got %+v, want one skipped test", report.Results)
	}
}
