package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/bidrail/bidrail/policy/plan"
	"github.com/bidrail/bidrail/policy/term"
)

// planEvaluator runs rules as compiled plans: what decides.
type planEvaluator struct {
	program *plan.Program
	byKind  map[Kind]*plannedSets
	byRule  map[*Rule]*plannedSets
}

// plannedSets are sets of rules that are asked together. What has been worked out for one rule serves the next.
type plannedSets struct {
	sets      []ruleSet
	documents []plan.Document
}

// newPlanned plans and compiles the rules. Modules are those that decide, as they were parsed. It fails where the revision cannot
// be planned.
func newPlanned(ctx context.Context, compiler *ast.Compiler, modules map[string]*ast.Module, data map[string]any, rules []*Rule, root *shape) (*planEvaluator, error) {
	planned, err := planRules(ctx, compiler, rules)
	if err != nil {
		return nil, err
	}
	read, err := dataRead(data, modules)
	if err != nil {
		return nil, err
	}
	program, err := plan.Compile(planned, read, plan.Options{Strict: true, BuiltinErrors: true, Excuses: saysOtherwise})
	if err != nil {
		return nil, err
	}
	p := &planEvaluator{program: program, byKind: map[Kind]*plannedSets{}, byRule: map[*Rule]*plannedSets{}}
	for _, rule := range rules {
		sets := &plannedSets{}
		for _, set := range setsOf(rule) {
			document, ok := program.Document(set.path())
			if !ok {
				return nil, fmt.Errorf("the plan has no %s", set.path())
			}
			document.Copes = func(path string) bool { return rule.Lenient || rule.declares(path) || root.free(path) }
			sets.add(set, document)
		}
		p.byRule[rule] = sets
	}
	for _, kind := range Kinds() {
		all := &plannedSets{}
		for _, rule := range rules {
			if rule.Mode != RuleOff && rule.Concerns(kind) {
				for i, set := range p.byRule[rule].sets {
					all.add(set, p.byRule[rule].documents[i])
				}
			}
		}
		p.byKind[kind] = all
	}
	p.warm(ctx)
	return p, nil
}

// warmth is how long is spent on that no decision is the first.
const warmth = 50 * time.Millisecond

// warm asks every rule once. What it says of an empty document does not matter.
func (p *planEvaluator) warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmth)
	defer cancel()
	var documents []plan.Document
	for _, sets := range p.byRule {
		documents = append(documents, sets.documents...)
	}
	_, _ = p.program.Evaluate(ctx, nil, documents, new(term.Map).Value())
}

func (s *plannedSets) add(set ruleSet, document plan.Document) {
	s.sets, s.documents = append(s.sets, set), append(s.documents, document)
}

// saysOtherwise reports whether an object itself says that it has not got a member, so that it is not missing: a limit
// that is unlimited has no amount. A value says its type, and a rule that asks it for what those of another have has not asked for that.
func saysOtherwise(object, key term.Value) bool {
	switch name, _ := key.Text(); name {
	case "micros", "currency", "ppm", "count", "seconds", "flag":
		unlimited, _ := object.Field("unlimited").Bool()
		return unlimited
	}
	return false
}

// evaluate implements [evaluator].
func (p *planEvaluator) evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error) {
	asked := p.byKind[kind]
	if !all || asked == nil {
		asked = &plannedSets{}
		for _, rule := range rules {
			asked.sets = append(asked.sets, p.byRule[rule].sets...)
			asked.documents = append(asked.documents, p.byRule[rule].documents...)
		}
	}
	results, err := p.program.Evaluate(ctx, make([]plan.Result, 0, len(asked.documents)), asked.documents, input)
	if err != nil {
		return nil, &EvaluationError{Reason: err.Error()}
	}
	var answers []ruleAnswer
	for i := range results {
		set, result := asked.sets[i], &results[i]
		if result.Err == nil && result.Value.Members().Len() == 0 && len(result.Absences) == 0 {
			continue
		}
		if len(answers) == 0 || answers[len(answers)-1].rule != set.rule {
			answers = append(answers, ruleAnswer{rule: set.rule})
		}
		answers[len(answers)-1].take(set, result)
	}
	return answers, nil
}

func (a *ruleAnswer) take(set ruleSet, result *plan.Result) {
	switch members := result.Value.Members(); {
	case a.err != nil:
	case result.Err != nil:
		a.err = planError(result.Err)
	case members == nil:
		a.err = &EvaluationError{Reason: fmt.Sprintf("%s.%s is not a set", set.rule.ID, set.effect)}
	default:
		for i := range members.Len() {
			a.raised = append(a.raised, Raised{set.rule, set.effect, members.At(i)})
		}
		for _, absence := range result.Absences {
			// Once is enough, however many expressions miss it.
			if !set.rule.Lenient && !slices.ContainsFunc(a.absences, func(told plan.Absence) bool { return told.Reason == absence.Reason }) {
				a.absences = append(a.absences, absence)
			}
		}
	}
}

