package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/bidrail/bidrail/policy/term"

	"github.com/bidrail/bidrail/policy/limits"
)

// How a rule's reads are found. A limit, a fact or a window that is not there makes a Rego
// expression undefined, and an undefined rule says nothing: a guardrail that fails open. So the
// engine finds out, when a revision is loaded, which of them each rule reads, through the library
// too, and before rules are evaluated makes a finding of each that is missing. What a rule reads
// under `not` or through object.get it copes with; for other ways of coping it says so in METADATA
// (custom.optional).

// refusedAliases complains where a module reads limits, facts or windows other than by their full path,
// which would hide from the analysis what is read. That is so of input as a whole too.
func refusedAliases(module *ast.Module, owner string) []string {
	var refused []string
	excused := map[*ast.Term]bool{}
	excuse := func(terms []*ast.Term) {
		if len(terms) > 1 && copesWithAbsence(terms[0], terms[1]) {
			excused[terms[1]] = true
		}
	}
	ast.WalkExprs(module, func(expression *ast.Expr) bool {
		if terms, ok := expression.Terms.([]*ast.Term); ok && expression.IsCall() {
			excuse(terms)
		}
		for _, with := range expression.With {
			excused[with.Target] = true
		}
		return false
	})
	ast.WalkTerms(module, func(term *ast.Term) bool {
		if call, ok := term.Value.(ast.Call); ok {
			excuse(call)
		}
		reference, ok := term.Value.(ast.Ref)
		if !ok || excused[term] || !reference[0].Equal(ast.InputRootDocument) {
			return false
		}
		if len(constantPrefix(reference)) < 2 {
			refused = append(refused, fmt.Sprintf("%s: %s: write out what is read, such as input.change.after: input under another name hides which limits, facts and windows a rule needs",
				where(term.Location), owner))
			return false
		}
		group, _ := reference[1].Value.(ast.String)
		depth := 0
		switch group {
		case "limits":
			depth = 4
		case "facts":
			depth = 3
		case "windows":
			depth = windowDepth(reference)
		}
		if len(constantPrefix(reference)) < depth {
			refused = append(refused, fmt.Sprintf("%s: %s: write out which one is read, such as %s, so that a missing one is noticed",
				where(term.Location), owner, fullPaths[group]))
		}
		return false
	})
	return refused
}

var fullPaths = map[ast.String]string{"limits": "input.limits.bid.ceiling", "facts": "input.facts.daily_budget",
	"windows": "input.windows.account.day.moved"}

// windowDepth is how many parts the full path of a window's member has, or that of what a scope has besides windows.
func windowDepth(reference ast.Ref) int {
	if len(reference) > 3 {
		if name, _ := reference[3].Value.(ast.String); name == scopeAge || name == scopeReverses {
			return 4
		}
	}
	return 5
}

// copesWithAbsence reports whether a call is object.get on something that is always there, so that
// its default answers for what is not. An object that may itself be missing leaves the call
// undefined, default and all.
func copesWithAbsence(function, object *ast.Term) bool {
	if function.Value.String() != "object.get" {
		return false
	}
	reference, ok := object.Value.(ast.Ref)
	return !ok || len(reference) <= 2 && len(constantPrefix(reference)) == len(reference)
}

func constantPrefix(reference ast.Ref) ast.Ref {
	for i, term := range reference[1:] {
		if _, constant := term.Value.(ast.String); !constant {
			return reference[:i+1]
		}
	}
	return reference
}

