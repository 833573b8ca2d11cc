package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/limits"
)

type rulesDocsCommand struct {
	Policy string `help:"Folder or bundle; 'built-in' is the shipped pack." default:"built-in" placeholder:"DIR"`
}

func (c *rulesDocsCommand) Run(ctx context.Context, env environment) error {
	active, err := loadCatalogue(ctx, c.Policy)
	if err != nil {
		return err
	}
	facts, err := active.Engine.Revision().FactDefinitions()
	if err != nil {
		return err
	}
	page := &rulesPage{rules: active.Engine.Rules(), limits: active.Engine.Revision().Limits(), facts: facts, shipped: c.Policy == builtIn}
	page.write()
	_, err = io.WriteString(env.stdout, page.text.String())
	return err
}

// families are the first words of rules' ids, in the order in which people look for them. Those that are not here follow by name.
var families = []struct{ name, title string }{
	{"integrity", "Integrity"}, {"bid", "Bids"}, {"budget", "Budgets"}, {"cadence", "Cadence"}, {"state", "State and structure"},
	{"calendar", "Calendar"}, {"experiment", "Experiments"}, {"governance", "Governance"},
}

// rulesPage is the catalogue as Markdown. What it says follows from the revision alone.
type rulesPage struct {
	rules   []*policy.Rule
	limits  *limits.Set
	facts   map[string]policy.FactDefinition
	shipped bool // the files lie beside the page
	text    strings.Builder
}

func (p *rulesPage) line(format string, arguments ...any) {
	fmt.Fprintf(&p.text, format+"\n", arguments...)
}

func (p *rulesPage) write() {
	p.line("# The rules\n")
	guide, again := "The policy guide", "`bidrail rules docs`"
	if p.shipped {
		guide, again = "The [policy guide](policy-guide.md)", "`make rules-docs`"
	}
	p.line("<!-- Written by `bidrail rules docs` from the rules' METADATA. Do not edit: change the rule, then run %s. -->\n", again)
	p.line("%s. Each says why it is there, where its numbers come from, what it reads, and what it answers where something that it", plural(len(p.rules), "rule"))
	p.line("needs is missing. `bidrail rules show ID` prints one as the running server has it. %s says how to tune the numbers, and how to", guide)
	p.line("write a rule.\n")
	p.line("The strictest finding of all rules is the verdict: *block* is BLOCK, *approve* is REQUIRE_APPROVAL, *warn* lets pass.\n")
	groups := p.families()
	for _, group := range groups {
		p.line("- [%s](#%s)", group.title, anchor(group.title))
		for _, rule := range group.rules {
			p.line("  - [%s](#%s): %s", rule.ID, anchor(rule.ID), markdown(rule.Title))
		}
	}
	p.line("- [Findings of the engine itself](#findings-of-the-engine-itself)\n- [Limits](#limits)")
	for _, group := range groups {
		p.line("\n## %s", group.title)
		for _, rule := range group.rules {
			p.rule(rule)
		}
	}
	p.own()
	p.allLimits()
}

type family struct {
	title string
	rules []*policy.Rule
}

