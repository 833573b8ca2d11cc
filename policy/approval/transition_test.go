package approval

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

var states = []string{"PENDING", "half", "escalated", "finance", "reopened", "APPROVED", "APPROVED_CAPPED", "redeemed", "claimed",
	"REJECTED", "CHANGES_REQUESTED", "EXPIRED", "WITHDRAWN", "SUPERSEDED", "INVALIDATED", "LAPSED", "REVOKED"}

// inState is an approval after the steps that lead to a state.
func inState(t testing.TB, state string) *desk {
	t.Helper()
	d := opened(t, raise(), twoStages())
	d.now = noon.Add(time.Second)
	approved := func() *desk { return d.approve("ana", "ben", "fay") }
	switch state {
	case "PENDING":
	case "half":
		d.approve("ana")
	case "escalated":
		d.now = d.approval.Due()
		d.must(Pass{})
	case "finance":
		d.approve("ana", "ben")
	case "reopened":
		approved().must(Reevaluate{Outcome: wants(Asked{item("budget.drift", usd(10)), require(Ask{Name: "finance", AnyOf: anyOf("finance")})}), Roster: d.people.roster()})
	case "APPROVED":
		approved()
	case "APPROVED_CAPPED":
		d.must(d.review("ana", Approve, usd(130)))
		d.approve("ben", "fay")
	case "redeemed":
		d = approved()
		d.must(d.redeem("per_1"))
	case "claimed":
		d = approved()
		d.must(d.redeem("per_1"))
		d.must(Claim{By: "pacer", Permit: "per_1"})
	case "REJECTED":
		d.must(d.review("ana", Reject))
	case "CHANGES_REQUESTED":
		d.must(d.review("ana", RequestChanges))
	case "EXPIRED":
		d.now = d.approval.Deadline
		d.must(Pass{})
	case "WITHDRAWN":
		d.must(Withdraw{By: "pacer", People: d.people.person})
	case "SUPERSEDED":
		d.must(Supersede{By: "apr_2"})
	case "INVALIDATED":
		d.must(Reevaluate{Outcome: Outcome{Verdict: policy.Block, Reason: "frozen"}})
	case "LAPSED":
		d = approved()
		d.now = d.approval.Due()
		d.must(Pass{})
	case "REVOKED":
		approved().must(Revoke{By: "dora", Reason: "a mistake"})
	default:
		t.Fatalf("how does an approval become %s?", state)
	}
	return d
}

// but is what happens in every state: nothing, since those that are final are, and else the exceptions.
func but(rest string, exceptions map[string]string) map[string]string {
	want := map[string]string{}
	for _, state := range states {
		want[state] = "- ENDED"
		switch state {
		case "PENDING", "half", "escalated", "finance", "reopened", "APPROVED", "APPROVED_CAPPED", "redeemed":
			want[state] = rest
		}
	}
	maps.Copy(want, exceptions)
	return want
}

func all(result string) map[string]string {
	want := map[string]string{}
	for _, state := range states {
		want[state] = result
	}
	return want
}

// yes is what happens in the states that approve; pending, in those that wait.
func yes(result string) map[string]string {
	return map[string]string{"APPROVED": result, "APPROVED_CAPPED": result, "redeemed": result}
}

func with(maps_ ...map[string]string) map[string]string {
	whole := map[string]string{}
	for _, each := range maps_ {
		maps.Copy(whole, each)
	}
	return whole
}

