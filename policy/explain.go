package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/bidrail/bidrail/policy/term"
)

// Explanation is what every rule did with one input document.
type Explanation struct {
	Outcome Outcome
	Rules   []RuleExplanation // sorted by rule id
}

// RuleExplanation is what one rule did.
type RuleExplanation struct {
	Rule   *Rule
	Effect Effect // the strictest among its findings; EffectNone when it had none
	Bodies []BodyExplanation
}

// BodyExplanation is what one body of a rule's package did: all its expressions must hold.
type BodyExplanation struct {
	File        string
	Line        int
	Outcome     ExpressionOutcome
	Expressions []ExpressionExplanation
}

// ExpressionExplanation is what one expression did, with the values it saw.
type ExpressionExplanation struct {
	Line    int
	Text    string
	Outcome ExpressionOutcome
	Values  map[string]string // variables and inputs, as JSON
}

// ExpressionOutcome says how an expression or a body came out.
type ExpressionOutcome uint8

// The outcomes.
const (
	NotReached ExpressionOutcome = iota // an expression before it did not hold
	Fired                               // of a body: it gave a finding or a value
	Held                                // of an expression: it was true
	Failed                              // it was not true
	Undefined                           // something in it is not there
	Errored                             // it could not be decided
)

// What is shown of one value and of one expression's text.
const (
	maxExplainedValue = 500
	maxExplainedText  = 200
)

// Explain decides a recorded input document again and shows how each rule that concerns it came
// out, expression by expression. It uses OPA's topdown, whichever evaluator decides.
func (e *Engine) Explain(ctx context.Context, input []byte) (*Explanation, error) {
	document, err := term.ParseJSON(input)
	if err != nil {
		return nil, fmt.Errorf("%w: input document: %v", ErrInvalid, err)
	}
	explanation := &Explanation{Outcome: e.evaluateRecorded(ctx, document)}
	explanation.Outcome.Input = input
	// A document that does not have its form was never shown to the rules.
	shown := len(e.checkRecorded(document)) == 0
	for _, rule := range e.rules {
		each := RuleExplanation{Rule: rule}
		for _, finding := range explanation.Outcome.Findings {
			if finding.Rule == rule.ID {
				each.Effect = max(each.Effect, finding.Effect)
			}
		}
		if shown && rule.Mode != RuleOff && rule.Concerns(kindOf(document)) {
			each.Bodies = e.reference.trace(ctx, rule, document, e.deadline)
			for _, finding := range explanation.Outcome.Findings {
				if finding.Rule == FindingUndetermined {
					markError(each.Bodies, finding.Location) // what topdown takes for untrue in silence
				}
			}
		}
		explanation.Rules = append(explanation.Rules, each)
	}
	return explanation, nil
}

