package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
)

func (v *crashRecord) countReviews() (count int) {
	for _, reviews := range v.reviews {
		count += len(reviews)
	}
	return count
}

// compareReviews: each review that was acknowledged is there once, as it was sent; none is that was refused; and each has
// counted once.
func (v *crashRecord) compareReviews() {
	kept := map[reviewKey]approval.Review{}
	for id, reviews := range v.reviews {
		for _, review := range reviews {
			key := reviewKey{id, review.Reviewer, review.Nonce}
			if earlier, twice := kept[key]; twice {
				v.faults.tell(&v.faults.Doubled, "review %s of approval %s by %s is there as %s and as %s", review.Nonce, id, review.Reviewer, earlier.ID, review.ID)
			}
			kept[key] = review
		}
		v.compareSteps(id)
		v.compareCounts(id)
	}
	for key, told := range v.answers.reviews {
		review, found := kept[key]
		if !found {
			v.faults.tell(&v.faults.Lost, "review %+v of approval %s was acknowledged and is not in the record", told, key.approval)
			continue
		}
		has := crashReview{Reviewer: review.Reviewer, Nonce: review.Nonce, Kind: "REVIEW_KIND_" + review.Kind.String(), Cap: review.Cap.Amount, Reason: review.Reason,
			Digest: review.Digest, RequirementVersion: review.RequirementVersion, Stage: review.Stage}
		if has != told {
			v.faults.tell(&v.faults.Changed, "review %+v of approval %s is in the record as %+v", told, key.approval, has)
		}
	}
	for key, told := range v.answers.unheard {
		_, acknowledged := v.answers.reviews[key] // the nonce stood for another, and then for this
		if review, found := kept[key]; found && !acknowledged {
			v.faults.tell(&v.faults.Changed, "review %s of approval %s was refused (%s) and is there as %s", key.nonce, key.approval, told.Problem, review.ID)
		}
	}
}

// compareSteps: each review but a comment has led to one step, and no step that a person has taken is without its review.
func (v *crashRecord) compareSteps(id string) {
	open := map[string]approval.Review{} // by who and when
	key := func(who string, at time.Time) string { return fmt.Sprint(who, " ", at.UnixMicro()) }
	for _, review := range v.reviews[id] {
		if review.Kind == approval.Comment {
			continue
		}
		if earlier, found := open[key(review.Reviewer, review.At)]; found {
			v.faults.tell(&v.faults.Doubled, "approval %s: reviews %s and %s have come at one time", id, earlier.ID, review.ID)
		}
		open[key(review.Reviewer, review.At)] = review
	}
	for _, step := range v.steps[id] {
		if !slices.Contains(crashPeople, step.ChangedBy) {
			continue
		}
		review, found := open[key(step.ChangedBy, step.ChangedAt)]
		delete(open, key(step.ChangedBy, step.ChangedAt))
		wants := map[approval.State]approval.Kind{approval.Approved: approval.Approve, approval.ApprovedCapped: approval.Approve,
			approval.Rejected: approval.Reject, approval.ChangesRequested: approval.RequestChanges}[step.State]
		switch {
		case !found:
			v.faults.tell(&v.faults.Doubled, "version %d of approval %s comes of a review by %s that is not there, or was counted before", step.Version, id, step.ChangedBy)
		case wants != approval.KindNone && review.Kind != wants:
			v.faults.tell(&v.faults.Broken, "version %d of approval %s is %s and comes of %s", step.Version, id, step.State, review.Kind)
		}
	}
	for _, review := range open {
		v.faults.tell(&v.faults.Lost, "review %s of approval %s has led to no step", review.ID, id)
	}
}

// compareCounts: what is approved is approved by enough people, of the groups that are asked, each of whom counts once, with
// the last that they have said, and reaches no further than any of them said. It is counted from the reviews.
func (v *crashRecord) compareCounts(id string) {
	for _, step := range v.steps[id] {
		if step.State.Approves() && len(step.Met) != len(step.Requirement) {
			v.faults.tell(&v.faults.Broken, "version %d of approval %s is %s, with %d of %d stages", step.Version, id, step.State, len(step.Met), len(step.Requirement))
		}
		counted := map[string]bool{} // people, over all stages: in the crash tests nobody counts in two
		for _, met := range step.Met {
			at := slices.IndexFunc(step.Requirement, func(stage approval.Stage) bool { return stage.Name == met.Stage })
			if at < 0 {
				v.faults.tell(&v.faults.Broken, "version %d of approval %s counts stage %q, which it has not", step.Version, id, met.Stage)
				continue
			}
			stage := step.Requirement[at]
			for _, person := range met.Counted {
				if counted[person.Person] {
					v.faults.tell(&v.faults.Doubled, "version %d of approval %s counts %s twice", step.Version, id, person.Person)
				}
				counted[person.Person] = true
				if wrong := v.uncountable(step, met, person); wrong != "" {
					v.faults.tell(&v.faults.Broken, "version %d of approval %s counts %s in stage %q: %s", step.Version, id, person.Person, met.Stage, wrong)
				}
			}
			for _, count := range stage.Counts {
				if found := peopleOf(met, count, stage); found < count.People {
					v.faults.tell(&v.faults.Broken, "version %d of approval %s counts %d in stage %q, which takes %d", step.Version, id, found, met.Stage, count.People)
				}
			}
		}
	}
}

// peopleOf is how many of those who are counted are asked by a count, or stand in for whom it asks.
func peopleOf(met approval.Met, count approval.Count, stage approval.Stage) (people int) {
	asked := slices.Clone(count.Groups)
	for _, tier := range stage.Tiers {
		asked = append(asked, tier.Groups...)
	}
	for _, person := range met.Counted {
		if slices.ContainsFunc(person.Groups, func(group string) bool { return slices.Contains(asked, group) }) {
			people++
		}
	}
	return people
}

// uncountable is why somebody's yes does not count in a stage; "": it does.
func (v *crashRecord) uncountable(step approval.Approval, met approval.Met, person approval.Counted) string {
	var newest approval.Review
	for _, review := range v.reviews[step.ID] {
		if review.Person == person.Person && review.Kind != approval.Comment && !review.At.After(met.At) {
			newest = review
		}
	}
	leg := step.Legs[0]
	switch {
	case person.Person == crashOwner:
		return "it is theirs"
	case newest.ID != person.Review:
		return fmt.Sprintf("review %q counts, and the newest was %q", person.Review, newest.ID)
	case newest.Kind != approval.Approve || newest.Digest != step.Digest || newest.Stage != met.Stage || newest.RequirementVersion != met.RequirementVersion:
		return fmt.Sprintf("review %s says %s of %s, stage %q, requirement version %d", newest.ID, newest.Kind, newest.Digest, newest.Stage, newest.RequirementVersion)
	case newest.Cap.Form == policy.Missing || !step.State.Approves():
		return ""
	case step.Cap.Form == policy.Missing || !reaches(leg, newest.Cap, step.Cap):
		return fmt.Sprintf("they said up to %v, and it is up to %v", newest.Cap, step.Cap)
	}
	return ""
}
