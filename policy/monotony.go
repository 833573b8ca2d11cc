package policy

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// More is a sum of a window whose growth lets through what less of it stopped.
type More struct {
	Rule, Example, Path string
	From, To            int64
	Before, After       Verdict
}

func (m More) String() string {
	return fmt.Sprintf("%s: example %q: with %s raised from %d to %d the verdict is %s instead of %s; more use must never be laxer",
		m.Rule, m.Example, m.Path, m.From, m.To, m.After, m.Before)
}

// growing are the members of a window that say how much was used, the peak of the value among them. Those that say
// where the value began, or how low it was, are as strict one way as the other.
var growing = slices.Concat(windowAmounts, windowCounts, []string{"peak"})

// checkMonotony raises each sum of an example's windows that the rule reads, one at a time, and reports what is laxer then.
func (r *AbsenceReport) checkMonotony(ctx context.Context, engine *Engine, example Example, before answer) {
	document := example.Input.(ast.Object) // it was judged
	for _, read := range example.Rule.windows {
		for _, member := range growing {
			path := []string{"windows", read.Scope, read.Window, member}
			number, ok := integerUnder(document, path)
			if !ok {
				continue
			}
			for _, more := range moreOf(document, member, number) {
				r.Raises++
				after := engine.askAlone(ctx, replace(document, path, num(more)), example.Rule)
				if after.laxer(before) {
					r.More = append(r.More, More{example.Rule.ID, example.Name, "input." + strings.Join(path, "."), number, more, before.verdict, after.verdict})
				}
			}
		}
	}
}

// moreOf are the larger values to try for a member of a window. A peak below the new value stays below it: a rise to
// where the value has been already adds nothing, so a rule may well let it pass.
func moreOf(document ast.Object, member string, number int64) []int64 {
	larger := largerThan(number)
	after, ok := integerAt(afterOf(document), "micros")
	if !ok {
		after, ok = integerAt(afterOf(document), "ppm")
	}
	if member != "peak" || !ok || after <= number {
		return larger
	}
	larger = slices.DeleteFunc(append(larger, after-1), func(each int64) bool { return each >= after || each <= number })
	slices.Sort(larger)
	return slices.Compact(larger)
}

// largerThan are a little more, a lot more, and so much that adding to it still fits.
func largerThan(number int64) []int64 {
	const huge = math.MaxInt64 / 2
	var larger []int64
	if number < huge {
		larger = append(larger, number+1, 2*number, huge)
	}
	slices.Sort(larger)
	return slices.DeleteFunc(slices.Compact(larger), func(each int64) bool { return each <= number })
}

func integerUnder(document ast.Object, path []string) (int64, bool) {
	for _, name := range path[:len(path)-1] {
		term := document.Get(str(name))
		if term == nil {
			return 0, false
		}
		inner, ok := term.Value.(ast.Object)
		if !ok {
			return 0, false
		}
		document = inner
	}
	return integerAt(document, path[len(path)-1])
}

// replace is the document with another value at the path; all else is shared, since terms do not change.
func replace(document ast.Object, path []string, by *ast.Term) ast.Object {
	if len(path) > 1 {
		by = ast.NewTerm(replace(document.Get(str(path[0])).Value.(ast.Object), path[1:], by))
	}
	items := make([][2]*ast.Term, 0, document.Len()+1)
	found := false
	document.Foreach(func(key, value *ast.Term) {
		if textOf(key) == path[0] {
			value, found = by, true
		}
		items = append(items, [2]*ast.Term{key, value})
	})
	if !found {
		items = append(items, item(path[0], by))
	}
	return ast.NewObject(items...)
}
