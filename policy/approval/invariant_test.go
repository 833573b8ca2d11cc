package approval

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

// life drives one approval through events that come as they like, among people who come and go, and remembers what an
// observer would.
type life struct {
	*desk
	approval0 Approval
	all       directory         // everybody there ever was
	saw       map[string][]Item // what the reviewer of each review was shown
	ends      []string          // the steps into a final state
	bound     State             // where this life is bound for, if nothing comes between
	after     int               // how many events came after its end
}

// watch is told of each event, before anything else happens.
type watch func(t *rapid.T, l *life, before Approval, event Event, step Step)

func born(t *rapid.T) *life {
	stage := func(name, own, other string) Ask {
		ask := Ask{Name: name, AnyOf: anyOf(own, other)[:rapid.IntRange(1, 2).Draw(t, "groups")], Quorum: rapid.IntRange(1, 2).Draw(t, "quorum"),
			DenyQuorum: rapid.IntRange(1, 2).Draw(t, "deny"), Distinct: rapid.Bool().Draw(t, "distinct")}
		if rapid.Bool().Draw(t, "one of each") {
			ask.AllOf = []string{own, other}
		}
		if rapid.Bool().Draw(t, "escalates") {
			ask.Tiers = []Tier{{After: Wait(20 * time.Minute), Groups: []string{"directors"}, Notify: []string{"watchers"}}}
		}
		return ask
	}
	asks := []Ask{stage("first", "growth", "finance")}
	if rapid.Bool().Draw(t, "two stages") {
		asks = append(asks, stage("second", "finance", "growth"))
	}
	d := &desk{people: company(), now: noon, delegations: []Delegation{lend("fay", "tom"), lend("olga", "tom"), lend("ben", "fay")}}
	step, err := Open(raise(), require(asks...), d.people.roster())
	if err != nil {
		t.Fatal(err)
	}
	d.approval = step.Approval
	return &life{desk: d, approval0: step.Approval, all: company(), saw: map[string][]Item{},
		bound: rapid.SampledFrom([]State{None, Approved, Rejected, ChangesRequested, Expired, Withdrawn, Superseded, Invalidated, Lapsed, Revoked}).Draw(t, "bound for")}
}

// steer is an event on the way to where the life is bound for.
func (l *life) steer(t *rapid.T) Event {
	by := rapid.SampledFrom([]string{"ana", "ben", "max", "fay", "finn"}).Draw(t, "by")
	l.people[by] = l.all[by]
	switch l.bound {
	case Rejected:
		return l.review(by, Reject)
	case ChangesRequested:
		return l.review(by, RequestChanges)
	case Withdrawn:
		return Withdraw{By: "pacer", People: l.people.person}
	case Superseded:
		return Supersede{By: "apr_2"}
	case Invalidated:
		return Reevaluate{Outcome{Verdict: policy.Block, Reason: "frozen"}, l.people.roster()}
	case Expired:
		if due := l.approval.Due(); due.After(l.now) {
			l.now = due
		}
		return Pass{}
	}
	switch a := &l.approval; {
	case a.State == Pending && rapid.IntRange(0, 2).Draw(t, "capped") == 0:
		return judged(a, l.review(by, Approve, usd(rapid.Int64Range(101, 150).Draw(t, "cap"))), l.now)
	case a.State == Pending:
		return judged(a, l.review(by, Approve), l.now)
	case l.bound == Lapsed:
		if due := a.Due(); due.After(l.now) {
			l.now = due
		}
		return Pass{}
	case l.bound == Revoked:
		return Revoke{By: "dora", Reason: "why"}
	case a.PermitID == "":
		return l.redeem("per_1")
	default:
		return Claim{By: "pacer", Permit: a.PermitID}
	}
}

