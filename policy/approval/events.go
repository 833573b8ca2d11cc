package approval

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Submit is a review. What the reviewer saw is on the review; who the reviewer is comes from the credentials.
type Submit struct {
	Review Review
	Known  Known
}

// Known is what there is to judge a review by.
type Known struct {
	Reviews     []Review // of this approval, all of them, oldest first
	People      People
	Delegations []Delegation // to the reviewer, and to everybody who has reviewed in somebody's place
	Judged      Judged
}

// Judged is what the rules say of the change when it is made only up to a cap. A review that would approve up to a cap
// which was not judged is refused with CAP_UNJUDGED; [Step.Judge] is the cap, to be judged outside of any transaction,
// and the same review can then be sent in again with the outcome.
type Judged struct {
	Cap     policy.Value
	Outcome Outcome
}

func (e Submit) earlier() (Review, bool) {
	at := slices.IndexFunc(e.Known.Reviews, func(r Review) bool { return r.Reviewer == e.Review.Reviewer && r.Nonce == e.Review.Nonce })
	if at < 0 || e.Review.Nonce == "" {
		return Review{}, false
	}
	return e.Known.Reviews[at], true
}

func (e Submit) repeats(*Approval) bool {
	earlier, found := e.earlier()
	return found && earlier.same(&e.Review)
}

func (e Submit) apply(a Approval, now time.Time) Step {
	review := e.Review
	if err := review.check(&a); err != nil {
		return Step{Approval: a, Refusal: err}
	}
	if earlier, found := e.earlier(); found {
		return Step{Approval: a, Refusal: fmt.Errorf("%w: the nonce %q came with review %s, which says something else; choose another", policy.ErrKeyReused, review.Nonce, earlier.ID)}
	}
	if review.Kind == Comment {
		review.Person, review.Groups, review.At = e.Known.People(review.Reviewer).ID, nil, now
		return Step{Approval: a, Review: review}
	}
	before := a
	if a.State == Pending {
		a = a.escalate(now)
	}
	review, err := a.admit(review, e.Known, now)
	if err != nil {
		return Step{Approval: before, Refusal: err}
	}
	step := a.weigh(review, e.Known, now)
	if step.Refusal != nil {
		step.Approval = before
		return step
	}
	step.Review = review
	return step
}

// weigh counts the reviews with the newest of them.
func (a Approval) weigh(newest Review, known Known, now time.Time) Step {
	deny, approve := a.voters(slices.Concat(known.Reviews, []Review{newest}), &known, now)
	stage := a.open()
	switch {
	case len(deny) >= stage.DenyQuorum: // before anybody's yes
		return a.end(Rejected, newest.Reviewer, newest.Reason, now)
	case newest.Kind == RequestChanges:
		return a.end(ChangesRequested, newest.Reviewer, newest.Reason, now)
	}
	limit, counted, met := a.agreed(approve)
	if newest.Kind != Approve || !met {
		return a.step(Pending, newest.Reviewer, now)
	}
	a.Met = append(slices.Clone(a.Met), Met{Stage: stage.Name, RequirementVersion: a.RequirementVersion, At: now, Cap: limit,
		Counted: mapped(counted, voter.record)})
	if limit := a.nearestCap(); limit.Form != policy.Missing {
		if step, ok := a.judge(limit, known.Judged); !ok {
			return step
		}
	}
	if next := a.nextStage(); next >= 0 {
		return a.enter(next, now).step(Pending, newest.Reviewer, now)
	}
	return a.approve(newest.Reviewer, now)
}

