package policy

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
)

// manyRules is a revision of so many rules about bids, each with a threshold of its own that a small rise does not meet.
func manyRules(b *testing.B, rules int) *Revision {
	over := files{}
	for i := range rules {
		over[fmt.Sprintf("rules/rule_%d.rego", i)] = fmt.Sprintf(`# METADATA
# title: Rule %[1]d
# description: One of many.
# custom:
#   id: many.rule_%[1]d
#   owner: tests
#   kinds: [bid]
#   source: tests
package bidrail.rules.rule_%[1]d

block contains finding if {
	input.change.direction == "rise"
	input.change.after.micros * 100 > input.limits.bid.ceiling.micros * %[2]d
	finding := {"message": "{observed} is above a share of {limit}", "observed": input.change.after, "limit": input.limits.bid.ceiling}
}
`, i, 100+i)
	}
	return readSmall(b, over)
}

// What evaluation and activation cost with more rules that all concern the change.
func BenchmarkRules(b *testing.B) {
	for _, count := range []int{10, 100, 1000} {
		revision := manyRules(b, count)
		engine, err := Compile(b.Context(), revision, Options{SkipTests: true})
		if err != nil {
			b.Fatal(err)
		}
		document := engine.document(bidRequest())
		b.Run(fmt.Sprintf("plan/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := engine.evaluator.evaluate(b.Context(), KindBid, nil, true, document); err != nil {
					b.Fatal(err)
				}
			}
		})
		parsed := document.AST()
		b.Run(fmt.Sprintf("topdown/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := engine.reference.byKind[KindBid].prepared.Eval(b.Context(), rego.EvalParsedInput(parsed)); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, by := range []EvaluatorName{ByPlan, ByTopdown} {
			b.Run(fmt.Sprintf("compile_%s/%d", by, count), func(b *testing.B) {
				for b.Loop() {
					if _, err := Compile(b.Context(), revision, Options{SkipTests: true, Evaluator: by}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// What a decision costs with more entries of limits, each for a campaign of its own.
func BenchmarkLimitEntries(b *testing.B) {
	for _, count := range []int{10, 1000, 30_000} {
		var entries strings.Builder
		entries.WriteString(smallLimits)
		for i := range count {
			fmt.Fprintf(&entries, "  - {id: c%d, match: {campaign: \"%d\"}, source: tests, set: {bid.ceiling: 40.00 USD}}\n", i, 1_000_000+i)
		}
		engine := compileSmall(b, files{"limits/data.yaml": entries.String()})
		request := bidRequest(edit(func(c *Change) { c.Target.Campaign = "1000005" }))
		if outcome := engine.Evaluate(b.Context(), request); outcome.Verdict != Allow {
			b.Fatalf("%+v", outcome.Findings)
		}
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				engine.Evaluate(b.Context(), request)
			}
		})
	}
}

// Decisions about 10,000 changes, on as many cores as there are: run it with -cpu 2,1,2,1 and leave the first out, which testing runs on all
// cores whatever it is told.
func BenchmarkBatch(b *testing.B) {
	const changes = 10_000
	engine := shippedEngine(b)
	requests := make([]*Request, changes)
	for i := range requests {
		requests[i] = shippedBid(func(r *Request) {
			r.Change.Target.EntityID, r.Change.After.Amount = fmt.Sprint("keyword-", i), int64(4_100_000+i%30*10_000)
		})
	}
	for b.Loop() {
		var next atomic.Int64
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for i := next.Add(1) - 1; i < changes; i = next.Add(1) - 1 {
					if outcome := engine.Evaluate(b.Context(), requests[i]); outcome.Verdict != Allow {
						b.Errorf("a change that is meant to pass does not: %+v", outcome.Findings)
						return
					}
				}
			})
		}
		workers.Wait()
	}
	b.ReportMetric(float64(changes)*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}
