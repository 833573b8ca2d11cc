package main

import (
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/store"
)

// readApprovals reads every step of every approval in the order of the log, and all reviews.
func (v *crashRecord) readApprovals(r store.Reader) error {
	v.steps, v.reviews = map[string][]approval.Approval{}, map[string][]approval.Review{}
	for after := int64(-1); ; {
		events, err := r.ApprovalEvents(after, store.MaxPage)
		if err != nil {
			return err
		}
		for _, event := range events {
			after = event.Sequence
			a := event.Approval
			v.steps[a.ID] = append(v.steps[a.ID], a)
			if a.Version != int64(len(v.steps[a.ID])) {
				v.faults.tell(&v.faults.Broken, "step %d of approval %s is version %d", len(v.steps[a.ID]), a.ID, a.Version)
			}
		}
		if len(events) < store.MaxPage {
			break
		}
	}
	for id := range v.steps {
		reviews, err := r.Reviews(id)
		if err != nil {
			return err
		}
		v.reviews[id] = reviews
	}
	return nil
}

// compareApprovals: as whatever version an approval was seen, it was that, and it began with decisions that ask for people.
func (v *crashRecord) compareApprovals() {
	for id, versions := range v.answers.approvals {
		steps := v.steps[id]
		for version, told := range versions {
			if version < 1 || version > int64(len(steps)) {
				v.faults.tell(&v.faults.Lost, "approval %s was seen as version %d, %s, and the record ends with %d", id, version, told.State, len(steps))
				continue
			}
			if kept := grpcapi.ApprovalMessage(steps[version-1]); contentOf(kept) != told.Content {
				v.faults.tell(&v.faults.Changed, "version %d of approval %s was seen as %s, and the record has %s %+v", version, id, told.State, kept.State, kept)
			}
		}
	}
	asked := 0
	for id, steps := range v.steps {
		for _, leg := range steps[0].Legs {
			asked++
			decision, found := v.decisions[leg.DecisionID]
			if !found || decision.ApprovalID != id || decision.Verdict != policy.RequireApproval || decision.ChangeDigest != leg.ChangeDigest {
				v.faults.tell(&v.faults.Broken, "approval %s is for %s, of which the record has %+v", id, leg.ChangeID, decision)
			}
		}
		if last := steps[len(steps)-1]; last.Digest != steps[0].Digest || !slices.EqualFunc(last.Legs, steps[0].Legs, sameLeg) {
			v.faults.tell(&v.faults.Changed, "approval %s was opened for %s, and is for %s", id, steps[0].Digest, last.Digest)
		}
		for i := range steps {
			if i > 0 && steps[i-1].Final() {
				v.faults.tell(&v.faults.Changed, "approval %s was %s, and then %s", id, steps[i-1].State, steps[i].State)
			}
		}
	}
	for id, decision := range v.decisions {
		if decision.ApprovalID != "" {
			asked--
		} else if decision.Verdict == policy.RequireApproval {
			v.faults.tell(&v.faults.Lost, "%s wants people and has no approval", id)
		}
	}
	if asked != 0 {
		v.faults.tell(&v.faults.Broken, "approvals are for %d more changes than want people", asked)
	}
}

func sameLeg(a, b permit.Leg) bool {
	return a.DecisionID == b.DecisionID && a.ChangeDigest == b.ChangeDigest && a.Before == b.Before && a.After == b.After
}

