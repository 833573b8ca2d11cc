package grpcapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

// approvals serves ApprovalService.
type approvals struct {
	bidrailv1.UnimplementedApprovalServiceServer
	server    *server.Server
	validator *Validator
	closing   <-chan struct{} // closed when the door is about to be
}

func approvalOrError(a approval.Approval, err error) (*bidrailv1.Approval, error) {
	if err != nil {
		return nil, err
	}
	return ApprovalMessage(a), nil
}

func (a *approvals) ListApprovals(ctx context.Context, request *bidrailv1.ListApprovalsRequest) (*bidrailv1.ListApprovalsResponse, error) {
	listed, next, err := a.server.ListApprovals(ctx, principalOf(ctx), ApprovalFilter(request), pageOf(request))
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ListApprovalsResponse{Approvals: approvalMessages(listed), NextPageToken: string(next)}, nil
}

// ApprovalFilter reads which approvals to list.
func ApprovalFilter(m *bidrailv1.ListApprovalsRequest) server.ApprovalFilter {
	return server.ApprovalFilter{Mine: m.GetMine(), ApprovalFilter: store.ApprovalFilter{
		State: approval.State(m.GetState()), Open: m.GetOpen(), Automation: m.GetAutomation(), Platform: m.GetPlatform(), Account: m.GetAccount(),
		Rule: m.GetRule(), Asks: m.GetGroups(), Since: timeOf(m.GetSince()), Until: timeOf(m.GetUntil()),
	}}
}

func (a *approvals) GetApproval(ctx context.Context, request *bidrailv1.GetApprovalRequest) (*bidrailv1.ApprovalPage, error) {
	page, err := a.server.GetApproval(ctx, principalOf(ctx), request.GetApprovalId())
	if err != nil {
		return nil, err
	}
	return ApprovalPageMessage(page), nil
}

func (a *approvals) Withdraw(ctx context.Context, request *bidrailv1.WithdrawRequest) (*bidrailv1.Approval, error) {
	return approvalOrError(a.server.WithdrawApproval(ctx, principalOf(ctx), request.GetApprovalId(), request.GetReason()))
}

func (a *approvals) Revoke(ctx context.Context, request *bidrailv1.RevokeRequest) (*bidrailv1.Approval, error) {
	return approvalOrError(a.server.RevokeApproval(ctx, principalOf(ctx), request.GetApprovalId(), request.GetReason()))
}

// ApprovalMessage writes an approval for the API.
func ApprovalMessage(a approval.Approval) *bidrailv1.Approval {
	message := &bidrailv1.Approval{
		ApprovalId: a.ID, State: bidrailv1.ApprovalState(a.State), Version: a.Version, RequirementVersion: a.RequirementVersion, Digest: a.Digest,
		Automation: a.Automation, OnBehalfOf: a.OnBehalfOf, Owners: a.Owners, Run: a.Run, AtomicGroupId: a.GroupID,
		CreatedAt: stampOf(a.CreatedAt), Waits: waitOf(a.Waits), Lives: waitOf(a.Lives),
		OpenStage: int32(a.Stage), OpenSince: stampOf(a.StageSince), OpenTiers: int32(a.Tier), Deadline: stampOf(a.Deadline), DueAt: stampOf(a.Due()),
		ChangedAt: stampOf(a.ChangedAt), ChangedBy: a.ChangedBy, Reason: a.Reason, Cap: ValueMessage(a.Cap), ApprovedAt: stampOf(a.ApprovedAt),
		ExpiresAt: stampOf(a.ExpiresAt), PermitId: a.PermitID, PermitUntil: stampOf(a.PermitUntil), ClaimedAt: stampOf(a.ClaimedAt),
		SupersededBy: a.SupersededBy, CappedChangeId: a.Capped(),
	}
	if a.Grant != nil {
		message.Grant = GrantMessage(*a.Grant)
	}
	for _, leg := range a.Legs {
		message.Changes = append(message.Changes, &bidrailv1.ApprovalChange{
			DecisionId: leg.DecisionID, ChangeId: leg.ChangeID, ChangeDigest: leg.ChangeDigest, Kind: bidrailv1.Kind(leg.Kind),
			Target: targetMessage(leg.Target), Before: ValueMessage(leg.Before), After: ValueMessage(leg.After), Direction: leg.Direction.String(),
		})
	}
	for _, item := range a.Items {
		message.Items = append(message.Items, &bidrailv1.ApprovalItem{
			Rule: item.Rule, Field: scopeText(item.Field), Severity: item.Severity, Magnitude: ValueMessage(item.Magnitude),
			Message: item.Message, ChangeId: item.ChangeID,
		})
	}
	for _, stage := range a.Requirement {
		message.Stages = append(message.Stages, StageMessage(stage))
	}
	for _, met := range a.Met {
		message.Met = append(message.Met, MetStageMessage(met))
	}
	return message
}

