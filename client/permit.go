package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// tell reports in spite of a context that has ended; the attempts are bounded by themselves.
func (c *Client) tell(ctx context.Context, permit *bidrailv1.Permit, claimID string, outcome Outcome) error {
	outcome.ClaimID = claimID
	if _, err := c.Report(context.WithoutCancel(ctx), permit.GetPermitId(), outcome); err != nil {
		return fmt.Errorf("%w: permit %s, %s: %w", ErrNotReported, permit.GetPermitId(), nameOf(outcome.State), err)
	}
	return nil
}

// permitOf is the one permit that all decisions came with, when it is for their changes and no others.
func permitOf(decisions Decisions) (*bidrailv1.Permit, error) {
	if !decisions.Allowed() {
		return nil, fmt.Errorf("%w: apply the decisions of one Check, when all are allowed", ErrNotAllowed)
	}
	permit := decisions[0].Permit()
	if permit == nil {
		return nil, fmt.Errorf("%w: %q was allowed without a permit", ErrBadAnswer, decisions[0].GetChangeId())
	}
	for _, decision := range decisions {
		if decision.Permit().GetPermitId() != permit.GetPermitId() {
			return nil, fmt.Errorf("%q and %q have permits of their own: apply each alone", decisions[0].GetChangeId(), decision.GetChangeId())
		}
		if !slices.ContainsFunc(permit.GetChanges(), func(permitted *bidrailv1.PermittedChange) bool {
			return permitted.GetChangeId() == decision.GetChangeId() && permitted.GetChangeDigest() == decision.GetChangeDigest()
		}) {
			return nil, fmt.Errorf("%w: permit %s, which came with the decision on %q, is not for that change", ErrBadAnswer, permit.GetPermitId(), decision.GetChangeId())
		}
	}
	for _, permitted := range permit.GetChanges() {
		if !slices.ContainsFunc(decisions, func(decision Decision) bool { return decision.GetChangeId() == permitted.GetChangeId() }) {
			return nil, fmt.Errorf("permit %s is for %q as well: apply all legs of the group at once", permit.GetPermitId(), permitted.GetChangeId())
		}
	}
	return permit, nil
}

// nameOf writes a state as people do.
func nameOf(state bidrailv1.PermitState) string {
	return strings.TrimPrefix(state.String(), "PERMIT_STATE_")
}

// note is as much of an error's text as a report takes.
func note(failure error) string {
	text := strings.ToValidUTF8(failure.Error(), "\uFFFD")
	if len(text) > maxNote {
		text = strings.ToValidUTF8(text[:maxNote], "")
	}
	return text
}

// maxNote is how long, in bytes, a note can be.
const maxNote = 1024

func outcomeOf(failure error) Outcome {
	switch partial, isPartial := errors.AsType[*PartialError](failure); {
	case failure == nil:
		return Outcome{State: bidrailv1.PermitState_PERMIT_STATE_APPLIED}
	case isPartial:
		return Outcome{State: bidrailv1.PermitState_PERMIT_STATE_PARTIAL, Applied: partial.Applied, Note: note(failure)}
	case errors.Is(failure, ErrNotMade):
		return Outcome{State: bidrailv1.PermitState_PERMIT_STATE_FAILED, Note: note(failure)}
	default:
		return Outcome{State: bidrailv1.PermitState_PERMIT_STATE_UNKNOWN, Note: note(failure)}
	}
}

// Claim uses a permit up, right before the change is made. Only without an error may it be made, by the caller, once.
//
// The claim id is the caller's, one for each attempt to make the change; a random one will do. A claim that gets no answer is repeated
// with it. [ErrUnusable] says that the permit was claimed before, has expired, or was withdrawn. A claim that is never answered may have
// been taken: as the change was not made, [Client.Report] FAILED with its claim id settles it either way.
func (c *Client) Claim(ctx context.Context, permit *bidrailv1.Permit, claimID string) (*bidrailv1.Permit, error) {
	if permit.GetToken() == "" {
		return nil, fmt.Errorf("claim permit %q: %w: it came without its token, and is %s; if it was claimed, find out what became of the change, and report that",
			permit.GetPermitId(), ErrUnusable, nameOf(permit.GetState()))
	}
	response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.ClaimResponse, error) {
		return c.service.Claim(ctx, &bidrailv1.ClaimRequest{Token: permit.GetToken(), ClaimId: claimID})
	})
	claimed := response.GetPermit()
	switch {
	case status.Code(err) == codes.FailedPrecondition:
		return nil, fmt.Errorf("claim permit %s: %w: %w", permit.GetPermitId(), ErrUnusable, err)
	case err != nil:
		return nil, fmt.Errorf("claim permit %s: %w", permit.GetPermitId(), err)
	case claimed.GetPermitId() != permit.GetPermitId() || claimed.GetState() != bidrailv1.PermitState_PERMIT_STATE_CLAIMED:
		return nil, fmt.Errorf("claim permit %s: %w: permit %q is %s", permit.GetPermitId(), ErrBadAnswer, claimed.GetPermitId(), nameOf(claimed.GetState()))
	}
	return claimed, nil
}

