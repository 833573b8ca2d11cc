package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type explainCommand struct {
	connection
	ID     string `arg:"" help:"The decision's id, as bidrail decisions list shows it."`
	Rule   string `help:"Only this rule." placeholder:"ID"`
	All    bool   `help:"Show rules that had nothing to say as well."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *explainCommand) Run(ctx context.Context, env environment) error {
	var response *bidrailv1.ExplainResponse
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewGuardrailServiceClient(conn).Explain(ctx, &bidrailv1.ExplainRequest{DecisionId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	if c.Rule != "" {
		response.Rules = slices.DeleteFunc(response.Rules, func(rule *bidrailv1.RuleExplanation) bool { return rule.GetRule() != c.Rule })
		if len(response.Rules) == 0 {
			return fmt.Errorf("no rule is called %s; bidrail rules list names them", c.Rule)
		}
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, response)
	}
	if err := printDecision(out, response.GetDecision()); err != nil {
		return err
	}
	silent := 0
	for _, rule := range response.GetRules() {
		if !rule.GetFired() && !c.All && c.Rule == "" {
			silent++
			continue
		}
		if err := printRule(out, rule); err != nil {
			return err
		}
	}
	if silent > 0 {
		_, err = fmt.Fprintf(out, "\n%s had nothing to say; --all shows why, --rule ID shows one\n", plural(silent, "rule"))
	}
	return err
}

func printRule(out screen, rule *bidrailv1.RuleExplanation) error {
	var page strings.Builder
	state := "had nothing to say"
	if rule.GetFired() {
		state = strings.ToLower(strings.TrimPrefix(rule.GetEffect().String(), "EFFECT_"))
	}
	fmt.Fprintf(&page, "\n%s: %s (%s)\n", rule.GetRule(), state, clean(rule.GetTitle()))
	if len(rule.GetBodies()) == 0 {
		page.WriteString("  not evaluated: it is off, or not for this kind\n")
	}
	for _, body := range rule.GetBodies() {
		fmt.Fprintf(&page, "  %s:%d %s\n", body.GetFile(), body.GetLine(), outcomeName(body.GetOutcome()))
		for _, expression := range body.GetExpressions() {
			fmt.Fprintf(&page, "    %s %s\n", outcomeMark(out, expression.GetOutcome()), clean(expression.GetText()))
			for _, name := range slices.Sorted(maps.Keys(expression.GetValues())) {
				fmt.Fprintf(&page, "        %s\n", out.colour(dim, clean(name+" = "+expression.GetValues()[name])))
			}
		}
	}
	_, err := io.WriteString(out, page.String())
	return err
}

func outcomeName(outcome bidrailv1.Outcome) string {
	switch outcome {
	case bidrailv1.Outcome_OUTCOME_FIRED:
		return "held, all of it"
	case bidrailv1.Outcome_OUTCOME_UNDEFINED:
		return "could not hold: something is not there"
	case bidrailv1.Outcome_OUTCOME_ERROR:
		return "went wrong"
	case bidrailv1.Outcome_OUTCOME_FAILED:
		return "did not hold"
	default:
		return "was not needed"
	}
}

func outcomeMark(out screen, outcome bidrailv1.Outcome) string {
	switch outcome {
	case bidrailv1.Outcome_OUTCOME_HELD, bidrailv1.Outcome_OUTCOME_FIRED:
		return out.colour(green, "yes")
	case bidrailv1.Outcome_OUTCOME_FAILED:
		return out.colour(yellow, "no ")
	case bidrailv1.Outcome_OUTCOME_UNDEFINED:
		return out.colour(red, "???")
	case bidrailv1.Outcome_OUTCOME_ERROR:
		return out.colour(red, "!!!")
	default:
		return out.colour(dim, " · ")
	}
}