func (l *life) draw(t *rapid.T) Event {
	oneOf := func(label string, texts ...string) string { return rapid.SampledFrom(texts).Draw(t, label) }
	seldom := func(label string) bool { return rapid.IntRange(0, 9).Draw(t, label) == 0 }
	if rapid.IntRange(0, 1).Draw(t, "steer") == 0 {
		return l.steer(t)
	}
	switch oneOf("event", "review", "review", "review", "review", "review", "pass", "redeem", "redeem", "claim", "return", "reevaluate", "end") {
	case "review":
		reviewer := oneOf("reviewer", slices.Sorted(maps.Keys(l.all))...)
		kind := rapid.SampledFrom(append(slices.Repeat([]Kind{Approve}, 12), Reject, RequestChanges, Comment, Retract)).Draw(t, "kind")
		submit := l.review(reviewer, kind)
		if kind == Approve && rapid.IntRange(0, 3).Draw(t, "capped") == 0 {
			submit = l.review(reviewer, kind, usd(rapid.Int64Range(99, 152).Draw(t, "cap")))
		}
		r := &submit.Review
		if reviewer == "tom" || reviewer == "fay" && seldom("for ben") {
			r.For = map[string]string{"tom": oneOf("for", "fay", "fay", "olga", "ben"), "fay": "ben"}[reviewer]
		}
		if seldom("another digest") {
			r.Digest = "sha256:other"
		}
		if seldom("another version") {
			r.RequirementVersion += rapid.Int64Range(-1, 1).Draw(t, "version")
		}
		if seldom("another stage") {
			r.Stage = oneOf("stage", "first", "second", "third", "")
		}
		if seldom("sent again") && len(l.reviews) > 0 {
			*r = rapid.SampledFrom(l.reviews).Draw(t, "review")
		}
		return judged(&l.approval, submit, l.now)
	case "pass":
		return Pass{}
	case "redeem":
		redeem := l.redeem(fmt.Sprintf("per_%d", rapid.IntRange(1, 3).Draw(t, "permit")))
		redeem.By = oneOf("by", "pacer", "pacer", "pacer", "pacer", "helper")
		if seldom("another digest") {
			redeem.Digest = "sha256:other"
		}
		if rapid.Bool().Draw(t, "a part") {
			redeem.Value = usd(rapid.Int64Range(99, 152).Draw(t, "value"))
		}
		redeem.Outcome = l.outcome(t)
		return redeem
	case "claim":
		return Claim{By: "pacer", Permit: oneOf("permit", "per_1", "per_2", "per_3", l.approval.PermitID)}
	case "return":
		return Return{Permit: oneOf("permit", "per_1", l.approval.PermitID)}
	case "reevaluate":
		return Reevaluate{l.outcome(t), l.people.roster()}
	}
	switch rapid.IntRange(0, 11).Draw(t, "how") { // seldom, or nothing else would happen
	case 0:
		return Withdraw{By: oneOf("by", "pacer", "olga", "ana"), People: l.people.person}
	case 1:
		return Supersede{By: oneOf("by", "apr_2", "apr_1")}
	case 2:
		return Revoke{By: "dora", Reason: "why"}
	}
	return Pass{}
}

// outcome is what the rules say now: mostly what they have said.
func (l *life) outcome(t *rapid.T) Outcome {
	finance := require(Ask{Name: "second", AnyOf: anyOf("finance")})
	switch rapid.IntRange(0, 19).Draw(t, "rules") {
	case 0:
		return Outcome{Verdict: policy.Block, Reason: "frozen"}
	case 1:
		return Outcome{}
	case 2:
		return wants(Asked{item("budget.step_up", policy.RatioValue(rapid.Int64Range(400_000, 700_000).Draw(t, "magnitude"))), finance})
	case 3:
		return wants(Asked{Item: item("budget.drift", usd(rapid.Int64Range(1, 3).Draw(t, "drift")))})
	case 4, 5, 6:
		return wants(Asked{item("budget.step_up", policy.RatioValue(500_000)), finance})
	}
	return Outcome{Verdict: policy.Allow}
}

