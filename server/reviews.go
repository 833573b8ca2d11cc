package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
)

// ReviewRequest is what a person says of an approval, and what they saw.
type ReviewRequest struct {
	ApprovalID         string
	Digest             string
	RequirementVersion int64
	Stage              string
	Kind               approval.Kind
	Cap                policy.Value // of Approve: up to this value; Missing: all of it
	Reason             string
	For                string    // in whose place; "": their own
	Nonce              string    // the reviewer's own: the same one says the same once
	Channel            string    // by which door
	FirstSeenAt        time.Time // when the reviewer was shown the approval, as their program says; zero: not known
}

// Review takes what a person says of an approval and returns it as it is then. Who they are and what is asked of them is
// looked up in the transaction that counts them.
//
// A cap is a change that nobody has judged yet. The rules are asked about it outside of any transaction, and the review is
// taken if by then it is still the same cap.
func (s *Server) Review(ctx context.Context, principal policy.Principal, request ReviewRequest) (approval.Approval, error) {
	asked := opReview
	if request.Kind == approval.Comment {
		asked = opComment
	}
	if err := s.admit(principal, asked); err != nil {
		return approval.Approval{}, err
	}
	id, err := newID("rev")
	if err != nil {
		return approval.Approval{}, err
	}
	review := approval.Review{ID: id, ApprovalID: request.ApprovalID, Reviewer: principal.Subject, For: request.For, Kind: request.Kind,
		Cap: request.Cap, Reason: request.Reason, Digest: request.Digest, RequirementVersion: request.RequirementVersion, Stage: request.Stage,
		Nonce: request.Nonce, Channel: request.Channel, FirstSeenAt: request.FirstSeenAt}
	var judged approval.Judged
	for attempt := 1; ; attempt++ {
		active := s.policy.Load()
		step, err := s.stepApproval(ctx, principal, request.ApprovalID, func(tx store.Tx, a approval.Approval) (approval.Step, error) {
			known := approval.Known{People: active.person, Judged: judged}
			var err error
			if known.Reviews, err = tx.Reviews(a.ID); err != nil {
				return approval.Step{}, err
			}
			if known.Delegations, err = delegationsOf(tx, principal.Subject, known.Reviews); err != nil {
				return approval.Step{}, err
			}
			a = active.withStakes(a)
			step := a.Apply(approval.Submit{Review: review, Known: known}, tx.Now())
			if step.Review.ID == "" && step.Judge.Form == policy.Missing { // it was said before, or is refused
				return step, nil
			}
			return step, room(&a, active.person(review.Reviewer).ID, review.Kind, known.Reviews)
		})
		if err != nil || step.Judge.Form == policy.Missing || attempt == maxAttempts {
			return step.Approval, errors.Join(err, step.Refusal)
		}
		if judged, err = s.judgeCap(ctx, active, step.Approval, step.Judge); err != nil {
			return approval.Approval{}, err
		}
	}
}

// How many reviews an approval takes; all are read to count one. The last quarter is for what decides it, half of them may
// be comments, and one person says so much besides comments.
const (
	maxReviews    = 400
	maxOfAPerson  = 40
	maxComments   = maxReviews / 2
	maxUndeciding = maxReviews * 3 / 4
)

// room says why an approval takes no more of a kind of review.
func room(a *approval.Approval, person string, kind approval.Kind, reviews []approval.Review) error {
	limit := maxReviews
	switch kind {
	case approval.Comment:
		limit = maxComments
	case approval.Retract:
		limit = maxUndeciding
	}
	if len(reviews) >= limit {
		return fmt.Errorf("%w: approval %s has %d reviews and comments, which is all that it takes of %s", policy.ErrExhausted, a.ID, len(reviews), kind)
	}
	own := 0
	for i := range reviews {
		if reviews[i].Kind != approval.Comment && reviews[i].Person == person {
			own++
		}
	}
	if own >= maxOfAPerson && kind != approval.Comment {
		return fmt.Errorf("%w: approval %s has %d reviews of %s, which is all that it takes of one person", policy.ErrExhausted, a.ID, own, person)
	}
	return nil
}

// delegationsOf is those that hold now, to a reviewer and to everybody who has reviewed in somebody's place.
func delegationsOf(r store.Reader, reviewer string, reviews []approval.Review) ([]approval.Delegation, error) {
	asked := []string{reviewer}
	for _, review := range reviews {
		if review.For != "" && !slices.Contains(asked, review.Reviewer) {
			asked = append(asked, review.Reviewer)
		}
	}
	var all []approval.Delegation
	for _, subject := range asked {
		held, err := r.Delegations(subject, r.Now())
		if err != nil {
			return nil, err
		}
		all = append(all, held...)
	}
	return all, nil
}

// withStakes adds to those who have a stake in an approval whoever has come to answer for its automation since.
func (p *Policy) withStakes(a approval.Approval) approval.Approval {
	if p == nil || a.Grant != nil {
		return a
	}
	owners := append(slices.Clone(a.Owners), p.directory.Owners(a.Automation)...)
	if behalf := p.directory.OnBehalfOf(a.Automation); behalf != a.OnBehalfOf {
		owners = append(owners, behalf)
	}
	slices.Sort(owners)
	a.Owners = slices.DeleteFunc(slices.Compact(owners), func(owner string) bool { return owner == "" })
	if len(a.Owners) == 0 {
		a.Owners = nil
	}
	return a
}

