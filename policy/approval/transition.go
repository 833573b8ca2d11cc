package approval

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Event is something that happens to an approval: [Submit], [Pass], [Withdraw], [Supersede], [Revoke], [Reevaluate],
// [Redeem], [Claim] or [Return].
type Event interface {
	// repeats reports whether the event has happened before: it says the same again and does nothing.
	repeats(a *Approval) bool
	// apply is what follows when the approval is not final and its time is not over.
	apply(a Approval, now time.Time) Step
}

// Step is what follows from an event.
type Step struct {
	Approval Approval     // as it is now
	Changed  bool         // it is another than before, to be stored over exactly that version
	Review   Review       // to be kept; there is none when it has no id
	Notify   []string     // the groups that are to hear that they can review it
	Permit   string       // of an approval that ends or goes back: the permit that is out and must be revoked with it
	Judge    policy.Value // of CAP_UNJUDGED: the value to ask the rules about
	Refusal  error        // why what was asked for is not done; there may be a change all the same
}

// Apply is the one way from state to state. What has been done before is not done again and not refused. A final state
// stays. Time comes before whoever comes with it: at a deadline the approval has ended, though the event be the first to
// find out. And no step is taken but by one version.
func (a Approval) Apply(event Event, now time.Time) Step {
	switch {
	case event.repeats(&a):
		return Step{Approval: a}
	case a.Final():
		return a.refuse(Ended, "approval %s is %s since %s%s; another change needs another approval", a.ID, a.word(), a.ChangedAt.Format(time.RFC3339), because(a.Reason))
	}
	var step Step
	if ends := a.ends(); now.Before(ends) {
		step = event.apply(a, now)
	} else {
		step = a.timeOut(now)
		switch event.(type) {
		case Pass, Return, Reevaluate: // nobody is waiting for an answer
		default:
			step.Refusal = refused(TimedOut, "approval %s ended at %s (%s); send the change again", a.ID, ends.Format(time.RFC3339), step.Approval.State)
		}
	}
	if step.Changed {
		step.Notify = step.Approval.told(&a)
	}
	return step
}

// timeOut ends a state whose time is over.
func (a Approval) timeOut(now time.Time) Step {
	if a.State != Pending {
		a.PermitID = "" // whose time is over too
		return a.end(Lapsed, "", "it was not used in time", now)
	}
	waited := "nobody reviewed it in time"
	if stage := a.open(); len(a.Requirement) > 1 {
		waited = fmt.Sprintf("too few people reviewed it in time; it got as far as stage %q", stage.Name)
	} else if stage.Note != "" {
		waited = "too few people reviewed it in time: " + stage.Note
	}
	return a.end(Expired, "", waited, now)
}

// end is the step into a final state.
func (a Approval) end(to State, by, reason string, now time.Time) Step {
	permit := a.PermitID
	a.PermitID, a.PermitUntil = "", time.Time{}
	a.Reason = reason
	step := a.step(to, by, now)
	step.Permit = permit
	return step
}

func (a Approval) step(to State, by string, now time.Time) Step {
	a.State, a.ChangedBy, a.ChangedAt = to, by, now
	a.Version++
	return Step{Approval: a, Changed: true}
}

func (a Approval) refuse(reason Reason, format string, arguments ...any) Step {
	return Step{Approval: a, Refusal: refused(reason, format, arguments...)}
}

func (a Approval) invalid(format string, arguments ...any) Step {
	return Step{Approval: a, Refusal: fmt.Errorf("%w: approval %s: %s", policy.ErrInvalid, a.ID, fmt.Sprintf(format, arguments...))}
}

// word is the state for people; a yes that was used says so.
func (a *Approval) word() string {
	if a.State.Approves() && !a.ClaimedAt.IsZero() {
		return a.State.String() + " and used"
	}
	return a.State.String()
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// approve is the step that the last stage, met, leads to.
func (a Approval) approve(by string, now time.Time) Step {
	a.Reason = ""
	a.Cap = a.nearestCap()
	a.ApprovedAt, a.ExpiresAt = now, now.Add(time.Duration(a.Lives))
	if a.Grant != nil { // it is made in the same transaction, which uses the approval up
		a.ClaimedAt = now
	}
	if a.Cap.Form != policy.Missing {
		return a.step(ApprovedCapped, by, now)
	}
	return a.step(Approved, by, now)
}

// nextStage is the first stage that is not met; -1: there is none.
func (a *Approval) nextStage() int {
	return slices.IndexFunc(a.Requirement, func(stage Stage) bool {
		return !slices.ContainsFunc(a.Met, func(met Met) bool { return met.Stage == stage.Name })
	})
}

// reconsider is what follows from rules having been asked again.
func (a Approval) reconsider(outcome Outcome, roster Roster, now time.Time) Step {
	switch outcome.Verdict {
	case policy.Allow:
		return Step{Approval: a}
	case policy.Block:
		return a.end(Invalidated, "", outcome.Reason, now)
	case policy.RequireApproval:
		uncovered := a.Uncovered(outcome.Asked)
		if len(uncovered) == 0 && len(outcome.Asked) > 0 {
			return Step{Approval: a}
		}
		return a.reopen(uncovered, roster, now)
	default:
		return a.invalid("nobody has asked the rules again")
	}
}

// reopen asks people about what they have not seen. The stages that it is for begin again, and so do those that are
// now asked for more; all of them, when the rules do not say whom. The others stay met. Reviews of the stage that was
// open count no longer, since their reviewers saw something else.
func (a Approval) reopen(uncovered []Asked, roster Roster, now time.Time) Step {
	before, permit := a.Requirement, a.PermitID
	again := map[string]bool{}
	requirement := slices.Clone(before)
	everybody := len(uncovered) == 0
	for _, asked := range uncovered {
		everybody = everybody || len(asked.Requirement) == 0
		for _, stage := range asked.Requirement {
			again[stage.Name] = true
		}
		requirement = requirement.Merge(asked.Requirement)
	}
	frozen := requirement.Freeze(&a, roster)
	for i, stage := range frozen {
		again[stage.Name] = again[stage.Name] || everybody
		was := slices.IndexFunc(before, func(s Stage) bool { return s.Name == stage.Name })
		if was >= 0 && !again[stage.Name] {
			frozen[i] = before[was]
		}
	}
	a.Requirement = frozen
	a.RequirementVersion++
	a.Met = slices.DeleteFunc(slices.Clone(a.Met), func(met Met) bool { return again[met.Stage] })
	if len(a.Met) == 0 {
		a.Met = nil
	}
	rules := make([]string, len(uncovered))
	items := make([]Item, len(uncovered))
	for i, asked := range uncovered {
		rules[i], items[i] = asked.Rule, asked.Item
	}
	a.Items = mergeItems(a.Items, items)
	a.Reason = "the rules ask for what no reviewer has seen: " + list(rules)
	a.Deadline = now.Add(time.Duration(a.Waits))
	a.Cap, a.ApprovedAt, a.ExpiresAt = policy.Value{}, time.Time{}, time.Time{}
	a.PermitID, a.PermitUntil = "", time.Time{}
	a = a.enter(max(a.nextStage(), 0), now)
	step := a.step(Pending, "", now)
	step.Permit = permit
	return step
}
