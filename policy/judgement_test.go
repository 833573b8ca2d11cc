package policy

import (
	"bytes"
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

// rule is a probe under another name.
func rule(name, custom, body string) string {
	return strings.ReplaceAll(probeWith(custom, body), "probe", name)
}

// windowed is a revision whose rules read windows in every way there is, and go wrong in some.
var windowed = files{
	"lib/use.rego": "package bidrail.lib.use\n\nhigh if input.windows.account.day.moved > 50\n",
	"rules/account.rego": rule("account", "", `import data.bidrail.lib.use

block contains {"message": "{moved} moved", "moved": input.windows.account.day.moved} if use.high

warn contains {"message": "{count} changes", "count": input.windows.account.hour.count} if input.windows.account.hour.count > 5`),
	"rules/campaign.rego": rule("campaign", "undetermined: approve", `approve contains {"message": "much"} if input.windows.campaign.day.raised * 50000 > input.limits.bid.step.ppm

block contains {"message": "odd", "limit": {"odd": 1}} if input.windows.campaign.day.count > 90`),
	"rules/field.rego": rule("field", "optional: [input.windows.field]", `block contains {"message": "{peak}", "peak": object.get(input.windows, ["field", "hour", "peak"], 0)} if {
	object.get(input.windows, ["field", "hour", "peak"], 0) > 5
}

approve contains {"message": "again"} if {
	input.windows.field.reverses
	input.windows.field.last_change_age_s < 100000
}`),
	"rules/portfolio.rego": rule("portfolio", "optional: [input.windows.portfolio]", `block contains {"message": "late"} if {
	not input.windows.portfolio.day.count < 50
	time.parse_rfc3339_ns(input.change.reason.text) > 5
}`),
	"rules/any.rego":  rule("any", "", `warn contains {"message": "{n}", "n": object.get(input.windows, [input.change.target.channel, "hour", "count"], 0)}`),
	"rules/bids.rego": rule("bids", "kinds: [bid]", `block contains {"message": "run"} if input.windows.run.day.net_rise > 50`),
	"rules/off.rego":  rule("off", "", `block contains {"message": "off"} if input.windows.organisation.day.count >= 0`),
	"rules/data.yaml": "test.field: {mode: shadow}\ntest.off: {mode: \"off\"}\n",
}

func TestJudgedAgainIsAsJudgedAnew(t *testing.T) {
	engine := compileSmall(t, windowed)
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		request := bidRequest(func(r *Request) {
			r.Change.Target.Channel = rapid.SampledFrom([]string{"search", "run", "channel"}).Draw(t, "channel")
			r.Change.After.Amount = rapid.SampledFrom([]int64{4_000_000, 51_000_000}).Draw(t, "after")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				r.Change.Before.Currency, r.Change.After.Currency = "SEK", "SEK"
			case 1:
				r.Change.Kind, r.Change.Before, r.Change.After = KindTargetROAS, RatioValue(5), RatioValue(6)
			case 2:
				r.Change.Before = Value{}
			}
			r.Windows = windowsOf("hour", "day").Draw(t, "windows")
		})
		judged := engine.Judge(t.Context(), request)
		for range 2 {
			windows := windowsOf("hour", "day").Draw(t, "other windows")
			if rapid.Bool().Draw(t, "little differs") {
				windows = append(Windows{}, request.Windows...)
				for i := range windows {
					windows[i].Reverses = windows[i].Reverses != rapid.Bool().Draw(t, "turned")
				}
			}
			again := judged.Again(t.Context(), windows)
			request.Windows = windows
			fresh := engine.Judge(t.Context(), request)
			if diff := cmp.Diff(fresh.Outcome, again.Outcome); diff != "" {
				t.Fatalf("(-anew +again):\n%s", diff)
			}
			verdicts[again.Verdict]++
			judged = again
		}
	})
	if verdicts[Allow] == 0 || verdicts[RequireApproval] == 0 || verdicts[Block] == 0 {
		t.Errorf("the verdicts were %v", verdicts)
	}
}