// trace runs one rule with a tracer and reduces what it saw to the rule's own expressions.
func (t *topdownEvaluator) trace(ctx context.Context, rule *Rule, input term.Value, deadline time.Duration) []BodyExplanation {
	ctx, cancel := context.WithTimeout(ctx, 4*deadline) // tracing is several times slower
	defer cancel()
	tracer := &ruleTracer{rule: rule, input: input, bodies: map[uint64]*tracedBody{}, reached: map[string]*tracedBody{}}
	_, err := t.run(ctx, t.byRule[rule], input.AST(), rego.EvalQueryTracer(tracer), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
	return tracer.explain(t.compiler, err)
}

// ruleTracer collects the events of one rule's own bodies. What its library does shows as the
// outcome of the expression that called it.
type ruleTracer struct {
	rule    *Rule
	input   term.Value
	bodies  map[uint64]*tracedBody // by query
	reached map[string]*tracedBody // by file and line: of several attempts, the one that went furthest
}

type tracedBody struct {
	rule   *ast.Rule
	fired  bool
	events map[int]*tracedExpression // by where the expression begins in the file
}

type tracedExpression struct {
	ExpressionExplanation
	offset int
}

func (t *ruleTracer) Enabled() bool { return true }

func (t *ruleTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

func (t *ruleTracer) TraceEvent(event topdown.Event) {
	if rule, ok := event.Node.(*ast.Rule); ok {
		switch event.Op {
		case topdown.EnterOp:
			if rule.Module != nil && rule.Module.Package.Path.Equal(t.rule.path) {
				t.bodies[event.QueryID] = &tracedBody{rule: rule, events: map[int]*tracedExpression{}}
			}
		case topdown.ExitOp:
			if body := t.bodies[event.QueryID]; body != nil {
				body.fired = true
				t.keep(body)
			}
		}
		return
	}
	body := t.bodies[event.QueryID]
	expression, ok := event.Node.(*ast.Expr)
	if body == nil || !ok || expression.Location == nil {
		return
	}
	key := expression.Location.Offset
	switch event.Op {
	case topdown.EvalOp:
		if body.events[key] == nil {
			body.events[key] = &tracedExpression{offset: key}
		}
		seen := body.events[key]
		seen.Outcome = Held // until it fails
		t.values(seen, expression, event)
	case topdown.FailOp:
		if seen := body.events[key]; seen != nil && !body.fired {
			seen.Outcome = Failed
			if t.readsAbsent(expression) {
				seen.Outcome = Undefined
			}
			t.values(seen, expression, event)
		}
		t.keep(body)
	}
}

func (t *ruleTracer) keep(body *tracedBody) {
	key := where(body.rule.Location)
	kept := t.reached[key]
	if kept == nil || body.fired && !kept.fired || body.fired == kept.fired && len(body.events) > len(kept.events) {
		t.reached[key] = body
	}
}

// values notes the inputs and the variables of the expression.
func (t *ruleTracer) values(seen *tracedExpression, expression *ast.Expr, event topdown.Event) {
	if seen.Values == nil {
		seen.Values = map[string]string{}
	}
	note := func(name string, value term.Value) {
		seen.Values[name] = shorten(value.String(), maxExplainedValue)
	}
	ast.WalkRefs(expression, func(reference ast.Ref) bool {
		if reference[0].Equal(ast.InputRootDocument) && len(reference) > 1 {
			prefix := constantPrefix(reference)
			if value := t.find(prefix); value.Defined() {
				note(prefix.String(), value)
			} else {
				seen.Values[prefix.String()] = "not there"
			}
		}
		return false
	})
	ast.WalkVars(expression, func(variable ast.Var) bool {
		if event.Locals == nil {
			return false
		}
		name := variable
		if metadata, ok := event.LocalMetadata[variable]; ok {
			name = metadata.Name
		}
		if bound := event.Locals.Get(variable); bound != nil && !strings.HasPrefix(string(name), "__local") {
			if value, err := term.FromAST(bound); err == nil { // else it is bound to another variable
				note(string(name), value)
			}
		}
		return false
	})
}

// find is what the document has where a reference of constants points, undefined where it has nothing.
func (t *ruleTracer) find(reference ast.Ref) term.Value {
	value := t.input
	for _, part := range reference[1:] {
		value = value.Field(textOf(part))
	}
	return value
}

func (t *ruleTracer) readsAbsent(expression *ast.Expr) bool {
	absent := false
	ast.WalkRefs(expression, func(reference ast.Ref) bool {
		if reference[0].Equal(ast.InputRootDocument) && len(reference) > 1 {
			absent = absent || !t.find(constantPrefix(reference)).Defined()
		}
		return false
	})
	return absent
}

// explain lays what was traced beside the rule as it was written, in the order of the file: the
// compiler makes several expressions of one, and their outcomes are folded back into it.
func (t *ruleTracer) explain(compiler *ast.Compiler, failure error) []BodyExplanation {
	var bodies []BodyExplanation
	for _, module := range compiler.ParsedModules() {
		if !module.Package.Path.Equal(t.rule.path) {
			continue
		}
		for _, rule := range module.Rules {
			for ; rule != nil; rule = rule.Else {
				if !rule.Default {
					bodies = append(bodies, t.explainBody(rule))
				}
			}
		}
	}
	slices.SortStableFunc(bodies, func(a, b BodyExplanation) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	if failure != nil {
		location := ""
		if evaluation, ok := failure.(*EvaluationError); ok {
			location = evaluation.Location
		}
		markError(bodies, location)
	}
	return bodies
}

func (t *ruleTracer) explainBody(rule *ast.Rule) BodyExplanation {
	body := BodyExplanation{File: rule.Location.File, Line: rule.Location.Row}
	traced := t.reached[where(rule.Location)]
	if traced != nil {
		body.Outcome = Failed
		if traced.fired {
			body.Outcome = Fired
		}
	}
	for _, expression := range rule.Body {
		if expression.Location == nil || len(expression.Location.Text) == 0 {
			continue
		}
		each := ExpressionExplanation{Line: expression.Location.Row, Text: shorten(oneLine(string(expression.Location.Text)), maxExplainedText)}
		if traced != nil {
			traced.fold(&each, expression.Location)
		}
		if each.Outcome == Undefined {
			body.Outcome = Undefined
		}
		body.Expressions = append(body.Expressions, each)
	}
	return body
}

// fold gathers what was seen of the expressions that lie within a written one.
func (b *tracedBody) fold(into *ExpressionExplanation, written *ast.Location) {
	for _, seen := range b.events {
		if seen.offset < written.Offset || seen.offset >= written.Offset+len(written.Text) {
			continue
		}
		if seen.Outcome == Failed || seen.Outcome == Undefined {
			into.Outcome = max(into.Outcome, seen.Outcome)
		} else if into.Outcome == NotReached {
			into.Outcome = seen.Outcome
		}
		for name, value := range seen.Values {
			if into.Values == nil {
				into.Values = map[string]string{}
			}
			into.Values[name] = value
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func markError(bodies []BodyExplanation, location string) {
	for i := range bodies {
		for j := range bodies[i].Expressions {
			if fmt.Sprintf("%s:%d", bodies[i].File, bodies[i].Expressions[j].Line) == location {
				bodies[i].Outcome, bodies[i].Expressions[j].Outcome = Errored, Errored
			}
		}
	}
}
