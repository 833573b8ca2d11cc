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
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type rulesCommand struct {
	List rulesListCommand `cmd:"" default:"withargs" help:"List the rules."`
	Show rulesShowCommand `cmd:"" help:"Show one rule: why, where its numbers come from, what it reads."`
	Docs rulesDocsCommand `cmd:"" help:"Write the catalogue as Markdown. docs/rules.md is that of the shipped pack."`
}

// catalogue is where the rules are: on a server, or in a folder.
type catalogue struct {
	connection
	Policy string `help:"Read a folder or bundle instead of asking a server; 'built-in' is the shipped pack." placeholder:"DIR"`
}

type rulesListCommand struct {
	catalogue
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *rulesListCommand) Run(ctx context.Context, env environment) error {
	response, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, response)
	}
	var rows [][]string
	for _, rule := range response.GetRules() {
		rows = append(rows, []string{rule.GetId(), modeName(rule.GetMode()), effectNames(rule.GetEffects()), clean(rule.GetTitle()), fewKinds(rule.GetKinds())})
	}
	if err := out.table([]string{"RULE", "MODE", "CAN", "TITLE", "KINDS"}, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s, revision %s\n", plural(len(rows), "rule"), response.GetRevision())
	return err
}

type rulesShowCommand struct {
	catalogue
	ID     string `arg:"" help:"Such as bid.ceiling."`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *rulesShowCommand) Run(ctx context.Context, env environment) error {
	response, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(response.GetRules(), func(rule *bidrailv1.Rule) bool { return rule.GetId() == c.ID })
	if at < 0 {
		return fmt.Errorf("no rule is called %s; bidrail rules list names them", c.ID)
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, response.GetRules()[at])
	}
	return printRulePage(out, response.GetRules()[at])
}

func (c *catalogue) fetch(ctx context.Context) (*bidrailv1.ListRulesResponse, error) {
	if c.Policy != "" {
		active, err := loadCatalogue(ctx, c.Policy)
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

// builtIn is what the shipped pack is called where a folder is asked for.
const builtIn = "built-in"

// loadCatalogue compiles a folder, a bundle or the shipped pack.
func loadCatalogue(ctx context.Context, name string) (*server.Policy, error) {
	if name == builtIn {
		name = ""
	}
	return loadPolicy(ctx, name, policy.Options{SkipTests: true})
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

// fewKinds is kindNames for a line of a table, which a rule of nearly all kinds would make too wide.
func fewKinds(kinds []bidrailv1.Kind) string {
	const most = 6
	if len(kinds) <= most {
		return kindNames(kinds)
	}
	return fmt.Sprintf("%s (+%d more)", kindNames(kinds[:most-1]), len(kinds)-most+1)
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
