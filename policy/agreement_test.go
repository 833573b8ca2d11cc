package policy

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bidrail/bidrail/policy/term"
)

var (
	agreementInputs = flag.Int("agreement.inputs", manyInputs, "how many generated inputs are judged by both evaluators")
	agreementSeed   = flag.Uint64("agreement.seed", 1, "what they are generated from")
)

// seldom is how many rules need not speak of any generated input: inputs that do not make rules speak show little of them.
const seldom = 3

// A plan decides as OPA's own evaluator does: of every input each rule says the same by both, or by neither can be decided.
func TestPlansSayWhatTopdownSays(t *testing.T) {
	engine := shippedEngine(t)
	plan, reference := bothEvaluators(t, engine)
	examples, err := readExamples(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	generator := newInputs(engine, examples)
	tally := newTally()
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			mine := newTally()
			defer tally.add(mine)
			for i := next.Add(1) - 1; i < uint64(*agreementInputs) && tally.differ.Load() < 5; i = next.Add(1) - 1 {
				document := generator.document(*agreementSeed, i)
				saidBy, problem := compareBy(t.Context(), engine, plan, reference, document, i%16 == 0)
				if problem != "" {
					tally.differ.Add(1)
					t.Errorf("input %d of seed %d: %s\n%s", i, *agreementSeed, problem, document)
				}
				mine.count(saidBy, engine.evaluateDocument(t.Context(), document, nil))
			}
		})
	}
	workers.Wait()
	var silent []string
	for _, rule := range engine.rules {
		if tally.fired[rule] == 0 {
			silent = append(silent, rule.ID)
		}
	}
	t.Logf("agreement: %d inputs, %d differ; verdicts %s; %d say that something is missing; rules that fired: %d of %d, without %v", tally.inputs, tally.differ.Load(),
		tally.verdictsText(), tally.missing, len(engine.rules)-len(silent), len(engine.rules), silent)
	// A few inputs, to see one of them again, cannot reach every rule.
	if *agreementInputs >= manyInputs && (len(silent) > seldom || tally.verdicts[Allow] == 0 || tally.verdicts[RequireApproval] == 0) {
		t.Errorf("the inputs do not reach the rules: %v never said anything, and the verdicts are %s", silent, tally.verdictsText())
	}
}