// compareRedemptions: what was redeemed has a permit, with its decisions; of one approval there is one permit at a time, and
// one ever that was claimed; and it reaches no further than people said.
func (v *crashRecord) compareRedemptions(now time.Time) {
	for id, told := range v.answers.redeemed {
		given, found := v.permits[id]
		switch {
		case !found:
			v.faults.tell(&v.faults.Lost, "approval %s was redeemed for permit %s, which is not in the record", told.Approval, id)
		case given.Redeems != told.Approval || given.Digest != told.Digest:
			v.faults.tell(&v.faults.Changed, "approval %s was redeemed for permit %s of %s, which is of %q for %s", told.Approval, id, told.Digest, given.Redeems, given.Digest)
		}
	}
	for id, decision := range v.decisions {
		if given := v.permits[decision.PermitID]; decision.Redeems != given.Redeems {
			v.faults.tell(&v.faults.Broken, "decision %s redeems %q, and its permit %q", id, decision.Redeems, given.Redeems)
		}
	}
	taken := map[string][]permit.Permit{} // by approval: those beside which there is no other
	for id, given := range v.permits {
		if given.Redeems == "" {
			continue
		}
		v.compareRedemption(given)
		if given.State == permit.Issued || given.ClaimID != "" {
			taken[given.Redeems] = append(taken[given.Redeems], given)
		}
		if last := v.lastStep(given.Redeems); given.State == permit.Issued && now.Before(given.ExpiresAt) && last.PermitID != id {
			v.faults.tell(&v.faults.Broken, "permit %s is out for approval %s, which is %s with %q", id, given.Redeems, last.State, last.PermitID)
		}
	}
	for id, permits := range taken {
		if len(permits) > 1 {
			v.faults.tell(&v.faults.Doubled, "approval %s has the permits %s (%s) and %s (%s)", id, permits[0].ID, permits[0].State, permits[1].ID, permits[1].State)
		}
	}
	for id := range v.steps {
		last, used := v.lastStep(id), permit.Permit{}
		for _, given := range taken[id] {
			if given.ClaimID != "" {
				used = given
			}
		}
		if last.ClaimedAt.IsZero() != (used.ID == "") || used.ID != "" && last.PermitID != used.ID {
			v.faults.tell(&v.faults.Broken, "approval %s was claimed at %v with permit %q, and the permit that was claimed is %q", id, last.ClaimedAt, last.PermitID, used.ID)
		}
	}
}

func (v *crashRecord) lastStep(id string) approval.Approval {
	steps := v.steps[id]
	if len(steps) == 0 {
		return approval.Approval{}
	}
	return steps[len(steps)-1]
}

// compareRedemption: the step that gave a permit out came of a yes, to all of what the permit is for, and each change has a
// decision that says so.
func (v *crashRecord) compareRedemption(given permit.Permit) {
	steps := v.steps[given.Redeems]
	at := slices.IndexFunc(steps, func(a approval.Approval) bool { return a.PermitID == given.ID })
	if at < 1 {
		v.faults.tell(&v.faults.Lost, "permit %s is of approval %s, and no step of that has given it out", given.ID, given.Redeems)
		return
	}
	a := steps[at]
	if !steps[at-1].State.Approves() || !a.State.Approves() || steps[at-1].PermitID != "" || len(given.Legs) != len(a.Legs) {
		v.faults.tell(&v.faults.Broken, "permit %s of approval %s came of %+v", given.ID, a.ID, steps[at-1])
		return
	}
	for i, leg := range given.Legs {
		asked := a.Legs[i]
		bound := asked.After
		if a.Cap.Form != policy.Missing {
			bound = a.Cap
		}
		if leg.ChangeID != asked.ChangeID || leg.Before != asked.Before || !reaches(asked, bound, leg.After) {
			v.faults.tell(&v.faults.Broken, "permit %s is for %s to %v, and people have agreed to %s to %v", given.ID, leg.ChangeID, leg.After, asked.ChangeID, bound)
		}
		decision, found := v.decisions[leg.DecisionID]
		if !found || decision.PermitID != given.ID || decision.Redeems != a.ID || decision.Verdict != policy.Allow || decision.After != leg.After {
			v.faults.tell(&v.faults.Lost, "permit %s is for %s, of which the record has %+v", given.ID, leg.ChangeID, decision)
		}
	}
}

// reaches reports whether a bound of a change is as far as a value, or further. In the crash tests all values are of one currency.
func reaches(leg permit.Leg, bound, value policy.Value) bool {
	if leg.After.Amount > leg.Before.Amount {
		return value.Amount <= bound.Amount
	}
	return value.Amount >= bound.Amount
}
