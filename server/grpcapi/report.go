package grpcapi

import (
	"context"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// reports serves ReportService.
type reports struct {
	bidrailv1.UnimplementedReportServiceServer
	server *server.Server
}

func (r *reports) ReportApprovals(ctx context.Context, request *bidrailv1.ReportApprovalsRequest) (*bidrailv1.ApprovalsReport, error) {
	summary, err := r.server.ReportApprovals(ctx, principalOf(ctx), timeOf(request.GetFrom()), timeOf(request.GetUntil()))
	if err != nil {
		return nil, err
	}
	return ReportMessage(summary), nil
}

// ReportMessage writes a report on approvals for the API.
func ReportMessage(s approval.Summary) *bidrailv1.ApprovalsReport {
	message := &bidrailv1.ApprovalsReport{
		From: stampOf(s.From), Until: stampOf(s.Until), Now: stampOf(s.Now),
		Opened: s.Opened, Escalated: s.Escalated, Agreed: s.Agreed, Capped: s.Capped, CappedShare: s.CapShare, MeanReduction: s.Reduction,
		FirstSeen: spreadMessage(s.FirstSeen), FirstReview: spreadMessage(s.FirstReview), Decision: spreadMessage(s.Decision),
		Redemption: spreadMessage(s.Redemption), Claim: spreadMessage(s.Claim), UnusedCount: s.UnusedCount, Overrides: overridesMessage(s.Overrides),
	}
	for _, each := range s.States {
		message.States = append(message.States, &bidrailv1.ApprovalStateShare{State: bidrailv1.ApprovalState(each.State), Count: each.Count, Share: each.Share})
	}
	for _, each := range s.Reviewers {
		message.Reviewers = append(message.Reviewers, &bidrailv1.ReviewerReport{
			Person: each.Person, Approvals: each.Approvals, Reviews: each.Reviews, Approved: each.Approved, ApprovedShare: each.Share,
			Dwells: each.Dwells, MedianDwell: each.Dwell, RubberStamp: each.RubberStamp,
		})
	}
	for _, each := range s.Rules {
		message.Rules = append(message.Rules, &bidrailv1.EscalatingRule{
			Rule: each.Rule, Escalations: each.Escalations, PerWeekThousandths: each.PerWeek,
			Approved: each.Approved, Capped: each.Capped, Rejected: each.Rejected,
			ApprovedShare: each.ApprovedShare, CappedShare: each.CappedShare, RejectedShare: each.RejectedShare, Noisy: each.Noisy,
		})
	}
	for _, each := range s.Unused {
		message.Unused = append(message.Unused, &bidrailv1.UnusedApproval{ApprovalId: each.ApprovalID, Automation: each.Automation,
			State: bidrailv1.ApprovalState(each.State), ApprovedAt: stampOf(each.ApprovedAt), ExpiresAt: stampOf(each.ExpiresAt)})
	}
	return message
}

func spreadMessage(s approval.Spread) *bidrailv1.DurationSpread {
	return &bidrailv1.DurationSpread{Count: s.Count, Median: s.Median, P90: s.P90, Max: s.Max}
}

func overridesMessage(o approval.Overrides) *bidrailv1.OverridesReport {
	message := &bidrailv1.OverridesReport{Made: o.Made, Used: o.Used, Reviewed: o.Reviewed, Justified: o.Justified, OverdueCount: o.OverdueCount}
	for _, each := range o.Overdue {
		message.Overdue = append(message.Overdue, &bidrailv1.OverdueReview{OverrideId: each.OverrideID, Actor: each.Actor, Automation: each.Automation,
			ChangeId: each.ChangeID, MadeAt: stampOf(each.At), DueAt: stampOf(each.Due)})
	}
	return message
}