// Every example of the pack's own tests is judged alike, asked together and asked alone.
func TestPlansSayOfTheExamplesWhatTopdownSays(t *testing.T) {
	engine := shippedEngine(t)
	plan, reference := bothEvaluators(t, engine)
	examples, err := readExamples(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	fired := map[*Rule]bool{}
	for _, example := range examples {
		saidBy, problem := compareBy(t.Context(), engine, plan, reference, example.Input, true)
		if problem != "" {
			t.Errorf("%s: example %q: %s", example.Rule.ID, example.Name, problem)
		}
		for rule := range saidBy {
			fired[rule] = true
		}
	}
	if len(fired) != len(engine.rules) || len(examples) < 2*len(engine.rules) {
		t.Errorf("%d examples make %d rules of %d speak", len(examples), len(fired), len(engine.rules))
	}
}

// Rules that fail do so by both evaluators, and hide nothing that the others say.
func TestPlansFailWhereTopdownFails(t *testing.T) {
	engine := compileSmall(t, files{
		"rules/parse.rego": rule("parse", "", `block contains {"message": "late"} if time.parse_rfc3339_ns(input.change.reason.text) > input.now

warn contains {"message": "seen"}`),
		"rules/differ.rego": rule("differ", "", "block contains {\"message\": \"no\"} if share > 1\n\nshare := 1 if input.change.kind == \"bid\"\n\nshare := 2 if input.change.reason.code == \"two\""),
		"rules/remain.rego": rule("remain", "", `warn contains {"message": "odd"} if input.change.after.micros % (input.change.before.micros - input.change.before.micros) == 0`),
		"rules/quiet.rego":  rule("quiet", "", `warn contains {"message": "always"}`),
	})
	plan, reference := bothEvaluators(t, engine)
	failures := 0
	for _, code := range []string{"one", "two"} {
		for _, text := range []string{"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "soon", ""} {
			for _, kind := range []Kind{KindBid, KindStatus} {
				document := engine.document(bidRequest(edit(func(c *Change) { c.Kind, c.Reason.Code, c.Reason.Text = kind, code, text })))
				saidBy, problem := compareBy(t.Context(), engine, plan, reference, document, true)
				if problem != "" {
					t.Errorf("%s of %s, %q: %s", code, kind, text, problem)
				}
				for rule, said := range saidBy {
					if said.failed {
						failures++
					} else if rule.ID == "test.quiet" && len(said.raised) != 1 {
						t.Errorf("%s of %s, %q: %s says %v", code, kind, text, rule.ID, said.raised)
					}
				}
			}
		}
	}
	if failures != 8+4+16 {
		t.Errorf("%d rules failed", failures)
	}
}

// A difference is seen wherever it is.
func TestADisagreementIsSeen(t *testing.T) {
	engine := shippedEngine(t)
	plan, reference := bothEvaluators(t, engine)
	document := engine.document(shippedBid(edit(func(c *Change) { c.Before.Amount, c.After.Amount = 45_000_000, 50_010_000 })))
	if saidBy, problem := compareBy(t.Context(), engine, plan, reference, document, true); problem != "" || len(saidBy) == 0 {
		t.Fatalf("to begin with: %d rules speak; %s", len(saidBy), problem)
	}
	other := func(change func(raised *Raised)) func([]ruleAnswer) []ruleAnswer {
		return func(answers []ruleAnswer) []ruleAnswer {
			for i := range answers {
				if answers[i].rule.ID == "bid.ceiling" {
					change(&answers[i].raised[0])
				}
			}
			return answers
		}
	}
	without := func(answers []ruleAnswer) []ruleAnswer {
		return slices.DeleteFunc(answers, func(answer ruleAnswer) bool { return answer.rule.ID == "bid.ceiling" })
	}
	for name, alter := range map[string]func([]ruleAnswer) []ruleAnswer{
		"another message": other(func(raised *Raised) {
			raised.Finding = replace(raised.Finding, []string{"message"}, term.Text("the bid {observed} is not above its ceiling {limit}"))
		}),
		"another amount deep in a finding": other(func(raised *Raised) {
			raised.Finding = replace(raised.Finding, []string{"observed", "micros"}, term.Int(50_010_001))
		}),
		"another effect":  other(func(raised *Raised) { raised.Effect = Warn }),
		"a rule left out": without,
		"a rule that speaks twice": func(answers []ruleAnswer) []ruleAnswer {
			for i := range answers {
				if answers[i].rule.ID == "bid.ceiling" {
					answers[i].raised = append(answers[i].raised, answers[i].raised[0])
				}
			}
			return answers
		},
		"a rule that fails": func(answers []ruleAnswer) []ruleAnswer {
			for i := range answers {
				if answers[i].rule.ID == "bid.ceiling" {
					answers[i].err = &EvaluationError{Reason: "it failed"}
				}
			}
			return answers
		},
	} {
		_, problem := compareBy(t.Context(), engine, altered{plan, alter}, reference, document, false)
		if !strings.Contains(problem, "bid.ceiling") {
			t.Errorf("%s: %q", name, problem)
		}
		if _, problem := compareBy(t.Context(), engine, plan, altered{reference, alter}, document, false); !strings.Contains(problem, "bid.ceiling") {
			t.Errorf("%s, of topdown: %q", name, problem)
		}
	}
	// What is asked alone is compared as well.
	alone := aloneAltered{plan, without}
	if _, problem := compareBy(t.Context(), engine, alone, reference, document, false); problem != "" {
		t.Errorf("together: %s", problem)
	}
	if _, problem := compareBy(t.Context(), engine, alone, reference, document, true); !strings.Contains(problem, "bid.ceiling") {
		t.Errorf("alone: %q", problem)
	}
}

// altered is an evaluator that says something else.
type altered struct {
	evaluator
	alter func([]ruleAnswer) []ruleAnswer
}

func (a altered) evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error) {
	answers, err := a.evaluator.evaluate(ctx, kind, rules, all, input)
	return a.alter(answers), err
}

// aloneAltered is an evaluator that says something else where rules are asked alone.
type aloneAltered altered

func (a aloneAltered) evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error) {
	if all {
		return a.evaluator.evaluate(ctx, kind, rules, all, input)
	}
	return altered(a).evaluate(ctx, kind, rules, all, input)
}

