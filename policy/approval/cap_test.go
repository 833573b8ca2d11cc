package approval

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/permit"
)

func of(kind policy.Kind, before, after policy.Value) Approval {
	a := raise()
	a.Legs = []permit.Leg{leg("more", kind, before, after)}
	return a
}

// capsOf is people who approve up to these caps; Missing is no cap.
func capsOf(limits ...policy.Value) []voter {
	voters := make([]voter, len(limits))
	for i, limit := range limits {
		voters[i] = voter{person: fmt.Sprint(i), groups: []string{"growth"}, review: &Review{ID: fmt.Sprint(i), Kind: Approve, Cap: limit}}
	}
	return voters
}

func TestTheCapIsTheNthFurthest(t *testing.T) {
	rise := of(policy.KindDailyBudget, usd(100), usd(150))
	cut := of(policy.KindDailyBudget, usd(150), usd(100))
	// A lower target ROAS spends more: the safe side is where the target is now, whichever way it goes.
	loosened := of(policy.KindTargetROAS, policy.RatioValue(4_000_000), policy.RatioValue(2_000_000))
	tightened := of(policy.KindTargetROAS, policy.RatioValue(2_000_000), policy.RatioValue(4_000_000))
	all := policy.Value{}
	roas := policy.RatioValue
	for _, test := range []struct {
		name   string
		a      Approval
		quorum int
		caps   []policy.Value
		want   string // "all", "-" for not enough people
	}{
		{"one", rise, 1, []policy.Value{usd(120)}, "120.00 USD"},
		{"one without a cap", rise, 1, []policy.Value{all}, "all"},
		{"a cap at the request is none", rise, 1, []policy.Value{usd(150)}, "all"},
		{"too few", rise, 2, []policy.Value{all}, "-"},
		{"the lower of two", rise, 2, []policy.Value{usd(120), usd(140)}, "120.00 USD"},
		{"the second of three", rise, 2, []policy.Value{usd(120), usd(140), usd(130)}, "130.00 USD"},
		{"two of three have no cap", rise, 2, []policy.Value{all, usd(101), all}, "all"},
		{"alike", rise, 2, []policy.Value{usd(120), usd(120), usd(110)}, "120.00 USD"},
		{"a cut, the lesser of two", cut, 2, []policy.Value{usd(120), usd(110)}, "120.00 USD"},
		{"a cut, the second of three", cut, 2, []policy.Value{usd(140), all, usd(120)}, "120.00 USD"},
		{"a target that is loosened", loosened, 2, []policy.Value{roas(3_000_000), roas(3_500_000)}, "350%"},
		{"a target that is tightened", tightened, 2, []policy.Value{roas(3_000_000), roas(3_500_000)}, "300%"},
	} {
		test.a.Requirement = require(Ask{Name: "s", AnyOf: anyOf("growth"), Quorum: test.quorum})
		limit, counted, met := test.a.agreed(capsOf(test.caps...))
		got := limit.String()
		switch {
		case !met:
			got = "-"
		case limit.Form == policy.Missing:
			got = "all"
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if met && len(counted) < test.quorum {
			t.Errorf("%s: only %d were counted", test.name, len(counted))
		}
	}
}

// A cap needs the same seats filled as an approval does: the caps of people who could as well be left out do not lower it.
func TestTheCapIsThatOfThoseWhoAreNeeded(t *testing.T) {
	d := opened(t, raise(), require(Ask{Name: "s", AllOf: []string{"growth", "finance"}}))
	d.must(d.review("fay", Approve, usd(120)))
	d.must(d.review("ana", Approve, usd(140)))
	if d.approval.Cap != usd(120) {
		t.Errorf("got %v: finance has agreed to 120 only", d.approval.Cap)
	}
}

func TestTheCapOfAnApprovalIsTheNearestOfItsStages(t *testing.T) {
	for _, test := range []struct{ first, second, want string }{
		{"120", "140", "120.00 USD"}, {"140", "120", "120.00 USD"}, {"", "120", "120.00 USD"}, {"120", "", "120.00 USD"}, {"", "", "missing"}, {"150", "150", "missing"},
	} {
		d := opened(t, raise(), require(Ask{Name: "a", AnyOf: anyOf("growth")}, Ask{Name: "b", AnyOf: anyOf("finance")}))
		give := func(reviewer, limit string) {
			if limit == "" {
				d.approve(reviewer)
				return
			}
			var units int64
			if _, err := fmt.Sscan(limit, &units); err != nil {
				t.Fatal(err)
			}
			d.must(d.review(reviewer, Approve, usd(units)))
		}
		give("ana", test.first)
		give("fay", test.second)
		want := Approved
		if test.want != "missing" {
			want = ApprovedCapped
		}
		if d.approval.Cap.String() != test.want || d.approval.State != want {
			t.Errorf("%q and %q: got %s %v, want %s", test.first, test.second, d.approval.State, d.approval.Cap, test.want)
		}
	}
}

func TestTheCapDoesNotDependOnTheOrderOfReviews(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := of(policy.KindDailyBudget, usd(100), usd(150))
		if rapid.Bool().Draw(t, "cut") {
			a = of(policy.KindDailyBudget, usd(150), usd(100))
		}
		quorum := rapid.IntRange(1, 4).Draw(t, "quorum")
		a.Requirement = require(Ask{Name: "s", AnyOf: anyOf("growth"), Quorum: quorum})
		var limits []policy.Value
		for _, units := range rapid.SliceOfN(rapid.Int64Range(101, 149), 0, 6).Draw(t, "caps") {
			limits = append(limits, usd(units))
		}
		limit, _, met := a.agreed(capsOf(limits...))
		shuffled := rapid.Permutation(limits).Draw(t, "shuffled")
		if other, _, otherMet := a.agreed(capsOf(shuffled...)); other != limit || otherMet != met {
			t.Fatalf("%v: got %v; %v: got %v", limits, limit, shuffled, other)
		}
		if met != (len(limits) >= quorum) {
			t.Fatalf("%d caps of %d: met %t", len(limits), quorum, met)
		}
		if !met {
			return
		}
		agree := func(value policy.Value) int { // how many have agreed to it
			return len(slices.DeleteFunc(slices.Clone(limits), func(l policy.Value) bool { return compareCaps(a.Legs[0], l, value) < 0 }))
		}
		if agree(limit) < quorum {
			t.Fatalf("%v of %v with quorum %d: only %d have agreed to it", limit, limits, quorum, agree(limit))
		}
		for _, further := range limits {
			if compareCaps(a.Legs[0], further, limit) > 0 && agree(further) >= quorum {
				t.Fatalf("%v of %v with quorum %d: enough have agreed to %v", limit, limits, quorum, further)
			}
		}
	})
}