// people come and go, and become owners of what they did not own.
func (l *life) move(t *rapid.T) {
	subject := rapid.SampledFrom(slices.Sorted(maps.Keys(l.all))).Draw(t, "who")
	switch rapid.SampledFrom([]string{"back", "back", "left", "moved"}).Draw(t, "what") {
	case "back":
		l.people[subject] = l.all[subject]
	case "left":
		delete(l.people, subject)
	case "moved":
		person := l.all[subject]
		person.Groups = []string{"nobody-asks"}
		l.people[subject] = person
	}
}

// wait goes to a time around a deadline as often as to any other.
func (l *life) wait(t *rapid.T) {
	to := l.now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "wait")))
	if due := l.approval.Due(); !due.IsZero() && rapid.IntRange(0, 3).Draw(t, "to the deadline") == 0 {
		to = due.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "around")))
	}
	if to.After(l.now) && rapid.Bool().Draw(t, "patient") {
		l.now = to
	}
}

// happen applies an event. Now and then the process dies afterwards, and what is stored is all that is left.
func (l *life) happen(t *rapid.T, event Event, watch watch) {
	before := l.approval
	kept, err := before.Encode()
	if err != nil {
		t.Fatal(err)
	}
	step := before.Apply(event, l.now)
	if after, _ := before.Encode(); string(after) != string(kept) {
		t.Fatal("the step has written into the approval before it")
	}
	l.approval = step.Approval
	if step.Review.ID != "" {
		l.reviews = append(l.reviews, step.Review)
		l.saw[step.Review.ID] = before.Items
	}
	if step.Changed && step.Approval.Final() {
		l.ends = append(l.ends, step.Approval.word())
	}
	if encoded, err := l.approval.Encode(); err != nil {
		t.Fatal(err)
	} else if decoded, err := Decode(encoded); err != nil {
		t.Fatal(err)
	} else if diff := cmp.Diff(l.approval, decoded); diff != "" {
		t.Fatalf("after a crash (-before +after):\n%s", diff)
	} else {
		l.approval = decoded
	}
	watch(t, l, before, event, step)
	if before.Final() {
		l.after++
	}
}

// lives runs many lives, and makes sure that all states were lived through.
func lives(t *testing.T, watch watch) {
	t.Helper()
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		l := born(t)
		t.Repeat(map[string]func(*rapid.T){
			"event":   func(t *rapid.T) { l.happen(t, l.draw(t), watch) },
			"event 2": func(t *rapid.T) { l.happen(t, l.draw(t), watch) },
			"event 3": func(t *rapid.T) { l.happen(t, l.draw(t), watch) },
			"wait":    l.wait,
			"move":    l.move,
			"": func(t *rapid.T) {
				seen[l.approval.word()] = true
				if l.after > 2 {
					*l = *born(t)
				}
			},
		})
	})
	for state := Pending; state < stateEnd; state++ {
		if !seen[state.String()] {
			t.Errorf("no life came to %s: the test has become too narrow", state)
		}
	}
	if !seen["APPROVED and used"] {
		t.Error("no life came to a claim: the test has become too narrow")
	}
}

func (l *life) byID(t *rapid.T, id string) Review {
	at := slices.IndexFunc(l.reviews, func(r Review) bool { return r.ID == id })
	if at < 0 {
		t.Fatalf("review %s was counted and is nowhere", id)
	}
	return l.reviews[at]
}