// judge says why the rules do not let people agree to the cap.
func (a Approval) judge(limit policy.Value, judged Judged) (Step, bool) {
	if judged.Cap != limit {
		step := a.refuse(CapUnjudged, "approval %s would be for %v instead of what was asked for, and the rules were not asked about that", a.ID, limit)
		step.Judge = limit
		return step, false
	}
	switch outcome := judged.Outcome; {
	case outcome.Verdict == policy.Allow:
	case outcome.Verdict == policy.RequireApproval && len(outcome.Asked) > 0 && len(a.Uncovered(outcome.Asked)) == 0:
	case outcome.Verdict == policy.RequireApproval:
		return a.refuse(CapRefused, "at %v the rules ask for what no reviewer of approval %s has seen; choose another cap, or reject it", limit, a.ID), false
	default:
		return a.refuse(CapRefused, "the rules do not allow %v%s; choose another cap, or reject approval %s", limit, because(outcome.Reason), a.ID), false
	}
	return Step{}, true
}

func (v voter) record() Counted {
	counted := Counted{Person: v.person, Groups: v.groups, Review: v.review.ID}
	if v.lender != v.person {
		counted.For = v.lender
	}
	return counted
}

// Pass is that time goes by: tiers open, deadlines end what is not finished.
type Pass struct{}

func (Pass) repeats(a *Approval) bool { return a.Final() }

func (Pass) apply(a Approval, now time.Time) Step {
	if a.State != Pending {
		return Step{Approval: a}
	}
	escalated := a.escalate(now)
	if escalated.Tier == a.Tier {
		return Step{Approval: a}
	}
	return escalated.step(Pending, "", now)
}

// Withdraw is that the proposer, whoever it acts for, or an owner no longer wants the change.
type Withdraw struct {
	By     string
	Reason string
	People People
}

func (Withdraw) repeats(a *Approval) bool { return a.State == Withdrawn }

func (e Withdraw) apply(a Approval, now time.Time) Step {
	switch {
	case a.Stake(e.By, e.People) == "":
		return Step{Approval: a, Refusal: fmt.Errorf("%w: approval %s is withdrawn by its proposer or an owner, and %s is neither; reject it", policy.ErrForbidden, a.ID, e.By)}
	case len(e.Reason) > MaxText:
		return a.invalid("the reason has %d bytes, more than %d", len(e.Reason), MaxText)
	case a.State != Pending:
		return a.refuse(NotPending, "approval %s is %s since %s; to take that back, revoke it", a.ID, a.State, a.ChangedAt.Format(time.RFC3339))
	}
	return a.end(Withdrawn, e.By, e.Reason, now)
}

// Supersede is that a newer change of the same field was proposed.
type Supersede struct {
	By string // the newer approval, or the decision that allowed a newer change
}

func (e Supersede) repeats(a *Approval) bool { return a.State == Superseded && a.SupersededBy == e.By }

func (e Supersede) apply(a Approval, now time.Time) Step {
	switch {
	case e.By == "" || e.By == a.ID:
		return a.invalid("say which newer approval takes its place")
	case a.State != Pending:
		return a.refuse(NotPending, "approval %s is %s since %s and is no longer waiting; revoke it, or let it lapse", a.ID, a.State, a.ChangedAt.Format(time.RFC3339))
	}
	a.SupersededBy = e.By
	return a.end(Superseded, "", "a newer change of the same field was proposed: "+e.By, now)
}

// Revoke takes a yes back, as long as nobody has used it. Who may is the gate's to say.
type Revoke struct {
	By     string
	Reason string
}

func (Revoke) repeats(a *Approval) bool { return a.State == Revoked }

func (e Revoke) apply(a Approval, now time.Time) Step {
	switch {
	case e.By == "" || e.Reason == "" || len(e.Reason) > MaxText:
		return a.invalid("say who revokes it and why, in at most %d bytes", MaxText)
	case !a.State.Approves():
		return a.refuse(NotApproved, "approval %s is %s; there is nothing to revoke: reject it, or withdraw it", a.ID, a.State)
	}
	return a.end(Revoked, e.By, e.Reason, now)
}

// Reevaluate is that the rules were asked again: by the active revision, with the facts of now.
type Reevaluate struct {
	Outcome Outcome
	Roster  Roster // of now, for what is asked in addition
}