func bothEvaluators(t testing.TB, engine *Engine) (plan, reference evaluator) {
	t.Helper()
	if by, why := engine.Evaluator(); by != ByPlan {
		t.Fatalf("the rules are run by %s: %v", by, why)
	}
	return engine.evaluator, engine.reference
}

// said is what one rule says of a document by one evaluator.
type said struct {
	raised   []Raised
	failed   bool // it could not be decided; what it did say does not count then
	absences int
	why      error
}

// saidBy asks the rules as an engine does: together, and each alone where that does not do.
func saidBy(ctx context.Context, by evaluator, kind Kind, rules []*Rule, document term.Value, together bool) map[*Rule]said {
	var answers []ruleAnswer
	err := context.Canceled
	if together {
		answers, err = by.evaluate(ctx, kind, rules, true, document)
	}
	if err != nil {
		answers = nil
		for _, rule := range rules {
			alone, err := by.evaluate(ctx, kind, []*Rule{rule}, false, document)
			if err != nil {
				alone = []ruleAnswer{{rule: rule, err: err}}
			}
			answers = append(answers, alone...)
		}
	}
	all := map[*Rule]said{}
	for i := range answers {
		answer, is := &answers[i], all[answers[i].rule]
		is.absences += len(answer.absences)
		is.raised = append(is.raised, answer.raised...)
		if answer.err != nil {
			is.failed, is.raised, is.why = true, nil, answer.err
		}
		if is.failed || len(is.raised) > 0 || is.absences > 0 {
			all[answer.rule] = is
		}
	}
	return all
}

// compareBy has both evaluators judge a document. It gives what the first said, and how the second differs; with alone, also how the
// first differs when it is asked about each rule alone. Only the first tells what rules missed.
func compareBy(ctx context.Context, engine *Engine, by, reference evaluator, document term.Value, alone bool) (map[*Rule]said, string) {
	kind := kindOf(document)
	rules := engine.byKind[kind]
	first, second := saidBy(ctx, by, kind, rules, document, true), saidBy(ctx, reference, kind, rules, document, true)
	problem := difference(rules, first, second)
	if problem == "" && alone {
		if problem = difference(rules, first, saidBy(ctx, by, kind, rules, document, false)); problem != "" {
			problem = "asked alone: " + problem
		}
	}
	return first, problem
}

func difference(rules []*Rule, first, second map[*Rule]said) string {
	for _, rule := range rules {
		one, other := first[rule], second[rule]
		same := one.failed == other.failed && slices.EqualFunc(one.raised, other.raised, func(a, b Raised) bool {
			return a.Rule == b.Rule && a.Effect == b.Effect && term.Equal(a.Finding, b.Finding)
		})
		if !same {
			return fmt.Sprintf("%s says\n%s\nand by the other\n%s", rule.ID, one, other)
		}
	}
	return ""
}

func (s said) String() string {
	if s.failed {
		return "that it cannot be decided: " + s.why.Error()
	}
	texts := []string{fmt.Sprintf("%d findings", len(s.raised))}
	for _, raised := range s.raised {
		texts = append(texts, fmt.Sprintf("%s %s", raised.Effect, raised.Finding))
	}
	return strings.Join(texts, "\n")
}

// tally counts what came out.
type tally struct {
	mutex    sync.Mutex
	inputs   int
	differ   atomic.Int64
	verdicts map[Verdict]int
	fired    map[*Rule]int
	missing  int
}

func newTally() *tally { return &tally{verdicts: map[Verdict]int{}, fired: map[*Rule]int{}} }

func (t *tally) count(by map[*Rule]said, outcome Outcome) {
	t.inputs++
	t.verdicts[outcome.Verdict]++
	missing := false
	for rule, said := range by {
		if len(said.raised) > 0 {
			t.fired[rule]++
		}
		missing = missing || said.absences > 0
	}
	if missing {
		t.missing++
	}
}

func (t *tally) add(other *tally) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.inputs += other.inputs
	t.missing += other.missing
	for verdict, count := range other.verdicts {
		t.verdicts[verdict] += count
	}
	for rule, count := range other.fired {
		t.fired[rule] += count
	}
}

func (t *tally) verdictsText() string {
	var texts []string
	for _, verdict := range []Verdict{Allow, RequireApproval, Block} {
		texts = append(texts, fmt.Sprintf("%s %d", verdict, t.verdicts[verdict]))
	}
	return strings.Join(texts, ", ")
}
