package main

import (
	"fmt"
	"slices"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

func (v *crashRecord) readDecisions(r store.Reader) error {
	page := store.Page{Limit: store.MaxPage}
	for {
		found, err := r.ListDecisions(store.DecisionFilter{}, page)
		if err != nil {
			return err
		}
		for _, record := range found.Records {
			decision := record.Decision
			v.decisions[decision.ID] = decision
			if decision.Redeems != "" { // again, by what people have agreed to
				continue
			}
			if earlier, twice := v.changes[decision.ChangeID]; twice {
				v.faults.tell(&v.faults.Doubled, "%s is decided twice, as %s and as %s", decision.ChangeID, earlier.ID, decision.ID)
			}
			v.changes[decision.ChangeID] = decision
			if slices.ContainsFunc(decision.Findings, func(finding policy.Finding) bool { return finding.Rule == policy.FindingCap }) {
				v.capped++
			}
		}
		if page.After = found.Next; found.Next == "" {
			return nil
		}
	}
}

// compareDecisions: every decision that was told to somebody is there, as it was told.
func (v *crashRecord) compareDecisions() {
	for change, told := range v.answers.decisions {
		decision, found := v.changes[change]
		if !found {
			v.faults.tell(&v.faults.Lost, "the decision on %s was acknowledged as %s and is not in the record", change, told.Decision)
			continue
		}
		v.compareDecision(told, decision)
	}
	for id, told := range v.answers.again {
		decision, found := v.decisions[id]
		if !found {
			v.faults.tell(&v.faults.Lost, "the decision on %s, redeemed, was acknowledged as %s and is not in the record", told.Change, id)
			continue
		}
		v.compareDecision(told, decision)
	}
}

func (v *crashRecord) compareDecision(told crashEntry, decision *policy.Decision) {
	kept := crashEntry{
		Event: told.Event, Change: decision.ChangeID, Decision: decision.ID, Verdict: "VERDICT_" + decision.Verdict.String(), Digest: decision.ChangeDigest,
		Revision: decision.Revision, DecidedAt: decision.DecidedAt.UnixMicro(), Permit: decision.PermitID, Approval: decision.ApprovalID + decision.Redeems,
	}
	if said := fmt.Sprint(told.Change, told.Decision, told.Verdict, told.Digest, told.Revision, told.DecidedAt, told.Permit, told.Approval); said !=
		fmt.Sprint(kept.Change, kept.Decision, kept.Verdict, kept.Digest, kept.Revision, kept.DecidedAt, kept.Permit, kept.Approval) {
		v.faults.tell(&v.faults.Changed, "%s was answered %+v, and the record has %+v", told.Change, told, kept)
	}
}
