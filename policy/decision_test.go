package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStrictestFindingDecides(t *testing.T) {
	finding := func(effect Effect) Finding { return Finding{Rule: "a.b", Effect: effect} }
	shadow := func(effect Effect) Finding { return Finding{Rule: "a.b", Effect: effect, Shadow: true} }
	for _, test := range []struct {
		name     string
		findings []Finding
		want     Verdict
	}{
		{"no findings", nil, Allow},
		{"a warning", []Finding{finding(Warn)}, Allow},
		{"approval", []Finding{finding(Warn), finding(Approve)}, RequireApproval},
		{"a block among others", []Finding{finding(Approve), finding(Blocks), finding(Warn)}, Block},
		{"only shadows", []Finding{shadow(Blocks), shadow(Approve)}, Allow},
		{"a shadow and a warning", []Finding{shadow(Blocks), finding(Warn)}, Allow},
		{"no effect", []Finding{finding(EffectNone)}, Block},
		{"an unknown effect", []Finding{finding(Approve), finding(Effect(99))}, Block},
	} {
		if got := Decide(test.findings); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestWorstIsTheStrictest(t *testing.T) {
	for _, test := range []struct {
		verdicts []Verdict
		want     Verdict
	}{
		{nil, VerdictNone},
		{[]Verdict{Allow}, Allow},
		{[]Verdict{Allow, RequireApproval}, RequireApproval},
		{[]Verdict{Block, RequireApproval, Allow}, Block},
		{[]Verdict{Allow, VerdictNone}, VerdictNone},
		{[]Verdict{Allow, Verdict(99), RequireApproval}, Verdict(99)},
	} {
		if got := Worst(test.verdicts...); got != test.want {
			t.Errorf("Worst(%v) = %s, want %s", test.verdicts, got, test.want)
		}
	}
}

func TestUnknownIsNeverLaxerThanBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		verdict := Verdict(rapid.Uint8().Draw(t, "verdict"))
		if verdict != Allow && verdict != RequireApproval && verdict.Laxer(Block) {
			t.Fatalf("%s is laxer than BLOCK", verdict)
		}
		if effect := Effect(rapid.Uint8().Draw(t, "effect")); effect > Blocks && effect.Verdict() != Block {
			t.Fatalf("%s gives %s", effect, effect.Verdict())
		}
	})
}

// However findings are put together, one that is enforced is never outvoted.
func TestNoFindingMakesADecisionLaxer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		findings := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Finding {
			return Finding{Effect: Effect(rapid.Uint8Range(0, 5).Draw(t, "effect")), Shadow: rapid.Bool().Draw(t, "shadow")}
		})).Draw(t, "findings")
		whole := Decide(findings)
		for i := range findings {
			if without := Decide(append(append([]Finding{}, findings[:i]...), findings[i+1:]...)); whole.Laxer(without) {
				t.Fatalf("finding %d makes %s of %s", i, whole, without)
			}
			if !findings[i].Shadow && whole.Laxer(findings[i].Effect.Verdict()) {
				t.Fatalf("%s although finding %d asks for %s", whole, i, findings[i].Effect.Verdict())
			}
		}
	})
}

func TestVerdictsAndEffectsRoundTripAsText(t *testing.T) {
	for _, verdict := range []Verdict{VerdictNone, Allow, Block, RequireApproval} {
		text, _ := verdict.MarshalText()
		var back Verdict
		if err := back.UnmarshalText(text); err != nil || back != verdict {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	for _, effect := range []Effect{EffectNone, Warn, Approve, Blocks} {
		text, _ := effect.MarshalText()
		var back Effect
		if err := back.UnmarshalText(text); err != nil || back != effect {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	var verdict Verdict
	var effect Effect
	if verdict.UnmarshalText([]byte("allow")) == nil || effect.UnmarshalText([]byte("deny")) == nil {
		t.Error("a word that there is not was read")
	}
}

func TestStoredDecisionReadsBackTheSame(t *testing.T) {
	request := bidRequest()
	decision := &Decision{ID: "d1", ChangeID: "change-1", BatchID: "b", AtomicGroupID: "g", Automation: "bidder@example.com",
		Actor: request.Change.Actor, Kind: KindBid, Target: request.Change.Target, Before: request.Change.Before, After: UnlimitedValue(),
		Verdict: RequireApproval, Revision: "sha256:1", ChangeDigest: "sha256:2", GroupDigest: "sha256:3", DecidedAt: noon,
		Findings: []Finding{{Rule: "a.b", Effect: Approve, Shadow: true, Message: "m", Observed: "o", Limit: "l",
			MaxPermitted: MoneyValue(1<<62, "COP"), Source: "s", Location: "a.rego:1"}}}
	record, err := decision.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeDecision(record)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decision, back); diff != "" {
		t.Errorf("(-stored +read):\n%s", diff)
	}
	if _, err := DecodeDecision([]byte(`{"verdict": "MAYBE"}`)); err == nil {
		t.Error("a record with a verdict that there is not was read")
	}
}

// Whoever adds a finding of the engine says when it is made: people read that, and scenarios may expect it.
func TestOwnFindings(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var defined []string
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Finding") {
			id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			defined = append(defined, id)
		}
		return true
	})
	var described []string
	for _, own := range OwnFindings() {
		described = append(described, own.ID)
		if own.About == "" || len(own.Effects) == 0 {
			t.Errorf("%s: when is it made, and what does it ask for?", own.ID)
		}
	}
	if difference := cmp.Diff(defined, described); difference != "" {
		t.Errorf("ids and descriptions differ (-defined +described):\n%s", difference)
	}
}