func approvalMessages(all []approval.Approval) []*bidrailv1.Approval {
	var messages []*bidrailv1.Approval
	for _, each := range all {
		messages = append(messages, ApprovalMessage(each))
	}
	return messages
}

// scopeText is "" for no scope.
func scopeText(scope ledger.Scope) string {
	if scope == (ledger.Scope{}) {
		return ""
	}
	return scope.String()
}

// ApprovalPageMessage writes an approval with all that it takes to decide on it for the API.
func ApprovalPageMessage(page server.ApprovalPage) *bidrailv1.ApprovalPage {
	message := &bidrailv1.ApprovalPage{
		Approval: ApprovalMessage(page.Approval), Now: timestamppb.New(page.Now), Others: approvalMessages(page.Others),
		Place: &bidrailv1.Place{Approve: page.Place.Approve, Reject: page.Place.Reject, Why: page.Place.Why, InPlaceOf: page.Place.For},
	}
	for _, review := range page.Reviews {
		message.Reviews = append(message.Reviews, ReviewMessage(review))
	}
	for _, leg := range page.Legs {
		each := &bidrailv1.ApprovalLeg{Change: ChangeMessage(leg.Change), PerDay: ValueMessage(leg.PerDay)}
		if leg.Decision != nil {
			each.Decision = DecisionMessage(server.Result{Decision: leg.Decision})
		}
		for _, decision := range leg.History {
			each.History = append(each.History, DecisionMessage(server.Result{Decision: decision}))
		}
		message.Legs = append(message.Legs, each)
	}
	for _, exposure := range page.Exposure {
		message.Exposure = append(message.Exposure, &bidrailv1.Exposure{
			Scope: exposure.Scope.String(), Currency: exposure.Currency, Raised: exposure.Raised, Lowered: exposure.Lowered, Asked: exposure.Asked,
			Waiting: exposure.Waiting, More: exposure.More, Problem: exposure.Problem,
		})
	}
	if page.Permit.ID != "" {
		message.Permit = PermitMessage(page.Permit, "")
	}
	return message
}

// A wait that the caller leaves open, and how much of the caller's own time is left for the answer.
const (
	defaultWait = 20 * time.Second
	answerTime  = time.Second
)

func (a *approvals) WaitApproval(ctx context.Context, request *bidrailv1.WaitApprovalRequest) (*bidrailv1.WaitApprovalResponse, error) {
	deadline, bounded := ctx.Deadline()
	wait := waitFor(request.GetTimeout(), deadline, bounded, time.Now())
	waiting, stop := until(ctx, a.closing)
	defer stop()
	found, timedOut, err := a.server.WaitApproval(waiting, principalOf(ctx), request.GetApprovalId(), request.GetLastVersion(), wait)
	if err != nil {
		return nil, closedOr(ctx, a.closing, err)
	}
	return &bidrailv1.WaitApprovalResponse{Approval: ApprovalMessage(found), TimedOut: timedOut}, nil
}

// waitFor is how long to wait, so that who gives the call less time hears that nothing has happened, and not an error.
func waitFor(asked *durationpb.Duration, deadline time.Time, bounded bool, now time.Time) time.Duration {
	wait := defaultWait
	if asked != nil {
		wait = asked.AsDuration()
	}
	if bounded {
		wait = min(wait, deadline.Sub(now)-answerTime)
	}
	return max(min(wait, server.MaxWait), 0)
}
