package approval

import (
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Each of these is a way in which other approval systems were gone around. The names say which.

func TestContentSwappedAfterApproval(t *testing.T) {
	d := inState(t, "APPROVED")
	swapped := d.redeem("per_1")
	swapped.Digest = "sha256:another change under the same id"
	if step := d.apply(swapped); outcome(step) != "- STALE_DIGEST" {
		t.Errorf("another change: got %s", outcome(step))
	}
	larger := d.redeem("per_1")
	larger.Value = usd(151)
	if step := d.apply(larger); outcome(step) != "- OUT_OF_BOUNDS" {
		t.Errorf("a larger value: got %s", outcome(step))
	}
}

func TestContentSwappedBeforeTheClick(t *testing.T) {
	d := opened(t, raise(), twoStages())
	click := d.review("ana", Approve) // on a page that was rendered for another change
	click.Review.Digest = "sha256:what the page showed"
	if step := d.apply(click); outcome(step) != "- STALE_DIGEST" || len(d.reviews) > 0 {
		t.Errorf("got %s", outcome(step))
	}
}

func TestStaleApproval(t *testing.T) {
	for name, test := range map[string]struct {
		event func(*desk) Event
		want  string
	}{
		"the facts have moved on": {func(d *desk) Event {
			redeem := d.redeem("per_1")
			redeem.Outcome = wants(Asked{Item: item("budget.step_up", policy.RatioValue(500_001))})
			return redeem
		}, "PENDING peers/0 v2 →growth NOT_COVERED"},
		"a rule blocks by now": {func(d *desk) Event {
			redeem := d.redeem("per_1")
			redeem.Outcome = Outcome{Verdict: policy.Block, Reason: "frozen"}
			return redeem
		}, "INVALIDATED NOT_COVERED"},
		"the yes is old": {func(d *desk) Event {
			d.now = d.approval.ExpiresAt
			return d.redeem("per_1")
		}, "LAPSED TIMED_OUT"},
		"nobody has asked the rules": {func(d *desk) Event {
			redeem := d.redeem("per_1")
			redeem.Outcome = Outcome{}
			return redeem
		}, "- invalid"},
	} {
		d := inState(t, "APPROVED")
		if got := outcome(d.apply(test.event(d))); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestDoubleExecution(t *testing.T) {
	d := inState(t, "redeemed")
	if step := d.apply(d.redeem("per_2")); outcome(step) != "- PERMIT_OUT" {
		t.Errorf("a second permit: got %s", outcome(step))
	}
	d.must(Claim{By: "pacer", Permit: "per_1"})
	if step := d.apply(d.redeem("per_2")); outcome(step) != "- ENDED" {
		t.Errorf("a permit after the claim: got %s", outcome(step))
	}
}

func TestVacuousApproval(t *testing.T) {
	people := company()
	if _, err := Open(raise(), nil, people.roster()); err == nil {
		t.Error("no stages: it was opened")
	}
	if _, err := Open(raise(), Requirement{{Name: "s", DenyQuorum: 1}}, people.roster()); err == nil {
		t.Error("a stage that asks for nobody: it was opened")
	}
	if _, err := Open(raise(), Requirement{{Name: "s", DenyQuorum: 1, Counts: []Count{{[]string{"growth"}, 0}}}}, people.roster()); err == nil {
		t.Error("a stage that asks for no people of a group: it was opened")
	}
	everybody := capsOf(usd(120), usd(120))
	for name, stage := range map[string]Stage{
		"nothing":            {},
		"no counts":          {Seats: []Seat{{"growth", 1}}},
		"a count of nobody":  {Counts: []Count{{nil, 0}}},
		"a count of no more": {Counts: []Count{{[]string{"others"}, 0}}},
	} {
		if stage.met(everybody, 0) || stage.met(nil, 0) {
			t.Errorf("%s: the stage was met", name)
		}
	}
	a := raise()
	a.State, a.Deadline = Pending, noon.Add(time.Hour) // a damaged record
	d := &desk{t: t, approval: a, people: people, now: noon}
	if step := d.apply(d.review("ana", Approve)); step.Approval.State != Pending || step.Refusal == nil {
		t.Errorf("a record without stages: got %s", outcome(step))
	}
	if step := d.apply(Pass{}); step.Approval.State != Pending {
		t.Errorf("a record without stages, as time goes by: got %s", outcome(step))
	}
}

func TestGroupsCountedAsPeople(t *testing.T) {
	d := opened(t, raise(), require(Ask{Name: "s", AnyOf: anyOf("growth", "finance"), Quorum: 2}))
	d.approve("max") // of both groups
	if d.approval.State != Pending {
		t.Errorf("one person of two groups: got %s", d.approval.State)
	}
	seats := opened(t, raise(), require(Ask{Name: "s", AllOf: []string{"growth", "finance"}}))
	seats.approve("max")
	if seats.approval.State != Pending {
		t.Errorf("one person in two seats: got %s", seats.approval.State)
	}
}

func TestOvershootNeverApproves(t *testing.T) { // where the quorum is compared with ==
	d := opened(t, raise(), require(Ask{Name: "s", AnyOf: anyOf("growth"), Quorum: 1}))
	d.approval.Requirement[0].Counts[0].People = 2
	d.approve("ana", "ben")
	if d.approval.State != Approved {
		t.Fatalf("got %s", d.approval.State)
	}
	if stage := d.approval.Requirement[0]; !stage.met(capsOf(usd(1), usd(1), usd(1), usd(1)), 0) {
		t.Error("four people are not enough for two")
	}
}

func TestSelfApproval(t *testing.T) {
	for name, test := range map[string]struct {
		subject string
		change  func(*desk)
	}{
		"by an owner":                  {"olga", func(*desk) {}},
		"by whom it is for":            {"cai", func(*desk) {}},
		"by a person who proposed it":  {"ana", func(d *desk) { d.approval.Automation = "ana" }},
		"by their other account":       {"ana-admin", func(d *desk) { d.approval.Automation = "ana" }},
		"by the owner's other account": {"ana", func(d *desk) { d.approval.Owners = []string{"ana-admin"} }},
	} {
		d := opened(t, raise(), twoStages())
		test.change(d)
		for _, kind := range []Kind{Approve, Reject, RequestChanges, Retract} {
			if step := d.apply(d.review(test.subject, kind)); outcome(step) != "- SELF_APPROVAL" {
				t.Errorf("%s, %s: got %s", name, kind, outcome(step))
			}
		}
	}
}

func TestSelfApprovalByAMachine(t *testing.T) {
	d := opened(t, raise(), twoStages())
	for _, subject := range []string{"pacer", "helper"} { // helper is in growth, with another name than the proposer
		if step := d.apply(d.review(subject, Approve)); reasonOf(step) == "" || step.Changed {
			t.Errorf("%s: got %s", subject, outcome(step))
		}
	}
}

func TestSelfApprovalThroughDelegation(t *testing.T) {
	for name, test := range map[string]struct{ lender, reviewer, want string }{
		"an owner lends to a colleague":         {"olga", "tom", "- SELF_APPROVAL"},
		"a colleague lends to an owner":         {"ana", "olga", "- SELF_APPROVAL"},
		"whom it is for lends to a colleague":   {"cai", "ben", "- SELF_APPROVAL"},
		"a colleague lends to whom it is for":   {"ana", "cai", "- SELF_APPROVAL"},
		"a colleague lends to the proposer":     {"ana", "pacer", "- NOT_ELIGIBLE"},
		"a colleague lends to another machine":  {"ana", "helper", "- NOT_ELIGIBLE"},
		"a colleague lends to another (it may)": {"ana", "tom", "PENDING peers/0"},
	} {
		d := opened(t, raise(), twoStages())
		d.delegations = []Delegation{lend(test.lender, test.reviewer)}
		submit := d.review(test.reviewer, Approve)
		submit.Review.For = test.lender
		if got := outcome(d.apply(submit)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestLateConflictingReview(t *testing.T) { // a no after a yes is out
	d := inState(t, "redeemed")
	if step := d.apply(d.review("max", Reject)); outcome(step) != "- NOT_PENDING" {
		t.Errorf("got %s: a yes is revoked, and its permit with it, not overwritten", outcome(step))
	}
}

func TestSilenceIsConsent(t *testing.T) {
	for _, state := range states {
		d := inState(t, state)
		before := d.approval.State
		for range 20 {
			d.now = d.now.Add(time.Hour)
			d.apply(Pass{})
		}
		if !before.Approves() && d.approval.State.Approves() {
			t.Errorf("%s became %s by itself", before, d.approval.State)
		}
	}
}

func TestTheGovernedPartyEditsItsRoute(t *testing.T) {
	d := opened(t, raise(), twoStages())
	was := d.approval.Requirement
	// The next revision asks for less. What is asked in addition is merged in, and nothing is taken away.
	weaker := require(Ask{Name: "peers", AnyOf: anyOf("growth", "nobody-asks"), Quorum: 1, DenyQuorum: 5})
	d.must(Reevaluate{wants(Asked{item("budget.drift", usd(1)), weaker}), d.people.roster()})
	if got := d.approval.Requirement[0]; got.DenyQuorum != 1 || len(d.approval.Requirement) != len(was) {
		t.Errorf("got %+v", d.approval.Requirement)
	}
	d.approve("ana")
	if step := d.apply(d.review("tom", Approve)); step.Approval.open().Name != "peers" {
		t.Errorf("somebody whom only the weaker route asks completed it: %s", outcome(step))
	}
}
