package server_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
)

// This is who is asked in the simulation, and how their reviews are counted: all of it once more, as plainly as can be, to hold
// the record against. It shares nothing with package approval but the form of the records.

// How long an approval of the simulation waits, how long its yes is good, and when others stand in for growth.
const (
	simWaits  = 20 * time.Minute
	simLives  = 6 * time.Minute
	simStands = 5 * time.Minute
)

// wanted is what one stage asks for.
type wanted struct {
	stage   string
	group   string
	people  int
	standIn string // who may stand in after simStands; "": nobody
	others  bool   // none of those who were counted before
}

var simWanted = map[policy.Kind][]wanted{
	policy.KindBid:         {{stage: "review", group: "growth", people: 1}},
	policy.KindDailyBudget: {{stage: "growth", group: "growth", people: 2, standIn: "leads"}, {stage: "finance", group: "finance", people: 1, others: true}},
}

var simGroups = map[string][]string{"ana": {"growth"}, "ben": {"growth"}, "cleo": {"growth", "finance"}, "fay": {"finance"}, "finn": {"finance"},
	"gita": {"leads"}, "ines": {"growth", "finance"}}

// simPerson is who a subject is; ines has two.
func simPerson(subject string) string {
	if subject == "ines-admin" {
		return "ines"
	}
	return subject
}

// simStake is who has no say in what an automation proposes.
var simStake = map[string]string{"pacer": "ines"}

// retelling is one approval as it is told again from its reviews.
type retelling struct {
	st      *story
	first   *approval.Approval
	wanted  []wanted
	asked   int64 // how far the change goes
	version int64
	stage   int
	since   time.Time // the stage is open since
	ends    time.Time // of what it is now
	heard   []approval.Review
	counted map[string]bool // who was, and whose places were taken, in the stages before
	limit   int64           // how far people have agreed
	next    int             // the review that comes next
	found   []string
}

func (r *retelling) complain(format string, arguments ...any) {
	r.found = append(r.found, fmt.Sprintf(format, arguments...))
}

// problems says where the record of an approval breaks a promise.
func (st *story) problems() []string {
	if len(st.steps) == 0 {
		return []string{"it has no steps"}
	}
	first := &st.steps[0]
	r := &retelling{st: st, first: first, wanted: simWanted[first.Legs[0].Kind], asked: distanceOf(first.Legs[0])}
	if first.Version != 1 || first.State != approval.Pending || len(first.Requirement) != len(r.wanted) {
		r.complain("it began as %s at version %d, with %d stages", first.State, first.Version, len(first.Requirement))
		return r.found
	}
	r.open(1, first.ChangedAt)
	for i := 1; i < len(st.steps); i++ {
		was, now := &st.steps[i-1], &st.steps[i]
		what := became(was, now)
		if now.Version != was.Version+1 || now.Digest != first.Digest || what == "" {
			r.complain("I8, I9: from %s at version %d to %s at %d there is no step", was.State, was.Version, now.State, now.Version)
			return r.found
		}
		r.tell(what, was, now)
	}
	if r.next != len(st.reviews) {
		r.complain("I9: %d of %d reviews have made a step", r.next, len(st.reviews))
	}
	r.permits(&st.steps[len(st.steps)-1])
	return r.found
}

// open has people begin.
func (r *retelling) open(version int64, at time.Time) {
	r.version, r.stage, r.since, r.ends, r.limit = version, 0, at, at.Add(simWaits), r.asked
	r.heard, r.counted = nil, map[string]bool{}
}

// tell is one step.
func (r *retelling) tell(what string, was, now *approval.Approval) {
	at, byTime, ends := now.ChangedAt, now.ChangedBy == "", r.ends
	if was.PermitID != "" && was.PermitUntil.After(ends) { // it may still be claimed
		ends = was.PermitUntil
	}
	if over := !at.Before(ends); what != "returned" && over != (what == "expired" || what == "lapsed") {
		r.complain("I6: it was %s at %s, and its time ends at %s", what, at, ends)
	}
	switch what {
	case "reviewed":
		r.reviewed(was, now)
	case "a tier opened":
		if now.Tier <= was.Tier || now.RequirementVersion != was.RequirementVersion || now.Stage != was.Stage || len(now.Met) != len(was.Met) {
			r.complain("I6: time has made more of it than another tier")
		}
	case "redeemed":
		r.redeemed(was, now)
	case "reopened":
		if now.RequirementVersion != was.RequirementVersion+1 || len(now.Met) != 0 || now.Stage != 0 || !byTime {
			r.complain("I13: at version %d it was sent back with %d stages met", now.RequirementVersion, len(now.Met))
		}
		r.open(now.RequirementVersion, at)
	case "withdrawn":
		if now.ChangedBy != now.Automation && simPerson(now.ChangedBy) != simStake[now.Automation] {
			r.complain("%s withdrew it", now.ChangedBy)
		}
	case "expired", "lapsed", "superseded", "invalidated", "returned":
		if !byTime {
			r.complain("it is %s by %s", what, now.ChangedBy)
		}
	}
}

