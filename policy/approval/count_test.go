package approval

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

// seatedByTrying is [Stage.seated] the slow way: everybody in every seat.
func seatedByTrying(seats []string, voters []voter, standIns []string) bool {
	if len(seats) == 0 {
		return true
	}
	for i, v := range voters {
		if (slices.Contains(v.groups, seats[0]) || meet(v.groups, standIns)) &&
			seatedByTrying(seats[1:], slices.Delete(slices.Clone(voters), i, i+1), standIns) {
			return true
		}
	}
	return false
}

func TestSeatsAreTakenWheneverTheyCanBe(t *testing.T) {
	taken, left := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var stage Stage
		var seats []string
		for _, group := range drawGroups(t, "seats", 0) {
			seat := Seat{group, rapid.IntRange(1, 2).Draw(t, "min")}
			stage.Seats = append(stage.Seats, seat)
			seats = append(seats, slices.Repeat([]string{group}, seat.Min)...)
		}
		voters, standIns := drawVoters(t), drawGroups(t, "stand in", 0)[:0]
		if rapid.IntRange(0, 3).Draw(t, "with stand-ins") == 0 {
			standIns = []string{"d"}
		}
		want := seatedByTrying(seats, voters, standIns)
		if got := stage.seated(voters, standIns); got != want {
			t.Fatalf("seats %v, people %v, stand-ins %v: got %t", seats, voters, standIns, got)
		}
		if want {
			taken++
		} else {
			left++
		}
	})
	if taken == 0 || left == 0 {
		t.Errorf("taken %d, left %d: the test has become too narrow", taken, left)
	}
}

func TestWhoIsCounted(t *testing.T) {
	quorum := func(n int) Requirement { return require(Ask{Name: "s", AnyOf: anyOf("growth", "finance"), Quorum: n}) }
	peerAndFinance := require(Ask{Name: "s", AllOf: []string{"growth", "finance"}})
	two := require(Ask{Name: "s", AnyOf: anyOf("growth"), DenyQuorum: 2, Quorum: 2})
	for name, test := range map[string]struct {
		requirement Requirement
		reviews     func(*desk)
		want        State
	}{
		"two people":                               {quorum(2), func(d *desk) { d.approve("ana", "fay") }, Approved},
		"one of them":                              {quorum(2), func(d *desk) { d.approve("ana") }, Pending},
		"one person twice":                         {quorum(2), func(d *desk) { d.approve("ana", "ana") }, Pending},
		"one person, two accounts":                 {quorum(2), func(d *desk) { d.approve("ana", "ana-admin") }, Pending},
		"one person in both groups":                {peerAndFinance, func(d *desk) { d.approve("max") }, Pending},
		"two people of one group":                  {peerAndFinance, func(d *desk) { d.approve("ana", "ben") }, Pending},
		"who is in both makes room":                {peerAndFinance, func(d *desk) { d.approve("max", "ana") }, Approved},
		"who is in both makes room, the other way": {peerAndFinance, func(d *desk) { d.approve("max", "fay") }, Approved},
		"taken back":                               {quorum(2), func(d *desk) { d.approve("ana"); d.must(d.review("ana", Retract)); d.approve("fay") }, Pending},
		"taken back and given again":               {quorum(2), func(d *desk) { d.approve("ana"); d.must(d.review("ana", Retract)); d.approve("fay", "ana") }, Approved},
		"a comment takes nothing back":             {quorum(2), func(d *desk) { d.approve("ana"); d.apply(d.review("ana", Comment)); d.approve("fay") }, Approved},
		"one no of two":                            {two, func(d *desk) { d.must(d.review("ana", Reject)); d.approve("ben", "max") }, Approved},
		"two noes of two":                          {two, func(d *desk) { d.must(d.review("ana", Reject)); d.must(d.review("ben", Reject)) }, Rejected},
		"one person's no twice":                    {two, func(d *desk) { d.must(d.review("ana", Reject)); d.must(d.review("ana", Reject)) }, Pending},
		"a no that became a yes":                   {two, func(d *desk) { d.must(d.review("ana", Reject)); d.approve("ana"); d.must(d.review("ben", Reject)) }, Pending},
		"a yes that became a no":                   {two, func(d *desk) { d.approve("ana"); d.must(d.review("ana", Reject)); d.approve("ben") }, Pending},
		"who has left does not complete it": {quorum(2), func(d *desk) {
			d.approve("ana")
			delete(d.people, "ana")
			d.approve("fay")
		}, Pending},
		"who has changed groups does not complete it": {quorum(2), func(d *desk) {
			d.approve("ana")
			d.people["ana"] = Person{ID: "ana", Human: true, Groups: []string{"finance"}} // though finance is asked too: not for that
			d.approve("fay")
		}, Pending},
		"who has come to have a stake does not complete it": {quorum(2), func(d *desk) {
			d.approve("ana")
			d.people["olga"] = Person{ID: "ana", Human: true, Groups: []string{"growth"}} // the owner turns out to be ana
			d.approve("fay")
		}, Pending},
		"who turns out to be a machine does not complete it": {quorum(2), func(d *desk) {
			d.approve("ana")
			d.people["ana"] = Person{ID: "ana", Groups: []string{"growth"}}
			d.approve("fay")
		}, Pending},
		"a no of somebody who has left stays": {two, func(d *desk) {
			d.must(d.review("ana", Reject))
			delete(d.people, "ana")
			d.must(d.review("ben", Reject))
		}, Rejected},
	} {
		d := opened(t, raise(), test.requirement)
		d.t = t
		test.reviews(d)
		if d.approval.State != test.want {
			t.Errorf("%s: got %s, want %s", name, d.approval.State, test.want)
		}
	}
}