// askedRules notes which rules are asked alone.
type askedRules struct {
	evaluator
	mutex sync.Mutex
	ids   []string
}

func (a *askedRules) evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error) {
	a.mutex.Lock()
	for _, rule := range rules {
		if !all {
			a.ids = append(a.ids, rule.ID)
		}
	}
	a.mutex.Unlock()
	return a.evaluator.evaluate(ctx, kind, rules, all, input)
}

func TestOnlyRulesThatReadWhatDiffersAreAskedAgain(t *testing.T) {
	engine := compileSmall(t, windowed)
	asked := &askedRules{evaluator: engine.evaluator}
	engine.evaluator = asked
	before := Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", Count: 1}}}, {Scope: "field"}, {Scope: "portfolio", Sums: []WindowSums{{Window: "day"}}}}
	judged := engine.Judge(t.Context(), bidRequest(func(r *Request) { r.Windows = before }))
	for _, test := range []struct {
		name  string
		after Windows
		want  []string
	}{
		{"nothing", before, nil},
		{"the account", Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", Count: 1, AmountsKnown: true, Raised: 5}}}, before[1], before[2]}, []string{"test.account", "test.any"}},
		{"what nobody but the curious reads of it", Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", Count: 2}}}, before[1], before[2]}, []string{"test.any"}},
		{"the field", Windows{before[0], {Scope: "field", Reverses: true}, before[2]}, []string{"test.any", "test.field"}},
		{"a scope that goes away", Windows{before[0], before[2]}, []string{"test.any", "test.field"}},
		{"a scope that comes", append(Windows{{Scope: "run"}}, before...), []string{"test.any", "test.bids"}},
		{"a scope that only a rule that is off reads", append(Windows{{Scope: "organisation"}}, before...), []string{"test.any"}},
	} {
		asked.ids = nil
		if judged.Again(t.Context(), test.after); !cmp.Equal(asked.ids, test.want) {
			t.Errorf("%s: asked %v, want %v", test.name, asked.ids, test.want)
		}
	}
}

// A judgement stays what it was.
func TestJudgingAgainLeavesTheFirstAlone(t *testing.T) {
	engine := compileSmall(t, windowed)
	request := bidRequest(func(r *Request) { r.Windows = fullWindows() })
	judged, want := engine.Judge(t.Context(), request), engine.Judge(t.Context(), request)
	judged.Again(t.Context(), nil)
	judged.Again(t.Context(), Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", AmountsKnown: true}}}})
	if diff := cmp.Diff(want.Outcome, judged.Outcome); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

var (
	someMoved = Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", AmountsKnown: true, Raised: 1}}}}
	moreMoved = Windows{{Scope: "account", Sums: []WindowSums{{Window: "day", AmountsKnown: true, Raised: 2}}}}
)

func TestNoDoubtBecomesAnAllowWhenJudgedAgain(t *testing.T) {
	timeUp, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name      string
		ctx       context.Context
		evaluator fakeEvaluator // from the second time on
		windows   Windows
		rule      string
		message   string
	}{
		{"the caller's time is up", timeUp, nil, moreMoved, FindingTimeout, "the caller's time was up"},
		{"an error", t.Context(), func(context.Context, *Rule) ([]Raised, error) { return nil, &EvaluationError{Reason: "it broke"} }, moreMoved,
			FindingUndetermined, "test.probe could not be decided: it broke"},
		{"a panic of the evaluator", t.Context(), func(context.Context, *Rule) ([]Raised, error) { panic("index out of range") }, moreMoved,
			FindingUndetermined, "test.probe could not be decided: the evaluator panicked"},
		{"a panic of the engine", t.Context(), func(context.Context, *Rule) ([]Raised, error) {
			return []Raised{{Rule: nil, Effect: Warn, Finding: new(term.Map).Value()}}, nil
		}, moreMoved, FindingUndetermined, "the engine panicked"},
		{"it does not end", t.Context(), func(ctx context.Context, _ *Rule) ([]Raised, error) { <-ctx.Done(); return nil, nil }, moreMoved,
			FindingTimeout, "did not come to an end"},
		{"windows that are gone", t.Context(), nil, nil, FindingUndetermined, "needs input.windows.account.day.moved"},
		{"windows that are none", t.Context(), nil, Windows{{Scope: "planet"}}, FindingSchema, "input.windows.planet is not part of the input document"},
	} {
		t.Run(test.name, func(t *testing.T) {
			engine := compileSmall(t, probed(windowProbe))
			judged := engine.Judge(t.Context(), bidRequest(func(r *Request) { r.Windows = someMoved }))
			if judged.Verdict != Allow {
				t.Fatalf("at first: %s with %+v", judged.Verdict, judged.Findings)
			}
			topdown := engine.evaluator
			if test.evaluator != nil {
				engine.evaluator, engine.deadline = test.evaluator, 20*time.Millisecond
			}
			again := judged.Again(test.ctx, test.windows)
			if again.Verdict != Block || len(again.Findings) != 1 || again.Findings[0].Rule != test.rule || !strings.Contains(again.Findings[0].Message, test.message) {
				t.Fatalf("got %s with %+v, want %s", again.Verdict, again.Findings, test.rule)
			}
			recovered(t, engine)
			engine.evaluator, engine.deadline = topdown, 10*time.Second
			// What the engine could not find out stays; what a rule said, or a document was not, is found out anew.
			third := again.Again(t.Context(), someMoved)
			stays := test.rule == FindingTimeout || strings.HasPrefix(test.message, "the engine")
			if (third.Verdict == Block) != stays {
				t.Errorf("the third time: %s with %+v", third.Verdict, third.Findings)
			}
		})
	}
}

func TestEvaluationsLeftBehindCountWhenJudgedAgain(t *testing.T) {
	engine := compileSmall(t, probed(windowProbe))
	judged := engine.Judge(t.Context(), bidRequest(func(r *Request) { r.Windows = someMoved }))
	release := make(chan struct{})
	engine.deadline = time.Millisecond
	engine.evaluator = fakeEvaluator(func(context.Context, *Rule) ([]Raised, error) { <-release; return nil, nil })
	for range maxAbandoned + 1 {
		if again := judged.Again(t.Context(), moreMoved); again.Verdict != Block || again.Findings[0].Rule != FindingTimeout {
			t.Fatalf("got %s with %+v", again.Verdict, again.Findings)
		}
	}
	if got := engine.Abandoned(); got != maxAbandoned {
		t.Errorf("%d are left behind, want %d", got, maxAbandoned)
	}
	close(release)
	recovered(t, engine)
}

func TestWithoutAPolicyNothingIsAllowedTheSecondTimeEither(t *testing.T) {
	var engine *Engine
	again := engine.Judge(t.Context(), bidRequest()).Again(t.Context(), someMoved)
	if again.Verdict != Block || !cmp.Equal(ids(again.Findings), []string{FindingNoPolicy}) || again.Input() != nil {
		t.Errorf("got %+v", again.Outcome)
	}
	if reads := engine.WindowReads(KindBid); reads != nil {
		t.Errorf("it reads %v", reads)
	}
}

func TestWindowReadsAreThoseOfTheKindsRules(t *testing.T) {
	engine := compileSmall(t, files{
		"lib/use.rego": "package bidrail.lib.use\n\nhigh if input.windows.account.day.moved > 50\n",
		"rules/all.rego": rule("all", "optional: [input.windows.portfolio]", `import data.bidrail.lib.use

block contains {"message": "no"} if use.high

block contains {"message": "no"} if input.windows.portfolio.hour.count > 5

block contains {"message": "no"} if input.windows.account.day.count > 5

block contains {"message": "no"} if not input.windows.campaign.reverses`),
		"rules/bids.rego": rule("bids", "kinds: [bid]", `block contains {"message": "no"} if input.windows.field.last_change_age_s < 5

block contains {"message": "no"} if object.get(input.windows, ["run", "hour", "count"], 0) > 5

block contains {"message": "no"} if object.get(input, ["windows", "channel", "day", "count"], 0) > 5

block contains {"message": "no"} if object.get(input, ["facts", "spend_today"], 0) > 5

block contains {"message": "no"} if count(object.get(input.windows, "automation", {})) > 5`),
		"rules/off.rego":  rule("off", "", `block contains {"message": "off"} if input.windows.organisation.day.count >= 0`),
		"rules/some.rego": rule("some", "kinds: [status]", `block contains {"message": "no"} if object.get(input.windows, [input.change.target.channel, "hour", "count"], 0) > 5`),
		"rules/data.yaml": "test.all: {mode: shadow}\ntest.off: {mode: \"off\"}\n",
	})
	common := []WindowRead{{"account", "day"}, {"campaign", ""}, {"portfolio", "hour"}}
	bids := []WindowRead{{"account", "day"}, {"automation", ""}, {"automation", "day"}, {"automation", "hour"}, {"campaign", ""}, {"channel", "day"},
		{"field", ""}, {"portfolio", "hour"}, {"run", "hour"}}
	for kind, want := range map[Kind][]WindowRead{KindName: common, KindBid: bids} {
		if diff := cmp.Diff(want, engine.WindowReads(kind)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	// A key that is computed may be any.
	if got, want := len(engine.WindowReads(KindStatus)), len(scopeNames)*3; got != want {
		t.Errorf("%d windows are read, want all %d", got, want)
	}
}

func TestADefaultForAWindowThatThereIsNotIsRefused(t *testing.T) {
	for path, want := range map[string]string{
		`["account", "dya", "count"]`: "rules/probe.rego:8: test.probe gets input.windows.account.dya, which this revision has not got",
		`["acount", "day", "count"]`:  "test.probe gets input.windows.acount.day, which this revision has not got",
		`"acount"`:                    "test.probe gets input.windows.acount",
	} {
		got := refusal(t, probed(`block contains {"message": "no"} if object.get(input.windows, `+path+`, {}) != {}`))
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// What a change costs to judge again when one scope has moved.
func BenchmarkAgain(b *testing.B) {
	engine := compileSmall(b, windowed)
	judged := engine.Judge(b.Context(), bidRequest(func(r *Request) { r.Windows = fullWindows() }))
	moved := fullWindows()
	moved[1].Sums[0].Raised = math.MaxInt64
	b.ReportAllocs()
	for b.Loop() {
		judged.Again(b.Context(), moved)
	}
}

// A document is in order when it is made, so writing it for the record changes nothing of it, though an evaluation that overran may still be reading it.
// The race detector sees it where that is not so.
func TestADocumentIsWrittenWhileOthersReadIt(t *testing.T) {
	request := bidRequest()
	request.Change.Target.Labels = map[string]string{"z": "1", "b": "2", "a": "3", "c": "4"}
	request.Change.Facts = map[string]Fact{}
	for _, name := range []string{"spend_today", "delivery_share", "current_value", "age"} {
		request.Change.Facts[name] = Fact{Value: Value{Form: Ratio, Amount: 1}}
	}
	request.Facts, request.Windows = request.Change.Facts, someMoved
	engine := shippedEngine(t)
	document := engine.document(request)
	var written [4][]byte
	var writers sync.WaitGroup
	for i := range written {
		writers.Go(func() { written[i] = document.AppendJSON(nil) })
	}
	writers.Wait()
	for _, again := range written[1:] {
		if !bytes.Equal(written[0], again) {
			t.Errorf("it is written as %s, and as %s", written[0], again)
		}
	}
	if judged := engine.Judge(t.Context(), request); !bytes.Equal(judged.Input(), written[0]) {
		t.Errorf("the judgement's is %s, want %s", judged.Input(), written[0])
	}
}