// families are the rules by the first word of their ids.
func (p *rulesPage) families() []family {
	byName := map[string][]*policy.Rule{}
	for _, rule := range p.rules {
		name, _, _ := strings.Cut(rule.ID, ".")
		byName[name] = append(byName[name], rule)
	}
	var groups []family
	for _, known := range families {
		if rules := byName[known.name]; rules != nil {
			groups = append(groups, family{known.title, rules})
			delete(byName, known.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		groups = append(groups, family{strings.ToUpper(name[:1]) + name[1:], byName[name]})
	}
	return groups
}

func (p *rulesPage) rule(rule *policy.Rule) {
	p.line("\n### %s\n\n**%s.** %s\n\n| | |\n|---|---|", rule.ID, markdown(rule.Title), strings.TrimSpace(rule.Description))
	p.row("can", joined(rule.Effects))
	p.row("kinds", kindsOf(rule.Kinds))
	p.row("source", cell(rule.Source))
	p.row("owner", cell(rule.Owner))
	if rule.Mode != policy.RuleEnforce {
		p.row("mode", string(rule.Mode))
	}
	p.row("facts", p.factsOf(rule))
	p.row("windows", coded(windowsOf(rule)))
	if rule.Cap != nil {
		p.row("adds up", fmt.Sprintf("`%s` of the window `%s.%s`, up to `%s`", rule.Cap.Measure, rule.Cap.Scope, rule.Cap.Window, rule.Cap.Limit))
	}
	if rule.Lenient {
		p.row("where something is missing", "it lets pass, silently")
	} else {
		p.row("where something is missing", rule.Undetermined.Verdict().String())
	}
	p.row("copes without", coded(rule.Optional))
	if rule.Overridable {
		p.row("overridable", "in an emergency, by somebody with the role for it")
	} else if slices.Contains(rule.Effects, policy.Blocks) {
		p.row("overridable", "no")
	}
	if p.shipped {
		p.row("file", fmt.Sprintf("[%s](../rego/%s)", rule.File, rule.File))
	} else {
		p.row("file", "`"+rule.File+"`")
	}
	read := limitsOf(rule)
	if len(read) == 0 {
		return
	}
	p.line("\n| limit | set to | what |\n|---|---|---|")
	for _, definition := range p.limits.Definitions() {
		if slices.Contains(read, definition.Name) {
			p.line("| [%s](#limits) | %s | %s |", definition.Name, p.held(definition, rule.Kinds, "USD"), cell(definition.About))
		}
	}
}

func (p *rulesPage) row(name, text string) {
	if text != "" {
		p.line("| %s | %s |", name, text)
	}
}

// own are the findings that no rule makes.
func (p *rulesPage) own() {
	p.line("\n## Findings of the engine itself\n")
	p.line("They cannot be switched off or put in shadow.\n")
	p.line("| finding | can | when |\n|---|---|---|")
	for _, own := range policy.OwnFindings() {
		p.line("| %s | %s | %s |", own.ID, joined(own.Effects), cell(own.About))
	}
	p.line("\nRule 58 of the catalogue, *governance.approval_valid* (not the requester, the role, the amount, the digest, the end, one use), is kept by the")
	p.line("state machine of approvals (`policy/approval`) and not by Rego: a yes that fails it gives no permit.")
}

// allLimits are the limits, with the amounts in all currencies.
func (p *rulesPage) allLimits() {
	p.line("\n## Limits\n")
	p.line("What holds where no entry is more specific. More than one amount is one for each currency, or for kinds; a currency without an amount has")
	p.line("no limit, and what needs one is then blocked. The tables above show US dollars, where there are any.\n")
	p.line("| limit | set to | what | source | read by |\n|---|---|---|---|---|")
	for _, definition := range p.limits.Definitions() {
		var readers []string
		for _, rule := range p.rules {
			if slices.Contains(limitsOf(rule), definition.Name) {
				readers = append(readers, fmt.Sprintf("[%s](#%s)", rule.ID, anchor(rule.ID)))
			}
		}
		about := definition.About
		if definition.Tighter != limits.Unordered {
			about += " The " + definition.Tighter.String() + ", the tighter."
		}
		p.line("| %s | %s | %s | %s | %s |", definition.Name, p.held(definition, nil, ""), cell(about), cell(definition.Source), strings.Join(readers, ", "))
	}
}

// held is what the limit is set to for a target of which only the kind is known: the amounts, and of which kinds where they differ. Of
// money only the amount in a currency, if there is one in it; empty: all.
func (p *rulesPage) held(definition limits.Definition, kinds []policy.Kind, currency string) string {
	if len(kinds) == 0 {
		kinds = policy.Kinds()
	}
	var order []string
	of := map[string][]string{}
	for _, kind := range kinds {
		if len(definition.Kinds) > 0 && !slices.Contains(definition.Kinds, kind.String()) {
			continue
		}
		value := p.amounts(definition, kind, currency)
		if of[value] == nil {
			order = append(order, value)
		}
		of[value] = append(of[value], kind.String())
	}
	if len(order) == 1 {
		return order[0]
	}
	// What holds for most kinds needs no names.
	most := 0
	for i, value := range order {
		if len(of[value]) > len(of[order[most]]) {
			most = i
		}
	}
	parts := []string{}
	for i, value := range order {
		if i == most && len(of[value]) > 2 {
			parts = append([]string{value}, parts...)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %s", strings.Join(of[value], ", "), value))
	}
	return strings.Join(parts, "<br>")
}

func (p *rulesPage) amounts(definition limits.Definition, kind policy.Kind, currency string) string {
	resolve := func(currency string) string {
		for _, held := range p.limits.Resolve(nil, limits.Target{Kind: kind.String(), Currency: currency}) {
			if held.Name == definition.Name {
				return held.Value.String()
			}
		}
		return ""
	}
	if definition.Type == limits.Money {
		if only := resolve(currency); currency != "" && only != "" {
			return only
		}
		var all []string
		for _, code := range p.limits.Currencies() {
			if value := resolve(code); value != "" && !slices.Contains(all, value) {
				all = append(all, value)
			}
		}
		if len(all) > 0 {
			return strings.Join(all, ", ")
		}
	} else if value := resolve(""); value != "" {
		return value
	}
	return "not set"
}

// limitsOf are the limits that the rule reads, such as bid.ceiling.
func limitsOf(rule *policy.Rule) []string {
	var names []string
	for _, path := range rule.Reads {
		if parts := strings.Split(path, "."); len(parts) >= 4 && parts[1] == "limits" {
			names = append(names, parts[2]+"."+parts[3])
		}
	}
	return names
}

// windowsOf are the sums that the rule reads, such as account.day.moved.
func windowsOf(rule *policy.Rule) []string {
	var paths []string
	for _, path := range rule.Reads {
		if sum, ok := strings.CutPrefix(path, "input.windows."); ok {
			paths = append(paths, sum)
		}
	}
	return paths
}

// factsOf are the facts that the rule reads, each with its sentence.
func (p *rulesPage) factsOf(rule *policy.Rule) string {
	var lines, names []string
	for _, path := range rule.Reads {
		parts := strings.Split(path, ".")
		if len(parts) < 3 || parts[1] != "facts" || slices.Contains(names, parts[2]) {
			continue
		}
		names = append(names, parts[2])
		lines = append(lines, fmt.Sprintf("`%s`: %s", parts[2], cell(p.facts[parts[2]].About)))
	}
	return strings.Join(lines, "<br>")
}

func kindsOf(kinds []policy.Kind) string {
	if len(kinds) == 0 {
		return "all"
	}
	return joined(kinds)
}

func joined[T fmt.Stringer](values []T) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = value.String()
	}
	return strings.Join(names, ", ")
}

func coded(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return "`" + strings.Join(texts, "`, `") + "`"
}

// anchor is where GitHub puts a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

// markdown makes text one line that is shown as it is.
func markdown(text string) string {
	return strings.NewReplacer("*", `\*`, "<", "&lt;", "`", "\\`", "[", `\[`).Replace(strings.Join(strings.Fields(text), " "))
}

// cell is text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(markdown(text), "|", `\|`) }
