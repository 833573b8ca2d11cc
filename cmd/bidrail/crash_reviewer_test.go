package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// crashPeople is who reviews in the crash tests. ines answers for the automation, so that nothing she says may count.
var crashPeople = []string{"ana", "ben", "cleo", "fay", "gita", "ines"}

// crashOwner is one of them.
const crashOwner = "ines"

// crashReview is a review as a client has sent it and as it must be on record.
type crashReview struct {
	Reviewer           string `json:"reviewer"`
	Nonce              string `json:"nonce"`
	Kind               string `json:"kind"`
	Cap                int64  `json:"cap,omitempty"` // micros
	Reason             string `json:"reason,omitempty"`
	Digest             string `json:"digest"`
	RequirementVersion int64  `json:"requirement_version"`
	Stage              string `json:"stage"`

	// Resent is when the call was sent that was answered, if one before it was cut off, in microseconds since 1970.
	Resent int64 `json:"resent,omitempty"`
}

// crashReviewer is one of the goroutines of a client. It speaks for all people, one after another.
type crashReviewer struct {
	*crashClient
	name   string
	random *rand.Rand
	nonces int
	said   []saidReview // and acknowledged, for saying it again
}

type saidReview struct {
	reviewer string
	request  *bidrailv1.ReviewRequest
}

func (c *crashClient) review(number int) {
	r := &crashReviewer{
		crashClient: c, name: fmt.Sprintf("p%d-r%d", c.order.Process, number),
		random: rand.New(rand.NewPCG(c.order.Seed, 1<<63|uint64(c.order.Process)<<32|uint64(number))),
	}
	for {
		select {
		case <-c.ending:
			for _, said := range r.said {
				if r.send(said) == nil {
					r.unexpected("review "+said.request.Nonce+" again", errors.New("it was acknowledged and is refused"))
				}
			}
			return
		default:
			r.step()
		}
	}
}

func (r *crashReviewer) step() {
	if r.random.IntN(30) == 0 {
		r.revokeOne()
		return
	}
	who := crashPeople[r.random.IntN(len(crashPeople))]
	// Mostly what they are asked for, sometimes what is none of their business.
	found := r.list(who, &bidrailv1.ListApprovalsRequest{PageSize: 8, State: bidrailv1.ApprovalState_APPROVAL_STATE_PENDING, Mine: r.random.IntN(10) > 0})
	if len(found) == 0 {
		r.rest()
		return
	}
	if len(found) > 1 && r.random.IntN(6) == 0 {
		r.sendBulk(who, found)
		return
	}
	for range min(len(found), 3) {
		r.say(who, takeRandom(r.random, &found))
	}
}

// rest waits until there may be something to do.
func (r *crashReviewer) rest() {
	select {
	case <-r.ending:
	case <-time.After(crashRetry):
	}
}

func (r *crashReviewer) list(who string, request *bidrailv1.ListApprovalsRequest) []*bidrailv1.Approval {
	var response *bidrailv1.ListApprovalsResponse
	_, err := r.call(who+";approver", func(ctx context.Context, to *crashPeer) (err error) {
		response, err = to.approvals.ListApprovals(ctx, request)
		return err
	})
	if err != nil {
		r.unexpected("list of approvals", err)
		return nil
	}
	for _, a := range response.Approvals {
		r.sawApproval(a)
	}
	return response.Approvals
}

// revokeOne takes a yes back, as an operator does.
func (r *crashReviewer) revokeOne() {
	found := r.list("ana", &bidrailv1.ListApprovalsRequest{PageSize: 8, State: bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED, Open: true})
	if len(found) == 0 {
		return
	}
	id := takeRandom(r.random, &found).ApprovalId
	var a *bidrailv1.Approval
	_, err := r.call(asOperator, func(ctx context.Context, to *crashPeer) (err error) {
		a, err = to.approvals.Revoke(ctx, &bidrailv1.RevokeRequest{ApprovalId: id, Reason: "crash test"})
		return err
	})
	switch {
	case err == nil:
		r.sawApproval(a)
	case status.Code(err) != codes.FailedPrecondition: // it was used, or its time is over
		r.unexpected("revocation of "+id, err)
	}
}

// seenAs is a review of what the reviewer sees.
func (r *crashReviewer) seenAs(a *bidrailv1.Approval) *bidrailv1.ReviewRequest {
	r.nonces++
	return &bidrailv1.ReviewRequest{
		ApprovalId: a.ApprovalId, Digest: a.Digest, RequirementVersion: a.RequirementVersion, Stage: a.Stages[a.OpenStage].Name,
		Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Reason: "crash test", Nonce: fmt.Sprintf("%s-%d", r.name, r.nonces),
	}
}