// I2: no permit whose digest and bounds were not covered by counted reviews.
func TestI2NoPermitWithoutReviewsThatCoverIt(t *testing.T) {
	permits, parts := 0, 0
	lives(t, func(t *rapid.T, l *life, before Approval, event Event, step Step) {
		redeem, asked := event.(Redeem)
		if !asked || !step.Changed || step.Refusal != nil {
			if step.Approval.PermitID != "" && before.PermitID != step.Approval.PermitID {
				t.Fatalf("a permit out of %T", event)
			}
			return
		}
		permits++
		a := step.Approval
		if a.PermitID != redeem.Permit || redeem.Digest != l.approval0.Digest || redeem.By != "pacer" || before.PermitID != "" {
			t.Fatalf("permit %s for %+v", a.PermitID, redeem)
		}
		var shown []Item
		for _, stage := range a.Requirement {
			at := slices.IndexFunc(a.Met, func(met Met) bool { return met.Stage == stage.Name })
			if at < 0 || len(a.Met[at].Counted) == 0 {
				t.Fatalf("nobody was counted for stage %s", stage.Name)
			}
			for _, counted := range a.Met[at].Counted {
				r := l.byID(t, counted.Review)
				if r.Kind != Approve || r.Digest != redeem.Digest || r.Stage != stage.Name {
					t.Fatalf("counted %+v", r)
				}
				value := redeem.Value
				if value.Form == policy.Missing {
					value = a.Bound()
				}
				if value.Amount <= usd(100).Amount || value.Amount > usd(150).Amount || r.Cap.Form != policy.Missing && value.Amount > r.Cap.Amount {
					t.Fatalf("%v was redeemed, and %s agreed to %v", value, r.Reviewer, r.Cap)
				}
				if r.Cap.Form != policy.Missing {
					parts++
				}
				shown = append(shown, l.saw[r.ID]...)
			}
		}
		for _, asked := range redeem.Outcome.Asked {
			if !slices.ContainsFunc(shown, func(item Item) bool { return item.Covers(&asked.Item) }) {
				t.Fatalf("the rules ask for %+v, which nobody was shown who was counted: %+v", asked.Item, shown)
			}
		}
		if redeem.Outcome.Verdict != policy.Allow && redeem.Outcome.Verdict != policy.RequireApproval {
			t.Fatalf("the rules said %s", redeem.Outcome.Verdict)
		}
	})
	if permits == 0 || parts == 0 {
		t.Errorf("%d permits, %d with a cap: the test has become too narrow", permits, parts)
	}
}

// I3: distinct people at least as many as the quorum, none ineligible.
func TestI3DistinctPeopleNoneIneligible(t *testing.T) {
	counted := 0
	lives(t, func(t *rapid.T, l *life, before Approval, event Event, step Step) {
		a := step.Approval
		if len(a.Met) <= len(before.Met) {
			return
		}
		met := a.Met[len(a.Met)-1]
		stage, _ := a.Requirement.named(met.Stage)
		tier := stage.tiersAt(Wait(l.now.Sub(before.StageSince)))
		tier = max(tier, stage.Opened)
		standIns := stage.standIns(tier)
		people := map[string][]string{}
		for _, each := range met.Counted {
			counted++
			if _, twice := people[each.Person]; twice {
				t.Fatalf("%s was counted twice: %+v", each.Person, met)
			}
			r := l.byID(t, each.Review)
			for _, subject := range []string{r.Reviewer, r.For} {
				if subject == "" {
					continue
				}
				now, known := l.people[subject]
				if !known || !now.Human || slices.Contains([]string{"pacer", "olga", "cai"}, subject) {
					t.Fatalf("%s was counted: %+v", subject, now)
				}
			}
			lender := l.people[r.Reviewer]
			if r.For != "" {
				lender = l.people[r.For]
			}
			for _, group := range each.Groups {
				if !slices.Contains(lender.Groups, group) {
					t.Fatalf("%s was counted for %s, which they are not in", r.Reviewer, group)
				}
			}
			people[each.Person] = each.Groups
		}
		var voters []voter
		for person, groups := range people {
			voters = append(voters, voter{person: person, groups: groups})
		}
		for _, count := range stage.Counts {
			enough := slices.DeleteFunc(slices.Clone(voters), func(v voter) bool { return !meet(v.groups, count.Groups) && !meet(v.groups, standIns) })
			if len(enough) < count.People {
				t.Fatalf("%d of %d people for %+v: %+v", len(enough), count.People, count, met)
			}
		}
		var seats []string
		for _, seat := range stage.Seats {
			seats = append(seats, slices.Repeat([]string{seat.Group}, seat.Min)...)
		}
		if !seatedByTrying(seats, voters, standIns) {
			t.Fatalf("seats %v are not filled by %+v", seats, met)
		}
		for _, other := range a.Met[:len(a.Met)-1] {
			otherStage, _ := a.Requirement.named(other.Stage)
			for _, each := range other.Counted {
				if _, again := people[each.Person]; again && (stage.Distinct || otherStage.Distinct) {
					t.Fatalf("%s was counted in %s and %s", each.Person, other.Stage, met.Stage)
				}
			}
		}
	})
	if counted == 0 {
		t.Error("nobody was counted: the test has become too narrow")
	}
}

