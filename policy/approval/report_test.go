package approval

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
)

// diary is a desk that remembers every version of its approval.
type diary struct {
	*desk
	steps []Approval
}

func kept(t *testing.T, a Approval, requirement Requirement) *diary {
	t.Helper()
	d := &diary{desk: opened(t, a, requirement)}
	d.steps = append(d.steps, d.approval)
	return d
}

// at lets something happen so many seconds after the approval was opened.
func (d *diary) at(seconds int, event Event) *diary {
	d.t.Helper()
	d.now = d.approval.CreatedAt.Add(time.Duration(seconds) * time.Second)
	if step := d.apply(event); step.Refusal != nil {
		d.t.Fatal(step.Refusal)
	} else if step.Changed {
		d.steps = append(d.steps, d.approval)
	}
	return d
}

// says is a review at a time, of a page that was shown at another; 0: nobody knows.
func (d *diary) says(seconds, shown int, reviewer string, kind Kind, limit ...policy.Value) *diary {
	d.t.Helper()
	submit := d.review(reviewer, kind, limit...)
	if shown > 0 {
		submit.Review.FirstSeenAt = d.approval.CreatedAt.Add(time.Duration(shown) * time.Second)
	}
	return d.at(seconds, submit)
}

func (d *diary) redeemed(seconds int) *diary {
	d.t.Helper()
	d.now = d.approval.CreatedAt.Add(time.Duration(seconds) * time.Second)
	return d.at(seconds, d.redeem("per_"+d.approval.ID))
}

func (d *diary) history() History { return History{d.approval, d.steps, d.reviews} }

// week is a period of seven days around noon, looked at when it is over.
func week() *Report {
	return NewReport(noon.Add(-24*time.Hour), noon.Add(6*24*time.Hour), noon.Add(10*24*time.Hour))
}

func summarise(report *Report, histories []History, overrides []Override) Summary {
	for _, history := range histories {
		report.Add(history)
	}
	for _, override := range overrides {
		report.AddOverride(override)
	}
	return report.Summary()
}

