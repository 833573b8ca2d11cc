package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// WindowReads returns what rules for changes of the kind read of windows, rules that are off left out, sorted. A read
// of when the scope last changed, or of whether the change reverses, has no window. Nothing else need be
// gathered. The slice is shared and must not be changed.
func (e *Engine) WindowReads(kind Kind) []WindowRead {
	if e == nil {
		return nil
	}
	return e.windowReads[kind]
}

// windowReadsOf are what rules read together, sorted.
func windowReadsOf(rules []*Rule) []WindowRead {
	all := map[WindowRead]bool{}
	for _, rule := range rules {
		for _, read := range rule.windows {
			all[read] = true
		}
	}
	return sortedReads(all)
}

func sortedReads(reads map[WindowRead]bool) []WindowRead {
	return slices.SortedFunc(maps.Keys(reads), func(a, b WindowRead) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Window, b.Window))
	})
}

// Moved reports whether the two differ in anything that rules for changes of the kind read. Where they do not, the same
// change is judged alike under both.
func (e *Engine) Moved(kind Kind, before, after Windows) bool {
	return e != nil && slices.ContainsFunc(e.byKind[kind], func(rule *Rule) bool { return rule.moved(before, after) })
}

// moved reports whether two windows differ in what the rule reads of them.
func (r *Rule) moved(before, after Windows) bool {
	for _, read := range r.windowMembers {
		was, wasThere := before.Scope(read.Scope)
		is, isThere := after.Scope(read.Scope)
		if wasThere != isThere || isThere && !read.same(&was, &is) {
			return true
		}
	}
	return false
}

// memberRead is one member that a rule reads of a window, or of a scope itself where Window is "". An empty member is all
// of them.
type memberRead struct {
	WindowRead
	member string
}

func (m memberRead) same(was, is *ScopeWindows) bool {
	if m.Window == "" {
		return was.LastChange.Equal(is.LastChange) && was.Reverses == is.Reverses
	}
	a, b := was.window(m.Window), is.window(m.Window)
	if a.known(m.member) != b.known(m.member) || a.Problem != b.Problem {
		return false
	}
	switch m.member {
	case "raised":
		return a.Raised == b.Raised
	case "lowered":
		return a.Lowered == b.Lowered
	case "moved":
		return a.moved() == b.moved()
	case "net_rise":
		return a.NetRise == b.NetRise
	case "net_fall":
		return a.NetFall == b.NetFall
	case "count":
		return a.Count == b.Count
	case "reversals":
		return a.Reversals == b.Reversals
	case "open":
		return a.HeldOpen == b.HeldOpen
	case "start_low":
		return a.StartLow == b.StartLow
	case "start_high":
		return a.StartHigh == b.StartHigh
	case "low":
		return a.Low == b.Low
	case "peak":
		return a.Peak == b.Peak
	}
	return a == b
}

// known reports whether a member is there: amounts and values may be missing.
func (s *WindowSums) known(member string) bool {
	switch {
	case s.Window == "":
		return false
	case slices.Contains(windowAmounts, member):
		return s.AmountsKnown
	case slices.Contains(windowCounts, member):
		return true
	}
	return s.ValuesKnown
}

// window is the sums of one window; the zero sums when there are none.
func (s *ScopeWindows) window(name string) WindowSums {
	at := slices.IndexFunc(s.Sums, func(sums WindowSums) bool { return sums.Window == name })
	if at < 0 {
		return WindowSums{}
	}
	return s.Sums[at]
}

// window notes which windows a reference under input reads. One that leaves open which, such as object.get over all
// of input.windows with a key that is computed, reads them all.
func (r *reads) window(reference ast.Ref) {
	parts := constantPrefix(reference)[1:]
	if len(parts) > 0 && !parts[0].Equal(ast.StringTerm("windows")) {
		return
	}
	scopes, windows := slices.Collect(maps.Keys(scopeNames)), append([]string{""}, r.windowNames...)
	if len(parts) > 1 {
		scopes = []string{textOf(parts[1])}
	}
	if len(parts) > 2 {
		windows = []string{textOf(parts[2])}
		if windows[0] == scopeAge || windows[0] == scopeReverses {
			windows[0] = ""
		}
	}
	member := ""
	if len(parts) > 3 {
		member = textOf(parts[3])
	}
	for _, scope := range scopes {
		for _, window := range windows {
			r.windows[WindowRead{scope, window}] = true
			r.members[memberRead{WindowRead{scope, window}, member}] = true
		}
	}
}

// resolve finds out what object.get reads of input or of all windows. The compiler has given these a name of their own
// each, which occurs twice: where it is given, and in the call.
func (r *reads) resolve(body ast.Body) {
	named := map[ast.Var]*ast.Term{}
	uses := map[ast.Var]int{}
	ast.WalkVars(body, func(name ast.Var) bool {
		uses[name]++
		return false
	})
	for _, expression := range body {
		if terms, ok := expression.Terms.([]*ast.Term); ok && expression.IsEquality() {
			name, isName := terms[1].Value.(ast.Var)
			reference, isReference := terms[2].Value.(ast.Ref)
			if isName && isReference && reference[0].Equal(ast.InputRootDocument) && len(constantPrefix(reference)) == len(reference) {
				named[name] = terms[2]
			}
		}
	}
	for _, expression := range body {
		terms, ok := expression.Terms.([]*ast.Term)
		if !ok || !expression.IsCall() || len(terms) < 3 || terms[0].Value.String() != "object.get" {
			continue
		}
		name, _ := terms[1].Value.(ast.Var)
		object := named[name]
		if object == nil || uses[name] != 2 {
			continue
		}
		r.resolved[object] = true
		path := slices.Clone(object.Value.(ast.Ref))
		if keys, several := terms[2].Value.(*ast.Array); several {
			keys.Foreach(func(key *ast.Term) { path = append(path, key) })
		} else {
			path = append(path, terms[2])
		}
		r.window(path)
	}
}

// strangeWindow is a window read that the revision has not got. Only object.get can hold one: elsewhere the schema
// knows better.
func (r *reads) strangeWindow() (WindowRead, bool) {
	for _, read := range sortedReads(r.windows) {
		if scopeNames[read.Scope] == "" || read.Window != "" && !slices.Contains(r.windowNames, read.Window) {
			return read, true
		}
	}
	return WindowRead{}, false
}

func textOf(term *ast.Term) string {
	text, _ := term.Value.(ast.String)
	return string(text)
}
