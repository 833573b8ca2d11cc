package policy

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy/term"
)

// tables are data that probes look things up in.
var tables = files{
	"floors/data.yaml":  "search: {micros: 5000000}\nshopping: {micros: 20000}\n",
	"rows/data.yaml":    "search: {type: auction, about: a row that has a type of its own}\n",
	"words/data.yaml":   "search: \"5000000\"\n",
	"blocked/data.yaml": "display: true\n",
}

// strictly is a revision of the ceiling, the tables and the probe.
func strictly(custom, body string) files {
	over := maps.Clone(tables)
	over["rules/probe.rego"] = probeWith(custom, body)
	return over
}

func channel(name string) func(*Request) {
	return edit(func(c *Change) { c.Target.Channel = name })
}

func withFact(name string, value Value) func(*Request) {
	return func(r *Request) {
		r.Facts = map[string]Fact{name: {Value: value, ObservedAt: noon, Source: "connector"}}
	}
}

func noAge(r *Request) { r.Change.BeforeObservedAt = time.Time{} }

// What a rule reads and is not there would let pass in silence what the rule is there to stop. Instead it is said, with the rule,
// the place in it and the path, and nothing is allowed.
func TestWhatARuleMissesIsSaid(t *testing.T) {
	for _, test := range []struct {
		name, body string
		edit       func(*Request)
		want       []string // path or reason, and where
	}{
		// The three classics.
		{"a missing field", `block contains {"message": "old"} if input.change.before_age_s > 900`, noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:10"}},
		{"an unknown key of data", `block contains {"message": "low"} if input.change.after.micros < data.floors[input.change.target.channel].micros`, channel("video"),
			[]string{"data.floors.video is not there", "rules/probe.rego:10"}},
		{"a column that a row of data has not got, though the row has a type", `block contains {"message": "low"} if input.change.after.micros < data.rows[input.change.target.channel].floor_micros`, nil,
			[]string{"data.rows.search.floor_micros is not there", "rules/probe.rego:10"}},
		{"a number as text, in data", `block contains {"message": "low"} if input.change.after.micros > data.words[input.change.target.channel]`, nil,
			[]string{"gt compares a number with a string", "rules/probe.rego:10"}},

		{"a number as text, in a label", "block contains {\"message\": \"high\"} if {\n\tmost := input.change.target.labels.most\n\tinput.change.after.micros > most\n}",
			edit(func(c *Change) { c.Target.Labels = map[string]string{"most": "1"} }), []string{"gt compares a number with a string", "rules/probe.rego:12"}},
		{"a number as text, under not", `block contains {"message": "low"} if not input.change.after.micros < data.words[input.change.target.channel]`, nil,
			[]string{"lt compares a number with a string", "rules/probe.rego:10"}},
		{"a value of another type", `block contains {"message": "much"} if input.change.after.ppm > 5`, nil,
			[]string{"input.change.after.ppm is not there", "rules/probe.rego:10"}},
		{"a value that is unlimited", `block contains {"message": "much"} if input.change.after.micros > 5`, becomes(UnlimitedValue()),
			[]string{"input.change.after.micros is not there", "rules/probe.rego:10"}},
		{"a value that is absent", "block contains {\"message\": \"much\"} if {\n\tafter := input.change.after\n\tafter.micros > 5\n}", becomes(AbsentValue()),
			[]string{"input.change.after.micros is not there", "rules/probe.rego:12"}},
		{"a fact of another type", "block contains {\"message\": \"spent\"} if {\n\tspent := input.facts.spend_today\n\tspent.micros > 5\n}", withFact("spend_today", RatioValue(6)),
			[]string{"input.facts.spend_today.micros is not there", "rules/probe.rego:12"}},
		{"a fact that is text", "block contains {\"message\": \"spent\"} if {\n\tspent := input.facts.spend_today\n\tspent.micros > 5\n}", withFact("spend_today", TextValue("6.00 USD")),
			[]string{"input.facts.spend_today.micros is not there", "rules/probe.rego:12"}},
		{"a fact that is unlimited", "block contains {\"message\": \"spent\"} if {\n\tspent := input.facts.spend_today\n\tspent.micros > 5\n}", withFact("spend_today", UnlimitedValue()),
			[]string{"input.facts.spend_today.micros is not there", "rules/probe.rego:12"}},
		{"the age of a fact that nobody says", "block contains {\"message\": \"old\"} if {\n\tspent := input.facts.spend_today\n\tspent.age_s > 5\n}", func(r *Request) {
			r.Facts = map[string]Fact{"spend_today": {Value: MoneyValue(1, "USD"), Source: "connector"}}
		}, []string{"input.facts.spend_today.age_s is not there", "rules/probe.rego:12"}},
		{"through a variable", "block contains {\"message\": \"old\"} if {\n\tchange := input.change\n\tchange.before_age_s > 900\n}", noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:12"}},
		{"in a function", "block contains {\"message\": \"old\"} if old(input.change)\n\nold(change) if change.before_age_s > 900", noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:12"}},
		{"in a comprehension", `block contains {"message": "late"} if count([1 | input.change.effective_at > input.now]) > 0`, nil,
			[]string{"input.change.effective_at is not there", "rules/probe.rego:10"}},
		{"in what every member must be", `block contains {"message": "low"} if every leg in input.group.legs { leg.after.micros < data.floors[leg.target.channel].micros }`, channel("video"),
			[]string{"data.floors.video is not there", "rules/probe.rego:10"}},
		{"under not of a not", "block contains {\"message\": \"old\"} if not fine\n\nfine if not input.change.before_age_s > 900", noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:12"}},
		{"else does not excuse", "block contains {\"message\": \"old\"} if age > 900\n\nage := seconds if {\n\tseconds := input.change.before_age_s\n} else := 0", noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:13"}},
		{"default does not excuse", "block contains {\"message\": \"old\"} if age > 900\n\ndefault age := 0\n\nage := input.change.before_age_s", noAge,
			[]string{"input.change.before_age_s is not there", "rules/probe.rego:14"}},
		{"in what a finding says", `warn contains {"message": "at {when}", "when": input.change.effective_at}`, nil,
			[]string{"input.change.effective_at is not there", "rules/probe.rego:10"}},
		{"beside a condition that holds", "block contains {\"message\": \"low\"} if {\n\tinput.change.kind == \"bid\"\n\tinput.change.after.micros < data.floors[input.change.target.channel].micros\n}", channel("video"),
			[]string{"data.floors.video is not there", "rules/probe.rego:12"}},
		{"of several lines", "block contains {\"message\": \"low\"} if {\n\tinput.change.after.micros <\n\t\tdata.floors[input.change.target.channel].micros\n}", channel("video"),
			[]string{"data.floors.video is not there", "rules/probe.rego:12"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			engine := compileSmall(t, strictly("", test.body))
			outcome := engine.Evaluate(t.Context(), bidRequest(both(test.edit)))
			finding := onlyUndetermined(t, outcome, Block)
			if !strings.HasPrefix(finding.Message, "test.probe could not be decided: ") || !strings.Contains(finding.Message, test.want[0]) || finding.Location != test.want[1] {
				t.Errorf("got %q at %s\nwant %q at %s", finding.Message, finding.Location, test.want[0], test.want[1])
			}
			// OPA's own evaluator says nothing of it.
			engine.evaluator = engine.reference
			if silent := engine.Evaluate(t.Context(), bidRequest(both(test.edit))); silent.Verdict != Allow || len(silent.Findings) > 0 {
				t.Errorf("by topdown: %s with %+v", silent.Verdict, silent.Findings)
			}
		})
	}
}

func becomes(value Value) func(*Request) {
	return edit(func(c *Change) { c.Kind, c.Before, c.After = KindDailyBudget, MoneyValue(5_000_000, "USD"), value })
}

func both(change func(*Request)) func(*Request) {
	if change == nil {
		return func(*Request) {}
	}
	return change
}

// onlyUndetermined is the one finding that says that the probe could not be decided.
func onlyUndetermined(t *testing.T, outcome Outcome, want Verdict) Finding {
	t.Helper()
	var found []Finding
	for _, finding := range outcome.Findings {
		if finding.Rule == FindingUndetermined {
			found = append(found, finding)
		}
	}
	if outcome.Verdict != want || len(found) != 1 {
		t.Fatalf("got %s, want %s; %+v", outcome.Verdict, want, outcome.Findings)
	}
	return found[0]
}

// A rule that fails is not decided either, and no METADATA softens that.
func TestWhatFailsIsSaid(t *testing.T) {
	for _, test := range []struct{ name, body, want, location string }{
		{"a built-in", `block contains {"message": "late"} if time.parse_rfc3339_ns(input.change.reason.text) > input.now`, "time.parse_rfc3339_ns: ", "rules/probe.rego:12"},
		{"a built-in under not", `block contains {"message": "late"} if not time.parse_rfc3339_ns(input.change.reason.text) > input.now`, "time.parse_rfc3339_ns: ", "rules/probe.rego:12"},
		{"a remainder of nothing", "block contains {\"message\": \"odd\"} if {\n\tnone := input.now - input.now\n\tinput.change.after.micros % none == 0\n}", "modulo by zero", "rules/probe.rego:14"},
		{"two definitions that differ", "block contains {\"message\": \"no\"} if share > 5\n\nshare := 1 if input.change.kind == \"bid\"\n\nshare := 2 if input.mode == \"active\"",
			"produced conflicting values", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			outcome := compileSmall(t, strictly("undetermined: approve\nstrict: false", test.body)).Evaluate(t.Context(), bidRequest())
			finding := onlyUndetermined(t, outcome, Block)
			if !strings.Contains(finding.Message, "test.probe could not be decided: ") || !strings.Contains(finding.Message, test.want) {
				t.Errorf("got %q, want %q", finding.Message, test.want)
			}
			if test.location != "" && finding.Location != test.location || !strings.HasPrefix(finding.Location, "rules/probe.rego:") {
				t.Errorf("it is at %s, want %s", finding.Location, test.location)
			}
		})
	}
}

// What a rule copes with, or what an object says itself that it has not got, is not missing.
func TestWhatARuleCopesWithIsNotSaid(t *testing.T) {
	unlimited := strings.Replace(smallLimits, "budget.cap: [1000.00 USD, 55000000000.00 COP]", "budget.cap: unlimited\n      bid.floor: unlimited", 1)
	for _, test := range []struct {
		name, custom, body string
		edit               func(*Request)
		limits             string
		speaks             bool // the rule itself has something to say
	}{
		{"absence under not", "", `warn contains {"message": "old"} if not input.change.before_age_s < 900`, noAge, "", true},
		{"an unknown key under not", "", `warn contains {"message": "no floor"} if not data.floors[input.change.target.channel]`, channel("video"), "", true},
		{"a path that stands alone", "", `warn contains {"message": "later"} if input.change.effective_at`, nil, "", false},
		{"a key of data that stands alone", "", `warn contains {"message": "blocked"} if data.blocked[input.change.target.channel]`, nil, "", false},
		{"object.get", "", `warn contains {"message": "later"} if object.get(input.change, "effective_at", 0) > input.now`, nil, "", false},
		{"a path that is declared", "optional: [input.change.before_age_s]", `warn contains {"message": "old"} if input.change.before_age_s > 900`, noAge, "", false},
		{"a part of what is declared", "optional: [input.facts.spend_today]", `warn contains {"message": "spent"} if input.facts.spend_today.micros > 5`, nil, "", false},
		{"a table that is declared", "optional: [data.floors]", `warn contains {"message": "low"} if input.change.after.micros < data.floors[input.change.target.channel].micros`, channel("video"), "", false},
		{"a label that it does not have", "", `warn contains {"message": "gold"} if input.change.target.labels.tier == "gold"`, nil, "", false},
		{"a label whose name is computed", "", `warn contains {"message": "gold"} if input.change.target.labels[input.change.target.channel] == "gold"`, nil, "", false},
		{"a number as text, in a rule that is not told", "strict: false", `warn contains {"message": "high"} if input.change.after.micros > data.words[input.change.target.channel]`, nil, "", false},
		{"an unlimited limit", "kinds: [bid]", `warn contains {"message": "low"} if input.change.after.micros < input.limits.bid.floor.micros`, nil, unlimited, false},
		{"a member of another type of value, under its type", "", "warn contains {\"message\": \"much\"} if {\n\tinput.change.after.type == \"ratio\"\n\tinput.change.after.ppm > 5\n}", nil, "", false},
		{"an empty list", "", `warn contains {"message": "mine"} if { some test in input.experiments; test.owner == data.words.search }`, nil, "", false},
		{"all of an empty list", "", `warn contains {"message": "none"} if every test in input.experiments { test.owner == "nobody" }`, nil, "", true},
		{"a condition before it", "", "warn contains {\"message\": \"low\"} if {\n\tinput.change.target.channel == \"search\"\n\tinput.change.before_age_s > 900\n}",
			func(r *Request) { noAge(r); channel("video")(r) }, "", false},
		{"another definition", "", "warn contains {\"message\": \"much\"} if amount(input.change.after) > 5\n\namount(value) := value.micros\n\namount(value) := value.ppm", nil, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			over := strictly(test.custom, test.body)
			if test.limits != "" {
				over["limits/data.yaml"] = test.limits
			}
			outcome := compileSmall(t, over).Evaluate(t.Context(), bidRequest(both(test.edit)))
			var want []string
			if test.speaks {
				want = []string{"test.probe"}
			}
			if got := ids(outcome.Findings); outcome.Verdict != Allow || !slices.Equal(got, want) {
				t.Errorf("got %s with %+v, want %v", outcome.Verdict, outcome.Findings, want)
			}
		})
	}
}

// The document is checked before rules are asked: a number as text does not come as far as they.
func TestANumberAsTextDoesNotReachRules(t *testing.T) {
	engine := compileSmall(t, strictly("", `block contains {"message": "low"} if input.change.after.micros < data.floors[input.change.target.channel].micros`))
	asked := &askedRules{evaluator: fakeEvaluator(nil)} // which would panic
	engine.evaluator = asked
	document := engine.document(bidRequest())
	findings := engine.evaluateDocument(t.Context(), replace(document, []string{"change", "after", "micros"}, term.Text("4500000")), nil).Findings
	if len(findings) != 1 || findings[0].Rule != FindingSchema || findings[0].Effect != Blocks || findings[0].Message != "input.change.after.micros is string and must be an integer" {
		t.Errorf("got %+v", findings)
	}
}

// What METADATA says of a rule that is not decided.
func TestWhatBecomesOfWhatARuleMisses(t *testing.T) {
	const body = `block contains {"message": "old"} if input.change.before_age_s > 900`
	for _, test := range []struct {
		name, custom, modes string
		verdict             Verdict
		effect              Effect
		lenient, shadow     bool
	}{
		{"nothing", "", "", Block, Blocks, false, false},
		{"absence asks a person", "undetermined: approve", "", RequireApproval, Approve, false, false},
		{"absence blocks", "undetermined: block", "", Block, Blocks, false, false},
		{"told of absence", "strict: true", "", Block, Blocks, false, false},
		{"not told of absence", "strict: false", "", Allow, EffectNone, true, false},
		{"in shadow", "", "test.probe: {mode: shadow}\n", Allow, Blocks, false, true},
		{"in shadow, and absence asks a person", "undetermined: approve", "test.probe: {mode: shadow}\n", Allow, Approve, false, true},
		{"off", "", "test.probe: {mode: \"off\"}\n", Allow, EffectNone, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			over := strictly(test.custom, body)
			over["rules/data.yaml"] = test.modes
			engine := compileSmall(t, over)
			outcome := engine.Evaluate(t.Context(), bidRequest(noAge))
			if outcome.Verdict != test.verdict {
				t.Errorf("got %s, want %s", outcome.Verdict, test.verdict)
			}
			var want []Finding
			if test.effect != EffectNone {
				line := 10 + strings.Count(test.custom, "\n")
				if test.custom != "" {
					line++
				}
				want = []Finding{{Rule: FindingUndetermined, Effect: test.effect, Shadow: test.shadow, Location: "rules/probe.rego:" + decimal(line),
					Message: "test.probe could not be decided: input.change.before_age_s is not there"}}
			}
			if diff := cmp.Diff(want, outcome.Findings); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, rule := range engine.Rules() {
				if rule.Lenient != (test.lenient && rule.ID == "test.probe") {
					t.Errorf("%s is lenient: %v", rule.ID, rule.Lenient)
				}
			}
		})
	}
}

func decimal(number int) string { return term.Int(int64(number)).String() }

// That something is missing hides nothing that the rules say, and one rule's absence is no other's.
func TestWhatIsMissingHidesNoFinding(t *testing.T) {
	over := strictly("", `block contains {"message": "old"} if input.change.before_age_s > 900

warn contains {"message": "seen"}`)
	over["rules/other.rego"] = rule("other", "", `approve contains {"message": "look"} if not input.change.before_age_s < 900`)
	outcome := compileSmall(t, over).Evaluate(t.Context(), bidRequest(noAge, edit(func(c *Change) { c.After.Amount = 51_000_000 })))
	if want := []string{"bid.ceiling", FindingUndetermined, "test.other", "test.probe"}; outcome.Verdict != Block || !slices.Equal(ids(outcome.Findings), want) {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

// What the engine names before rules are asked is not said a second time.
func TestWhatIsMissingIsSaidOnce(t *testing.T) {
	for _, test := range []struct {
		name, custom, body, want string
		edit                     func(*Request)
	}{
		{"a fact", "", `block contains {"message": "spent"} if input.facts.spend_today.micros > 5`, "test.probe needs input.facts.spend_today.micros, which nothing provides", nil},
		{"a fact, through a variable", "", "block contains {\"message\": \"spent\"} if {\n\tspent := input.facts.spend_today\n\tspent.micros > 5\n}", "test.probe needs input.facts.spend_today, which nothing provides", nil},
		{"a fact, in two places", "", "block contains {\"message\": \"spent\"} if input.facts.spend_today.micros > 5\n\nwarn contains {\"message\": \"spent\"} if input.facts.spend_today.micros > 4",
			"test.probe needs input.facts.spend_today.micros, which nothing provides", nil},
		{"a limit in the currency of the change", "kinds: [bid, default_bid]", `block contains {"message": "high"} if input.change.after.micros > input.limits.bid.ceiling.micros`,
			"no amount in SEK is set for bid.ceiling", edit(func(c *Change) { c.Before.Currency, c.After.Currency = "SEK", "SEK" })},
		{"a window", "", `block contains {"message": "moved"} if input.windows.account.day.moved > 5`, "test.probe needs input.windows.account.day.moved, which nothing provides", nil},
		{"a window whose sum is not known", "", `block contains {"message": "moved"} if input.windows.account.day.moved > 5`, "which cannot be told: there is no rate from COP to USD",
			func(r *Request) {
				r.Windows = Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", Problem: "there is no rate from COP to USD"}}}}
			}},
		// Here the fact is there, and the engine cannot know what is read of it.
		{"a fact of another type, through a variable", "", "block contains {\"message\": \"spent\"} if {\n\tspent := input.facts.spend_today\n\tspent.micros > 5\n}",
			"test.probe could not be decided: input.facts.spend_today.micros is not there", withFact("spend_today", UnlimitedValue())},
	} {
		t.Run(test.name, func(t *testing.T) {
			finding := onlyUndetermined(t, compileSmall(t, strictly(test.custom, test.body)).Evaluate(t.Context(), bidRequest(both(test.edit))), Block)
			if !strings.Contains(finding.Message, test.want) {
				t.Errorf("got %q, want %q", finding.Message, test.want)
			}
		})
	}
}

// unplannable is what OPA's evaluator decides and its planner refuses.
const unplannable = `block contains {"message": "far"} if {
	amounts := {"amount": input.change.after.micros}
	{"amount": 4500000} = {key: value | some key, value in amounts}
}

warn contains {"message": "old"} if input.change.before_age_s > 900`

// A revision that cannot be planned is decided by OPA's own evaluator, and the engine says so and why.
func TestARevisionThatCannotBePlannedFallsBack(t *testing.T) {
	over := strictly("", unplannable)
	engine := compileSmall(t, over)
	if by, why := engine.Evaluator(); by != ByTopdown || why == nil || !strings.Contains(why.Error(), "not implemented: unify") {
		t.Errorf("run by %s: %v", by, why)
	}
	outcome := engine.Evaluate(t.Context(), bidRequest())
	if outcome.Verdict != Block || !slices.Equal(ids(outcome.Findings), []string{"test.probe"}) {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
	if outcome := engine.Evaluate(t.Context(), bidRequest(edit(func(c *Change) { c.After.Amount = 3_000_000 }))); outcome.Verdict != Allow || len(outcome.Findings) > 0 {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestTheEvaluatorThatWasAskedForRuns(t *testing.T) {
	for _, test := range []struct {
		asked, want EvaluatorName
		verdict     Verdict
	}{{"", ByPlan, Block}, {ByPlan, ByPlan, Block}, {ByTopdown, ByTopdown, Allow}} {
		revision := readSmall(t, strictly("", `block contains {"message": "old"} if input.change.before_age_s > 900`))
		engine, err := Compile(t.Context(), revision, Options{SkipTests: true, Deadline: 10 * time.Second, Evaluator: test.asked})
		if err != nil {
			t.Fatal(err)
		}
		if by, why := engine.Evaluator(); by != test.want || why != nil {
			t.Errorf("asked for %q, run by %s: %v", test.asked, by, why)
		}
		if outcome := engine.Evaluate(t.Context(), bidRequest(noAge)); outcome.Verdict != test.verdict {
			t.Errorf("by %q: %s with %+v", test.asked, outcome.Verdict, outcome.Findings)
		}
	}
}

func TestEvaluatorsHaveNames(t *testing.T) {
	for name, want := range map[string]EvaluatorName{"": ByPlan, "plan": ByPlan, "topdown": ByTopdown} {
		if got, err := ParseEvaluator(name); err != nil || got != want {
			t.Errorf("%q is %s: %v", name, got, err)
		}
	}
	if _, err := ParseEvaluator("wasm"); err == nil || !strings.Contains(err.Error(), `"wasm" is no evaluator; choose plan or topdown`) {
		t.Errorf("wasm: %v", err)
	}
}

// Plans are made when a revision is loaded. The first request, too, costs no more than any other: making the plan of even the
// smallest revision takes far more.
func TestNoRequestMakesAPlan(t *testing.T) {
	revision := readSmall(t, strictly("", `block contains {"message": "old"} if input.change.before_age_s > 900`))
	var engine *Engine
	loading := allocations(func() {
		var err error
		if engine, err = Compile(t.Context(), revision, Options{SkipTests: true, Deadline: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
	})
	request := bidRequest()
	const most = 500
	for i := range 3 {
		if count := allocations(func() { engine.Evaluate(t.Context(), request) }); count > most {
			t.Errorf("request %d: %d allocations, want at most %d", i, count, most)
		}
	}
	document := engine.document(request)
	for _, kind := range Kinds() {
		if count := allocations(func() { _, _ = engine.evaluator.evaluate(t.Context(), kind, engine.byKind[kind], true, document) }); count > most {
			t.Errorf("rules of %s: %d allocations, want at most %d", kind, count, most)
		}
	}
	if loading < 20*most {
		t.Errorf("loading takes %d allocations, so %d do not tell anything", loading, most)
	}
}

func allocations(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// Taking input away from the shipped rules is checked with what decides, and what a plan tells is part of it.
func TestTheCheckOfAbsenceRunsPlans(t *testing.T) {
	if by, why := shippedEngine(t).Evaluator(); by != ByPlan || why != nil {
		t.Errorf("the shipped rules are run by %s: %v", by, why)
	}
	engine := withExamples(t, "", `block contains {"message": "old"} if input.change.before_age_s > 900`, [2]string{`{"change": {"before_age_s": 1000}}`, "block"})
	if got := paths(checkAbsence(t, engine).Laxer); len(got) > 0 {
		t.Errorf("by the plan it is laxer without %v", got)
	}
	engine.evaluator = engine.reference
	if got := paths(checkAbsence(t, engine).Laxer); !slices.Equal(got, []string{"input.change.before_age_s"}) {
		t.Errorf("by topdown it is laxer without %v", got)
	}
}