// One of everything, with what is said of it worked out by hand.
func TestReport(t *testing.T) {
	one := require(Ask{Name: "peers", AnyOf: anyOf("growth"), Quorum: 1})
	count := 0
	next := func(requirement Requirement) *diary {
		count++
		a := raise()
		a.ID = fmt.Sprintf("apr_%02d", count)
		return kept(t, a, requirement)
	}
	used := next(one).says(60, 50, "ana", Approve).redeemed(120).at(150, Claim{By: "pacer", Permit: "per_apr_01"})
	lapsed := next(one).says(100, 96, "ana", Approve, usd(120)).at(100+30*60, Pass{}) // 30 of 50 taken off
	waiting := next(one).says(200, 0, "ben", Approve, usd(149))                       // 1 of 50
	rejected := next(one).says(300, 301, "ana", Reject)                               // shown after it was reviewed
	changes := next(one).says(10, 0, "max", Comment).says(400, 0, "ben", RequestChanges)
	expired := next(twoStages()).says(30, 0, "ana", Approve).at(60*60, Pass{}).at(4*60*60, Pass{})
	withdrawn := next(one).at(1, Withdraw{By: "pacer", People: company().person})
	superseded := next(one).at(1, Supersede{By: "apr_99"})
	invalidated := next(one).at(1, Reevaluate{Outcome: Outcome{Verdict: policy.Block, Reason: "frozen"}})
	revoked := next(one).says(600, 0, "ana", Approve).redeemed(650).at(660, Revoke{By: "dora", Reason: "why"})
	pending := next(one)
	granted := raise()
	granted.ID, granted.Legs, granted.Items, granted.Grant = "apr_12", nil, nil, &Grant{ID: "gra_1"}
	grant := kept(t, granted, one).says(700, 0, "ana", Approve)
	before := raise()
	before.ID, before.CreatedAt = "apr_0", noon.Add(-25*time.Hour)
	tooEarly := kept(t, before, one).says(5, 1, "tom", Comment)

	var histories []History
	for _, d := range []*diary{used, lapsed, waiting, rejected, changes, expired, withdrawn, superseded, invalidated, revoked, pending, grant, tooEarly} {
		histories = append(histories, d.history())
	}
	override := func(id string, made time.Time, used bool) Override {
		o := Override{ID: id, Automation: "pacer", ChangeID: "c-" + id, Actor: "dora", At: made, ReviewDue: made.Add(LatestReview)}
		if used {
			o.UsedAt = made.Add(time.Minute)
		}
		return o
	}
	reviewed, earlier := override("ovr_1", noon, true), override("ovr_5", noon.Add(-30*24*time.Hour), true)
	reviewed.ReviewedAt, reviewed.Justified, earlier.ReviewedAt = noon.Add(time.Hour), true, noon
	unjustified := override("ovr_6", noon, true)
	unjustified.ReviewedAt = noon.Add(time.Hour)
	overrides := []Override{reviewed, earlier, unjustified, override("ovr_2", noon, true), override("ovr_3", noon, false),
		override("ovr_4", noon.Add(-20*24*time.Hour), true)}

	share := func(state State, count, share int64) StateShare { return StateShare{state, count, share} }
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	want := Summary{
		From: noon.Add(-24 * time.Hour), Until: noon.Add(6 * 24 * time.Hour), Now: noon.Add(10 * 24 * time.Hour),
		Opened: 12, Escalated: 1,
		// A twelfth is 83,333⅓ and two are 166,666⅔; four are left over.
		States: []StateShare{share(Pending, 1, 83_334), share(Approved, 2, 166_667), share(ApprovedCapped, 1, 83_334), share(Rejected, 1, 83_334),
			share(ChangesRequested, 1, 83_333), share(Expired, 1, 83_333), share(Withdrawn, 1, 83_333), share(Superseded, 1, 83_333),
			share(Invalidated, 1, 83_333), share(Lapsed, 1, 83_333), share(Revoked, 1, 83_333)},
		Agreed: 5, Capped: 2, CapShare: 400_000, Reduction: 310_000, // of 600,000 and 20,000
		FirstSeen:   Spread{2, 50, 96, 96},
		FirstReview: Spread{8, 200, 700, 700}, // 30 60 100 200 300 400 600 700
		Decision:    Spread{7, 300, 700, 700},
		Redemption:  Spread{2, 120, 650, 650},
		Claim:       Spread{1, 150, 150, 150},
		Reviewers: []Reviewer{
			{Person: "ana", Approvals: 6, Reviews: 6, Approved: 5, Share: 833_333, Dwells: 2, Dwell: 4}, // 4 and 10
			{Person: "ben", Approvals: 2, Reviews: 2, Approved: 1, Share: 500_000},
			{Person: "max", Approvals: 1},
		},
		Rules: []Rule{{Rule: "budget.step_up", Escalations: 11, PerWeek: 11_000, Approved: 2, Capped: 2, Rejected: 1,
			ApprovedShare: 181_818, CappedShare: 181_818, RejectedShare: 90_909}},
		Unused: []Unused{{"apr_03", "pacer", ApprovedCapped, at(200), at(200 + 30*60)}, {"apr_02", "pacer", Lapsed, at(100), at(100 + 30*60)}}, UnusedCount: 2,
		Overrides: Overrides{Made: 4, Used: 3, Reviewed: 2, Justified: 1, OverdueCount: 2, Overdue: []Overdue{
			{"ovr_4", "dora", "pacer", "c-ovr_4", noon.Add(-20 * 24 * time.Hour), noon.Add(-17 * 24 * time.Hour)},
			{"ovr_2", "dora", "pacer", "c-ovr_2", noon, noon.Add(3 * 24 * time.Hour)},
		}},
	}
	if diff := cmp.Diff(want, summarise(week(), histories, overrides)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A report of nothing divides by nothing.
func TestReportOfNothing(t *testing.T) {
	got := week().Summary()
	for _, each := range got.States {
		if each.Count != 0 || each.Share != 0 {
			t.Errorf("got %+v", each)
		}
	}
	if len(got.States) != 11 || got.Opened != 0 || got.CapShare != 0 || got.Reduction != 0 || got.Decision != (Spread{}) || got.Rules != nil || got.Reviewers != nil {
		t.Errorf("got %+v", got)
	}
}

// What is opened when a period begins is in it; what is opened when it ends is in the next.
func TestReportPeriod(t *testing.T) {
	for _, test := range []struct {
		name string
		at   time.Time
		want int64
	}{
		{"as it begins", noon.Add(-24 * time.Hour), 1},
		{"before it begins", noon.Add(-24*time.Hour - 1), 0},
		{"before it ends", noon.Add(6*24*time.Hour - 1), 1},
		{"as it ends", noon.Add(6 * 24 * time.Hour), 0},
	} {
		a := raise()
		a.State, a.CreatedAt = Pending, test.at
		got := summarise(week(), []History{{Approval: a}}, []Override{{At: test.at}})
		if got.Opened != test.want || got.Overrides.Made != test.want {
			t.Errorf("%s: got %d opened, %d made, want %d", test.name, got.Opened, got.Overrides.Made, test.want)
		}
	}
}

// A week that is not over has only so much in it yet.
func TestReportPerWeek(t *testing.T) {
	for _, test := range []struct {
		name    string
		elapsed time.Duration
		want    int64
	}{
		{"all of it", 7 * 24 * time.Hour, 3_000}, {"later", 70 * 24 * time.Hour, 3_000}, {"half of it", 84 * time.Hour, 6_000},
		{"nothing of it", 0, 3 * 604_800_000},
	} {
		report := NewReport(noon, noon.Add(7*24*time.Hour), noon.Add(test.elapsed))
		var histories []History
		for range 3 {
			histories = append(histories, History{Approval: raise()})
		}
		if got := summarise(report, histories, nil).Rules[0].PerWeek; got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestRubberStamp(t *testing.T) {
	const quick = 5*time.Second - 1
	for _, test := range []struct {
		name            string
		approve, reject int
		known           int // of how many reviews the dwell is known
		dwell           time.Duration
		comments        int
		want            bool
		wantShare       int64
	}{
		{"all, at once", 20, 0, 20, quick, 0, true, 1_000_000},
		{"too few", 19, 0, 19, quick, 0, false, 1_000_000},
		{"comments make no more of it", 19, 0, 19, quick, 5, false, 1_000_000},
		{"nearly all", 20, 1, 21, quick, 0, true, 952_380},
		{"95 % is not more than that", 19, 1, 20, quick, 0, false, 950_000},
		{"5 s are time enough", 20, 0, 20, 5 * time.Second, 0, false, 1_000_000},
		{"unknown", 20, 0, 0, quick, 0, false, 1_000_000},
		{"known of too few", 30, 0, 19, quick, 0, false, 1_000_000},
		{"the program's clock is wrong", 20, 0, 20, -time.Second, 0, false, 1_000_000},
	} {
		report := week()
		for i := range test.approve + test.reject + test.comments {
			review := Review{Person: "ana", Reviewer: "ana-admin", Kind: Approve, At: noon.Add(time.Hour)}
			switch {
			case i >= test.approve+test.reject:
				review.Kind = Comment
			case i >= test.approve:
				review.Kind = Reject
			}
			if i < test.known || review.Kind == Comment {
				review.FirstSeenAt = review.At.Add(-test.dwell)
			}
			report.Add(History{Approval: raise(), Reviews: []Review{review}})
		}
		got := report.Summary().Reviewers[0]
		if got.RubberStamp != test.want || got.Share != test.wantShare || got.Reviews != int64(test.approve+test.reject) || got.Person != "ana" {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

// Whoever looks at one thing for long and waves the rest through is judged by the rest.
func TestDwellIsAMedian(t *testing.T) {
	report := week()
	for i := range 20 {
		dwell := time.Second
		if i < 9 {
			dwell = 10 * time.Hour
		}
		report.Add(History{Approval: raise(), Reviews: []Review{{Person: "ana", Kind: Approve, At: noon, FirstSeenAt: noon.Add(-dwell)}}})
	}
	if got := report.Summary().Reviewers[0]; got.Dwell != 1 || !got.RubberStamp {
		t.Errorf("got %+v", got)
	}
}

func TestNoisy(t *testing.T) {
	agreedTo, no, some := raise(), raise(), raise()
	agreedTo.State, agreedTo.ApprovedAt = Lapsed, noon
	no.State = Rejected
	some.State, some.ApprovedAt, some.Cap = ApprovedCapped, noon, usd(120)
	for _, test := range []struct {
		name           string
		whole, cap, no int
		want           bool
	}{
		{"all", 20, 0, 0, true}, {"too few", 19, 0, 0, false}, {"95 % is not more than that", 19, 1, 0, false},
		{"nearly all", 20, 0, 1, true}, {"caps are worth asking for", 20, 2, 0, false},
	} {
		report := week()
		for _, each := range []struct {
			a     Approval
			count int
		}{{agreedTo, test.whole}, {some, test.cap}, {no, test.no}} {
			for range each.count {
				each.a.Items = append(each.a.Items, each.a.Items[0]) // a rule that has found two things has asked once
				report.Add(History{Approval: each.a})
			}
		}
		got := report.Summary().Rules[0]
		if got.Noisy != test.want || got.Escalations != int64(test.whole+test.cap+test.no) || got.Approved != int64(test.whole) || got.Capped != int64(test.cap) || got.Rejected != int64(test.no) {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

func TestSpread(t *testing.T) {
	second := func(all ...int) []time.Duration {
		return mapped(all, func(seconds int) time.Duration { return time.Duration(seconds)*time.Second + time.Second/2 })
	}
	for _, test := range []struct {
		took []time.Duration
		want Spread
	}{
		{nil, Spread{}},
		{second(7), Spread{1, 7, 7, 7}},
		{second(9, 3), Spread{2, 3, 9, 9}},
		{second(3, 1, 2), Spread{3, 2, 3, 3}},
		{second(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), Spread{10, 5, 9, 10}},
		{second(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), Spread{11, 6, 10, 11}},
	} {
		if got := spread(test.took); got != test.want {
			t.Errorf("%v: got %+v, want %+v", test.took, got, test.want)
		}
	}
}

// What is left of a move is exact however large its amounts are.
func TestReduction(t *testing.T) {
	for _, test := range []struct {
		before, after, limit int64
		want                 int64
	}{
		{100, 150, 120, 600_000}, {150, 100, 120, 400_000}, {0, 3, 1, 666_666}, {0, 3, 2, 333_333},
		{math.MinInt64, math.MaxInt64, 0, 499_999}, {math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 999_999}, {math.MinInt64, math.MaxInt64, math.MaxInt64 - 1, 0},
	} {
		money := func(amount int64) policy.Value { return policy.MoneyValue(amount, "USD") }
		a := raise()
		a.Legs = []permit.Leg{leg("more", policy.KindDailyBudget, money(test.before), money(test.after))}
		a.State, a.Cap, a.ApprovedAt = ApprovedCapped, money(test.limit), noon
		if got := summarise(week(), []History{{Approval: a}}, nil); got.Reduction != test.want || got.Capped != 1 {
			t.Errorf("%d → %d, capped at %d: got %d, want %d", test.before, test.after, test.limit, got.Reduction, test.want)
		}
	}
	// What was given to one field and taken from another in part counts as what was given.
	shift := raise()
	shift.Legs = []permit.Leg{leg("from", policy.KindDailyBudget, usd(200), usd(150)), leg("to", policy.KindDailyBudget, usd(100), usd(150))}
	shift.State, shift.Cap, shift.ApprovedAt = ApprovedCapped, usd(120), noon
	if got := summarise(week(), []History{{Approval: shift}}, nil); got.Reduction != 600_000 || got.Capped != 1 {
		t.Errorf("a shift: got %d of %d", got.Reduction, got.Capped)
	}
	rapid.Check(t, func(t *rapid.T) {
		leg := permit.Leg{Before: policy.Value{Form: policy.Ratio, Amount: rapid.Int64().Draw(t, "before")}, After: policy.Value{Form: policy.Ratio, Amount: rapid.Int64().Draw(t, "after")}}
		if leg.Before.Amount == leg.After.Amount {
			t.Skip("no move")
		}
		low, high := min(leg.Before.Amount, leg.After.Amount), max(leg.Before.Amount, leg.After.Amount)
		limit := rapid.Int64Range(low, high).Draw(t, "limit")
		off := new(big.Int).Sub(big.NewInt(leg.After.Amount), big.NewInt(limit))
		move := new(big.Int).Sub(big.NewInt(leg.After.Amount), big.NewInt(leg.Before.Amount))
		want := off.Abs(off).Mul(off, big.NewInt(million)).Quo(off, move.Abs(move))
		if got := cut(leg, limit); got != want.Int64() {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}

// The lists do not grow with the period; the counts beside them do.
func TestReportListsAreBounded(t *testing.T) {
	report := week()
	for i := range MaxListed + 1 {
		a := raise()
		a.ID, a.State, a.ApprovedAt = fmt.Sprint(i), Lapsed, noon.Add(time.Duration(i)*time.Second)
		report.Add(History{Approval: a})
		report.AddOverride(Override{ID: fmt.Sprint(i), At: noon, UsedAt: noon, ReviewDue: a.ApprovedAt})
	}
	got := report.Summary()
	if len(got.Unused) != MaxListed || got.UnusedCount != MaxListed+1 || got.Unused[0].ApprovalID != fmt.Sprint(MaxListed) {
		t.Errorf("unused: got %d of %d from %s on", len(got.Unused), got.UnusedCount, got.Unused[0].ApprovalID)
	}
	overdue := got.Overrides.Overdue
	if len(overdue) != MaxListed || got.Overrides.OverdueCount != MaxListed+1 || overdue[0].OverrideID != "0" {
		t.Errorf("overdue: got %d of %d from %s on", len(overdue), got.Overrides.OverdueCount, overdue[0].OverrideID)
	}
}

func anyHistory(t *rapid.T) History {
	moment := func(label string) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(-30*60*60, 8*24*60*60).Draw(t, label)) * time.Second)
	}
	a := raise()
	a.ID, a.CreatedAt, a.State = fmt.Sprintf("apr_%d", rapid.IntRange(1, 1_000_000).Draw(t, "id")), moment("opened"), State(rapid.IntRange(int(Pending), int(stateEnd)-1).Draw(t, "state"))
	if rapid.Bool().Draw(t, "agreed to") {
		a.ApprovedAt = moment("approved")
	}
	if rapid.Bool().Draw(t, "capped") {
		a.Cap = usd(rapid.Int64Range(101, 149).Draw(t, "cap"))
	}
	if rapid.Bool().Draw(t, "used") {
		a.ClaimedAt = moment("claimed")
	}
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		a.Items = append(a.Items, Item{Rule: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "rule"), Field: ledger.OrganisationScope()})
	}
	history := History{Approval: a}
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		step := a
		step.State, step.ChangedAt, step.Tier = State(rapid.IntRange(int(Pending), int(stateEnd)-1).Draw(t, "was")), moment("changed"), rapid.IntRange(0, 1).Draw(t, "tier")
		history.Steps = append(history.Steps, step)
	}
	for range rapid.IntRange(0, 3).Draw(t, "reviews") {
		history.Reviews = append(history.Reviews, Review{Person: rapid.SampledFrom([]string{"ana", "ben"}).Draw(t, "person"),
			Kind: Kind(rapid.IntRange(int(Approve), int(Retract)).Draw(t, "kind")), At: moment("at"), FirstSeenAt: moment("seen")})
	}
	return history
}

// Whatever there is: all of it is in one state, the shares make a whole, and the order in which it comes changes nothing.
func TestReportAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		histories := rapid.SliceOfN(rapid.Custom(anyHistory), 0, 30).Draw(t, "histories")
		overrides := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Override {
			made := noon.Add(time.Duration(rapid.IntRange(-30*60*60, 8*24*60*60).Draw(t, "made")) * time.Second)
			return Override{ID: fmt.Sprint(rapid.IntRange(1, 1_000_000).Draw(t, "id")), At: made, UsedAt: made, ReviewDue: made.Add(time.Hour)}
		}), 0, 5).Draw(t, "overrides")
		byID := map[string]bool{}
		histories = slices.DeleteFunc(histories, func(h History) bool {
			again := byID[h.Approval.ID]
			byID[h.Approval.ID] = true
			return again
		})
		got := summarise(week(), histories, overrides)
		var count, whole int64
		for _, each := range got.States {
			count += each.Count
			whole += each.Share
			// Nobody's share is off by one ppm or more.
			if exact := new(big.Rat).SetFrac64(each.Count*million, max(got.Opened, 1)); new(big.Rat).Sub(new(big.Rat).SetInt64(each.Share), exact).Num().CmpAbs(exact.Denom()) >= 0 && got.Opened > 0 {
				t.Fatalf("%s: %d of %d is not %d ppm", each.State, each.Count, got.Opened, each.Share)
			}
		}
		if count != got.Opened || got.Opened > 0 && whole != million || got.Opened == 0 && whole != 0 {
			t.Fatalf("%d in states of %d, %d ppm together", count, got.Opened, whole)
		}
		for name, spread := range map[string]Spread{"seen": got.FirstSeen, "review": got.FirstReview, "decision": got.Decision, "redemption": got.Redemption, "claim": got.Claim} {
			if spread.Count > got.Opened || spread.Median < 0 || spread.Median > spread.P90 || spread.P90 > spread.Max {
				t.Fatalf("%s: %+v of %d", name, spread, got.Opened)
			}
		}
		if got.Capped > got.Agreed || got.Agreed > got.Opened || got.Escalated > got.Opened || got.Reduction < 0 || got.Reduction > million {
			t.Fatalf("got %+v", got)
		}
		for _, rule := range got.Rules {
			if rule.Approved+rule.Capped+rule.Rejected > rule.Escalations || rule.Escalations > got.Opened {
				t.Fatalf("got %+v", rule)
			}
		}
		shuffled := rapid.Permutation(histories).Draw(t, "another order")
		for i := range shuffled {
			shuffled[i].Steps = rapid.Permutation(shuffled[i].Steps).Draw(t, "steps")
			shuffled[i].Reviews = rapid.Permutation(shuffled[i].Reviews).Draw(t, "reviews")
		}
		if diff := cmp.Diff(got, summarise(week(), shuffled, rapid.Permutation(overrides).Draw(t, "overrides in another order"))); diff != "" {
			t.Fatalf("in another order (-one +other):\n%s", diff)
		}
	})
}

// When the page was shown is not what a review says.
func TestFirstSeenIsKeptAndNotCompared(t *testing.T) {
	d := opened(t, raise(), twoStages())
	first := d.review("ana", Approve)
	first.Review.FirstSeenAt = noon.Add(-time.Minute)
	step := d.must(first)
	if dwell, known := step.Review.Dwell(); !known || dwell != time.Minute {
		t.Errorf("got %v, %t, want a minute", dwell, known)
	}
	again := d.known(first.Review)
	again.Review.FirstSeenAt = time.Time{}
	if step := d.apply(again); step.Refusal != nil || step.Changed {
		t.Errorf("sent again: got changed %t, %v", step.Changed, step.Refusal)
	}
	encoded, err := step.Review.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if read, err := DecodeReview(encoded); err != nil || !read.FirstSeenAt.Equal(first.Review.FirstSeenAt) {
		t.Errorf("read back: got %v, %v", read.FirstSeenAt, err)
	}
}