// I6: timeouts and crashes never yield ALLOW.
func TestI6TimeAndCrashesNeverApprove(t *testing.T) {
	lives(t, func(t *rapid.T, l *life, before Approval, event Event, step Step) {
		submit, review := event.(Submit)
		if step.Approval.State.Approves() && !before.State.Approves() {
			if !review || submit.Review.Kind != Approve || step.Review.ID == "" {
				t.Fatalf("%T made it %s", event, step.Approval.State)
			}
			if !l.now.Before(before.Deadline) {
				t.Fatalf("approved at %s, and it ended at %s", l.now, before.Deadline)
			}
		}
		if _, redeemed := event.(Redeem); redeemed && step.Changed && step.Refusal == nil && !l.now.Before(before.ExpiresAt) {
			t.Fatalf("redeemed at %s, and it was good until %s", l.now, before.ExpiresAt)
		}
		if _, passing := event.(Pass); passing && step.Approval.RequirementVersion == before.RequirementVersion && step.Approval.State == Pending {
			was, is := before.open(), step.Approval.open()
			if was.Name != is.Name || !cmp.Equal(was, is) || step.Approval.Tier < before.Tier {
				t.Fatalf("time has made %+v of %+v", is, was)
			}
		}
	})
}

// I8: terminal states never change.
func TestI8FinalStatesStay(t *testing.T) {
	finals := 0
	lives(t, func(t *rapid.T, l *life, before Approval, event Event, step Step) {
		if !before.Final() {
			return
		}
		finals++
		if step.Changed || step.Review.ID != "" || step.Permit != "" || len(step.Notify) > 0 {
			t.Fatalf("%s and then %T: %s", before.word(), event, outcome(step))
		}
		if diff := cmp.Diff(before, step.Approval); diff != "" {
			t.Fatalf("%T (-before +after):\n%s", event, diff)
		}
	})
	if finals == 0 {
		t.Error("nothing came after an end: the test has become too narrow")
	}
}

// I9: any interleaving gives exactly one terminal transition, and each transition is one version, which is one leaf.
func TestI9OneEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := born(t)
		steps := int64(1)
		count := func(t *rapid.T, l *life, before Approval, event Event, step Step) {
			if step.Changed {
				steps++
			} else if diff := cmp.Diff(before, step.Approval); diff != "" {
				t.Fatalf("unchanged, but for (-before +after):\n%s", diff)
			}
			if step.Approval.Version != steps {
				t.Fatalf("version %d after %d steps", step.Approval.Version, steps)
			}
			if was := before.PermitID; was != "" && step.Changed && step.Approval.PermitID == "" {
				_, returned := event.(Return)
				if !returned && step.Permit != was && step.Approval.State != Lapsed {
					t.Fatalf("permit %s is out, and %T has forgotten it", was, event)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"event": func(t *rapid.T) { l.happen(t, l.draw(t), count) },
			"wait":  l.wait,
			"move":  l.move,
		})
		for range 100 { // whatever is left, time ends
			if l.approval.Final() {
				break
			}
			l.now = l.approval.Due()
			l.happen(t, Pass{}, count)
		}
		if len(l.ends) != 1 {
			t.Fatalf("it ended %d times: %v", len(l.ends), l.ends)
		}
	})
}