func TestEveryEventInEveryState(t *testing.T) {
	review := func(reviewer string, kind Kind, change ...func(*Review)) func(*desk) Event {
		return func(d *desk) Event {
			submit := d.review(reviewer, kind)
			for _, each := range change {
				each(&submit.Review)
			}
			return submit
		}
	}
	is := func(event Event) func(*desk) Event { return func(*desk) Event { return event } }
	// due moves to the time at which the state ends, or an hour on.
	due := func(shift time.Duration, then func(*desk) Event) func(*desk) Event {
		return func(d *desk) Event {
			if ends := d.approval.ends(); !ends.IsZero() {
				d.now = ends.Add(shift)
			} else {
				d.now = d.now.Add(time.Hour)
			}
			return then(d)
		}
	}
	finance := require(Ask{Name: "finance", AnyOf: anyOf("finance")})
	legal := require(Ask{Name: "legal", AnyOf: anyOf("directors")})
	reevaluate := func(outcome Outcome) func(*desk) Event {
		return func(d *desk) Event { return Reevaluate{outcome, d.people.roster()} }
	}
	redeem := func(change ...func(*Redeem)) func(*desk) Event {
		return func(d *desk) Event {
			event := d.redeem("per_1")
			for _, each := range change {
				each(&event)
			}
			return event
		}
	}
	withdraw := func(by string) func(*desk) Event {
		return func(d *desk) Event { return Withdraw{By: by, People: d.people.person} }
	}
	const (
		growthAgain  = " →growth"
		financeAgain = " →finance"
		timedOut     = "EXPIRED TIMED_OUT"
		lapsedLate   = "LAPSED TIMED_OUT"
	)
	waiting := func(result string) map[string]string {
		return map[string]string{"PENDING": result, "half": result, "escalated": result, "finance": result, "reopened": result}
	}
	for _, test := range []struct {
		event string
		make  func(*desk) Event
		want  map[string]string
	}{
		{"a peer approves", review("max", Approve), but("- NOT_PENDING", map[string]string{
			"PENDING": "PENDING peers/0", "half": "PENDING finance/0" + financeAgain, "escalated": "PENDING peers/1",
			"finance": "APPROVED", "reopened": "APPROVED"})},
		{"somebody approves again", review("ana", Approve), but("- NOT_PENDING", map[string]string{
			"PENDING": "PENDING peers/0", "half": "PENDING peers/0", "escalated": "PENDING peers/1", "finance": "- ALREADY_REVIEWED", "reopened": "- ALREADY_REVIEWED"})},
		{"finance approves", review("fay", Approve), but("- NOT_PENDING", map[string]string{
			"PENDING": "- NOT_ELIGIBLE", "half": "- NOT_ELIGIBLE", "escalated": "- NOT_ELIGIBLE", "finance": "APPROVED", "reopened": "APPROVED"})},
		{"a director approves", review("dora", Approve), but("- NOT_PENDING", map[string]string{
			"PENDING": "- NOT_ELIGIBLE", "half": "- NOT_ELIGIBLE", "escalated": "PENDING peers/1", "finance": "- NOT_ELIGIBLE", "reopened": "- NOT_ELIGIBLE"})},
		{"a director approves when their time has come", func(d *desk) Event {
			if d.approval.State == Pending && d.approval.open().Name == "peers" {
				d.now = d.approval.StageSince.Add(time.Hour)
			}
			return review("dora", Approve)(d)
		}, but("- NOT_PENDING", map[string]string{
			"PENDING": "PENDING peers/1 →directors,watchers", "half": "PENDING finance/0" + financeAgain, "escalated": "PENDING peers/1",
			"finance": "- NOT_ELIGIBLE", "reopened": "- NOT_ELIGIBLE"})},
		{"a stranger approves", review("tom", Approve), but("- NOT_PENDING", waiting("- NOT_ELIGIBLE"))},
		{"nobody known approves", review("ghost", Approve), but("- NOT_PENDING", waiting("- NOT_ELIGIBLE"))},
		{"a machine approves", review("helper", Approve), but("- NOT_PENDING", waiting("- NOT_ELIGIBLE"))},
		{"an owner approves", review("olga", Approve), but("- NOT_PENDING", waiting("- SELF_APPROVAL"))},
		{"whom it was proposed for approves", review("cai", Approve), but("- NOT_PENDING", waiting("- SELF_APPROVAL"))},
		{"an approval of another digest", review("max", Approve, func(r *Review) { r.Digest = "sha256:other" }), but("- NOT_PENDING", waiting("- STALE_DIGEST"))},
		{"an approval for another version", review("max", Approve, func(r *Review) { r.RequirementVersion++ }), but("- NOT_PENDING", waiting("- STALE_VERSION"))},
		{"an approval for the version before", review("max", Approve, func(r *Review) { r.RequirementVersion-- }), but("- NOT_PENDING", waiting("- STALE_VERSION"))},
		{"an approval for another stage", review("max", Approve, func(r *Review) { r.Stage = "other" }), but("- NOT_PENDING", waiting("- WRONG_STAGE"))},
		{"a review that says nothing", review("max", KindNone), but("- invalid", nil)},
		{"a rejection without a reason", review("max", Reject, func(r *Review) { r.Reason = "" }), but("- invalid", nil)},
		{"a cap without a reason", review("max", Approve, func(r *Review) { r.Cap = usd(120) }), but("- invalid", nil)},
		{"a cap above the request", review("max", Approve, func(r *Review) { r.Cap, r.Reason = usd(151), "why" }), but("- OUT_OF_BOUNDS", nil)},
		{"a cap that leaves nothing", review("max", Approve, func(r *Review) { r.Cap, r.Reason = usd(100), "why" }), but("- OUT_OF_BOUNDS", nil)},
		{"a peer rejects", review("max", Reject), but("- NOT_PENDING", waiting("REJECTED"))},
		{"who was told rejects", review("eve", Reject), but("- NOT_PENDING", with(waiting("- NOT_ELIGIBLE"), map[string]string{"escalated": "REJECTED"}))},
		{"who was told approves", review("eve", Approve), but("- NOT_PENDING", waiting("- NOT_ELIGIBLE"))},
		{"an owner rejects", review("olga", Reject), but("- NOT_PENDING", waiting("- SELF_APPROVAL"))},
		{"a peer wants changes", review("max", RequestChanges), but("- NOT_PENDING", waiting("CHANGES_REQUESTED"))},
		{"a peer comments", review("max", Comment), but("kept", nil)},
		{"an owner comments", review("olga", Comment), but("kept", nil)},
		{"a peer takes it back", review("ana", Retract), but("- NOT_PENDING", with(waiting("- ALREADY_REVIEWED"), map[string]string{
			"PENDING": "PENDING peers/0", "half": "PENDING peers/0", "escalated": "PENDING peers/1"}))},
		{"an approval at the deadline", due(0, review("max", Approve)), but("", with(waiting(timedOut), yes(lapsedLate)))},
		{"a rejection after the deadline", due(1, review("max", Reject)), but("", with(waiting(timedOut), yes(lapsedLate)))},

		{"time before the end", due(-1, is(Pass{})), but("-", with(all("-"), map[string]string{
			"PENDING": "PENDING peers/1 →directors,watchers", "half": "PENDING peers/1 →directors,watchers",
			"finance": "PENDING finance/2 →finance", "reopened": "PENDING finance/2 v2 →finance"}))},
		{"time at the end", due(0, is(Pass{})), with(all("-"), waiting("EXPIRED"), yes("LAPSED"))},
		{"time after the end", due(time.Hour, is(Pass{})), with(all("-"), waiting("EXPIRED"), yes("LAPSED"))},

		{"the proposer withdraws", withdraw("pacer"), but("- NOT_PENDING", with(waiting("WITHDRAWN"), map[string]string{"WITHDRAWN": "-"}))},
		{"an owner withdraws", withdraw("olga"), but("- NOT_PENDING", with(waiting("WITHDRAWN"), map[string]string{"WITHDRAWN": "-"}))},
		{"a reviewer withdraws", withdraw("ana"), but("- forbidden", map[string]string{"WITHDRAWN": "-"})},
		{"the proposer withdraws at the deadline", due(0, withdraw("pacer")), but("", with(waiting(timedOut), yes(lapsedLate), map[string]string{"WITHDRAWN": "-"}))},
		{"a newer proposal", is(Supersede{By: "apr_2"}), but("- NOT_PENDING", with(waiting("SUPERSEDED"), map[string]string{"SUPERSEDED": "-"}))},
		{"another newer proposal", is(Supersede{By: "apr_3"}), but("- NOT_PENDING", waiting("SUPERSEDED"))},
		{"the same proposal", is(Supersede{By: "apr_1"}), but("- invalid", nil)},
		{"a newer proposal at the deadline", due(0, is(Supersede{By: "apr_2"})), but("", with(waiting(timedOut), yes(lapsedLate), map[string]string{"SUPERSEDED": "-"}))},
		{"revoke", is(Revoke{By: "dora", Reason: "a mistake"}), but("- NOT_APPROVED", with(yes("REVOKED"), map[string]string{"redeemed": "REVOKED revoke", "REVOKED": "-"}))},
		{"revoke without a reason", is(Revoke{By: "dora"}), but("- invalid", map[string]string{"REVOKED": "-"})},
		{"revoke at the deadline", due(0, is(Revoke{By: "dora", Reason: "a mistake"})), but("", with(waiting(timedOut), yes(lapsedLate), map[string]string{"REVOKED": "-"}))},

		{"rules allow it", reevaluate(Outcome{Verdict: policy.Allow}), all("-")},
		{"rules want what was seen", reevaluate(wants(Asked{item("budget.step_up", policy.RatioValue(500_000)), finance})), all("-")},
		{"rules want less", reevaluate(wants(Asked{item("budget.step_up", policy.RatioValue(1)), finance})), all("-")},
		{"rules block", reevaluate(Outcome{Verdict: policy.Block, Reason: "frozen"}), with(all("-"), waiting("INVALIDATED"), yes("INVALIDATED"), map[string]string{"redeemed": "INVALIDATED revoke"})},
		{"rules were not asked", reevaluate(Outcome{}), with(all("-"), waiting("- invalid"), yes("- invalid"))},
		{"rules want more of finance", reevaluate(wants(Asked{item("budget.step_up", policy.RatioValue(500_001)), finance})), with(all("-"), map[string]string{
			"PENDING": "PENDING peers/0 v2" + growthAgain, "half": "PENDING peers/0 v2" + growthAgain, "escalated": "PENDING peers/0 v2" + growthAgain,
			"finance": "PENDING finance/0 v2" + financeAgain, "reopened": "PENDING finance/0 v3" + financeAgain,
			"APPROVED": "PENDING finance/0 v2" + financeAgain, "APPROVED_CAPPED": "PENDING finance/0 v2" + financeAgain,
			"redeemed": "PENDING finance/0 v2 revoke" + financeAgain})},
		{"rules want others", reevaluate(wants(Asked{item("legal.claim", policy.Value{}), legal})), with(all("-"), map[string]string{
			"PENDING": "PENDING legal/0 v2 →directors", "half": "PENDING legal/0 v2 →directors", "escalated": "PENDING legal/0 v2 →directors",
			"finance": "PENDING legal/0 v2 →directors", "reopened": "PENDING legal/0 v3 →directors",
			"APPROVED": "PENDING legal/0 v2 →directors", "APPROVED_CAPPED": "PENDING legal/0 v2 →directors", "redeemed": "PENDING legal/0 v2 revoke →directors"})},
		{"rules want more, of nobody in particular", reevaluate(wants(Asked{Item: item("budget.drift", usd(99))})), with(all("-"),
			waiting("PENDING peers/0 v2"+growthAgain), yes("PENDING peers/0 v2"+growthAgain),
			map[string]string{"redeemed": "PENDING peers/0 v2 revoke" + growthAgain, "reopened": "PENDING peers/0 v3" + growthAgain})},
		{"rules want people and do not say for what", reevaluate(wants()), with(all("-"),
			waiting("PENDING peers/0 v2"+growthAgain), yes("PENDING peers/0 v2"+growthAgain),
			map[string]string{"redeemed": "PENDING peers/0 v2 revoke" + growthAgain, "reopened": "PENDING peers/0 v3" + growthAgain})},
		{"rules block at the deadline", due(0, reevaluate(Outcome{Verdict: policy.Block})), with(all("-"), waiting("EXPIRED"), yes("LAPSED"))},

		{"redeem", redeem(), but("- NOT_APPROVED", map[string]string{"APPROVED": "APPROVED out", "APPROVED_CAPPED": "APPROVED_CAPPED out ≤130", "redeemed": "-", "claimed": "-"})},
		{"redeem for another permit", redeem(func(r *Redeem) { r.Permit = "per_2" }), but("- NOT_APPROVED", map[string]string{
			"APPROVED": "APPROVED out", "APPROVED_CAPPED": "APPROVED_CAPPED out ≤130", "redeemed": "- PERMIT_OUT"})},
		{"redeem by another automation", redeem(func(r *Redeem) { r.By = "helper" }), but("- forbidden", nil)},
		{"redeem another digest", redeem(func(r *Redeem) { r.Digest = "sha256:other" }), but("- NOT_APPROVED", yes("- STALE_DIGEST"))},
		{"redeem more than the cap", redeem(func(r *Redeem) { r.Permit, r.Value = "per_2", usd(131) }), but("- NOT_APPROVED", map[string]string{
			"APPROVED": "APPROVED out", "APPROVED_CAPPED": "- OUT_OF_BOUNDS", "redeemed": "- PERMIT_OUT"})},
		{"redeem more than the request", redeem(func(r *Redeem) { r.Permit, r.Value = "per_2", usd(151) }), but("- NOT_APPROVED", with(yes("- OUT_OF_BOUNDS"), map[string]string{"redeemed": "- PERMIT_OUT"}))},
		{"redeem less", redeem(func(r *Redeem) { r.Permit, r.Value = "per_2", usd(101) }), but("- NOT_APPROVED", map[string]string{
			"APPROVED": "APPROVED out", "APPROVED_CAPPED": "APPROVED_CAPPED out ≤130", "redeemed": "- PERMIT_OUT"})},
		{"redeem, and rules were not asked", redeem(func(r *Redeem) { r.Permit, r.Outcome = "per_2", Outcome{} }), but("- NOT_APPROVED", with(yes("- invalid"), map[string]string{"redeemed": "- PERMIT_OUT"}))},
		{"redeem, and rules block", redeem(func(r *Redeem) { r.Permit, r.Outcome = "per_2", Outcome{Verdict: policy.Block} }), but("- NOT_APPROVED", with(yes("INVALIDATED NOT_COVERED"), map[string]string{"redeemed": "- PERMIT_OUT"}))},
		{"redeem, and rules want more", redeem(func(r *Redeem) {
			r.Permit, r.Outcome = "per_2", wants(Asked{item("budget.drift", usd(99)), finance})
		}), but("- NOT_APPROVED", with(yes("PENDING finance/0 v2"+financeAgain+" NOT_COVERED"), map[string]string{"redeemed": "- PERMIT_OUT"}))},
		{"redeem just before the end", due(-1, redeem(func(r *Redeem) { r.Permit = "per_2" })), but("- NOT_APPROVED", map[string]string{
			"APPROVED": "APPROVED out", "APPROVED_CAPPED": "APPROVED_CAPPED out ≤130", "redeemed": "- PERMIT_OUT"})},
		{"redeem at the end", due(0, redeem(func(r *Redeem) { r.Permit = "per_2" })), but("", with(waiting(timedOut), yes(lapsedLate)))},

		{"the permit is claimed", is(Claim{By: "pacer", Permit: "per_1"}), but("- NO_PERMIT", map[string]string{"redeemed": "APPROVED and used", "claimed": "-"})},
		{"another permit is claimed", is(Claim{By: "pacer", Permit: "per_2"}), but("- NO_PERMIT", nil)},
		{"no permit is claimed", is(Claim{By: "pacer"}), but("- NO_PERMIT", nil)},
		{"the permit ended", is(Return{Permit: "per_1"}), with(all("-"), map[string]string{"redeemed": "APPROVED"})},
		{"another permit ended", is(Return{Permit: "per_2"}), all("-")},
		{"no permit ended", is(Return{}), all("-")},
	} {
		for _, state := range states {
			t.Run(test.event+"/"+state, func(t *testing.T) {
				d := inState(t, state)
				before := d.approval
				step := d.apply(test.make(d))
				if got := outcome(step); got != test.want[state] {
					t.Errorf("got %s\nwant %s\nrefusal: %v", got, test.want[state], step.Refusal)
				}
				if !step.Changed {
					if diff := cmp.Diff(before, step.Approval); diff != "" {
						t.Errorf("nothing changed, but for (-before +after):\n%s", diff)
					}
				} else if step.Approval.Version != before.Version+1 || !step.Approval.ChangedAt.Equal(d.now) {
					t.Errorf("got version %d at %s after %d", step.Approval.Version, step.Approval.ChangedAt, before.Version)
				}
			})
		}
	}
}

