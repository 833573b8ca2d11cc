package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/bidrail/bidrail/policy/term"
)

// Example is one input that a rule's author wrote down with what the rule says of it: a member of
// the object `examples` in the rule's test package.
type Example struct {
	Rule   *Rule
	Name   string
	Expect string // block, approve, warn or pass
	Input  term.Value
}

// AbsenceReport is what happened when input was taken away from rules, and when their windows were filled.
type AbsenceReport struct {
	Rules    int // rules that have a firing example
	Examples int
	Removals int      // documents with one path removed that were judged
	Laxer    []Laxer  // removals that made a verdict laxer: silent passes
	Declared []Laxer  // the same, for paths that a rule's METADATA declares optional: known, and allowed
	Raises   int      // documents with one sum of a window raised that were judged
	More     []More   // raises that made a verdict laxer
	Wrong    []string // examples that do not give what they expect
	Untested []string // rules without an example that fires
}

// Laxer is one path whose absence lets through what its presence stopped.
type Laxer struct {
	Rule, Example, Path string
	Before, After       Verdict
}

func (l Laxer) String() string {
	return fmt.Sprintf("%s: example %q: without %s the verdict is %s instead of %s", l.Rule, l.Example, l.Path, l.After, l.Before)
}

// CheckAbsence shows what the rules of a revision answer when something is missing. For each example
// of each rule it removes every path of the input in turn and judges the rest with that rule and
// the engine's own checks: no removal may make the verdict laxer. Labels are removed whole, since a
// label that is not there is a label the target does not have; lists likewise. Of a scope's windows those are removed
// that the rule reads: there are hundreds, and the scope as a whole stands for the others. A path that a rule
// declares optional stands for something that may well be unknown, such as a fact no connector
// pushes: what its absence lets through is reported apart.
//
// Likewise it raises every sum of the windows that a rule reads: no raise may make the verdict laxer.
func CheckAbsence(ctx context.Context, engine *Engine) (*AbsenceReport, error) {
	examples, err := readExamples(ctx, engine)
	if err != nil {
		return nil, err
	}
	// Each example by itself, on all processors, and then what came of them in their order.
	tried := make([]AbsenceReport, len(examples))
	onAllProcessors(len(examples), func(i int) {
		if ctx.Err() == nil {
			tried[i].try(ctx, engine, examples[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	report := &AbsenceReport{}
	firing := map[*Rule]bool{}
	for i := range tried {
		report.add(&tried[i])
		if tried[i].Rules > 0 {
			firing[examples[i].Rule] = true
		}
	}
	report.Rules = len(firing)
	for _, rule := range engine.rules {
		if !firing[rule] {
			report.Untested = append(report.Untested, rule.ID)
		}
	}
	return report, nil
}

// try reports what comes of one example. It counts a rule when the example fires.
func (r *AbsenceReport) try(ctx context.Context, engine *Engine, example Example) {
	r.Examples = 1
	document := example.Input
	if document.Map() == nil {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s: example %q: input is not an object", example.Rule.ID, example.Name))
		return
	}
	before := engine.askAlone(ctx, document, example.Rule)
	if got := before.strongest(example.Rule.ID); got != example.Expect {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s: example %q gives %s and expects %s%s", example.Rule.ID, example.Name, got, example.Expect, before.others(example.Rule.ID)))
		return
	}
	if example.Expect == "pass" {
		return
	}
	r.Rules = 1
	for _, path := range removable(engine.shape, document) {
		if example.Rule.ignores(path) {
			continue
		}
		r.Removals++
		after := engine.askAlone(ctx, remove(document, path), example.Rule)
		if !after.laxer(before) {
			continue
		}
		laxer := Laxer{example.Rule.ID, example.Name, "input." + strings.Join(path, "."), before.verdict, after.verdict}
		if example.Rule.declares(laxer.Path) {
			r.Declared = append(r.Declared, laxer)
		} else {
			r.Laxer = append(r.Laxer, laxer)
		}
	}
	r.checkMonotony(ctx, engine, example, before)
}

// add adds what came of another example, but for its rule.
func (r *AbsenceReport) add(other *AbsenceReport) {
	r.Examples += other.Examples
	r.Removals += other.Removals
	r.Raises += other.Raises
	r.Laxer = append(r.Laxer, other.Laxer...)
	r.Declared = append(r.Declared, other.Declared...)
	r.More = append(r.More, other.More...)
	r.Wrong = append(r.Wrong, other.Wrong...)
}

// ignores reports whether the path lies in a window that the rule does not read.
func (r *Rule) ignores(path []string) bool {
	if len(path) < 3 || path[0] != "windows" {
		return false
	}
	window := path[2]
	if window == scopeAge || window == scopeReverses {
		window = ""
	}
	return !slices.Contains(r.windows, WindowRead{path[1], window})
}

// declares reports whether the rule's METADATA says that it copes without the path: without what it is part of, or
// without each thing that the rule reads of it.
func (r *Rule) declares(path string) bool {
	if r.optional(path) {
		return true
	}
	some := false
	for _, read := range r.Reads {
		switch {
		case within(read, path) && r.optional(read):
			some = true
		case within(read, path), within(path, read):
			return false
		}
	}
	return some
}

// optional reports whether METADATA names the path, or what it is a part of.
func (r *Rule) optional(path string) bool {
	for _, optional := range r.Optional {
		if within(path, optional) {
			return true
		}
	}
	return false
}

// within reports whether a path is another or a part of it.
func within(path, whole string) bool {
	return strings.HasPrefix(path, whole) && (len(path) == len(whole) || path[len(whole)] == '.' || path[len(whole)] == '[')
}

// answer is the verdict of one rule with the engine's checks, the rule taken as enforced: a rule
// in shadow must not be lax either.
type answer struct {
	findings []Finding
	verdict  Verdict
}

func (e *Engine) askAlone(ctx context.Context, document term.Value, rule *Rule) answer {
	findings := e.evaluateDocument(ctx, document, rule).Findings
	for i := range findings {
		findings[i].Shadow = false
	}
	return answer{findings, Decide(findings)}
}

// laxer reports whether a lets through what other does not, warnings included: a warning that
// disappears was a silent pass too.
func (a answer) laxer(other answer) bool {
	return a.verdict.Laxer(other.verdict) || len(a.findings) == 0 && len(other.findings) > 0
}

func (a answer) strongest(rule string) string {
	strongest := EffectNone
	for _, finding := range a.findings {
		if finding.Rule == rule {
			strongest = max(strongest, finding.Effect)
		}
	}
	if strongest == EffectNone {
		return "pass"
	}
	return strongest.String()
}

func (a answer) others(rule string) string {
	var texts []string
	for _, finding := range a.findings {
		if finding.Rule != rule {
			texts = append(texts, finding.Rule+": "+finding.Message)
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return " (the engine says: " + shorten(strings.Join(texts, "; "), 400) + ")"
}

// readExamples evaluates the examples of the test packages.
func readExamples(ctx context.Context, engine *Engine) ([]Example, error) {
	modules, problems := parseModules(engine.revision.modules)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrRevision, strings.Join(problems, "\n"))
	}
	compiler := newCompiler(engine.shape, true)
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, fmt.Errorf("%w: %s", ErrRevision, strings.Join(compilerComplaints(compiler.Errors), "\n"))
	}
	store := inmem.NewFromObject(engine.revision.data)
	var examples []Example
	for _, rule := range engine.rules {
		if rule.Mode == RuleOff {
			continue
		}
		path := rule.path.String() + "_test.examples"
		if len(compiler.GetRulesExact(ast.MustParseRef(path))) == 0 {
			continue
		}
		results, err := rego.New(rego.Query("x := "+path), rego.Compiler(compiler), rego.Store(store),
			rego.StrictBuiltinErrors(true),
			rego.GenerateJSON(func(term *ast.Term, _ *rego.EvalContext) (any, error) { return term, nil }),
		).Eval(ctx)
		if err != nil || len(results) != 1 {
			return nil, fmt.Errorf("%w: %s: the examples cannot be evaluated: %v", ErrRevision, path, err)
		}
		written, err := term.FromAST(results[0].Bindings["x"].(*ast.Term).Value)
		if err != nil || written.Map() == nil {
			return nil, fmt.Errorf("%w: %s must be an object: name → {input, expect}", ErrRevision, path)
		}
		for i := range written.Map().Len() {
			key, member := written.Map().At(i)
			name, _ := key.Text()
			if member.Map() == nil {
				return nil, fmt.Errorf("%w: %s[%q] must be {input, expect}", ErrRevision, path, name)
			}
			example := Example{Rule: rule, Name: name}
			example.Expect, _ = member.Field("expect").Text()
			example.Input = member.Field("input")
			if !example.Input.Defined() || !slices.Contains([]string{"block", "approve", "warn", "pass"}, example.Expect) {
				return nil, fmt.Errorf("%w: %s[%q] needs input, and expect of block, approve, warn or pass", ErrRevision, path, name)
			}
			examples = append(examples, example)
		}
	}
	return examples, nil
}

// removable lists the paths of a document that can be missing from it: every property there is,
// but not the keys of a free map, which is complete by declaration.
func removable(s *shape, document term.Value) [][]string {
	var paths [][]string
	var walk func(s *shape, object term.Value, at []string)
	walk = func(s *shape, object term.Value, at []string) {
		for _, name := range slices.Sorted(maps.Keys(s.properties)) {
			member := object.Field(name)
			if !member.Defined() {
				continue
			}
			path := append(slices.Clone(at), name)
			paths = append(paths, path)
			walk(s.properties[name], member, path)
		}
	}
	walk(s, document, nil)
	return paths
}

func remove(document term.Value, path []string) term.Value {
	object, without := document.Map(), &term.Map{}
	for i := range object.Len() {
		key, member := object.At(i)
		if name, _ := key.Text(); name == path[0] {
			if len(path) == 1 {
				continue
			}
			member = remove(member, path[1:])
		}
		without.Set(key, member)
	}
	return without.Value()
}