// judgeCap asks the rules of an approval's change when it is made only up to a cap. What came with the change is taken to be as
// fresh as it was when people were asked: they have hours, and how old it is by then is looked at when it is redeemed.
func (s *Server) judgeCap(ctx context.Context, active *Policy, a approval.Approval, limit policy.Value) (approval.Judged, error) {
	proposer := policy.Principal{Subject: a.Automation, Roles: []policy.Role{policy.RoleAutomation}}
	var candidates []*candidate
	var g *ground
	now := s.now().UTC().Truncate(time.Microsecond)
	err := s.store.View(ctx, func(r store.Reader) error {
		encoded, err := r.ApprovalChanges(a.ID)
		if err != nil {
			return err
		}
		changes, err := decodeChanges(encoded, &a)
		if err != nil {
			return err
		}
		madePart(changes, &a, limit)
		if candidates, err = arrange(proposer, changes, changes[0].BatchID, now); err != nil {
			return err
		}
		if err := active.know(r, proposer.Subject, candidates, a.CreatedAt); err != nil {
			return err
		}
		g, err = s.survey(r, proposer.Subject, candidates)
		return err
	})
	if err != nil {
		return approval.Judged{}, err
	}
	s.judge(ctx, active, proposer, candidates, g, a.CreatedAt)
	if err := ctx.Err(); err != nil {
		return approval.Judged{}, err
	}
	outcome, err := outcomeOf(active, candidates)
	return approval.Judged{Cap: limit, Outcome: outcome}, err
}

// outcomeOf is what the rules say of a unit that was judged again, in the words of package approval. That they could not be
// asked is an error: it says nothing of the change.
func outcomeOf(active *Policy, members unit) (approval.Outcome, error) {
	outcome := approval.Outcome{Verdict: policy.Allow}
	for _, c := range members {
		judged := c.judgement.Outcome
		outcome.Verdict = policy.Worst(outcome.Verdict, judged.Verdict)
		for _, finding := range judged.Findings {
			switch {
			case finding.Shadow || finding.Effect != policy.Blocks:
			case finding.Rule == policy.FindingTimeout, finding.Rule == policy.FindingNoPolicy:
				return approval.Outcome{}, fmt.Errorf("%w: the rules could not be asked again: %s", policy.ErrUnavailable, finding.Message)
			case outcome.Reason == "":
				outcome.Reason = finding.Rule + ": " + finding.Message
			}
		}
		asked, err := approval.AskedOf(c.change, judged.Findings, active.routes)
		if err != nil {
			return approval.Outcome{}, fmt.Errorf("%w: it is not clear whom to ask: %w", policy.ErrPrecondition, err)
		}
		outcome.Asked = append(outcome.Asked, asked...)
	}
	return outcome, nil
}

// MaxBulk is how many approvals one bulk review names.
const MaxBulk = 50

// BulkItem is one approval of a bulk review, as the reviewer saw it.
type BulkItem struct {
	ApprovalID         string
	Digest             string
	RequirementVersion int64
	Stage              string
}

// BulkRequest is one word on several approvals of changes, which all want people for the same rules. There are no caps.
type BulkRequest struct {
	Items   []BulkItem
	Kind    approval.Kind
	Reason  string
	Nonce   string
	Channel string
}

// BulkResult is what became of one item.
type BulkResult struct {
	Approval approval.Approval
	Err      error
}

// BulkReview reviews approvals one by one, in order; what is refused of one does not stop the others. The error concerns
// all of them, and then nothing was done. What wants people for different reasons is not agreed to in one breath.
func (s *Server) BulkReview(ctx context.Context, principal policy.Principal, request BulkRequest) ([]BulkResult, error) {
	if err := s.admit(principal, opReview); err != nil {
		return nil, err
	}
	if len(request.Items) == 0 || len(request.Items) > MaxBulk {
		return nil, &FieldError{"items", fmt.Sprintf("there are %d; a bulk review names 1 to %d", len(request.Items), MaxBulk)}
	}
	if request.Kind != approval.Approve && request.Kind != approval.Reject {
		return nil, &FieldError{"kind", "is APPROVE or REJECT; everything else is said of one approval at a time"}
	}
	ids := make([]string, len(request.Items))
	for i, item := range request.Items {
		if slices.Contains(ids[:i], item.ApprovalID) {
			return nil, &FieldError{fmt.Sprintf("items[%d].approval_id", i), "is named twice"}
		}
		ids[i] = item.ApprovalID
	}
	var found map[string]approval.Approval
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Approvals(ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	var rules []string
	for i, id := range ids {
		a, there := found[id]
		if !there { // its own result will say so
			continue
		}
		if a.Grant != nil {
			return nil, &FieldError{fmt.Sprintf("items[%d]", i), id + " is for a grant, which is agreed to on its own"}
		}
		own := rulesOf(&a)
		if rules != nil && !slices.Equal(rules, own) {
			return nil, &FieldError{fmt.Sprintf("items[%d]", i), fmt.Sprintf("%s wants people for %v, and those before it for %v; review what is about the same rules together", id, own, rules)}
		}
		rules = own
	}
	results := make([]BulkResult, len(ids))
	for i, item := range request.Items {
		results[i].Approval, results[i].Err = s.Review(ctx, principal, ReviewRequest{ApprovalID: item.ApprovalID, Digest: item.Digest,
			RequirementVersion: item.RequirementVersion, Stage: item.Stage, Kind: request.Kind, Reason: request.Reason, Nonce: request.Nonce, Channel: request.Channel})
	}
	return results, nil
}

// rulesOf is the rules that an approval wants people for, each once.
func rulesOf(a *approval.Approval) []string {
	rules := make([]string, 0, len(a.Items))
	for _, item := range a.Items { // in the order of rules
		if !slices.Contains(rules, item.Rule) {
			rules = append(rules, item.Rule)
		}
	}
	return rules
}