// say says something of an approval, mostly yes.
func (r *crashReviewer) say(who string, a *bidrailv1.Approval) {
	said := saidReview{who, r.seenAs(a)}
	switch r.random.IntN(20) {
	case 0, 1, 2:
		said.request.Cap = r.partWay(a)
	case 3:
		said.request.Kind = bidrailv1.ReviewKind_REVIEW_KIND_REJECT
	case 4:
		said.request.Kind = [...]bidrailv1.ReviewKind{bidrailv1.ReviewKind_REVIEW_KIND_REQUEST_CHANGES, bidrailv1.ReviewKind_REVIEW_KIND_RETRACT}[r.random.IntN(2)]
	case 5:
		said.request.Kind = bidrailv1.ReviewKind_REVIEW_KIND_COMMENT
	case 6: // what they saw is not what is there
		said.request.RequirementVersion++
	case 7, 8: // an impatient program sends it twice at once
		var both sync.WaitGroup
		both.Go(func() { r.send(said) })
		r.send(said)
		both.Wait()
		return
	}
	if a := r.send(said); a == nil {
		return
	}
	r.said = append(r.said, said)
	switch r.random.IntN(10) {
	case 0, 1:
		r.send(r.said[r.random.IntN(len(r.said))]) // to say it again changes nothing
	case 2:
		other := r.seenAs(a)
		other.Nonce, other.Reason = said.request.Nonce, "something else"
		if r.send(saidReview{who, other}) != nil {
			r.unexpected("review "+other.Nonce, errors.New("its nonce stood for another, and it was taken"))
		}
	}
}

// send says something and returns how the approval stands then; nil: it is refused.
func (r *crashReviewer) send(said saidReview) *bidrailv1.Approval {
	var a *bidrailv1.Approval
	var sent time.Time
	cut, err := r.call(said.reviewer+";approver", func(ctx context.Context, to *crashPeer) (err error) {
		sent = time.Now()
		a, err = to.approvals.Review(ctx, said.request)
		return err
	})
	if !cut {
		sent = time.Time{}
	}
	switch code := status.Code(err); {
	case err == nil:
		r.reviewed(crashReviewed, said, sent, "")
		r.sawApproval(a)
		return a
	case code == codes.FailedPrecondition || code == codes.AlreadyExists:
		r.reviewed(crashReviewRefused, said, sent, status.Convert(err).Message())
	default:
		r.unexpected("review "+said.request.Nonce, err)
	}
	return nil
}

// reviewed writes down what became of a review.
func (r *crashReviewer) reviewed(event string, said saidReview, resent time.Time, problem string) {
	m := said.request
	review := &crashReview{Reviewer: said.reviewer, Nonce: m.Nonce, Kind: m.Kind.String(), Cap: m.Cap.GetMoney().GetMicros(), Reason: m.Reason,
		Digest: m.Digest, RequirementVersion: m.RequirementVersion, Stage: m.Stage}
	if !resent.IsZero() {
		review.Resent = resent.UnixMicro()
	}
	r.write(crashEntry{Event: event, Approval: m.ApprovalId, Review: review, Problem: problem})
}

// sendBulk says yes to all approvals that are about what the first is about.
func (r *crashReviewer) sendBulk(who string, found []*bidrailv1.Approval) {
	request := &bidrailv1.BulkReviewRequest{Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Reason: "crash test"}
	var said []saidReview
	for _, a := range found {
		if rulesOf(a) != rulesOf(found[0]) {
			continue
		}
		one := r.seenAs(a)
		if request.Nonce == "" {
			request.Nonce = one.Nonce
		}
		one.Nonce = request.Nonce
		said = append(said, saidReview{who, one})
		request.Items = append(request.Items, &bidrailv1.BulkReviewItem{ApprovalId: one.ApprovalId, Digest: one.Digest, RequirementVersion: one.RequirementVersion, Stage: one.Stage})
	}
	var response *bidrailv1.BulkReviewResponse
	var sent time.Time
	cut, err := r.call(who+";approver", func(ctx context.Context, to *crashPeer) (err error) {
		sent = time.Now()
		if response, err = to.approvals.BulkReview(ctx, request); err != nil {
			return err
		}
		for _, result := range response.Results {
			if result.GetProblem().GetReason() == "RECORD_UNAVAILABLE" { // nobody knows of this one
				return status.Error(codes.Unavailable, result.GetProblem().GetMessage())
			}
		}
		return nil
	})
	if !cut {
		sent = time.Time{}
	}
	switch {
	case status.Code(err) == codes.InvalidArgument: // rules have asked for more of one of them meanwhile
		for _, one := range said { // which a call that was cut off may have reached
			r.send(one)
		}
		return
	case err != nil || len(response.Results) != len(said):
		r.unexpected("bulk "+request.Nonce, err)
		return
	}
	for i, result := range response.Results {
		if problem := result.GetProblem(); problem != nil {
			r.reviewed(crashReviewRefused, said[i], sent, problem.Message)
			continue
		}
		r.reviewed(crashReviewed, said[i], sent, "")
		r.sawApproval(result.GetApproval())
		r.said = append(r.said, said[i])
	}
}

// rulesOf is the rules that an approval wants people for.
func rulesOf(a *bidrailv1.Approval) string {
	var rules []string
	for _, item := range a.Items {
		rules = append(rules, item.Rule)
	}
	return fmt.Sprint(rules)
}
