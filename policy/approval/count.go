package approval

import (
	"slices"
	"time"
)

// voter is one person whose review counts.
type voter struct {
	person string
	lender string // whose place they take; themselves for most
	groups []string
	review *Review
}

// voters is who counts in the open stage, of the reviews so far, oldest first: those who deny and those who approve.
//
// Of each person only the newest review counts, and of each person's place, too: of somebody and whoever reviews for
// them, their own word counts, or else the newest of those who stand in. A no counts as it was given. A yes counts for
// the groups that the reviewer had then and still has, and not at all when they have come to have a stake in the
// change, or were counted in another stage that shares nobody.
func (a *Approval) voters(reviews []Review, known *Known, now time.Time) (deny, approve []voter) {
	people := known.People
	stage, stakes := a.open(), a.stakes(people)
	identity := func(subject, recorded string) string {
		if id := people(subject).ID; id != "" {
			return id
		}
		return recorded // they have left; who they were is on record
	}
	seen := map[string]bool{}
	var newest []voter
	for _, r := range slices.Backward(reviews) {
		if r.Kind == Comment || r.ApprovalID != a.ID || r.Digest != a.Digest || r.RequirementVersion != a.RequirementVersion || r.Stage != stage.Name {
			continue
		}
		person := identity(r.Reviewer, r.Person)
		if seen[person] {
			continue
		}
		seen[person] = true
		v := voter{person: person, lender: person, groups: r.Groups, review: &r}
		if r.For != "" {
			v.lender = identity(r.For, r.For)
		}
		newest = append(newest, v)
	}
	own := map[string]bool{}
	for _, v := range newest {
		own[v.lender] = own[v.lender] || v.lender == v.person && v.review.Kind != Retract
	}
	taken := map[string]bool{}
	for _, v := range newest {
		if v.review.Kind == Reject && meet(v.groups, stage.deniers(a.Tier)) {
			deny = append(deny, v)
		}
		if v.review.Kind == Retract || v.lender != v.person && own[v.lender] || taken[v.lender] {
			continue
		}
		taken[v.lender] = true
		if v.review.Kind != Approve {
			continue
		}
		reviewer := people(v.review.Reviewer)
		lender, groups := reviewer, reviewer.Groups
		if v.review.For != "" {
			lender = people(v.review.For)
			groups = nil // unless what was lent still is
			for _, d := range known.Delegations {
				if d.From == v.review.For && d.To == v.review.Reviewer && d.Active(now) {
					groups = append(groups, d.lends(lender.Groups)...)
				}
			}
		}
		v.groups = common(v.groups, groups)
		if reviewer.Human && lender.Human && stakes.of(v.review.Reviewer, reviewer) == "" && stakes.of(v.review.For, lender) == "" &&
			a.countedElsewhere(v.person, v.lender) == "" && meet(v.groups, stage.approvers(a.Tier)) {
			approve = append(approve, v)
		}
	}
	return deny, approve
}

// met reports whether these people, distinct as they are, are what the stage asks for when so many tiers are open.
func (s *Stage) met(voters []voter, tiers int) bool {
	if len(s.Counts) == 0 { // nobody is asked: that is not a yes
		return false
	}
	standIns := s.standIns(tiers)
	for _, count := range s.Counts {
		people := 0
		for _, v := range voters {
			if meet(v.groups, count.Groups) || meet(v.groups, standIns) {
				people++
			}
		}
		if people < max(count.People, 1) {
			return false
		}
	}
	return s.seated(voters, standIns)
}

// seated reports whether every seat can be taken by a person of its own. It looks for a largest matching: each seat in
// turn takes a free person, or makes somebody move to another seat that they fit.
func (s *Stage) seated(voters []voter, standIns []string) bool {
	var seats []string
	for _, seat := range s.Seats {
		for range seat.Min {
			seats = append(seats, seat.Group)
		}
	}
	if len(seats) > len(voters) {
		return false
	}
	sits := make([]int, len(voters)) // the seat of each person, and 0 for none
	var take func(seat int, asked []bool) bool
	take = func(seat int, asked []bool) bool {
		for i, v := range voters {
			if asked[i] || !slices.Contains(v.groups, seats[seat]) && !meet(v.groups, standIns) {
				continue
			}
			asked[i] = true
			if sits[i] == 0 || take(sits[i]-1, asked) {
				sits[i] = seat + 1
				return true
			}
		}
		return false
	}
	for seat := range seats {
		if !take(seat, make([]bool, len(voters))) {
			return false
		}
	}
	return true
}
