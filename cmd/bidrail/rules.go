package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type rulesCommand struct {
	connection
	ID     string `arg:"" optional:"" help:"Show this rule whole."`
	Policy string `help:"Read a folder or bundle instead of asking a server; 'built-in' is the shipped pack." placeholder:"DIR"`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *rulesCommand) Run(ctx context.Context, env environment) error {
	response, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.ID != "" {
		at := slices.IndexFunc(response.GetRules(), func(rule *bidrailv1.Rule) bool { return rule.GetId() == c.ID })
		if at < 0 {
			return fmt.Errorf("no rule is called %s; bidrail rules lists them", c.ID)
		}
		if c.Output == "json" {
			return printJSON(out, response.GetRules()[at])
		}
		return printRulePage(out, response.GetRules()[at])
	}
	if c.Output == "json" {
		return printJSON(out, response)
	}
	var rows [][]string
	for _, rule := range response.GetRules() {
		rows = append(rows, []string{rule.GetId(), modeName(rule.GetMode()), effectNames(rule.GetEffects()), clean(rule.GetTitle()), kindNames(rule.GetKinds())})
	}
	if err := out.table([]string{"RULE", "MODE", "CAN", "TITLE", "KINDS"}, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s, revision %s\n", plural(len(rows), "rule"), response.GetRevision())
	return err
}

func (c *rulesCommand) fetch(ctx context.Context) (*bidrailv1.ListRulesResponse, error) {
	if c.Policy != "" {
		name := c.Policy
		if name == "built-in" {
			name = ""
		}
		active, err := loadPolicy(ctx, name, policy.Options{SkipTests: true})
		if err != nil {
			return nil, err
		}
		response := &bidrailv1.ListRulesResponse{Revision: active.Engine.Digest()}
		for _, rule := range active.Engine.Rules() {
			response.Rules = append(response.Rules, grpcapi.RuleMessage(rule))
		}
		return response, nil
	}
	var response *bidrailv1.ListRulesResponse
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewPolicyServiceClient(conn).ListRules(ctx, &bidrailv1.ListRulesRequest{})
		return err
	})
	return response, err
}

func printRulePage(out screen, rule *bidrailv1.Rule) error {
	var page strings.Builder
	fmt.Fprintf(&page, "%s: %s\n\n%s\n\n", rule.GetId(), rule.GetTitle(), strings.TrimSpace(rule.GetDescription()))
	overridable := ""
	if rule.GetOverridable() {
		overridable = "in an emergency, by somebody with the role for it"
	}
	strict := ""
	if rule.GetLenient() {
		strict = "no: what it reads and is not there lets pass"
	}
	for _, line := range [][2]string{
		{"mode", modeName(rule.GetMode())}, {"can", effectNames(rule.GetEffects())}, {"kinds", kindNames(rule.GetKinds())},
		{"owner", rule.GetOwner()}, {"source", rule.GetSource()}, {"at", fmt.Sprintf("%s:%d", rule.GetFile(), rule.GetLine())},
		{"reads", strings.Join(rule.GetReads(), "\n             ")}, {"copes without", strings.Join(rule.GetOptional(), ", ")},
		{"if undecided", strings.ToLower(strings.TrimPrefix(rule.GetUndetermined().String(), "EFFECT_"))},
		{"strict", strict}, {"overridable", overridable},
	} {
		if line[1] != "" {
			fmt.Fprintf(&page, "%-12s %s\n", line[0], line[1])
		}
	}
	_, err := io.WriteString(out, page.String())
	return err
}

func modeName(mode bidrailv1.RuleMode) string {
	return strings.ToLower(strings.TrimPrefix(mode.String(), "RULE_MODE_"))
}

func effectNames(effects []bidrailv1.Effect) string {
	names := make([]string, len(effects))
	for i, effect := range effects {
		names[i] = strings.ToLower(strings.TrimPrefix(effect.String(), "EFFECT_"))
	}
	return strings.Join(names, ", ")
}

func kindNames(kinds []bidrailv1.Kind) string {
	if len(kinds) == 0 {
		return "all"
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = kindName(kind)
	}
	return strings.Join(names, ", ")
}