func planError(err error) error {
	if failure, ok := errors.AsType[*plan.Error](err); ok {
		return &EvaluationError{Location: fmt.Sprintf("%s:%d", failure.File, failure.Line), Reason: failure.Message}
	}
	return &EvaluationError{Reason: err.Error()}
}

// planRules has OPA plan the sets of the rules. OPA hands a plan that is not written to a file only to the evaluators that are registered with it.
func planRules(ctx context.Context, compiler *ast.Compiler, rules []*Rule) (*ir.Policy, error) {
	registerPlans()
	var paths []string
	for _, rule := range rules {
		for _, set := range setsOf(rule) {
			paths = append(paths, "data."+set.path())
		}
	}
	var planned *ir.Policy
	ctx = context.WithValue(ctx, receivesPlan{}, &planned)
	query := rego.New(rego.Query("x := ["+strings.Join(paths, ", ")+"]"), rego.Compiler(compiler), rego.Target(planTarget))
	if _, err := query.PrepareForEval(ctx); err != nil {
		return nil, err
	}
	if planned == nil {
		return nil, errors.New("OPA made no plan")
	}
	return planned, nil
}

// planTarget is what OPA is asked to prepare for, to get at a plan.
const planTarget = "bidrail"

var registerPlans = sync.OnceFunc(func() { rego.RegisterPlugin(planTarget, planReceiver{}) })

// receivesPlan is the key of a context, of the place that a plan is to be put in.
type receivesPlan struct{}

// planReceiver is an evaluator as OPA sees it, which evaluates nothing and keeps no plan.
type planReceiver struct{}

// IsTarget implements [rego.TargetPlugin].
func (planReceiver) IsTarget(target string) bool { return target == planTarget }

// PrepareForEval implements [rego.TargetPlugin].
func (planReceiver) PrepareForEval(ctx context.Context, planned *ir.Policy, _ ...rego.PrepareOption) (rego.TargetPluginEval, error) {
	place, ok := ctx.Value(receivesPlan{}).(**ir.Policy)
	if !ok {
		return nil, fmt.Errorf("the target %s is for planning only", planTarget)
	}
	*place = planned
	return nil, nil
}

// dataRead is that part of the revision's data that the modules read: limits and people can be large, and are not read by rules.
func dataRead(data map[string]any, modules map[string]*ast.Module) (term.Value, error) {
	read, whole := map[string]any{}, false
	for _, module := range modules {
		ast.WalkRefs(module, func(reference ast.Ref) bool {
			if !reference[0].Equal(ast.DefaultRootDocument) {
				return false
			}
			if len(reference) == 1 {
				whole = true
				return false
			}
			name, constant := reference[1].Value.(ast.String)
			whole = whole || !constant
			if document, ok := data[string(name)]; ok {
				read[string(name)] = document
			}
			return false
		})
	}
	if whole {
		read = data
	}
	value, err := ast.InterfaceToValue(read)
	if err != nil {
		return term.Value{}, err
	}
	return term.FromAST(value)
}

// path is that of the set below data, such as bidrail.rules.bid_ceiling.block.
func (s ruleSet) path() string {
	return strings.TrimPrefix(fmt.Sprintf("%s.%s", s.rule.path, s.effect), "data.")
}

// undeterminedBy makes the findings of what a rule missed.
func (e *Engine) undeterminedBy(rule *Rule, absences []plan.Absence, input term.Value) []owned {
	var findings []owned
	for i := range absences {
		absence := &absences[i]
		if rule.needsInVain(absence.Path, input) {
			continue // said before the rules were asked
		}
		what := "could not be decided: " + absence.Reason
		if text := e.textOf(absence); text != "" && text != absence.Path {
			what += ", in " + text
		}
		findings = append(findings, owned{undetermined(rule, what, fmt.Sprintf("%s:%d", absence.File, absence.Line)), rule, true})
	}
	return findings
}

// needsInVain reports whether the rule needs the path, or what it is a part of, and the document has not got it.
func (r *Rule) needsInVain(path string, input term.Value) bool {
	return slices.ContainsFunc(r.needs, func(n need) bool {
		if !within(path, n.path) && !within(n.path, path) {
			return false
		}
		_, missing := n.missing(input)
		return missing
	})
}

// textOf is the expression as its author wrote it, on one line.
func (e *Engine) textOf(absence *plan.Absence) string {
	lines := strings.Split(e.revision.modules[absence.File], "\n")
	first, last := absence.Line-1, absence.EndLine-1
	if first < 0 || last >= len(lines) || first > last {
		return ""
	}
	written := slices.Clone(lines[first : last+1])
	if end := absence.EndColumn - 1; end >= 0 && end <= len(written[len(written)-1]) {
		written[len(written)-1] = written[len(written)-1][:end]
	}
	if begin := absence.Column - 1; begin >= 0 && begin <= len(written[0]) {
		written[0] = written[0][begin:]
	}
	return shorten(oneLine(strings.Join(written, " ")), maxExplainedText)
}
