package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/bidrail/bidrail/policy/term"
)

// topdownEvaluator runs rules with OPA's own evaluator: the reference for what a rule means.
//
// For each kind there is one prepared query, a list of the sets of the rules that concern it, so
// that a decision is one evaluation and rules for other kinds cost nothing.
type topdownEvaluator struct {
	store    storage.Store
	byKind   map[Kind]*topdownQuery
	byRule   map[*Rule]*topdownQuery
	compiler *ast.Compiler
}

type topdownQuery struct {
	prepared rego.PreparedEvalQuery
	sets     []ruleSet
	text     string
}

// ruleSet is one of the three sets of a rule.
type ruleSet struct {
	rule   *Rule
	effect Effect
}

func newTopdown(ctx context.Context, compiler *ast.Compiler, data map[string]any, rules []*Rule) (*topdownEvaluator, error) {
	t := &topdownEvaluator{
		store:    inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true)),
		byKind:   map[Kind]*topdownQuery{},
		byRule:   map[*Rule]*topdownQuery{},
		compiler: compiler,
	}
	same := map[string]*topdownQuery{} // kinds that the same rules concern share a query
	for _, kind := range Kinds() {
		var sets []ruleSet
		for _, rule := range rules {
			if rule.Mode != RuleOff && rule.Concerns(kind) {
				sets = append(sets, setsOf(rule)...)
			}
		}
		query, err := t.prepare(ctx, sets, same)
		if err != nil {
			return nil, err
		}
		t.byKind[kind] = query
	}
	for _, rule := range rules {
		query, err := t.prepare(ctx, setsOf(rule), same)
		if err != nil {
			return nil, err
		}
		t.byRule[rule] = query
	}
	return t, nil
}

func setsOf(rule *Rule) []ruleSet {
	sets := make([]ruleSet, len(rule.Effects))
	for i, effect := range rule.Effects {
		sets[i] = ruleSet{rule, effect}
	}
	return sets
}

func (t *topdownEvaluator) prepare(ctx context.Context, sets []ruleSet, same map[string]*topdownQuery) (*topdownQuery, error) {
	members := make([]string, len(sets))
	for i, set := range sets {
		members[i] = fmt.Sprintf("%s.%s", set.rule.path, set.effect)
	}
	text := "x := [" + strings.Join(members, ", ") + "]"
	if query, ok := same[text]; ok {
		return query, nil
	}
	prepared, err := rego.New(
		rego.Query(text),
		rego.Compiler(t.compiler),
		rego.Store(t.store),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	query := &topdownQuery{prepared, sets, text}
	same[text] = query
	return query, nil
}

// evaluate implements [evaluator].
func (t *topdownEvaluator) evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error) {
	converted := input.AST()
	queries := make([]*topdownQuery, 0, 1)
	if query := t.byKind[kind]; all && query != nil {
		queries = append(queries, query)
	} else {
		for _, rule := range rules {
			queries = append(queries, t.byRule[rule])
		}
	}
	var answers []ruleAnswer
	for _, query := range queries {
		raised, err := t.run(ctx, query, converted)
		if err != nil {
			return nil, err
		}
		for _, each := range raised {
			if len(answers) == 0 || answers[len(answers)-1].rule != each.Rule {
				answers = append(answers, ruleAnswer{rule: each.Rule})
			}
			last := &answers[len(answers)-1]
			last.raised = append(last.raised, each)
		}
	}
	return answers, nil
}

func (t *topdownEvaluator) run(ctx context.Context, query *topdownQuery, input ast.Value, more ...rego.EvalOption) ([]Raised, error) {
	if len(query.sets) == 0 {
		return nil, nil
	}
	cancel := topdown.NewCancel()
	stop := context.AfterFunc(ctx, cancel.Cancel)
	defer stop()
	options := append([]rego.EvalOption{
		rego.EvalParsedInput(input),
		rego.EvalExternalCancel(cancel),
		rego.EvalGenerateJSON(func(term *ast.Term, _ *rego.EvalContext) (any, error) { return term, nil }),
	}, more...)
	results, err := query.prepared.Eval(context.WithoutCancel(ctx), options...)
	if err != nil {
		return nil, evaluationError(err)
	}
	return query.read(results)
}

// read takes the result apart strictly: one result, one list, one set for each that was asked for.
func (q *topdownQuery) read(results rego.ResultSet) ([]Raised, error) {
	if len(results) != 1 {
		return nil, &EvaluationError{Reason: fmt.Sprintf("the rules gave %d results instead of one: something in them is undefined", len(results))}
	}
	bound, ok := results[0].Bindings["x"].(*ast.Term)
	if !ok {
		return nil, &EvaluationError{Reason: "the rules gave no result"}
	}
	list, ok := bound.Value.(*ast.Array)
	if !ok || list.Len() != len(q.sets) {
		return nil, &EvaluationError{Reason: "the rules gave a result of another form than was asked for"}
	}
	var raised []Raised
	for i, set := range q.sets {
		members, ok := list.Elem(i).Value.(ast.Set)
		if !ok {
			return nil, &EvaluationError{Reason: fmt.Sprintf("%s.%s is not a set", set.rule.ID, set.effect)}
		}
		if members.Len() == 0 {
			continue
		}
		for _, member := range members.Slice() { // in order
			finding, err := term.FromAST(member.Value)
			if err != nil {
				return nil, &EvaluationError{Reason: fmt.Sprintf("%s.%s: %v", set.rule.ID, set.effect, err)}
			}
			raised = append(raised, Raised{set.rule, set.effect, finding})
		}
	}
	return raised, nil
}

func evaluationError(err error) error {
	var raised *topdown.Error
	if errors.As(err, &raised) {
		failure := &EvaluationError{Reason: raised.Message}
		if raised.Location != nil && raised.Location.File != "" {
			failure.Location = where(raised.Location)
		}
		return failure
	}
	return &EvaluationError{Reason: err.Error()}
}
