package grpcapi

import (
	"context"

	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

func (g *guardrail) Redeem(ctx context.Context, request *bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
	redeemed, err := g.server.Redeem(ctx, principalOf(ctx), RedeemRequest(request))
	if err != nil {
		return nil, err
	}
	return RedeemMessage(redeemed), nil
}

func (g *guardrail) Claim(ctx context.Context, request *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
	claimed, err := g.server.Claim(ctx, principalOf(ctx), request.GetToken(), request.GetClaimId())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ClaimResponse{Permit: PermitMessage(claimed, "")}, nil
}

func (g *guardrail) Report(ctx context.Context, request *bidrailv1.ReportRequest) (*bidrailv1.ReportResponse, error) {
	reported, err := g.server.Report(ctx, principalOf(ctx), request.GetPermitId(), Report(request))
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ReportResponse{Permit: PermitMessage(reported, "")}, nil
}

func (g *guardrail) GetPermit(ctx context.Context, request *bidrailv1.GetPermitRequest) (*bidrailv1.Permit, error) {
	found, err := g.server.GetPermit(ctx, principalOf(ctx), request.GetPermitId())
	if err != nil {
		return nil, err
	}
	return PermitMessage(found, ""), nil
}

func (g *guardrail) ListPermits(ctx context.Context, request *bidrailv1.ListPermitsRequest) (*bidrailv1.ListPermitsResponse, error) {
	permits, next, err := g.server.ListPermits(ctx, principalOf(ctx), permit.State(request.GetState()), pageOf(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListPermitsResponse{NextPageToken: string(next)}
	for _, each := range permits {
		response.Permits = append(response.Permits, PermitMessage(each, ""))
	}
	return response, nil
}

func (g *guardrail) ListKeys(ctx context.Context, _ *bidrailv1.ListKeysRequest) (*bidrailv1.ListKeysResponse, error) {
	public, err := g.server.PublicKeys(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ListKeysResponse{Jwks: string(public)}, nil
}

// RedeemRequest reads what a caller wants the permit of, which must have passed [Validator.Validate].
func RedeemRequest(m *bidrailv1.RedeemRequest) server.RedeemRequest {
	request := server.RedeemRequest{ApprovalID: m.GetApprovalId(), OverrideID: m.GetOverrideId(), Digest: m.GetDigest(), Value: Value(m.GetValue())}
	if len(m.GetChanges()) > 0 {
		request.Changes = Changes(m.GetChanges())
	}
	if observations := m.GetObservations(); len(observations) > 0 {
		request.Observations = make(map[string]server.Observation, len(observations))
		for id, observation := range observations {
			request.Observations[id] = server.Observation{BeforeObservedAt: timeOf(observation.GetBeforeObservedAt()), Facts: factsOf(observation.GetFacts())}
		}
	}
	return request
}

// RedeemMessage writes what was redeemed for the API.
func RedeemMessage(redeemed server.Redemption) *bidrailv1.RedeemResponse {
	message := &bidrailv1.RedeemResponse{Permit: PermitMessage(redeemed.Permit, redeemed.Token)}
	for _, decision := range redeemed.Decisions {
		message.Decisions = append(message.Decisions, DecisionMessage(server.Result{Decision: decision}))
	}
	if redeemed.Approval.ID != "" {
		message.Approval = ApprovalMessage(redeemed.Approval)
	}
	if redeemed.Override.ID != "" {
		message.Override = OverrideMessage(redeemed.Override)
	}
	return message
}

// Report reads what a caller says became of the changes of a permit.
func Report(m *bidrailv1.ReportRequest) permit.Report {
	report := permit.Report{Outcome: permit.State(m.GetOutcome()), ClaimID: m.GetClaimId(), Reference: m.GetReference(), Note: m.GetNote(), ObservedAt: timeOf(m.GetObservedAt())}
	for _, part := range m.GetApplied() {
		report.Applied = append(report.Applied, permit.Part{ChangeID: part.GetChangeId(), Value: Value(part.GetValue())})
	}
	return report
}

// PermitMessage writes a permit for the API. The token is a secret: it goes with the decision to the automation that the
// permit is for, and nowhere else.
func PermitMessage(p permit.Permit, token string) *bidrailv1.Permit {
	message := &bidrailv1.Permit{
		PermitId: p.ID, Token: token, State: bidrailv1.PermitState(p.State), Automation: p.Automation, Audience: p.Audience, Digest: p.Digest,
		AtomicGroupId: p.GroupID, IssuedAt: stampOf(p.IssuedAt), ExpiresAt: stampOf(p.ExpiresAt), Epoch: p.Epoch,
		ClaimedAt: stampOf(p.ClaimedAt), ReportBy: stampOf(p.ReportBy), ChangedAt: stampOf(p.ChangedAt), Reason: p.Reason,
		Reference: p.Report.Reference, Note: p.Report.Note, ObservedAt: stampOf(p.Report.ObservedAt), Redeems: p.Redeems,
	}
	for _, leg := range p.Legs {
		message.Changes = append(message.Changes, &bidrailv1.PermittedChange{
			ChangeId: leg.ChangeID, DecisionId: leg.DecisionID, ChangeDigest: leg.ChangeDigest, Target: targetMessage(leg.Target),
			Kind: bidrailv1.Kind(leg.Kind), After: ValueMessage(leg.After),
		})
	}
	for _, part := range p.Report.Applied {
		message.Applied = append(message.Applied, &bidrailv1.AppliedValue{ChangeId: part.ChangeID, Value: ValueMessage(part.Value)})
	}
	return message
}

// permitOf is the permit as a decision carries it: whole where it is at hand, else by its id.
func permitOf(id string, given *permit.Permit, token string) *bidrailv1.Permit {
	switch {
	case given != nil:
		return PermitMessage(*given, token)
	case id != "":
		return &bidrailv1.Permit{PermitId: id}
	}
	return nil
}
