package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// ErrNotApproved is returned when people have not agreed and will not: they said no, too few of them answered in time, or what they
// agreed to has ended in another way. The error is an [*ApprovalError] as well, which says which.
var ErrNotApproved = errors.New("not approved")

// ErrCapped is returned when people have agreed to a part of what was asked for, and the function that makes the change does not
// know that. Make it with [Client.ApplyPermitted], or propose the smaller change.
var ErrCapped = errors.New("approved in part only")

// ApprovalError is an [ErrNotApproved] with what has become of the approval.
type ApprovalError struct{ *bidrailv1.Approval }

func (e *ApprovalError) Error() string {
	text := fmt.Sprintf("approval %s is %s", e.GetApprovalId(), stateOf(e.Approval))
	if e.GetReason() != "" {
		text += ": " + e.GetReason()
	}
	return text
}

// Unwrap makes it an ErrNotApproved.
func (e *ApprovalError) Unwrap() error { return ErrNotApproved }

func stateOf(approval *bidrailv1.Approval) string {
	return strings.TrimPrefix(approval.GetState().String(), "APPROVAL_STATE_")
}

// ApprovalID is what waits for people, with [Decision.NeedsApproval]; the legs of a group share one. "": nothing does.
func (d Decision) ApprovalID() string { return d.GetApprovalId() }

// pollFor is how long one question whether people have answered stays open.
const pollFor = 25 * time.Second

// Wait waits until people have agreed to the change of a decision, or to its group, and returns what they have agreed to: all of it, or
// a part, of which Approval.cap is how far. It is nothing to act upon yet: [Client.Redeem] it, soon, since it lapses.
//
// [ErrNotApproved] says that they will not agree. ctx bounds the waiting; until it ends, a service that does not answer is asked again.
func (c *Client) Wait(ctx context.Context, decision Decision) (*bidrailv1.Approval, error) {
	id := decision.ApprovalID()
	if !decision.NeedsApproval() || id == "" {
		return nil, fmt.Errorf("wait for people: %w: nobody is asked about %q", ErrNotAllowed, decision.GetChangeId())
	}
	polling := c.retry
	polling.timeout += pollFor
	for known := int64(0); ; {
		response, err := call(ctx, polling, func(ctx context.Context) (*bidrailv1.WaitApprovalResponse, error) {
			return c.approvals.WaitApproval(ctx, &bidrailv1.WaitApprovalRequest{ApprovalId: id, LastVersion: known, Timeout: durationpb.New(pollFor)})
		})
		approval := response.GetApproval()
		switch {
		case errors.Is(err, ErrNoAnswer) && ctx.Err() == nil: // people take longer than a service takes to start again
			if err := pause(ctx, longestPause); err != nil {
				return nil, fmt.Errorf("wait for approval %s: %w: %w", id, ErrNoAnswer, err)
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("wait for approval %s: %w", id, err)
		case approval.GetApprovalId() != id || approval.GetVersion() < 1:
			return nil, fmt.Errorf("wait for approval %s: %w: version %d of approval %q", id, ErrBadAnswer, approval.GetVersion(), approval.GetApprovalId())
		}
		switch approval.GetState() {
		case bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
			known = approval.GetVersion()
		case bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED, bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED:
			return approval, nil
		default: // a state that this version does not know is no yes either
			return nil, &ApprovalError{approval}
		}
	}
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-time.After(length):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Terms are how to redeem. The zero Terms are as far as people have agreed, with what was known when the change was proposed.
type Terms struct {
	// Value is how far to go, where people have agreed to a part: a value on the way to theirs. Nil: as far as they have.
	Value *bidrailv1.Value
	// Observations are readings that are newer than the proposal's, by change_id. People take time, and rules do not let a change
	// through whose facts are too old.
	Observations map[string]*bidrailv1.Observation
}

// Redeem turns what people have agreed to into a permit. The decisions are those of one [Client.Check], for which people were asked;
// what it returns is decisions on the same changes that allow them, with their permit, to be used with [Client.ApplyPermitted] or
// [Client.Claim]. The rules are asked again first.
//
// Make what the permit says: its changes have the values that people have agreed to, which may be less than was asked for. Redeemed
// again while its permit can be claimed, it is the same permit.
//
// [ErrNotApproved] says that people have not agreed, or not to this, or that the rules say by now what none of them has seen:
// [Client.Wait] tells whether they are asked again.
func (c *Client) Redeem(ctx context.Context, decisions Decisions, terms Terms) (Decisions, error) {
	id, digest, err := agreedTo(decisions)
	if err != nil {
		return nil, err
	}
	response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.RedeemResponse, error) {
		return c.service.Redeem(ctx, &bidrailv1.RedeemRequest{ApprovalId: id, Digest: digest, Value: terms.Value, Observations: terms.Observations})
	})
	switch {
	case status.Code(err) == codes.FailedPrecondition:
		return nil, fmt.Errorf("redeem approval %s: %w: %w", id, ErrNotApproved, err)
	case err != nil:
		return nil, fmt.Errorf("redeem approval %s: %w", id, err)
	}
	redeemed, err := c.redeemed(ctx, decisions, response)
	if err != nil {
		return nil, fmt.Errorf("redeem approval %s: %w", id, err)
	}
	return redeemed, nil
}

