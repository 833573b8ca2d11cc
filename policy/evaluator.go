package policy

import (
	"context"
	"fmt"

	"github.com/bidrail/bidrail/policy/plan"
	"github.com/bidrail/bidrail/policy/term"
)

// EvaluatorName names what runs the rules of an engine.
type EvaluatorName string

// The evaluators.
const (
	ByPlan    EvaluatorName = "plan"    // compiled Go, which tells what rules miss
	ByTopdown EvaluatorName = "topdown" // OPA's own, the reference
)

// ParseEvaluator reads the name of an evaluator. No name is plan. The error is an [ErrInvalid].
func ParseEvaluator(name string) (EvaluatorName, error) {
	switch EvaluatorName(name) {
	case "", ByPlan:
		return ByPlan, nil
	case ByTopdown:
		return ByTopdown, nil
	}
	return "", fmt.Errorf("%w: %q is no evaluator; choose %s or %s", ErrInvalid, name, ByPlan, ByTopdown)
}

// evaluator runs rules over one input document. There are two: OPA's topdown, which says what a rule means, and compiled plans.
type evaluator interface {
	// evaluate asks the rules, which are all that concern the kind if all. It gives an answer for each rule that has something to say,
	// in the order of the rules. The error says that they could not be asked together. It returns soon after the context is done,
	// though topdown not always at once.
	evaluate(ctx context.Context, kind Kind, rules []*Rule, all bool, input term.Value) ([]ruleAnswer, error)
}

// ruleAnswer is what one rule says.
type ruleAnswer struct {
	rule     *Rule
	raised   []Raised
	absences []plan.Absence // what it missed
	err      error          // it could not be decided: mostly an [*EvaluationError]
}

// Raised is one member of a rule's set, as an evaluator found it.
type Raised struct {
	Rule    *Rule
	Effect  Effect
	Finding term.Value
}
