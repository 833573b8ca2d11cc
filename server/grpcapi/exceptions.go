package grpcapi

import (
	"context"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

// exceptions serves ExceptionService.
type exceptions struct {
	bidrailv1.UnimplementedExceptionServiceServer
	server *server.Server
}

// written writes what was found, unless it was not.
func written[Noun, Message any](noun Noun, err error, write func(Noun) *Message) (*Message, error) {
	if err != nil {
		return nil, err
	}
	return write(noun), nil
}

// pageRequest is a request for one page of a list.
type pageRequest interface {
	GetPageSize() int32
	GetPageToken() string
}

func pageOf(request pageRequest) store.Page {
	return store.Page{Limit: int(request.GetPageSize()), After: store.Cursor(request.GetPageToken())}
}

func (e *exceptions) ListSuppressions(ctx context.Context, request *bidrailv1.ListSuppressionsRequest) (*bidrailv1.ListSuppressionsResponse, error) {
	listed, next, err := e.server.ListSuppressions(ctx, principalOf(ctx), request.GetAll(), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListSuppressionsResponse{NextPageToken: string(next)}
	for _, each := range listed {
		response.Suppressions = append(response.Suppressions, SuppressionMessage(each))
	}
	return response, nil
}

func (e *exceptions) ClearSuppression(ctx context.Context, request *bidrailv1.ClearSuppressionRequest) (*bidrailv1.Suppression, error) {
	cleared, err := e.server.ClearSuppression(ctx, principalOf(ctx), request.GetSuppressionId(), request.GetReason())
	return written(cleared, err, SuppressionMessage)
}

func (e *exceptions) ProposeGrant(ctx context.Context, request *bidrailv1.ProposeGrantRequest) (*bidrailv1.Approval, error) {
	grant, err := Grant(request)
	if err != nil {
		return nil, err
	}
	return approvalOrError(e.server.ProposeGrant(ctx, principalOf(ctx), grant))
}

func (e *exceptions) ListGrants(ctx context.Context, request *bidrailv1.ListGrantsRequest) (*bidrailv1.ListGrantsResponse, error) {
	listed, next, err := e.server.ListGrants(ctx, principalOf(ctx), request.GetAll(), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListGrantsResponse{NextPageToken: string(next)}
	for _, each := range listed {
		response.Grants = append(response.Grants, GrantMessage(each))
	}
	return response, nil
}

func (e *exceptions) RevokeGrant(ctx context.Context, request *bidrailv1.RevokeGrantRequest) (*bidrailv1.Grant, error) {
	revoked, err := e.server.RevokeGrant(ctx, principalOf(ctx), request.GetGrantId())
	return written(revoked, err, GrantMessage)
}

func (e *exceptions) CreateOverride(ctx context.Context, request *bidrailv1.CreateOverrideRequest) (*bidrailv1.Override, error) {
	created, err := e.server.CreateOverride(ctx, principalOf(ctx), OverrideRequest(request))
	return written(created, err, OverrideMessage)
}

func (e *exceptions) ListOverrides(ctx context.Context, request *bidrailv1.ListOverridesRequest) (*bidrailv1.ListOverridesResponse, error) {
	listed, next, err := e.server.ListOverrides(ctx, principalOf(ctx), request.GetAll(), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListOverridesResponse{NextPageToken: string(next)}
	for _, each := range listed {
		response.Overrides = append(response.Overrides, OverrideMessage(each))
	}
	return response, nil
}

func (e *exceptions) ReviewOverride(ctx context.Context, request *bidrailv1.ReviewOverrideRequest) (*bidrailv1.Override, error) {
	reviewed, err := e.server.ReviewOverride(ctx, principalOf(ctx), request.GetOverrideId(), request.GetJustified(), request.GetFinding())
	return written(reviewed, err, OverrideMessage)
}

func (e *exceptions) CreateDelegation(ctx context.Context, request *bidrailv1.CreateDelegationRequest) (*bidrailv1.Delegation, error) {
	created, err := e.server.CreateDelegation(ctx, principalOf(ctx), Delegation(request))
	return written(created, err, DelegationMessage)
}

func (e *exceptions) ListDelegations(ctx context.Context, request *bidrailv1.ListDelegationsRequest) (*bidrailv1.ListDelegationsResponse, error) {
	listed, next, err := e.server.ListDelegations(ctx, principalOf(ctx), request.GetAll(), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListDelegationsResponse{NextPageToken: string(next)}
	for _, each := range listed {
		response.Delegations = append(response.Delegations, DelegationMessage(each))
	}
	return response, nil
}

func (e *exceptions) EndDelegation(ctx context.Context, request *bidrailv1.EndDelegationRequest) (*bidrailv1.Delegation, error) {
	ended, err := e.server.EndDelegation(ctx, principalOf(ctx), request.GetDelegationId())
	return written(ended, err, DelegationMessage)
}

// SuppressionMessage writes a suppression for the API.
func SuppressionMessage(s approval.Suppression) *bidrailv1.Suppression {
	return &bidrailv1.Suppression{
		SuppressionId: s.ID, ApprovalId: s.ApprovalID, Automation: s.Automation, Target: targetMessage(s.Target), Kind: bidrailv1.Kind(s.Kind),
		Direction: s.Direction.String(), Before: ValueMessage(s.Before), After: ValueMessage(s.After), Reason: s.Reason, At: stampOf(s.At),
		Until: stampOf(s.Until), Version: s.Version, ClearedAt: stampOf(s.ClearedAt), ClearedBy: s.ClearedBy, ClearedFor: s.ClearedFor,
	}
}

// Grant reads what a caller asks to be granted. A scope that cannot be read is a policy.ErrInvalid.
func Grant(m *bidrailv1.ProposeGrantRequest) (approval.Grant, error) {
	scope, err := scopeOf(m.GetScope())
	if err != nil {
		return approval.Grant{}, err
	}
	return approval.Grant{
		Automation: m.GetAutomation(), Scope: scope, Kind: kindOf(m.GetKind()), Rules: m.GetRules(), PerChange: Value(m.GetPerChange()),
		Together: Value(m.GetTogether()), MaxUses: m.GetMaxUses(), Reason: m.GetReason(), Starts: timeOf(m.GetStarts()), Ends: timeOf(m.GetEnds()),
	}, nil
}

// GrantMessage writes a grant for the API.
func GrantMessage(g approval.Grant) *bidrailv1.Grant {
	return &bidrailv1.Grant{
		GrantId: g.ID, ApprovalId: g.ApprovalID, Automation: g.Automation, Scope: scopeText(g.Scope), Kind: bidrailv1.Kind(g.Kind), Rules: g.Rules,
		PerChange: ValueMessage(g.PerChange), Together: ValueMessage(g.Together), MaxUses: g.MaxUses, Reason: g.Reason, Starts: stampOf(g.Starts),
		Ends: stampOf(g.Ends), Version: g.Version, Uses: g.Uses, Used: g.Used, RevokedAt: stampOf(g.RevokedAt), RevokedBy: g.RevokedBy,
	}
}

// OverrideRequest reads which blocked change a caller wants to let through.
func OverrideRequest(m *bidrailv1.CreateOverrideRequest) server.OverrideRequest {
	return server.OverrideRequest{DecisionID: m.GetDecisionId(), Digest: m.GetDigest(), Reason: m.GetReason(), Ticket: m.GetTicket(), Life: m.GetLife().AsDuration()}
}

// OverrideMessage writes an override for the API.
func OverrideMessage(o approval.Override) *bidrailv1.Override {
	return &bidrailv1.Override{
		OverrideId: o.ID, Automation: o.Automation, ChangeId: o.ChangeID, Digest: o.Digest, Role: string(o.Role), Actor: o.Actor, Reason: o.Reason,
		Ticket: o.Ticket, At: stampOf(o.At), ExpiresAt: stampOf(o.ExpiresAt), ReviewDue: stampOf(o.ReviewDue), Version: o.Version,
		UsedAt: stampOf(o.UsedAt), ReviewedAt: stampOf(o.ReviewedAt), ReviewedBy: o.ReviewedBy, Justified: o.Justified, Finding: o.Finding, PermitId: o.PermitID,
	}
}

// Delegation reads what a caller lends.
func Delegation(m *bidrailv1.CreateDelegationRequest) approval.Delegation {
	return approval.Delegation{To: m.GetTo(), Groups: m.GetGroups(), Reason: m.GetReason(), Starts: timeOf(m.GetStarts()), Ends: timeOf(m.GetEnds())}
}

// DelegationMessage writes a delegation for the API.
func DelegationMessage(d approval.Delegation) *bidrailv1.Delegation {
	return &bidrailv1.Delegation{
		DelegationId: d.ID, From: d.From, To: d.To, Groups: d.Groups, Reason: d.Reason, Starts: stampOf(d.Starts), Ends: stampOf(d.Ends),
		CreatedAt: stampOf(d.CreatedAt), CreatedBy: d.CreatedBy, Version: d.Version, EndedAt: stampOf(d.EndedAt), EndedBy: d.EndedBy,
	}
}