// Outcome is what became of the changes of a permit.
type Outcome struct {
	State      bidrailv1.PermitState     // APPLIED, PARTIAL, FAILED or UNKNOWN
	ClaimID    string                    // with it, a permit that was claimed under another one stays as it is
	Applied    []*bidrailv1.AppliedValue // with PARTIAL, and see [Made]: the fields that have another value now
	Reference  string                    // whatever helps to find the change on the platform, such as its id there
	Note       string                    // for people
	ObservedAt time.Time                 // when it was seen; zero: now
}

// Made is what the field of one change has now, for an [Outcome] or a [PartialError].
func Made(changeID string, value *bidrailv1.Value) *bidrailv1.AppliedValue {
	return &bidrailv1.AppliedValue{ChangeId: changeID, Value: value}
}

// Report says what became of the changes of a permit, which settles what was held for them. To report the same again is no error; to
// report something else of what is settled is an [ErrUnusable].
func (c *Client) Report(ctx context.Context, permitID string, outcome Outcome) (*bidrailv1.Permit, error) {
	request := &bidrailv1.ReportRequest{PermitId: permitID, Outcome: outcome.State, ClaimId: outcome.ClaimID, Applied: outcome.Applied, Reference: outcome.Reference, Note: outcome.Note}
	if !outcome.ObservedAt.IsZero() {
		request.ObservedAt = timestamppb.New(outcome.ObservedAt)
	}
	response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.ReportResponse, error) {
		return c.service.Report(ctx, request)
	})
	permit := response.GetPermit()
	switch {
	case status.Code(err) == codes.FailedPrecondition:
		return nil, fmt.Errorf("report on permit %s: %w: %w", permitID, ErrUnusable, err)
	case err != nil:
		return nil, fmt.Errorf("report on permit %s: %w", permitID, err)
	case permit.GetPermitId() != permitID || permit.GetState() != outcome.State:
		return nil, fmt.Errorf("report on permit %s: %w: permit %q is %s", permitID, ErrBadAnswer, permit.GetPermitId(), nameOf(permit.GetState()))
	}
	return permit, nil
}

// GiveBack says that the changes of a permit will not be made, so that what is held for them is free again before the permit expires.
// A permit that somebody has claimed stays theirs, which is an [ErrUnusable].
func (c *Client) GiveBack(ctx context.Context, permit *bidrailv1.Permit) error {
	// Under a claim id that nobody has claimed with.
	_, err := c.Report(ctx, permit.GetPermitId(), Outcome{State: bidrailv1.PermitState_PERMIT_STATE_FAILED, ClaimID: rand.Text(), Note: "given back without use"})
	return err
}

// PartialError is how the function of [Client.Apply] says that a part of the changes was made.
type PartialError struct {
	Applied []*bidrailv1.AppliedValue // the fields that have another value now, and see [Made]; a change that is not there was not made
	Err     error                     // why it is no more
}

func (e *PartialError) Error() string { return fmt.Sprintf("a part was made: %v", e.Err) }

// Unwrap returns why it is no more.
func (e *PartialError) Unwrap() error { return e.Err }

// The errors around permits. The first two say that nothing was changed by this call; the function of [Client.Apply] wraps the third
// when it knows that; the last comes after the function was run.
var (
	// ErrNotAllowed is returned when a change is to be made that is not allowed.
	ErrNotAllowed = errors.New("not allowed")
	// ErrUnusable is returned when a permit cannot be used for what is asked: it was used before, has expired, or a mode was switched.
	// A change that is still wanted needs a new key and a new decision.
	ErrUnusable = errors.New("the permit cannot be used")
	// ErrNotMade is for the function of [Client.Apply] to wrap when it is certain that the platform has changed nothing.
	ErrNotMade = errors.New("the change was not made")
	// ErrNotReported is returned when the function was run and what became of the changes could not be reported. What is held for
	// them stays held, and the permit will count as UNKNOWN, until [Client.Report] says it.
	ErrNotReported = errors.New("what became of the change could not be reported, so what is held for it stays held")
)
