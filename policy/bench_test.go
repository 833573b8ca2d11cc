package policy

import (
	"os"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
)

// What the rules of the whole shipped pack cost for one change, with both evaluators over the same document in the form
// that each reads. A decision is the document, its check, the rules and the document written for the record.
func BenchmarkEvaluate(b *testing.B) {
	engine := shippedEngine(b)
	for name, request := range map[string]*Request{"bid": shippedBid(), "budget": shippedBudget()} {
		if outcome := engine.Evaluate(b.Context(), request); outcome.Verdict != Allow {
			b.Fatalf("the %s change is meant to pass: %+v", name, outcome.Findings)
		}
		document := engine.document(request)
		kind := request.Change.Kind
		planned := engine.evaluator.(*planEvaluator)
		b.Run("plan/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := planned.evaluate(b.Context(), kind, nil, true, document); err != nil {
					b.Fatal(err)
				}
			}
		})
		prepared := engine.reference.byKind[kind].prepared
		parsed := document.AST()
		b.Run("topdown/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := prepared.Eval(b.Context(), rego.EvalParsedInput(parsed)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("decision/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				engine.Evaluate(b.Context(), request)
			}
		})
		b.Run("document/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				engine.document(request)
			}
		})
		b.Run("json/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				document.AppendJSON(make([]byte, 0, 4096))
			}
		})
		b.Run("check/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				engine.checkDocument(document)
			}
		})
		b.Run("digest/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request.Change.Digest()
			}
		})
	}
}

func BenchmarkEvaluateParallel(b *testing.B) {
	engine := shippedEngine(b)
	for name, request := range map[string]*Request{"bid": shippedBid(), "budget": shippedBudget()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					engine.Evaluate(b.Context(), request)
				}
			})
		})
	}
}

// What an activation costs, without and with the pack's own tests.
func BenchmarkCompile(b *testing.B) {
	for name, options := range map[string]Options{"untested": {SkipTests: true}, "tested": {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				revision, err := ReadRevision(os.DirFS("../rego"), "rego")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Compile(b.Context(), revision, options); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