// I10: overshooting the quorum still approves.
func TestI10OvershootStillApproves(t *testing.T) {
	overshot := 0
	rapid.Check(t, func(t *rapid.T) {
		people := company()
		var names []string
		for i := range rapid.IntRange(2, 7).Draw(t, "people") {
			name := fmt.Sprintf("peer%d", i)
			people[name] = Person{ID: name, Human: true, Groups: []string{"peers"}}
			names = append(names, name)
		}
		quorum := rapid.IntRange(1, len(names)).Draw(t, "quorum")
		step, err := Open(raise(), require(Ask{Name: "s", AnyOf: anyOf("peers"), Quorum: quorum}), people.roster())
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{approval: step.Approval, people: people, now: noon}
		order := rapid.Permutation(names).Draw(t, "order")
		before, last := order[:len(order)-1], order[len(order)-1]
		// While each is away when the next one reviews, nobody completes it; then all are back.
		for _, name := range before {
			d.apply(d.review(name, Approve))
			if d.approval.State == Approved { // a quorum of one
				return
			}
			delete(people, name)
		}
		for _, name := range before {
			people[name] = Person{ID: name, Human: true, Groups: []string{"peers"}}
		}
		d.apply(d.review(last, Approve))
		if len(order) > quorum {
			overshot++
		}
		if d.approval.State != Approved {
			t.Fatalf("%d people of %d: %s", len(order), quorum, d.approval.State)
		}
	})
	if overshot == 0 {
		t.Error("no quorum was overshot: the test has become too narrow")
	}
}

// I13: a review for an old requirement version or stage never counts.
func TestI13OldReviewsNeverCount(t *testing.T) {
	old := 0
	lives(t, func(t *rapid.T, l *life, before Approval, event Event, step Step) {
		submit, review := event.(Submit)
		if !review {
			return
		}
		r := submit.Review
		if step.Changed && step.Review.ID != "" && (r.RequirementVersion != before.RequirementVersion || r.Stage != before.open().Name || r.Digest != before.Digest) {
			t.Fatalf("at version %d and stage %s, a review counts that is for %d and %s", before.RequirementVersion, before.open().Name, r.RequirementVersion, r.Stage)
		}
		if len(step.Approval.Met) > len(before.Met) {
			for _, counted := range step.Approval.Met[len(step.Approval.Met)-1].Counted {
				if r := l.byID(t, counted.Review); r.RequirementVersion != before.RequirementVersion || r.Stage != before.open().Name {
					t.Fatalf("counted at version %d and stage %s: %+v", before.RequirementVersion, before.open().Name, r)
				}
			}
		}
		// Without the old reviews everything is as with them.
		current := slices.DeleteFunc(slices.Clone(submit.Known.Reviews), func(r Review) bool {
			return r.RequirementVersion != before.RequirementVersion || r.Stage != before.open().Name
		})
		if len(current) == len(submit.Known.Reviews) || slices.ContainsFunc(submit.Known.Reviews, func(earlier Review) bool {
			return earlier.Reviewer == r.Reviewer && earlier.Nonce == r.Nonce
		}) {
			return
		}
		old++
		submit.Known.Reviews = current
		if without := before.Apply(submit, l.now); outcome(without) != outcome(step) || !cmp.Equal(without.Approval, step.Approval) {
			t.Fatalf("with the old reviews %s, without %s", outcome(step), outcome(without))
		}
	})
	if old == 0 {
		t.Error("there were no old reviews: the test has become too narrow")
	}
}