func TestAShiftIsMadeInPart(t *testing.T) {
	for name, legs := range map[string][]permit.Leg{
		"taken first": {leg("less", policy.KindDailyBudget, usd(200), usd(150)), leg("more", policy.KindDailyBudget, usd(100), usd(150))},
		"given first": {leg("more", policy.KindDailyBudget, usd(100), usd(150)), leg("less", policy.KindDailyBudget, usd(200), usd(150))},
	} {
		a := raise()
		a.Legs = legs
		d := opened(t, a, require(Ask{Name: "s", AnyOf: anyOf("growth")}))
		if got := d.approval.Capped(); got != "more" {
			t.Errorf("%s: caps are of %q", name, got)
		}
		if step := d.apply(d.review("ana", Approve, usd(160))); outcome(step) != "- OUT_OF_BOUNDS" {
			t.Errorf("%s: more than was asked for: got %s", name, outcome(step))
		}
		d.must(d.review("ana", Approve, usd(120)))
		if d.approval.State != ApprovedCapped || d.approval.Bound() != usd(120) {
			t.Errorf("%s: got %s up to %v", name, d.approval.State, d.approval.Bound())
		}
		given, taken := slices.IndexFunc(legs, func(l permit.Leg) bool { return l.ChangeID == "more" }), slices.IndexFunc(legs, func(l permit.Leg) bool { return l.ChangeID == "less" })
		made := d.approval.Made(d.approval.Cap)
		if made[given] != usd(120) || made[taken] != usd(180) {
			t.Errorf("%s: got %v, want as much given as taken", name, made)
		}
	}
}

