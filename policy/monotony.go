package policy

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy/term"
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
	document := example.Input
	for _, read := range example.Rule.windows {
		for _, member := range growing {
			path := []string{"windows", read.Scope, read.Window, member}
			number, ok := integerOf(under(document, path))
			if !ok {
				continue
			}
			for _, more := range moreOf(document, member, number) {
				r.Raises++
				after := engine.askAlone(ctx, replace(document, path, term.Int(more)), example.Rule)
				if after.laxer(before) {
					r.More = append(r.More, More{example.Rule.ID, example.Name, "input." + strings.Join(path, "."), number, more, before.verdict, after.verdict})
				}
			}
		}
	}
}

// moreOf are the larger values to try for a member of a window. A peak below the new value stays below it: a rise to
// where the value has been already adds nothing, so a rule may well let it pass.
func moreOf(document term.Value, member string, number int64) []int64 {
	larger := largerThan(number)
	after, ok := integerOf(afterOf(document).Field("micros"))
	if !ok {
		after, ok = integerOf(afterOf(document).Field("ppm"))
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

// under is what a document has at a path, undefined where it has nothing.
func under(document term.Value, path []string) term.Value {
	for _, name := range path {
		document = document.Field(name)
	}
	return document
}

// replace is the document with another value at the path; all else is shared, since values do not change.
func replace(document term.Value, path []string, by term.Value) term.Value {
	if len(path) > 1 {
		by = replace(document.Field(path[0]), path[1:], by)
	}
	object := document.Map().Clone()
	object.Set(term.Text(path[0]), by)
	object.Sort()
	return object.Value()
}