func (Reevaluate) repeats(a *Approval) bool { return a.Final() }

func (e Reevaluate) apply(a Approval, now time.Time) Step {
	return a.reconsider(e.Outcome, e.Roster, now)
}

// Redeem asks for a permit. The rules have been asked again, of the value that is to be redeemed.
type Redeem struct {
	By      string       // the subject of the credentials
	Digest  string       // of the change, as the caller has it
	Value   policy.Value // of a change that can be made in part; Missing: as far as it was agreed to
	Permit  string       // the id it will have
	Until   time.Time    // when the permit expires
	Outcome Outcome
	Roster  Roster
}

func (e Redeem) repeats(a *Approval) bool {
	return e.Permit != "" && a.PermitID == e.Permit && e.By == a.Automation && e.Digest == a.Digest
}

func (e Redeem) apply(a Approval, now time.Time) Step {
	switch {
	case e.By != a.Automation:
		return Step{Approval: a, Refusal: fmt.Errorf("%w: approval %s was given to another automation", policy.ErrForbidden, a.ID)}
	case e.Permit == "" || !e.Until.After(now):
		return a.invalid("the permit needs an id, and an expiry that is still to come")
	case !a.State.Approves():
		return a.refuse(NotApproved, "approval %s is %s; wait until people have agreed", a.ID, a.State)
	case e.Digest != a.Digest:
		return a.refuse(StaleDigest, "people have agreed to %s, not to %s; send the other change on its own", a.Digest, e.Digest)
	case a.PermitID != "":
		return a.refuse(PermitOut, "permit %s is out for approval %s until %s; use that", a.PermitID, a.ID, a.PermitUntil.Format(time.RFC3339))
	}
	if err := a.admits(e.Value); err != nil {
		return Step{Approval: a, Refusal: err}
	}
	if step := a.reconsider(e.Outcome, e.Roster, now); step.Changed || step.Refusal != nil {
		if step.Changed {
			step.Refusal = refused(NotCovered, "approval %s is %s: %s", a.ID, step.Approval.State, step.Approval.Reason)
		}
		return step
	}
	a.PermitID, a.PermitUntil = e.Permit, e.Until
	return a.step(a.State, e.By, now)
}

// admits says why a value may not be redeemed.
func (a *Approval) admits(value policy.Value) error {
	if value.Form == policy.Missing {
		return nil
	}
	leg, possible := a.capped()
	switch {
	case !possible && len(a.Legs) == 1 && value == a.Legs[0].After:
	case !possible:
		return refused(NoCap, "approval %s is for what cannot be made in part; redeem it as it is", a.ID)
	case !within(leg, value) || compareCaps(leg, value, a.Cap) > 0:
		return refused(OutOfBounds, "people have agreed to a value after %v and up to %v, not to %v", leg.Before, a.Bound(), value)
	}
	return nil
}

// Claim is that the permit was claimed: the approval is used up.
type Claim struct {
	By     string
	Permit string
}

func (e Claim) repeats(a *Approval) bool { return !a.ClaimedAt.IsZero() && a.PermitID == e.Permit }

func (e Claim) apply(a Approval, now time.Time) Step {
	if e.Permit == "" || a.PermitID != e.Permit {
		return a.refuse(NoPermit, "permit %q is not out for approval %s", e.Permit, a.ID)
	}
	a.ClaimedAt = now
	return a.step(a.State, e.By, now)
}

// Return is that the permit that was out ended unclaimed, expired or revoked: another may be redeemed while the yes is good.
type Return struct {
	Permit string
}

func (e Return) repeats(a *Approval) bool {
	return a.Final() || e.Permit == "" || a.PermitID != e.Permit
}

func (e Return) apply(a Approval, now time.Time) Step {
	a.PermitID, a.PermitUntil = "", time.Time{}
	return a.step(a.State, "", now)
}