func TestEveryStateIsInTheTable(t *testing.T) {
	seen := map[State]bool{}
	for _, state := range states {
		seen[inState(t, state).approval.State] = true
	}
	for state := Pending; state < stateEnd; state++ {
		if !seen[state] {
			t.Errorf("no row comes to %s", state)
		}
	}
}

func TestEveryStateThatIsNotFinalEndsByItself(t *testing.T) {
	for _, state := range states {
		d := inState(t, state)
		if final := d.approval.Final(); final != d.approval.Due().IsZero() {
			t.Errorf("%s: final %t, due %s", state, final, d.approval.Due())
			continue
		}
		for range 10 {
			if d.approval.Final() {
				break
			}
			due := d.approval.Due()
			if step := d.approval.Apply(Pass{}, due.Add(-1)); step.Changed {
				t.Errorf("%s: it changed before it was due: %s", state, outcome(step))
			}
			d.now = due
			d.must(Pass{})
		}
		if !d.approval.Final() {
			t.Errorf("%s: after ten times it is still %s", state, d.approval.State)
		}
	}
}

func TestTheWholeWay(t *testing.T) {
	d := opened(t, raise(), twoStages())
	d.now = noon.Add(time.Minute)
	d.approve("ana")
	d.must(d.review("ben", Approve, usd(120)))
	d.approve("finn")
	d.must(d.redeem("per_1"))
	got := d.approval
	want := raise()
	want.Requirement, want.RequirementVersion = d.approval.Requirement, 1
	want.State, want.Version, want.ChangedAt, want.ChangedBy = ApprovedCapped, 5, d.now, "pacer"
	want.Deadline, want.Stage, want.StageSince, want.Tier = noon.Add(4*time.Hour), 1, d.now, 0
	want.Met = []Met{
		{Stage: "peers", RequirementVersion: 1, At: d.now, Cap: usd(120), Counted: []Counted{
			{Person: "ana", Groups: []string{"growth"}, Review: "rev_1"}, {Person: "ben", Groups: []string{"growth"}, Review: "rev_2"}}},
		{Stage: "finance", RequirementVersion: 1, At: d.now, Counted: []Counted{{Person: "finn", Groups: []string{"finance"}, Review: "rev_3"}}},
	}
	want.Cap, want.ApprovedAt, want.ExpiresAt = usd(120), d.now, d.now.Add(30*time.Minute)
	want.PermitID, want.PermitUntil = "per_1", d.now.Add(time.Minute)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhomAnApprovalAsks(t *testing.T) {
	d := opened(t, raise(), twoStages())
	want := func(when string, groups ...string) {
		t.Helper()
		if got := d.approval.Asks(); !slices.Equal(got, groups) {
			t.Errorf("%s: asks %v, want %v", when, got, groups)
		}
	}
	want("when it was opened", "growth")
	d.now = noon.Add(time.Hour)
	d.apply(Pass{})
	want("once others stand in, and some are told", "directors", "growth")
	d.approve("ana")
	want("when one is missing", "directors", "growth")
	d.approve("ben")
	want("at the next stage", "finance")
	d.approve("fay")
	if d.approval.State != Approved {
		t.Fatalf("it is %s", d.approval.State)
	}
	want("when people have agreed")
}

func TestAYesThatIsRedeemedLateWaitsForItsPermit(t *testing.T) {
	d := inState(t, "APPROVED")
	d.now = d.approval.ExpiresAt.Add(-time.Second)
	d.must(d.redeem("per_1"))
	late := d.approval.ExpiresAt.Add(30 * time.Second)
	if step := d.approval.Apply(Pass{}, late); step.Changed {
		t.Errorf("a permit is out, and yet the approval is %s", outcome(step))
	}
	if step := d.approval.Apply(Claim{By: "pacer", Permit: "per_1"}, late); outcome(step) != "APPROVED and used" {
		t.Errorf("claimed in time: got %s", outcome(step))
	}
	d.now = late
	d.must(Return{Permit: "per_1"})
	if step := d.apply(d.redeem("per_2")); outcome(step) != "LAPSED TIMED_OUT" {
		t.Errorf("another permit after the end: got %s", outcome(step))
	}
}

func TestAReviewSentAgainIsOneReview(t *testing.T) {
	d := opened(t, raise(), twoStages())
	first := d.review("ana", Approve)
	d.must(first)
	again := d.known(first.Review)
	again.Review.ID = "rev_other"
	if step := d.apply(again); outcome(step) != "-" || step.Refusal != nil {
		t.Errorf("again: got %s", outcome(step))
	}
	other := d.known(first.Review)
	other.Review.Kind, other.Review.Reason = Reject, "no"
	if step := d.apply(other); outcome(step) != "- reused" {
		t.Errorf("another review of the same nonce: got %s, want it refused", outcome(step))
	}
	d.approve("ben", "fay")
	if step := d.apply(d.known(first.Review)); outcome(step) != "-" || step.Refusal != nil {
		t.Errorf("again, after it is approved: got %s, want no refusal: it was counted", outcome(step))
	}
	if len(d.reviews) != 3 {
		t.Errorf("got %d reviews, want 3", len(d.reviews))
	}
}

func TestWhatIsOpenedWithoutSense(t *testing.T) {
	for name, change := range map[string]func(*Approval){
		"no id":         func(a *Approval) { a.ID = "" },
		"no automation": func(a *Approval) { a.Automation = "" },
		"no digest":     func(a *Approval) { a.Digest = "" },
		"no changes":    func(a *Approval) { a.Legs = nil },
		"no deadline":   func(a *Approval) { a.Waits = 0 },
		"no life":       func(a *Approval) { a.Lives = 0 },
	} {
		a := raise()
		change(&a)
		if _, err := Open(a, twoStages(), company().roster()); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
}

func TestEncodeAndDecode(t *testing.T) {
	for _, state := range states {
		want := inState(t, state).approval
		encoded, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
	for _, record := range []string{"", "{}", `{"state":"PENDING"}`, `{"state":"MAYBE"}`, `{"state":"PENDING","requirement":[{"name":"x","counts":[],"deny_quorum":1}]}`} {
		if a, err := Decode([]byte(record)); err == nil {
			t.Errorf("%s: got %v, want an error", record, a.State)
		}
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	d := inState(t, "APPROVED_CAPPED")
	again[Review](t, d.reviews[0], DecodeReview)
	again[Suppression](t, rejected(t, policy.KindDailyBudget, usd(100), usd(150)), DecodeSuppression)
	again[Grant](t, grant(), DecodeGrant)
	again[Override](t, override(), DecodeOverride)
	again[Delegation](t, lend("fay", "tom", "finance"), DecodeDelegation)
	if _, err := DecodeReview([]byte(`{"kind":"MAYBE"}`)); err == nil {
		t.Error("a review of no kind was read")
	}
}

func again[Record interface{ Encode() ([]byte, error) }](t *testing.T, want Record, decode func([]byte) (Record, error)) {
	t.Helper()
	encoded, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decode(encoded); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
}

func TestNames(t *testing.T) {
	for state := None; state < stateEnd; state++ {
		var again State
		if err := again.UnmarshalText([]byte(state.String())); err != nil || again != state {
			t.Errorf("%s: got %s, %v", state, again, err)
		}
	}
	for kind := KindNone; kind < kindEnd; kind++ {
		var again Kind
		if err := again.UnmarshalText([]byte(kind.String())); err != nil || again != kind {
			t.Errorf("%s: got %s, %v", kind, again, err)
		}
	}
	if got := fmt.Sprint(stateEnd, kindEnd); got != "STATE(12) KIND(6)" {
		t.Errorf("got %s", got)
	}
}