// reviewed is a step that a review has made.
func (r *retelling) reviewed(was, now *approval.Approval) {
	if r.next == len(r.st.reviews) || r.stage == len(r.wanted) {
		r.complain("I2: at stage %d, %s has made it %s with no such review", r.stage, now.ChangedBy, now.State)
		return
	}
	review := r.st.reviews[r.next]
	r.next++
	if review.Reviewer != now.ChangedBy || !review.At.Equal(now.ChangedAt) || review.Digest != was.Digest {
		r.complain("I2: %s has made it %s, and the review is of %s, of %s", now.ChangedBy, now.State, review.Reviewer, review.Digest)
	}
	if review.RequirementVersion != r.version || review.Stage != r.wanted[r.stage].stage {
		r.complain("I13: at version %d and stage %s, a review was taken for %d and %s", r.version, r.wanted[r.stage].stage, review.RequirementVersion, review.Stage)
	}
	stage := r.stage
	state, people := r.hear(review)
	if now.State != state || state == approval.Pending && now.Stage != r.stage {
		r.complain("I3, I10: %s by %s makes it %s at stage %d, and it is %s at %d", review.Kind, review.Reviewer, state, r.stage, now.State, now.Stage)
	}
	if r.stage > stage {
		var counted []string
		for _, each := range now.Met[len(now.Met)-1].Counted {
			counted = append(counted, each.Person)
		}
		slices.Sort(people)
		if slices.Sort(counted); !slices.Equal(counted, people) || len(now.Met) != r.stage {
			r.complain("I3: stage %d was met by %v, and the record counts %v", stage, people, counted)
		}
	}
	if state == approval.ApprovedCapped && max(now.Cap.Amount-capped(now).Before.Amount, capped(now).Before.Amount-now.Cap.Amount) != r.limit {
		r.complain("I2: people have agreed to a move of %d, and its cap is %v", r.limit, now.Cap)
	}
}

// hear is what follows from one more review, and the people who have met a stage with it.
func (r *retelling) hear(review approval.Review) (approval.State, []string) {
	r.heard = append(r.heard, review)
	switch review.Kind {
	case approval.Reject:
		return approval.Rejected, nil
	case approval.RequestChanges:
		return approval.ChangesRequested, nil
	case approval.Retract:
		return approval.Pending, nil
	}
	stage := r.wanted[r.stage]
	yes := r.yes(stage, review.At)
	if len(yes) < stage.people {
		return approval.Pending, nil
	}
	slices.SortFunc(yes, func(a, b vote) int { return cmp.Compare(b.limit, a.limit) })
	reach := yes[stage.people-1].limit // as far as enough of them go
	r.limit = min(r.limit, reach)
	var people []string
	for _, each := range yes {
		if each.limit >= reach {
			people = append(people, each.person)
			r.counted[each.person], r.counted[each.place] = true, true
		}
	}
	r.heard, r.since = nil, review.At
	if r.stage++; r.stage < len(r.wanted) {
		return approval.Pending, people
	}
	r.ends = review.At.Add(simLives)
	if r.limit < r.asked {
		return approval.ApprovedCapped, people
	}
	return approval.Approved, people
}

// vote is a yes that counts.
type vote struct {
	person, place string
	limit         int64
}

// yes is whose yes counts in the open stage: of each person the last word, and of each place that of its owner, else of
// whoever stands in.
func (r *retelling) yes(stage wanted, now time.Time) []vote {
	last := map[string]approval.Review{}
	for _, review := range r.heard {
		last[simPerson(review.Reviewer)] = review
	}
	var yes []vote
	for _, person := range slices.Sorted(maps.Keys(last)) {
		review, place := last[person], person
		if review.For != "" {
			place = simPerson(review.For)
			if own, spoke := last[place]; spoke && own.Kind != approval.Retract {
				continue
			}
		}
		stake := simStake[r.first.Automation]
		asked := slices.Contains(simGroups[place], stage.group) ||
			stage.standIn != "" && !now.Before(r.since.Add(simStands)) && slices.Contains(simGroups[place], stage.standIn)
		if review.Kind != approval.Approve || !asked || person == stake || place == stake || stage.others && (r.counted[person] || r.counted[place]) {
			continue
		}
		limit := r.asked
		if review.Cap.Form != policy.Missing {
			leg := capped(r.first)
			leg.After = review.Cap
			limit = distanceOf(leg)
		}
		yes = append(yes, vote{person, place, limit})
	}
	return yes
}