// analyse fills in what each rule reads and needs.
func (c *compilation) analyse(rules []*Rule, compiler *ast.Compiler) {
	windowNames, _ := c.revision.windowNames() // read before, for the shape
	defined := map[string]limits.Definition{}
	for _, definition := range c.revision.limits.Definitions() {
		defined["input.limits."+definition.Name] = definition
	}
	for _, rule := range rules {
		found := reads{compiler: compiler, windowNames: windowNames, all: map[string]bool{}, needed: map[string]bool{},
			windows: map[WindowRead]bool{}, members: map[memberRead]bool{}, seen: map[followed]bool{}, resolved: map[*ast.Term]bool{}}
		for _, each := range compiler.GetRulesWithPrefix(rule.path) {
			found.follow(each, true)
		}
		rule.Reads = slices.Sorted(maps.Keys(found.all))
		rule.windows = sortedReads(found.windows)
		rule.windowMembers = slices.Collect(maps.Keys(found.members))
		if read, strange := found.strangeWindow(); strange {
			c.refuse("%s:%d: %s gets input.windows.%s.%s, which this revision has not got; the windows are those of data.windows", rule.File, rule.Line, rule.ID, read.Scope, read.Window)
		}
		c.checkCap(rule, windowNames, defined)
		for _, path := range rule.Optional {
			if strings.HasPrefix(path, "data.") {
				if !c.holds(ast.MustParseRef(path)) {
					c.refuse("%s:%d: METADATA custom.optional names %s, which this revision does not have", rule.File, rule.Line, path)
				}
				continue
			}
			if !slices.ContainsFunc(rule.Reads, func(read string) bool { return read == path || strings.HasPrefix(read, path+".") }) {
				c.refuse("%s:%d: METADATA custom.optional names %s, which %s does not read", rule.File, rule.Line, path, rule.ID)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(found.needed)) {
			if slices.ContainsFunc(rule.Optional, func(optional string) bool { return optional == path || strings.HasPrefix(path, optional+".") }) {
				continue
			}
			rule.Needs = append(rule.Needs, path)
			needed := newNeed(path)
			needed.money = defined[path].Type == limits.Money
			rule.needs = append(rule.needs, needed)
			c.checkKinds(rule, path, defined[path].Kinds)
		}
	}
}

// checkKinds refuses a rule that would be undetermined for a kind whatever the limits say.
func (c *compilation) checkKinds(rule *Rule, path string, limited []string) {
	if len(limited) == 0 {
		return
	}
	kinds := rule.Kinds
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	for _, kind := range kinds {
		if !slices.Contains(limited, kind.String()) {
			c.refuse("%s:%d: %s concerns the kind %s, for which %s is not defined: narrow custom.kinds, widen the limit's kinds, or list the path under custom.optional",
				rule.File, rule.Line, rule.ID, kind, path)
			return
		}
	}
}

func newNeed(path string) need {
	n := need{path: path}
	for _, part := range strings.Split(path, ".")[1:] {
		n.keys = append(n.keys, term.Text(part))
	}
	return n
}

// missing reports whether the document lacks what is needed, and the problem that what holds it says
// it has, if any.
func (n *need) missing(document term.Value) (problem string, missing bool) {
	value := document
	for _, key := range n.keys {
		within := value
		if value = within.Get(key); !value.Defined() {
			if strings.HasPrefix(n.path, "input.windows.") {
				problem, _ = within.Field("problem").Text()
			}
			return problem, true
		}
	}
	return "", false
}

type reads struct {
	compiler *ast.Compiler
	all      map[string]bool
	needed   map[string]bool
	windows  map[WindowRead]bool
	members  map[memberRead]bool
	seen     map[followed]bool

	windowNames []string           // of the revision
	resolved    map[*ast.Term]bool // references of which it is known what object.get reads of them
}

// followed is a rule that was walked, as something that must hold or as something that must not.
type followed struct {
	rule     *ast.Rule
	required bool
}

// follow walks a compiled rule and the rules it refers to. What stands under a `not` copes with
// absence; what stands under a `not` within that `not` does not: there absence makes the outer one
// fail in silence again.
func (r *reads) follow(rule *ast.Rule, required bool) {
	for ; rule != nil; rule = rule.Else {
		if r.seen[followed{rule, required}] {
			return
		}
		r.seen[followed{rule, required}] = true
		r.head(rule.Head, required)
		r.body(rule.Body, required)
	}
}

func (r *reads) head(head *ast.Head, required bool) {
	for _, term := range []*ast.Term{head.Key, head.Value} {
		if term != nil {
			r.term(term, required)
		}
	}
}

func (r *reads) body(body ast.Body, required bool) {
	r.resolve(body)
	for _, expression := range body {
		r.expression(expression, required != expression.Negated)
	}
}

func (r *reads) expression(expression *ast.Expr, required bool) {
	switch terms := expression.Terms.(type) {
	case *ast.Term:
		r.term(terms, required)
	case []*ast.Term:
		for i, term := range terms {
			lenient := i == 1 && copesWithAbsence(terms[0], term)
			r.term(term, required && !lenient)
		}
	case *ast.Not:
		r.body(terms.Body, !required)
	case *ast.Every:
		r.term(terms.Domain, required)
		r.body(terms.Body, required)
	case *ast.SomeDecl:
		for _, term := range terms.Symbols {
			r.term(term, required)
		}
	}
	for _, with := range expression.With {
		r.term(with.Value, required)
	}
}

func (r *reads) term(term *ast.Term, required bool) {
	switch value := term.Value.(type) {
	case ast.Ref:
		if value[0].Equal(ast.InputRootDocument) && !r.resolved[term] {
			r.window(value)
		}
		r.reference(value, required)
	case ast.Call:
		for _, argument := range value {
			r.term(argument, required)
		}
	case *ast.ArrayComprehension:
		r.term(value.Term, required)
		r.body(value.Body, required)
	case *ast.SetComprehension:
		r.term(value.Term, required)
		r.body(value.Body, required)
	case *ast.ObjectComprehension:
		r.term(value.Key, required)
		r.term(value.Value, required)
		r.body(value.Body, required)
	case *ast.Array:
		value.Foreach(func(member *ast.Term) { r.term(member, required) })
	case ast.Object:
		value.Foreach(func(key, member *ast.Term) { r.term(key, required); r.term(member, required) })
	case ast.Set:
		value.Foreach(func(member *ast.Term) { r.term(member, required) })
	}
}

func (r *reads) reference(reference ast.Ref, required bool) {
	for _, part := range reference[1:] {
		if _, nested := part.Value.(ast.Ref); nested {
			r.term(part, required)
		}
	}
	switch {
	case reference[0].Equal(ast.InputRootDocument):
		prefix := constantPrefix(reference)
		path := prefix.String()
		r.all[path] = true
		if len(prefix) < 2 || !required {
			return
		}
		switch group, _ := prefix[1].Value.(ast.String); {
		case group == "limits" && len(prefix) >= 4:
			r.needed[prefix[:4].String()] = true
		case group == "facts" && len(prefix) >= 3:
			// The member too: a fact of another type than the rule expects has not got it.
			r.needed[prefix[:min(len(prefix), 4)].String()] = true
		case group == "windows" && len(prefix) >= windowDepth(prefix):
			r.needed[prefix[:windowDepth(prefix)].String()] = true
		}
	case reference[0].Equal(ast.DefaultRootDocument):
		for _, rule := range r.compiler.GetRulesDynamicWithOpts(reference, ast.RulesOptions{}) {
			r.follow(rule, required)
		}
	}
}

// refuseUnknownData complains where a module reads data that is neither a rule nor a document of the
// revision. OPA lets that pass, since data may come later; a revision is complete, so it is a typo
// that would be silently undefined.
func (c *compilation) refuseUnknownData(compiler *ast.Compiler) {
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		ast.WalkRefs(compiler.Modules[name], func(reference ast.Ref) bool {
			if !reference[0].Equal(ast.DefaultRootDocument) || len(reference) < 2 {
				return false
			}
			known := constantPrefix(reference)
			if len(compiler.GetRules(known)) == 0 && len(compiler.GetRulesWithPrefix(known)) == 0 && !c.holds(known) {
				c.refuse("%s: %s is neither a rule nor data of this revision", where(reference[0].Location), known)
			}
			return false
		})
	}
}

// holds reports whether the revision's data has something at the path.
func (c *compilation) holds(path ast.Ref) bool {
	var document any = c.revision.data
	for _, part := range path[1:] {
		object, ok := document.(map[string]any)
		if !ok {
			return false
		}
		name, _ := part.Value.(ast.String)
		if document, ok = object[string(name)]; !ok {
			return false
		}
	}
	return true
}