// agreedTo is the approval that decisions wait for, and what exactly it has to be for.
func agreedTo(decisions Decisions) (id, digest string, err error) {
	if len(decisions) == 0 {
		return "", "", fmt.Errorf("%w: redeem the decisions of one Check", ErrNotAllowed)
	}
	first := decisions[0]
	for _, decision := range decisions {
		if !decision.NeedsApproval() || decision.ApprovalID() == "" || decision.ApprovalID() != first.ApprovalID() {
			return "", "", fmt.Errorf("%w: redeem the decisions of one Check, for which people were asked; %q is not one of them", ErrNotAllowed, decision.GetChangeId())
		}
	}
	if digest = first.GetGroupDigest(); digest == "" {
		digest = first.GetChangeDigest()
	}
	return first.ApprovalID(), digest, nil
}

// redeemed is the decisions of a redemption, in the order of those that asked for people.
func (c *Client) redeemed(ctx context.Context, asked Decisions, response *bidrailv1.RedeemResponse) (Decisions, error) {
	permit := response.GetPermit()
	allowed := make(Decisions, len(asked))
	for i, decision := range asked {
		for _, change := range permit.GetChanges() {
			if change.GetChangeId() != decision.GetChangeId() {
				continue
			}
			message, err := c.decisionOf(ctx, change, response)
			if err != nil {
				return nil, err
			}
			allowed[i] = Decision{message}
			allowed[i].Decision.Permit = permit
		}
		if allowed[i].Decision == nil {
			return nil, fmt.Errorf("%w: permit %q is not for %q", ErrBadAnswer, permit.GetPermitId(), decision.GetChangeId())
		}
	}
	if _, err := permitOf(allowed); err != nil {
		return nil, err
	}
	return allowed, nil
}

// decisionOf finds the decision behind one change of a permit. When the permit was out already, the answer does not have it.
func (c *Client) decisionOf(ctx context.Context, change *bidrailv1.PermittedChange, response *bidrailv1.RedeemResponse) (*bidrailv1.Decision, error) {
	for _, decision := range response.GetDecisions() {
		if decision.GetDecisionId() == change.GetDecisionId() {
			return decision, nil
		}
	}
	return call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.Decision, error) {
		return c.service.GetDecision(ctx, &bidrailv1.GetDecisionRequest{DecisionId: change.GetDecisionId()})
	})
}

// askedAgain reports whether a redemption was refused because the rules say what no reviewer has seen.
func askedAgain(err error) bool {
	described, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return false
	}
	for _, detail := range described.GRPCStatus().Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == "NOT_COVERED" {
			return true
		}
	}
	return false
}