func TestWhatCannotBeMadeInPart(t *testing.T) {
	group := raise()
	group.Legs = []permit.Leg{leg("less", policy.KindDailyBudget, usd(200), usd(140)), leg("more", policy.KindDailyBudget, usd(100), usd(150))}
	for name, a := range map[string]Approval{
		"more taken than given": group,
		"a status":              of(policy.KindStatus, policy.TextValue("PAUSED"), policy.TextValue("ENABLED")),
		"a switch":              of(policy.KindStatus, policy.FlagValue(false), policy.FlagValue(true)),
		"from nothing":          of(policy.KindBid, policy.AbsentValue(), usd(120)),
		"to unlimited":          of(policy.KindBidLimit, usd(100), policy.UnlimitedValue()),
		"from unlimited":        of(policy.KindBidLimit, policy.UnlimitedValue(), usd(100)),
		"to another currency":   of(policy.KindBid, policy.MoneyValue(100_000_000, "EUR"), usd(150)),
		"to the value it had":   of(policy.KindBid, usd(120), usd(120)),
		"from what nobody saw":  of(policy.KindBid, policy.Value{}, usd(120)),
	} {
		d := opened(t, a, require(Ask{Name: "s", AnyOf: anyOf("growth")}))
		if got := d.approval.Capped(); got != "" {
			t.Errorf("%s: caps are of %q", name, got)
		}
		if step := d.apply(d.review("ana", Approve, usd(120))); outcome(step) != "- NO_CAP" {
			t.Errorf("%s: got %s", name, outcome(step))
		}
		d.approve("ana")
		if d.approval.State != Approved {
			t.Errorf("%s: got %s without a cap", name, d.approval.State)
		}
		part := d.redeem("per_1")
		part.Value = usd(119)
		if step := d.apply(part); outcome(step) != "- NO_CAP" {
			t.Errorf("%s: redeemed in part: %s", name, outcome(step))
		}
		if len(a.Legs) == 1 {
			whole := d.redeem("per_1")
			whole.Value = a.Legs[0].After
			if a.Legs[0].After == a.Legs[0].Before {
				continue
			}
			d.must(whole)
			if d.approval.Bound() != a.Legs[0].After {
				t.Errorf("%s: bound %v", name, d.approval.Bound())
			}
		} else if d.approval.Bound().Form != policy.Missing {
			t.Errorf("%s: bound %v", name, d.approval.Bound())
		}
	}
}

func TestValuesThatAreNoPartOfTheMove(t *testing.T) {
	rise, cut := of(policy.KindBid, usd(100), usd(150)).Legs[0], of(policy.KindBid, usd(150), usd(100)).Legs[0]
	odd := usd(120)
	odd.Text = "x"
	for name, test := range map[string]struct {
		leg   permit.Leg
		value policy.Value
		want  bool
	}{
		"between":                {rise, usd(120), true},
		"all of it":              {rise, usd(150), true},
		"more":                   {rise, usd(151), false},
		"nothing":                {rise, usd(100), false},
		"the other way":          {rise, usd(99), false},
		"a cut, between":         {cut, usd(120), true},
		"a cut, all of it":       {cut, usd(100), true},
		"a cut, more":            {cut, usd(99), false},
		"a cut, nothing":         {cut, usd(150), false},
		"another currency":       {rise, policy.MoneyValue(120_000_000, "EUR"), false},
		"another form":           {rise, policy.RatioValue(120_000_000), false},
		"a value with a surplus": {rise, odd, false},
		"unlimited":              {rise, policy.UnlimitedValue(), false},
	} {
		if got := within(test.leg, test.value); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestACapIsJudgedBeforeItCounts(t *testing.T) {
	capped := func() (*desk, Submit) {
		d := opened(t, raise(), require(Ask{Name: "s", AnyOf: anyOf("growth"), Quorum: 2}))
		d.must(d.review("ana", Approve, usd(120)))
		return d, d.review("ben", Approve)
	}
	d, tip := capped()
	step := d.approval.Apply(tip, d.now)
	if outcome(step) != "- CAP_UNJUDGED" || step.Judge != usd(120) {
		t.Fatalf("not judged: got %s for %v", outcome(step), step.Judge)
	}
	for _, test := range []struct {
		name    string
		limit   policy.Value
		outcome Outcome
		want    string
	}{
		{"allowed", usd(120), Outcome{Verdict: policy.Allow}, "APPROVED_CAPPED ≤120"},
		{"what they have seen", usd(120), wants(Asked{Item: item("budget.step_up", policy.RatioValue(200_000))}), "APPROVED_CAPPED ≤120"},
		{"another value", usd(121), Outcome{Verdict: policy.Allow}, "- CAP_UNJUDGED"},
		{"blocked", usd(120), Outcome{Verdict: policy.Block, Reason: "it is below the platform's minimum"}, "- CAP_REFUSED"},
		{"what nobody has seen", usd(120), wants(Asked{Item: item("budget.odd", policy.Value{})}), "- CAP_REFUSED"},
		{"people, for nothing", usd(120), wants(), "- CAP_REFUSED"},
		{"no verdict", usd(120), Outcome{}, "- CAP_REFUSED"},
	} {
		d, tip := capped()
		tip.Known.Judged = Judged{test.limit, test.outcome}
		step := d.approval.Apply(tip, d.now)
		if got := outcome(step); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if test.outcome.Reason != "" && !strings.Contains(step.Refusal.Error(), test.outcome.Reason) {
			t.Errorf("%s: got %v", test.name, step.Refusal)
		}
		if step.Refusal != nil && (step.Changed || step.Review.ID != "") {
			t.Errorf("%s: refused, and yet there is a change", test.name)
		}
	}
}
