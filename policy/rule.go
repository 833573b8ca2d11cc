package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/bidrail/bidrail/policy/term"
)

// RuleMode says whether a rule counts. It is data of the revision (data.rules), so that a rule can
// be tried before it is enforced.
type RuleMode string

// The modes of a rule.
const (
	RuleEnforce RuleMode = "enforce" // its findings decide
	RuleShadow  RuleMode = "shadow"  // its findings are recorded and do not count
	RuleOff     RuleMode = "off"     // it is not evaluated
)

// Rule is one entry of the catalogue: a Rego package under bidrail.rules, as its METADATA
// describes it and as the engine read it.
type Rule struct {
	ID           string
	Title        string
	Description  string
	Owner        string
	Source       string   // where the idea or the threshold comes from
	Kinds        []Kind   // the kinds it concerns; empty means all
	Effects      []Effect // the sets it defines
	Mode         RuleMode
	Undetermined Effect   // what a missing fact or limit answers: Blocks or Approve
	Reads        []string // paths of the input that it reads, through lib too
	Needs        []string // those of them that must be there: limits, facts and windows it does not cope without
	Optional     []string // paths it declares to cope without
	Cap          *Cap     // the window that it holds to a limit; nil: it does not, or not by adding up
	Overridable  bool     // a BLOCK of it can be lifted in an emergency
	Lenient      bool     // what it reads and is not there is undefined in silence, as in OPA
	File         string
	Line         int

	path  ast.Ref // data.bidrail.rules.NAME
	needs []need
	// What it reads of windows, object.get included, sorted.
	windows       []WindowRead
	windowMembers []memberRead
}

type need struct {
	path  string
	money bool         // a limit that is looked up by currency
	keys  []term.Value // the parts of the path after input; the first is limits, facts or windows
}

// Concerns reports whether the rule judges changes of the kind.
func (r *Rule) Concerns(kind Kind) bool {
	return len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind)
}

// ruleMetadata is the custom block of a rule's METADATA.
type ruleMetadata struct {
	ID           string   `json:"id"`
	Owner        string   `json:"owner"`
	Source       string   `json:"source"`
	Kinds        []Kind   `json:"kinds"`
	Optional     []string `json:"optional"`
	Cap          *Cap     `json:"cap"`
	Undetermined string   `json:"undetermined"`
	Overridable  *string  `json:"overridable"`
	Strict       *bool    `json:"strict"`
}

var (
	ruleID         = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	rulePath       = ast.MustParseRef("data.bidrail.rules")
	effectSets     = map[string]Effect{"block": Blocks, "approve": Approve, "warn": Warn}
	reservedPrefix = []string{"policy.", "group.", "ledger.", "approval."}
	// What input is and what people have switched holds in an emergency as well; some of these ids are the engine's too.
	firmPrefix = []string{"integrity.", "governance."}
)