// capped is the leg that caps are of: the one that rises, or the only one.
func capped(a *approval.Approval) permit.Leg {
	for _, leg := range a.Legs {
		if leg.After.Amount > leg.Before.Amount {
			return leg
		}
	}
	return a.Legs[0]
}

func distanceOf(leg permit.Leg) int64 {
	return max(leg.After.Amount-leg.Before.Amount, leg.Before.Amount-leg.After.Amount)
}

// redeemed is a permit that was given out: for no more than people have agreed to, in what they were shown (I2).
func (r *retelling) redeemed(was, now *approval.Approval) {
	at := slices.IndexFunc(r.st.permits, func(given permit.Permit) bool { return given.ID == now.PermitID })
	if at < 0 || r.stage != len(r.wanted) {
		r.complain("I2: at stage %d the permit %s was given out", r.stage, now.PermitID)
		return
	}
	given := r.st.permits[at]
	whole := true
	for _, leg := range given.Legs {
		at := slices.IndexFunc(r.first.Legs, func(asked permit.Leg) bool { return asked.ChangeID == leg.ChangeID })
		if at < 0 {
			r.complain("I2: the permit is for %s, which nobody has seen", leg.ChangeID)
			continue
		}
		asked := r.first.Legs[at]
		whole = whole && leg.After == asked.After
		sameWay := (leg.After.Amount > leg.Before.Amount) == (asked.After.Amount > asked.Before.Amount)
		if leg.Target.Key() != asked.Target.Key() || leg.Kind != asked.Kind || leg.Before != asked.Before || !sameWay || distanceOf(leg) > r.limit || distanceOf(leg) == 0 {
			r.complain("I2: people have agreed to %v → %v as far as %d, and the permit is for %v → %v", asked.Before, asked.After, r.limit, leg.Before, leg.After)
		}
	}
	if len(given.Legs) != len(r.first.Legs) || whole && given.Digest != r.first.Digest || given.Automation != r.first.Automation || !given.IssuedAt.Equal(now.ChangedAt) {
		r.complain("I2: the permit is %+v", given)
	}
	for _, finding := range r.st.findings[given.ID] {
		shown := slices.ContainsFunc(was.Items, func(item approval.Item) bool {
			return item.Rule == finding.Rule && item.Severity == finding.Severity && item.Magnitude.Amount >= finding.Magnitude.Amount
		})
		if finding.Effect == policy.Blocks || finding.Effect == policy.Approve && (!shown || finding.LiftedBy != r.first.ID) {
			r.complain("I2: a permit was given out with the finding %+v, and people were shown %+v", finding, was.Items)
		}
	}
}

// permits is what holds for all permits of the approval, as it stands now (I1).
func (r *retelling) permits(now *approval.Approval) {
	claimed := 0
	for _, given := range r.st.permits {
		late := given.State == permit.Issued && ended(now) && !now.ChangedAt.Before(given.ExpiresAt) // and time has not told it yet
		dead := given.State == permit.Expired || given.State == permit.Revoked || late
		if unclaimed := given.State == permit.Failed && given.ClaimedAt.IsZero(); !unclaimed && dead == (given.ID == now.PermitID) {
			r.complain("I1: permit %s is %s, and the approval has %q out", given.ID, given.State, now.PermitID)
		}
		if !given.ClaimedAt.IsZero() {
			if claimed++; claimed > 1 || now.ClaimedAt.IsZero() {
				r.complain("I1: %d of its permits were claimed, and it is %s", claimed, now.State)
			}
		}
		if !slices.ContainsFunc(r.st.steps, func(step approval.Approval) bool { return step.PermitID == given.ID }) {
			r.complain("I2: permit %s says that it is redeemed from it, and it knows of none", given.ID)
		}
	}
	if !now.ClaimedAt.IsZero() && claimed != 1 {
		r.complain("I1: it is used, and %d of its permits were claimed", claimed)
	}
}
