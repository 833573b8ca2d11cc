package policy

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// startingRules are those that the pack had before it held the whole catalogue.
var startingRules = strings.Fields(`
	bid.ceiling bid.drift bid.effective_max bid.floor bid.modifier_range bid.step bid.target_step bid.vs_budget
	budget.approval_amount budget.cap budget.cut budget.daily_movement budget.drift budget.exposure_day budget.exposure_period
	budget.rapid_shift budget.step_up budget.total_cap budget.transfer_conserve cadence.cooldown cadence.oscillation calendar.freeze
	experiment.arm_symmetry experiment.freeze experiment.transfer governance.mode
	integrity.amount integrity.currency integrity.duplicate integrity.limit_removed integrity.magnitude integrity.platform_limits integrity.schema
	integrity.stale_baseline integrity.unit_slip integrity.zero_baseline state.blast_radius state.delivery_removed state.naming state.protected
	state.unjudged`)

// packWith is the shipped pack with further files; an empty text takes a file out.
func packWith(b testing.TB, over files) *Engine {
	b.Helper()
	folder := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("../rego"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile("../rego/" + name)
		folder[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range over {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
		if text == "" {
			delete(folder, name)
		}
	}
	revision, err := ReadRevision(folder, "pack")
	if err != nil {
		b.Fatal(err)
	}
	engine, err := Compile(b.Context(), revision, Options{SkipTests: true, Deadline: 10 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	return engine
}

// What the rules of the pack cost for one change: those that it began with, all of them, and all of them beside a thousand that
// concern another kind.
func BenchmarkPack(b *testing.B) {
	var off strings.Builder
	for _, rule := range shippedEngine(b).Rules() {
		if !slices.Contains(startingRules, rule.ID) {
			fmt.Fprintf(&off, "%s: {mode: \"off\"}\n", rule.ID)
		}
	}
	others := files{}
	for i := range 1000 {
		others[fmt.Sprintf("rules/other_%d.rego", i)] = ofKind("name", i)
	}
	for _, pack := range []struct {
		name string
		over files
	}{
		{"starting", files{"rules/data.yaml": off.String()}}, {"full", nil}, {"full+1000 of another kind", others},
	} {
		engine := packWith(b, pack.over)
		for _, request := range []*Request{shippedBid(), shippedBudget()} {
			if outcome := engine.Evaluate(b.Context(), request); outcome.Verdict != Allow {
				b.Fatalf("the change is meant to pass: %+v", outcome.Findings)
			}
			document, kind := engine.document(request), request.Change.Kind
			b.Run(fmt.Sprintf("%s/%s", pack.name, kind), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := engine.evaluator.evaluate(b.Context(), kind, nil, true, document); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(engine.byKind[kind])), "rules")
			})
		}
	}
}

// ofKind is the n-th rule that concerns one kind and is never met.
func ofKind(kind string, n int) string {
	return fmt.Sprintf(`# METADATA
# title: Rule %[2]d
# description: One of many.
# custom:
#   id: other.rule_%[2]d
#   owner: tests
#   kinds: [%[1]s]
#   source: tests
package bidrail.rules.other_%[2]d

block contains finding if {
	input.change.after.type == "text"
	count(input.change.after.text) > %[3]d
	finding := {"message": "the text {observed} is too long", "observed": input.change.after}
}
`, kind, n, 1000+n)
}