// discover reads the catalogue out of the modules: one rule a package, sorted by id.
func (c *compilation) discover() []*Rule {
	packages := map[string][]*ast.Module{}
	for _, name := range slices.Sorted(maps.Keys(c.modules)) {
		module := c.modules[name]
		c.refuseStray(name, module)
		if module.Package.Path.HasPrefix(rulePath) && !isTest(name, module) {
			key := module.Package.Path.String()
			packages[key] = append(packages[key], module)
		}
	}
	var rules []*Rule
	ids := map[string]*Rule{}
	for _, key := range slices.Sorted(maps.Keys(packages)) {
		rule := c.describe(packages[key])
		if rule == nil {
			continue
		}
		if other, taken := ids[rule.ID]; taken {
			c.refuse("%s:%d: the id %s is taken by %s:%d", rule.File, rule.Line, rule.ID, other.File, other.Line)
			continue
		}
		ids[rule.ID] = rule
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	c.applyModes(ids)
	return rules
}

// refuseStray complains of a module that looks like a rule to its author and is none to the engine.
func (c *compilation) refuseStray(name string, module *ast.Module) {
	test := isTest(name, module)
	if module.Package.Path.HasPrefix(rulePath) && !test {
		return
	}
	why := "rules are packages bidrail.rules.NAME"
	if test {
		why = "names that end in _test are for tests"
	}
	for _, annotations := range module.Annotations {
		if _, stray := annotations.Custom["id"]; stray && annotations.Scope == "package" {
			c.refuse("%s: %s has the METADATA of a rule and would not be one: %s", where(module.Package.Location), module.Package.Path, why)
		}
	}
	for _, rule := range module.Rules {
		if _, decides := effectSets[rule.Head.Name.String()]; decides && test && rule.Head.RuleKind() == ast.MultiValue {
			c.refuse("%s: the set %s here decides nothing: %s", where(rule.Location), rule.Head.Name, why)
		}
	}
}

// refuseUnread complains of a set in a rule's package that nothing reads: most likely one of the
// three, misspelt.
func (c *compilation) refuseUnread(rule *Rule, modules []*ast.Module) {
	read := map[string]bool{}
	note := func(variable ast.Var) bool {
		read[string(variable)] = true
		return false
	}
	for _, module := range modules {
		for _, defined := range module.Rules {
			for ; defined != nil; defined = defined.Else {
				ast.WalkVars(defined.Body, note)
				for _, term := range []*ast.Term{defined.Head.Key, defined.Head.Value} {
					if term != nil {
						ast.WalkVars(term, note)
					}
				}
			}
		}
	}
	for _, module := range modules {
		for _, defined := range module.Rules {
			name := defined.Head.Name.String()
			if _, decides := effectSets[name]; decides || defined.Head.RuleKind() != ast.MultiValue || read[name] {
				continue
			}
			c.refuse("%s: %s: nothing reads the set %s; the sets that decide are block, approve and warn", where(defined.Location), rule.ID, name)
		}
	}
}

// describe makes one rule of the modules of its package, or refuses it and returns nil.
func (c *compilation) describe(modules []*ast.Module) *Rule {
	module := modules[0]
	at := where(module.Package.Location)
	if len(module.Package.Path) != len(rulePath)+1 {
		c.refuse("%s: a rule's package is bidrail.rules.NAME, not %s", at, module.Package.Path)
		return nil
	}
	var annotations *ast.Annotations
	for _, each := range modules {
		for _, candidate := range each.Annotations {
			if candidate.Scope == "package" {
				annotations = candidate
			}
		}
	}
	if annotations == nil {
		c.refuse("%s: no METADATA above the package; a rule needs a title, a description, custom.id, custom.owner and custom.source", at)
		return nil
	}
	rule := &Rule{
		Title: annotations.Title, Description: annotations.Description, Mode: RuleEnforce, Undetermined: Blocks,
		File: module.Package.Location.File, Line: module.Package.Location.Row, path: module.Package.Path,
	}
	if !c.readMetadata(rule, annotations, at) {
		return nil
	}
	for _, each := range modules {
		for _, defined := range each.Rules {
			c.addEffect(rule, defined)
		}
	}
	c.refuseUnread(rule, modules)
	slices.Sort(rule.Effects)
	if rule.Overridable && !slices.Contains(rule.Effects, Blocks) {
		c.refuse("%s: METADATA custom.overridable: %s blocks nothing, so there is nothing to override", at, rule.ID)
	}
	if len(rule.Effects) == 0 {
		c.refuse("%s: %s defines none of block, approve and warn, so it could never say anything", at, rule.ID)
		return nil
	}
	return rule
}

func (c *compilation) readMetadata(rule *Rule, annotations *ast.Annotations, at string) bool {
	var metadata ruleMetadata
	encoded, err := json.Marshal(annotations.Custom)
	if err == nil {
		decoder := json.NewDecoder(strings.NewReader(string(encoded)))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&metadata)
	}
	if err != nil {
		c.refuse("%s: METADATA custom: %v", at, err)
		return false
	}
	rule.ID, rule.Owner, rule.Source = metadata.ID, metadata.Owner, metadata.Source
	rule.Kinds, rule.Optional, rule.Cap = metadata.Kinds, metadata.Optional, metadata.Cap
	ok := true
	demand := func(held bool, format string, arguments ...any) {
		if !held {
			c.refuse("%s: %s", at, fmt.Sprintf(format, arguments...))
			ok = false
		}
	}
	demand(ruleID.MatchString(rule.ID), "METADATA custom.id is %q; an id is words with dots, such as bid.ceiling", rule.ID)
	demand(rule.Title != "", "METADATA has no title")
	demand(rule.Description != "", "METADATA has no description: what does the rule hold people to, and why?")
	demand(rule.Owner != "", "METADATA has no custom.owner: who answers for this rule?")
	demand(rule.Source != "", "METADATA has no custom.source: where do its thresholds come from?")
	for _, prefix := range reservedPrefix {
		demand(!strings.HasPrefix(rule.ID, prefix), "ids that begin with %q are the engine's own", prefix)
	}
	switch metadata.Undetermined {
	case "", Blocks.String():
	case Approve.String():
		rule.Undetermined = Approve
	default:
		demand(false, "METADATA custom.undetermined is %q; it is block or approve", metadata.Undetermined)
	}
	rule.Lenient = metadata.Strict != nil && !*metadata.Strict
	if metadata.Overridable != nil {
		rule.Overridable = true
		demand(*metadata.Overridable == "emergency", "METADATA custom.overridable is %q; it is emergency, or left out", *metadata.Overridable)
		for _, prefix := range firmPrefix {
			demand(!strings.HasPrefix(rule.ID, prefix), "METADATA custom.overridable: rules whose ids begin with %q hold in an emergency too", prefix)
		}
	}
	return ok
}

