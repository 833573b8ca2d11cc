package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func TestPercent(t *testing.T) {
	for want, pair := range map[string][2]int64{
		"+10.0%": {1_000_000, 1_100_000}, "-25.0%": {8_000_000, 6_000_000}, "+6.7%": {750_000, 800_000}, "-6.7%": {750_000, 700_000},
		"+0.0%": {5, 5}, "×10": {1_000_000, 10_999_999}, "×100": {300_000_000, 30_000_000_000}, "": {0, 5},
	} {
		if got := percent(client.Money(pair[0], "USD"), client.Money(pair[1], "USD")); got != want {
			t.Errorf("from %d to %d: got %q, want %q", pair[0], pair[1], got, want)
		}
	}
	if got := percent(client.Money(1, "USD"), client.Money(1, "EUR")); got != "" {
		t.Errorf("two currencies: got %q, want nothing", got)
	}
}

func TestPercentile(t *testing.T) {
	var taken []time.Duration
	for i := range 200 {
		taken = append(taken, time.Duration(200-i)*time.Millisecond)
	}
	for percent, want := range map[int]time.Duration{50: 100 * time.Millisecond, 99: 198 * time.Millisecond, 100: 200 * time.Millisecond} {
		if got := percentile(taken, percent); got != want {
			t.Errorf("p%d: got %s, want %s", percent, got, want)
		}
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("of nothing: got %s", got)
	}
}

func TestAScreenfulHasSomethingOfEverySort(t *testing.T) {
	rows := make([]row, 500)
	for i := range rows {
		rows[i] = row{when: "2026-03-02", change: &bidrailv1.Change{}, decision: decided(bidrailv1.Verdict_VERDICT_ALLOW, "")}
	}
	rows[300].decision = decided(bidrailv1.Verdict_VERDICT_BLOCK, "budget.cap")
	rows[400].decision = decided(bidrailv1.Verdict_VERDICT_BLOCK, "bid.ceiling")
	chosen := choose(rows, 10)
	var rules []string
	for _, row := range chosen {
		for _, reason := range row.decision.Reasons() {
			rules = append(rules, reason.GetRule())
		}
	}
	if diff := cmp.Diff([]string{"budget.cap", "bid.ceiling"}, rules); diff != "" {
		t.Errorf("reasons shown (-want +got):\n%s", diff)
	}
	if len(chosen) != 8 { // the two blocks take two lines each
		t.Errorf("got %d rows, want 8", len(chosen))
	}
	if everything := choose(rows, 10_000); len(everything) != len(rows) {
		t.Errorf("got %d rows where all have room, want %d", len(everything), len(rows))
	}
}

func decided(verdict bidrailv1.Verdict, rule string) client.Decision {
	decision := &bidrailv1.Decision{Verdict: verdict}
	if rule != "" {
		decision.Findings = []*bidrailv1.Finding{{Rule: rule, Effect: bidrailv1.Effect_EFFECT_BLOCK, Message: "no"}}
	}
	return client.Decision{Decision: decision}
}

func TestReasonsAreFolded(t *testing.T) {
	decision := decided(bidrailv1.Verdict_VERDICT_BLOCK, "budget.cap")
	decision.Findings[0].Message = strings.Repeat("word ", 60)
	decision.Findings = append(decision.Findings, &bidrailv1.Finding{Rule: "bid.ceiling", Effect: bidrailv1.Effect_EFFECT_BLOCK},
		&bidrailv1.Finding{Rule: "bid.vs_budget", Effect: bidrailv1.Effect_EFFECT_WARN})
	lines := reason(row{decision: decision})
	for _, line := range lines {
		if len(line) > width {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "bid.ceiling)") {
		t.Errorf("got %q at the end, want the other rule that blocks", last)
	}
}

func TestWhatIfsHaveKeysOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, each := range whatIfs(time.Now()) {
		for _, change := range each.changes {
			if seen[change.GetChangeId()] {
				t.Errorf("the key %s is used twice", change.GetChangeId())
			}
			seen[change.GetChangeId()] = true
		}
	}
}
