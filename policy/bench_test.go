package policy

import (
	"os"
	"testing"
)

// What one decision costs with the whole shipped pack, and how much of it is the document.
func BenchmarkEvaluate(b *testing.B) {
	engine := shippedEngine(b)
	for name, request := range map[string]*Request{"bid": shippedBid(), "budget": shippedBudget()} {
		if outcome := engine.Evaluate(b.Context(), request); outcome.Verdict != Allow {
			b.Fatalf("the %s change is meant to pass: %+v", name, outcome.Findings)
		}
		b.Run("topdown/"+name, func(b *testing.B) {
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
		document := engine.document(request)
		b.Run("json/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				appendJSON(make([]byte, 0, 4096), document)
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