func (c *compilation) addEffect(rule *Rule, defined *ast.Rule) {
	name := defined.Head.Name.String()
	if reference := defined.Head.Ref(); len(reference) > 0 {
		name = reference[0].Value.String()
		name = strings.Trim(name, `"`)
	}
	effect, decides := effectSets[name]
	if !decides {
		return
	}
	if defined.Head.RuleKind() != ast.MultiValue || len(defined.Head.Ref()) != 1 {
		c.refuse("%s: %s must be a set of findings: write `%s contains finding if { ... }`", where(defined.Location), name, name)
		return
	}
	if !slices.Contains(rule.Effects, effect) {
		rule.Effects = append(rule.Effects, effect)
	}
}

// applyModes reads data.rules, which may name only rules that exist.
func (c *compilation) applyModes(ids map[string]*Rule) {
	document, ok := c.revision.data["rules"]
	if !ok {
		return
	}
	modes, ok := document.(map[string]any)
	if !ok {
		c.refuse("data.rules must be an object of rule id and mode")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(modes)) {
		settings, _ := modes[id].(map[string]any)
		mode, _ := settings["mode"].(string)
		rule := ids[id]
		switch {
		case rule == nil:
			c.refuse("data.rules names %s, which no rule has as its id", id)
		case len(settings) != 1 || !slices.Contains([]RuleMode{RuleEnforce, RuleShadow, RuleOff}, RuleMode(mode)):
			c.refuse("data.rules[%q] must be {mode: enforce}, {mode: shadow} or {mode: off}", id)
		default:
			rule.Mode = RuleMode(mode)
		}
	}
}

// isTest reports whether a module is tests: not part of what decides.
func isTest(name string, module *ast.Module) bool {
	last := module.Package.Path[len(module.Package.Path)-1].Value.String()
	return strings.HasSuffix(name, "_test.rego") || strings.HasSuffix(strings.Trim(last, `"`), "_test")
}
