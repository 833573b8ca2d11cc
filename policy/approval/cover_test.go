package approval

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

func TestCovers(t *testing.T) {
	seen := item("budget.step_up", usd(50))
	severe := seen
	severe.Severity = "severe"
	elsewhere := seen
	elsewhere.Field = field("other")
	told := seen
	told.Message = "said in other words"
	for name, test := range map[string]struct {
		item Item
		want bool
	}{
		"the same":             {seen, true},
		"in other words":       {told, true},
		"less":                 {item("budget.step_up", usd(49)), true},
		"more":                 {item("budget.step_up", usd(51)), false},
		"another rule":         {item("budget.drift", usd(50)), false},
		"another severity":     {severe, false},
		"another field":        {elsewhere, false},
		"another currency":     {item("budget.step_up", policy.MoneyValue(1, "EUR")), false},
		"another unit":         {item("budget.step_up", policy.RatioValue(1)), false},
		"without a magnitude":  {item("budget.step_up", policy.Value{}), false},
		"without bounds":       {item("budget.step_up", policy.UnlimitedValue()), false},
		"a word for magnitude": {item("budget.step_up", policy.TextValue("much")), false},
	} {
		if got := seen.Covers(&test.item); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	yesOrNo, most := item("budget.step_up", policy.Value{}), item("budget.step_up", policy.UnlimitedValue())
	if !yesOrNo.Covers(&yesOrNo) || yesOrNo.Covers(&seen) {
		t.Error("a finding that is yes or no covers itself, and no magnitude")
	}
	if !most.Covers(&seen) || !most.Covers(&most) || most.Covers(&yesOrNo) {
		t.Error("without bounds is more than any amount, and nothing else")
	}
}

func TestWhatReviewersSeeCoversAllThatTheyWereShown(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) Item {
		rule := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "rule")
		return item(rule, rapid.SampledFrom([]policy.Value{{}, usd(1), usd(2), policy.RatioValue(1), policy.RatioValue(2), policy.UnlimitedValue()}).Draw(t, "magnitude"))
	})
	rapid.Check(t, func(t *rapid.T) {
		shown, more := rapid.SliceOfN(draw, 0, 4).Draw(t, "shown"), rapid.SliceOfN(draw, 0, 4).Draw(t, "more")
		merged := mergeItems(shown, more)
		a := Approval{Items: merged}
		for _, each := range append(shown, more...) {
			if uncovered := a.Uncovered([]Asked{{Item: each}}); len(uncovered) > 0 {
				t.Fatalf("%v does not cover %v", merged, each)
			}
		}
		if again := mergeItems(merged, more); len(again) != len(merged) {
			t.Fatalf("%v and again %v", merged, again)
		}
	})
}

// What is asked for in addition is merged into what was there, and only the stages that it is for begin again.
func TestWhatIsAskedForAgain(t *testing.T) {
	d := inState(t, "APPROVED")
	counted := d.approval.Met[0]
	stricter := require(Ask{Name: "finance", AnyOf: anyOf("finance", "growth"), Quorum: 2})
	d.must(Reevaluate{wants(Asked{item("budget.step_up", policy.RatioValue(600_000)), stricter}, Asked{item("budget.drift", usd(5)), stricter}), d.people.roster()})
	a := d.approval
	if diff := cmp.Diff([]Met{counted}, a.Met); diff != "" {
		t.Errorf("the other stage stays as it was met (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Item{item("budget.drift", usd(5)), item("budget.step_up", policy.RatioValue(600_000))}, a.Items); diff != "" {
		t.Errorf("reviewers see (-want +got):\n%s", diff)
	}
	finance := a.open()
	if want := []Count{{[]string{"finance"}, 1}, {[]string{"finance", "growth"}, 2}}; !cmp.Equal(want, finance.Counts) || !finance.Distinct {
		t.Errorf("finance is %+v", finance)
	}
	if !a.ApprovedAt.IsZero() || !a.ExpiresAt.IsZero() || a.Reason != "the rules ask for what no reviewer has seen: budget.drift, budget.step_up" {
		t.Errorf("got approved %s, expires %s, %q", a.ApprovedAt, a.ExpiresAt, a.Reason)
	}
	d.approve("finn")
	if d.approval.State != Pending {
		t.Errorf("one of two: got %s", d.approval.State)
	}
	d.approve("max")
	if d.approval.State != Approved {
		t.Errorf("two of two: got %s", d.approval.State)
	}
}
