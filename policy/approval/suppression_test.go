package approval

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

const day = Wait(24 * time.Hour)

func rejected(t *testing.T, kind policy.Kind, before, after policy.Value) Suppression {
	t.Helper()
	d := opened(t, of(kind, before, after), require(Ask{Name: "s", AnyOf: anyOf("growth")}))
	d.must(d.review("ana", Reject))
	suppressions := d.approval.Suppress([]string{"sup_1"}, day)
	if len(suppressions) != 1 {
		t.Fatalf("got %d suppressions", len(suppressions))
	}
	return suppressions[0]
}

func TestARejectionIsRemembered(t *testing.T) {
	got := rejected(t, policy.KindDailyBudget, usd(100), usd(150))
	want := Suppression{ID: "sup_1", ApprovalID: "apr_1", Automation: "pacer", Target: target("more"), Kind: policy.KindDailyBudget, Direction: policy.Rise,
		Before: usd(100), After: usd(150), Reason: "because", At: noon, Until: noon.Add(24 * time.Hour), Version: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, state := range states {
		if d := inState(t, state); d.approval.State != Rejected && d.approval.Suppress([]string{"sup_1"}, day) != nil {
			t.Errorf("%s is no rejection, and is remembered as one", state)
		}
	}
	group := raise()
	group.Legs = append(group.Legs, leg("less", policy.KindDailyBudget, usd(100), usd(50)))
	d := opened(t, group, require(Ask{Name: "s", AnyOf: anyOf("growth")}))
	d.must(d.review("ana", Reject))
	if both := d.approval.Suppress([]string{"sup_1", "sup_2"}, day); len(both) != 2 || both[1].Direction != policy.Cut {
		t.Errorf("of a group of two: got %+v", both)
	}
}

func TestWhatASuppressionBlocks(t *testing.T) {
	budget, status, roas, strategy := policy.KindDailyBudget, policy.KindStatus, policy.KindTargetROAS, policy.KindBidStrategy
	text, ratio := policy.TextValue, policy.RatioValue
	for name, test := range map[string]struct {
		kind          policy.Kind
		before, after policy.Value // rejected
		from, to      policy.Value // proposed now
		want          bool
	}{
		"the same again":                         {budget, usd(100), usd(150), usd(100), usd(150), true},
		"more":                                   {budget, usd(100), usd(150), usd(100), usd(160), true},
		"less":                                   {budget, usd(100), usd(150), usd(100), usd(149), false},
		"the same end in a smaller step":         {budget, usd(100), usd(150), usd(140), usd(150), true},
		"past the end in a smaller step":         {budget, usd(100), usd(150), usd(149), usd(151), true},
		"a smaller step short of it":             {budget, usd(100), usd(150), usd(140), usd(149), false},
		"as far from elsewhere":                  {budget, usd(100), usd(150), usd(50), usd(100), true},
		"the other way":                          {budget, usd(100), usd(150), usd(100), usd(50), false},
		"nothing":                                {budget, usd(100), usd(150), usd(150), usd(150), false},
		"without bounds":                         {budget, usd(100), usd(150), usd(100), policy.UnlimitedValue(), true},
		"another currency":                       {budget, usd(100), usd(150), policy.MoneyValue(1, "EUR"), policy.MoneyValue(2, "EUR"), true},
		"an amount after what had no bounds":     {budget, usd(100), policy.UnlimitedValue(), usd(100), usd(999), false},
		"no bounds again":                        {budget, usd(100), policy.UnlimitedValue(), usd(200), policy.UnlimitedValue(), true},
		"a cut again":                            {budget, usd(150), usd(100), usd(150), usd(100), true},
		"a deeper cut":                           {budget, usd(150), usd(100), usd(150), usd(90), true},
		"a lesser cut":                           {budget, usd(150), usd(100), usd(150), usd(110), false},
		"a cut to the same end":                  {budget, usd(150), usd(100), usd(110), usd(99), true},
		"a rise after a cut":                     {budget, usd(150), usd(100), usd(150), usd(250), false},
		"a target, loosened as far":              {roas, ratio(4), ratio(2), ratio(4), ratio(2), true},
		"a target, loosened further":             {roas, ratio(4), ratio(2), ratio(4), ratio(1), true},
		"a target, loosened less":                {roas, ratio(4), ratio(2), ratio(4), ratio(3), false},
		"a target, tightened":                    {roas, ratio(4), ratio(2), ratio(4), ratio(6), false},
		"a pause again":                          {status, text("ENABLED"), text("PAUSED"), text("ENABLED"), text("PAUSED"), true},
		"a pause in other words":                 {status, text("ENABLED"), text("PAUSED"), text("ACTIVE"), text("Paused"), true},
		"a resumption":                           {status, text("ENABLED"), text("PAUSED"), text("PAUSED"), text("ENABLED"), false},
		"the same strategy again":                {strategy, text("A"), text("B"), text("C"), text("B"), true},
		"another strategy":                       {strategy, text("A"), text("B"), text("A"), text("C"), false},
		"what it has already, though suppressed": {strategy, text("A"), text("B"), text("B"), text("B"), false},
	} {
		s := rejected(t, test.kind, test.before, test.after)
		change := policy.Change{Kind: test.kind, Target: target("more"), Before: test.from, After: test.to}
		if got := s.Blocks(&change, "pacer", noon.Add(time.Hour)); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestWhomAndHowLongASuppressionConcerns(t *testing.T) {
	again := policy.Change{Kind: policy.KindDailyBudget, Target: target("more"), Before: usd(100), After: usd(150)}
	elsewhere, otherField := again, again
	elsewhere.Target = target("other")
	otherField.Kind = policy.KindLifetimeBudget
	cleared := func(s Suppression) Suppression {
		cleared, err := s.Clear("dora", company().person, "", "the plan has changed", noon.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return cleared
	}
	same := func(s Suppression) Suppression { return s }
	for name, test := range map[string]struct {
		change     policy.Change
		automation string
		after      time.Duration
		with       func(Suppression) Suppression
		want       bool
	}{
		"the same":           {again, "pacer", 0, same, true},
		"another automation": {again, "helper", 0, same, false},
		"another target":     {elsewhere, "pacer", 0, same, false},
		"another field":      {otherField, "pacer", 0, same, false},
		"just before":        {again, "pacer", 24*time.Hour - 1, same, true},
		"aged out":           {again, "pacer", 24 * time.Hour, same, false},
		"cleared":            {again, "pacer", time.Hour, cleared, false},
	} {
		s := test.with(rejected(t, policy.KindDailyBudget, usd(100), usd(150)))
		if got := s.Blocks(&test.change, test.automation, noon.Add(test.after)); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestOnlyPeopleWithoutAStakeClearIt(t *testing.T) {
	for name, test := range map[string]struct {
		by, stake, reason string
		at                time.Duration
		want              error
	}{
		"a person":            {"dora", "", "why", 0, nil},
		"a machine":           {"helper", "", "why", 0, policy.ErrForbidden},
		"nobody known":        {"ghost", "", "why", 0, policy.ErrForbidden},
		"an owner":            {"olga", stakeOwner, "why", 0, policy.ErrForbidden},
		"without a reason":    {"dora", "", "", 0, policy.ErrInvalid},
		"one that is too old": {"dora", "", "why", 24 * time.Hour, policy.ErrPrecondition},
	} {
		s := rejected(t, policy.KindDailyBudget, usd(100), usd(150))
		cleared, err := s.Clear(test.by, company().person, test.stake, test.reason, noon.Add(test.at))
		if !errors.Is(err, test.want) || (test.want == nil) != (cleared.ClearedBy == test.by) {
			t.Errorf("%s: got %v, cleared by %q", name, err, cleared.ClearedBy)
		}
	}
}
