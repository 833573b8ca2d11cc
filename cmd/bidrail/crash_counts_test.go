package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy/approval"
)

// approvalCounts is how much the crash tests have shown of approvals.
type approvalCounts struct {
	approvals         int
	states            map[string]int // how often one came into that state
	seen              int            // versions that were acknowledged
	reviews           int            // that were acknowledged
	resent, kept      int            // of them: how many after a call was cut off, and how many of those were there already
	reopened          int            // steps back to people
	redeemed, claimed int            // permits
}

// add adds what a trial has come to in the end.
func (c *approvalCounts) add(v *crashRecord) {
	if c.states == nil {
		c.states = map[string]int{}
	}
	for _, steps := range v.steps {
		c.approvals++
		for i, step := range steps {
			if i == 0 || steps[i-1].State != step.State {
				c.states[step.State.String()]++
			}
			if i > 0 && step.RequirementVersion > steps[i-1].RequirementVersion {
				c.reopened++
			}
		}
	}
	for _, versions := range v.answers.approvals {
		c.seen += len(versions)
	}
	for id, reviews := range v.reviews {
		for _, review := range reviews {
			key := reviewKey{id, review.Reviewer, review.Nonce}
			if _, acknowledged := v.answers.reviews[key]; acknowledged {
				c.reviews++
			}
			if resent := v.answers.resent[key]; resent > 0 {
				c.resent++
				if review.At.UnixMicro() < resent {
					c.kept++
				}
			}
		}
	}
	for _, given := range v.permits {
		if given.Redeems == "" {
			continue
		}
		c.redeemed++
		if given.ClaimID != "" {
			c.claimed++
		}
	}
}

// missing is what has never happened that has to in a long run; nothing is shown of it then.
func (c *approvalCounts) missing() (never []string) {
	for state := approval.Pending; state <= approval.Revoked; state++ {
		if c.states[state.String()] == 0 {
			never = append(never, state.String())
		}
	}
	for what, count := range map[string]int{"a review that was there already": c.kept, "a step back to people": c.reopened, "a claim of what was redeemed": c.claimed} {
		if count == 0 {
			never = append(never, what)
		}
	}
	return never
}

func (c *approvalCounts) String() string {
	var states []string
	for _, state := range slices.Sorted(maps.Keys(c.states)) {
		states = append(states, fmt.Sprint(state, " ", c.states[state]))
	}
	return fmt.Sprintf("%d approvals, %d versions of them acknowledged, 0 lost, 0 changed; %d acknowledged reviews, 0 lost, 0 counted twice, %d of them sent again after a call was cut off, of which %d were there; %d permits redeemed, %d claimed; %s; %d back to people",
		c.approvals, c.seen, c.reviews, c.resent, c.kept, c.redeemed, c.claimed, strings.Join(states, ", "), c.reopened)
}
