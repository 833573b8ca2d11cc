package grpcapi

import (
	"cmp"
	"context"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

func (a *approvals) Review(ctx context.Context, request *bidrailv1.ReviewRequest) (*bidrailv1.Approval, error) {
	return approvalOrError(a.server.Review(ctx, principalOf(ctx), ReviewRequest(request)))
}

// Comment is a review of which nothing has to be named.
func (a *approvals) Comment(ctx context.Context, request *bidrailv1.CommentRequest) (*bidrailv1.Approval, error) {
	return a.Review(ctx, &bidrailv1.ReviewRequest{ApprovalId: request.GetApprovalId(), Kind: bidrailv1.ReviewKind_REVIEW_KIND_COMMENT,
		Reason: request.GetText(), Nonce: request.GetNonce(), Channel: request.GetChannel()})
}

func (a *approvals) BulkReview(ctx context.Context, request *bidrailv1.BulkReviewRequest) (*bidrailv1.BulkReviewResponse, error) {
	results, err := a.server.BulkReview(ctx, principalOf(ctx), BulkRequest(request))
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.BulkReviewResponse{}
	for _, result := range results {
		response.Results = append(response.Results, BulkResultMessage(result))
	}
	return response, nil
}

// unnamedChannel is the door that reviews come through whose program does not say.
const unnamedChannel = "api"

// ReviewRequest reads what a person says, which must have passed [Validator.Validate].
func ReviewRequest(m *bidrailv1.ReviewRequest) server.ReviewRequest {
	return server.ReviewRequest{
		ApprovalID: m.GetApprovalId(), Digest: m.GetDigest(), RequirementVersion: m.GetRequirementVersion(), Stage: m.GetStage(),
		Kind: approval.Kind(m.GetKind()), Cap: Value(m.GetCap()), Reason: m.GetReason(), For: m.GetInPlaceOf(), Nonce: m.GetNonce(),
		Channel: cmp.Or(m.GetChannel(), unnamedChannel), FirstSeenAt: timeOf(m.GetFirstSeenAt()),
	}
}

// BulkRequest reads what a person says of several approvals, which must have passed [Validator.Validate].
func BulkRequest(m *bidrailv1.BulkReviewRequest) server.BulkRequest {
	request := server.BulkRequest{Kind: approval.Kind(m.GetKind()), Reason: m.GetReason(), Nonce: m.GetNonce(), Channel: cmp.Or(m.GetChannel(), unnamedChannel)}
	for _, item := range m.GetItems() {
		request.Items = append(request.Items, server.BulkItem{
			ApprovalID: item.GetApprovalId(), Digest: item.GetDigest(), RequirementVersion: item.GetRequirementVersion(), Stage: item.GetStage(),
		})
	}
	return request
}

// BulkResultMessage writes what became of one item of a bulk for the API.
func BulkResultMessage(result server.BulkResult) *bidrailv1.BulkReviewResult {
	if result.Err != nil {
		return &bidrailv1.BulkReviewResult{Result: &bidrailv1.BulkReviewResult_Problem{Problem: problemOf(result.Err)}}
	}
	return &bidrailv1.BulkReviewResult{Result: &bidrailv1.BulkReviewResult_Approval{Approval: ApprovalMessage(result.Approval)}}
}

// ReviewMessage writes what a person has said for the API. The nonce stays between them and the record.
func ReviewMessage(r approval.Review) *bidrailv1.Review {
	return &bidrailv1.Review{
		ReviewId: r.ID, ApprovalId: r.ApprovalID, Reviewer: r.Reviewer, InPlaceOf: r.For, Kind: bidrailv1.ReviewKind(r.Kind), Cap: ValueMessage(r.Cap),
		Reason: r.Reason, Digest: r.Digest, RequirementVersion: r.RequirementVersion, Stage: r.Stage, Channel: r.Channel, Person: r.Person,
		Groups: r.Groups, At: stampOf(r.At), FirstSeenAt: stampOf(r.FirstSeenAt),
	}
}