func TestWhoTipsItGivesTheReason(t *testing.T) {
	d := opened(t, raise(), require(Ask{Name: "s", AnyOf: anyOf("growth"), DenyQuorum: 2}))
	first, second := d.review("ana", Reject), d.review("ben", Reject)
	first.Review.Reason, second.Review.Reason = "too much", "too early"
	d.must(first)
	second.Known.Reviews = d.reviews
	d.must(second)
	if d.approval.Reason != "too early" || d.approval.ChangedBy != "ben" {
		t.Errorf("got %q by %s", d.approval.Reason, d.approval.ChangedBy)
	}
}

func TestStagesWithPeopleOfTheirOwn(t *testing.T) {
	for name, test := range map[string]struct {
		first, second bool // which stage says that it shares nobody
		want          string
	}{
		"neither":    {false, false, "APPROVED"},
		"the first":  {true, false, "- ALREADY_REVIEWED"},
		"the second": {false, true, "- ALREADY_REVIEWED"},
	} {
		d := opened(t, raise(), require(Ask{Name: "a", AnyOf: anyOf("growth"), Distinct: test.first}, Ask{Name: "b", AnyOf: anyOf("finance"), Distinct: test.second}))
		d.approve("max")
		if got := outcome(d.apply(d.review("max", Approve))); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func lend(from, to string, groups ...string) Delegation {
	return Delegation{ID: "del_" + from + to, From: from, To: to, Groups: groups, Reason: "away", Starts: noon, Ends: noon.Add(48 * time.Hour), CreatedAt: noon, CreatedBy: from}
}

func TestWhoStandsIn(t *testing.T) {
	finance := require(Ask{Name: "s", AnyOf: anyOf("finance"), Quorum: 2})
	lent := func(d *desk, reviewer, lender string, kind Kind) Step {
		submit := d.review(reviewer, kind)
		submit.Review.For = lender
		return d.apply(submit)
	}
	for name, test := range map[string]struct {
		delegations []Delegation
		reviews     func(*desk) Step
		want        string
	}{
		"in somebody's place": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step { d.approve("max"); return lent(d, "tom", "fay", Approve) }, "APPROVED"},
		"in nobody's place":   {nil, func(d *desk) Step { return lent(d, "tom", "fay", Approve) }, "- NOT_ELIGIBLE"},
		"the wrong way":       {[]Delegation{lend("tom", "fay")}, func(d *desk) Step { return lent(d, "tom", "fay", Approve) }, "- NOT_ELIGIBLE"},
		"of another group":    {[]Delegation{lend("fay", "tom", "growth")}, func(d *desk) Step { return lent(d, "tom", "fay", Approve) }, "- NOT_ELIGIBLE"},
		"of that group":       {[]Delegation{lend("fay", "tom", "finance")}, func(d *desk) Step { return lent(d, "tom", "fay", Approve) }, "PENDING s/0"},
		"both of them": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			d.approve("fay")
			return lent(d, "tom", "fay", Approve)
		}, "PENDING s/0"},
		"both of them, the other way": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			lent(d, "tom", "fay", Approve)
			return d.must(d.review("fay", Approve))
		}, "PENDING s/0"},
		"two in one place": {[]Delegation{lend("fay", "tom"), lend("fay", "ana")}, func(d *desk) Step {
			lent(d, "tom", "fay", Approve)
			return lent(d, "ana", "fay", Approve)
		}, "PENDING s/0"},
		"one in two places": {[]Delegation{lend("fay", "tom"), lend("finn", "tom")}, func(d *desk) Step {
			lent(d, "tom", "fay", Approve)
			return lent(d, "tom", "finn", Approve)
		}, "PENDING s/0"},
		"one for themselves and in another's place": {[]Delegation{lend("fay", "finn")}, func(d *desk) Step {
			d.approve("finn")
			return lent(d, "finn", "fay", Approve)
		}, "PENDING s/0"},
		"a chain": {[]Delegation{lend("fay", "tom"), lend("tom", "ana")}, func(d *desk) Step { return lent(d, "ana", "tom", Approve) }, "- NOT_ELIGIBLE"},
		"a chain skipped": {[]Delegation{lend("fay", "tom"), lend("tom", "ana")}, func(d *desk) Step {
			return lent(d, "ana", "fay", Approve)
		}, "- NOT_ELIGIBLE"},
		"a lender who has left": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			delete(d.people, "fay")
			return lent(d, "tom", "fay", Approve)
		}, "- NOT_ELIGIBLE"},
		"a lender who leaves later": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			lent(d, "tom", "fay", Approve)
			d.people["fay"] = Person{ID: "fay", Human: true}
			return d.must(d.review("max", Approve))
		}, "PENDING s/0"},
		"too late": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			d.delegations[0].Ends = d.now
			return lent(d, "tom", "fay", Approve)
		}, "- NOT_ELIGIBLE"},
		"the lender's no stands": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step { return lent(d, "tom", "fay", Reject) }, "REJECTED"},
		"the lender's own no, before": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			d.approval.Requirement[0].DenyQuorum = 2
			d.must(d.review("fay", Reject))
			d.approve("max")
			return lent(d, "tom", "fay", Approve)
		}, "PENDING s/0"},
		"who stands in has come to have a stake": {[]Delegation{lend("fay", "tom")}, func(d *desk) Step {
			lent(d, "tom", "fay", Approve)
			d.people["olga"] = d.people["tom"]
			return d.must(d.review("max", Approve))
		}, "PENDING s/0"},
		"a machine":         {[]Delegation{lend("fay", "helper")}, func(d *desk) Step { return lent(d, "helper", "fay", Approve) }, "- NOT_ELIGIBLE"},
		"a machine's place": {[]Delegation{lend("helper", "tom")}, func(d *desk) Step { return lent(d, "tom", "helper", Approve) }, "- NOT_ELIGIBLE"},
	} {
		d := opened(t, raise(), finance)
		d.delegations = test.delegations
		if got := outcome(test.reviews(d)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestItIsOnRecordInWhosePlace(t *testing.T) {
	d := opened(t, raise(), require(Ask{Name: "s", AnyOf: anyOf("finance")}))
	d.delegations = []Delegation{lend("fay", "tom")}
	submit := d.review("tom", Approve)
	submit.Review.For, submit.Review.Groups, submit.Review.Person, submit.Review.At = "fay", []string{"directors"}, "somebody", noon.Add(-time.Hour) // not the caller's to say
	d.must(submit)
	want := []Counted{{Person: "tom", For: "fay", Groups: []string{"finance"}, Review: "rev_1"}}
	if diff := cmp.Diff(want, d.approval.Met[0].Counted); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kept := d.reviews[0]
	if kept.Person != "tom" || !slices.Equal(kept.Groups, []string{"finance"}) || !kept.At.Equal(noon) {
		t.Errorf("got %+v", kept)
	}
}

func TestReviewsThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*Review){
		"no id":                    func(r *Review) { r.ID = "" },
		"no reviewer":              func(r *Review) { r.Reviewer = "" },
		"another approval":         func(r *Review) { r.ApprovalID = "apr_2" },
		"no nonce":                 func(r *Review) { r.Nonce = "" },
		"a long nonce":             func(r *Review) { r.Nonce = string(make([]byte, MaxNonce+1)) },
		"a long reason":            func(r *Review) { r.Reason = string(make([]byte, MaxText+1)) },
		"an unknown kind":          func(r *Review) { r.Kind = kindEnd },
		"a cap of a rejection":     func(r *Review) { r.Kind, r.Cap, r.Reason = Reject, usd(120), "why" },
		"a comment with no words":  func(r *Review) { r.Kind = Comment },
		"changes with no words":    func(r *Review) { r.Kind = RequestChanges },
		"rejected with no words":   func(r *Review) { r.Kind = Reject },
		"a cap without its reason": func(r *Review) { r.Cap = policy.MoneyValue(1, "USD") },
	} {
		d := opened(t, raise(), twoStages())
		submit := d.review("ana", Approve)
		change(&submit.Review)
		if step := d.apply(submit); outcome(step) != "- invalid" || len(d.reviews) > 0 {
			t.Errorf("%s: got %s", name, outcome(step))
		}
	}
}
