package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

// guardrail serves GuardrailService.
type guardrail struct {
	bidrailv1.UnimplementedGuardrailServiceServer
	server    *server.Server
	validator *Validator
	deadline  time.Duration // of one request of a stream
}

func (g *guardrail) Check(ctx context.Context, request *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
	decisions, verdict, err := g.checkGroup(ctx, request.GetChanges(), request.GetDryRun())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.CheckResponse{Decisions: decisions, Verdict: verdict}, nil
}

// checkGroup decides one change or one atomic group, whole.
func (g *guardrail) checkGroup(ctx context.Context, changes []*bidrailv1.Change, dryRun bool) ([]*bidrailv1.Decision, bidrailv1.Verdict, error) {
	if err := oneGroup(changes); err != nil {
		return nil, 0, err
	}
	results, err := g.server.Check(ctx, principalOf(ctx), server.CheckRequest{Changes: Changes(changes), DryRun: dryRun})
	if err != nil {
		return nil, 0, err
	}
	decisions := make([]*bidrailv1.Decision, len(results))
	verdicts := make([]policy.Verdict, len(results))
	for i, result := range results {
		if result.Err != nil {
			return nil, 0, result.Err
		}
		decisions[i], verdicts[i] = DecisionMessage(result), result.Decision.Verdict
	}
	return decisions, bidrailv1.Verdict(policy.Worst(verdicts...)), nil
}

// oneGroup demands that several changes of one Check are the legs of one atomic group.
func oneGroup(changes []*bidrailv1.Change) error {
	if len(changes) < 2 {
		return nil
	}
	first := changes[0].GetAtomicGroupId()
	for i, change := range changes {
		if id := change.GetAtomicGroupId(); id == "" || id != first {
			return &server.FieldError{Field: fmt.Sprintf("changes[%d].atomic_group_id", i),
				Problem: fmt.Sprintf("is %q; several changes in one Check are the legs of one group, so all carry the same id; use CheckBatch for changes that stand alone", id)}
		}
	}
	return nil
}

func (g *guardrail) CheckBatch(ctx context.Context, request *bidrailv1.CheckBatchRequest) (*bidrailv1.CheckBatchResponse, error) {
	results, err := g.server.Check(ctx, principalOf(ctx), server.CheckRequest{
		Changes: Changes(request.GetChanges()), BatchID: request.GetBatchId(), DryRun: request.GetDryRun(),
	})
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.CheckBatchResponse{Results: make([]*bidrailv1.CheckResult, len(results))}
	for i, result := range results {
		response.Results[i] = ResultMessage(result)
	}
	return response, nil
}

// ResultMessage writes what became of one change of a batch.
func ResultMessage(result server.Result) *bidrailv1.CheckResult {
	if result.Err != nil {
		return &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Problem{Problem: problemOf(result.Err)}}
	}
	return &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Decision{Decision: DecisionMessage(result)}}
}

func problemOf(err error) *bidrailv1.Problem {
	code, reason, message := classify(err)
	return &bidrailv1.Problem{Code: int32(code), Reason: reason, Message: message}
}

func (g *guardrail) CheckStream(stream grpc.BidiStreamingServer[bidrailv1.CheckStreamRequest, bidrailv1.CheckStreamResponse]) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(g.checkOne(stream.Context(), request)); err != nil {
			return err
		}
	}
}

// checkOne answers one request of a stream. What is wrong with it is its own problem; the stream
// goes on.
func (g *guardrail) checkOne(ctx context.Context, request *bidrailv1.CheckStreamRequest) *bidrailv1.CheckStreamResponse {
	if err := g.validator.Validate(request); err != nil {
		// An id that is not fit to be repeated is left out.
		return &bidrailv1.CheckStreamResponse{RequestId: validText(request.GetRequestId()), Problem: problemOf(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, g.deadline)
	defer cancel()
	response := &bidrailv1.CheckStreamResponse{RequestId: request.GetRequestId()}
	decisions, verdict, err := g.checkGroup(ctx, request.GetChanges(), request.GetDryRun())
	if err != nil {
		response.Problem = problemOf(err)
		return response
	}
	response.Decisions, response.Verdict = decisions, verdict
	return response
}

func (g *guardrail) GetDecision(ctx context.Context, request *bidrailv1.GetDecisionRequest) (*bidrailv1.Decision, error) {
	principal := principalOf(ctx)
	record, err := g.server.GetDecision(ctx, principal, request.GetDecisionId(),
		store.DecisionKey{Automation: request.GetAutomation(), ChangeID: request.GetChangeId()})
	if err != nil {
		return nil, err
	}
	message := DecisionMessage(server.Result{Decision: record.Decision})
	if id := record.Decision.PermitID; id != "" {
		given, err := g.server.GetPermit(ctx, principal, id)
		if err != nil {
			return nil, err
		}
		message.Permit = PermitMessage(given, "")
	}
	if request.GetIncludeInput() {
		input, err := g.server.DecisionInput(ctx, principal, record.Decision.ID)
		if err != nil {
			return nil, err
		}
		message.InputJson = string(input)
	}
	return message, nil
}

func (g *guardrail) ListDecisions(ctx context.Context, request *bidrailv1.ListDecisionsRequest) (*bidrailv1.ListDecisionsResponse, error) {
	filter := store.DecisionFilter{
		Verdict: policy.Verdict(request.GetVerdict()), Platform: request.GetPlatform(), Account: request.GetAccount(),
		Campaign: request.GetCampaign(), Automation: request.GetAutomation(), Rule: request.GetRule(),
		Kind: kindOf(request.GetKind()), ChangeID: request.GetChangeId(), BatchID: request.GetBatchId(),
		Since: timeOf(request.GetSince()), Until: timeOf(request.GetUntil()),
	}
	page, err := g.server.ListDecisions(ctx, principalOf(ctx), filter,
		store.Page{Limit: int(request.GetPageSize()), After: store.Cursor(request.GetPageToken())})
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListDecisionsResponse{NextPageToken: string(page.Next)}
	for _, record := range page.Records {
		response.Decisions = append(response.Decisions, DecisionMessage(server.Result{Decision: record.Decision}))
	}
	return response, nil
}

func (g *guardrail) Explain(ctx context.Context, request *bidrailv1.ExplainRequest) (*bidrailv1.ExplainResponse, error) {
	principal := principalOf(ctx)
	if len(request.GetChanges()) > 0 {
		if err := oneGroup(request.GetChanges()); err != nil {
			return nil, err
		}
		result, explanation, err := g.server.ExplainChanges(ctx, principal, Changes(request.GetChanges()))
		if err != nil {
			return nil, err
		}
		return &bidrailv1.ExplainResponse{Decision: DecisionMessage(result), Rules: ExplanationMessages(explanation)}, nil
	}
	record, explanation, err := g.server.Explain(ctx, principal, request.GetDecisionId())
	if err != nil {
		return nil, err
	}
	return &bidrailv1.ExplainResponse{
		Decision: DecisionMessage(server.Result{Decision: record.Decision}), Rules: ExplanationMessages(explanation),
	}, nil
}
