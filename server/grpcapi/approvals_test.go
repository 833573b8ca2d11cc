package grpcapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// people is a server where there are people to ask, one approval that waits for one of growth, and somebody of growth.
func people(t *testing.T) (s *servertest.Server, a *bidrailv1.Approval, ana bidrailv1.ApprovalServiceClient) {
	t.Helper()
	s = servertest.New(t, servertest.WithRevision(servertest.Company(t, nil)))
	decision := check(t, s, servertest.Bid("a", 100, 150))[0]
	ana = approvalsAs(t, s, "ana", "approver")
	page, err := ana.GetApproval(t.Context(), &bidrailv1.GetApprovalRequest{ApprovalId: decision.GetApprovalId()})
	if err != nil {
		t.Fatal(err)
	}
	return s, page.GetApproval(), ana
}

func approvalsAs(t *testing.T, s *servertest.Server, subject string, role policy.Role) bidrailv1.ApprovalServiceClient {
	t.Helper()
	return bidrailv1.NewApprovalServiceClient(s.Call(t, subject, role).Connection)
}

// yes is a review of an approval as it is.
func yes(a *bidrailv1.Approval, nonce string) *bidrailv1.ReviewRequest {
	return &bidrailv1.ReviewRequest{ApprovalId: a.GetApprovalId(), Digest: a.GetDigest(), RequirementVersion: a.GetRequirementVersion(),
		Stage: a.GetStages()[a.GetOpenStage()].GetName(), Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Nonce: nonce}
}

// From the question to the permit, with somebody who waits and somebody who watches.
func TestApprovals(t *testing.T) {
	s, a, ana := people(t)
	pacer := bidrailv1.NewApprovalServiceClient(s.Automation.Connection)
	stream, err := approvalsAs(t, s, "olu", "auditor").WatchApprovals(t.Context(), &bidrailv1.WatchApprovalsRequest{ApprovalId: a.GetApprovalId(), ResumeToken: grpcapi.ResumeToken(0)})
	if err != nil {
		t.Fatal(err)
	}
	waited, err := pacer.WaitApproval(t.Context(), &bidrailv1.WaitApprovalRequest{ApprovalId: a.GetApprovalId(), LastVersion: a.GetVersion(), Timeout: durationpb.New(0)})
	if err != nil || !waited.GetTimedOut() || waited.GetApproval().GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		t.Fatalf("got %v, %v; want it to be over at once", waited, err)
	}
	answered := make(chan *bidrailv1.WaitApprovalResponse, 1)
	go func() {
		response, err := pacer.WaitApproval(t.Context(), &bidrailv1.WaitApprovalRequest{ApprovalId: a.GetApprovalId(), LastVersion: a.GetVersion()})
		if err != nil {
			t.Error(err)
		}
		answered <- response
	}()
	_, err = s.Automation.Guardrail.Redeem(t.Context(), &bidrailv1.RedeemRequest{ApprovalId: a.GetApprovalId(), Digest: a.GetDigest()})
	wantCode(t, err, codes.FailedPrecondition, "NOT_APPROVED")
	if _, err := ana.Comment(t.Context(), &bidrailv1.CommentRequest{ApprovalId: a.GetApprovalId(), Text: "looks fine", Nonce: "1"}); err != nil {
		t.Fatal(err)
	}
	approved, err := ana.Review(t.Context(), yes(a, "2"))
	if err != nil || approved.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED {
		t.Fatalf("got %v, %v", approved, err)
	}
	if response := <-answered; response.GetTimedOut() || response.GetApproval().GetVersion() != approved.GetVersion() {
		t.Errorf("who waited hears %v", response)
	}
	event, err := stream.Recv()
	for err == nil && event.GetApproval().GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED { // where it was opened, or a sign of life
		event, err = stream.Recv()
	}
	if err != nil || event.GetResumeToken() == "" {
		t.Fatalf("who watches hears %v, %v", event, err)
	}
	redeemed, err := s.Automation.Guardrail.Redeem(t.Context(), &bidrailv1.RedeemRequest{ApprovalId: a.GetApprovalId(), Digest: a.GetDigest()})
	if err != nil || redeemed.GetPermit().GetToken() == "" || redeemed.GetPermit().GetRedeems() != a.GetApprovalId() ||
		redeemed.GetDecisions()[0].GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Fatalf("got %v, %v", redeemed, err)
	}
	// Whoever goes on where they were hears what came next, and nothing twice.
	resumed, err := approvalsAs(t, s, "olu", "auditor").WatchApprovals(t.Context(), &bidrailv1.WatchApprovalsRequest{ResumeToken: event.GetResumeToken()})
	if err != nil {
		t.Fatal(err)
	}
	if next, err := resumed.Recv(); err != nil || next.GetApproval().GetVersion() != approved.GetVersion()+1 {
		t.Errorf("after the yes: got %v, %v; want the redemption", next, err)
	}
	page, err := ana.GetApproval(t.Context(), &bidrailv1.GetApprovalRequest{ApprovalId: a.GetApprovalId()})
	if err != nil || len(page.GetReviews()) != 2 || page.GetPermit().GetPermitId() != redeemed.GetPermit().GetPermitId() || page.GetPermit().GetToken() != "" {
		t.Errorf("the page says %v, %v", page, err)
	}
}

// What the reviewer saw is what they approve, and the caller is told what does not fit.
func TestReviewsAreRefused(t *testing.T) {
	s, a, ana := people(t)
	for name, test := range map[string]struct {
		who    string
		change func(*bidrailv1.ReviewRequest)
		code   codes.Code
		reason string
	}{
		"another digest":        {"ana", func(r *bidrailv1.ReviewRequest) { r.Digest = "sha256:0" }, codes.FailedPrecondition, "STALE_DIGEST"},
		"another version":       {"ana", func(r *bidrailv1.ReviewRequest) { r.RequirementVersion = 9 }, codes.FailedPrecondition, "STALE_VERSION"},
		"another stage":         {"ana", func(r *bidrailv1.ReviewRequest) { r.Stage = "other" }, codes.FailedPrecondition, "WRONG_STAGE"},
		"an owner":              {"ines", func(*bidrailv1.ReviewRequest) {}, codes.FailedPrecondition, "SELF_APPROVAL"},
		"another group":         {"fay", func(*bidrailv1.ReviewRequest) {}, codes.FailedPrecondition, "NOT_ELIGIBLE"},
		"a cap beyond":          {"ana", func(r *bidrailv1.ReviewRequest) { r.Cap, r.Reason = servertest.Cents(160), "r" }, codes.FailedPrecondition, "OUT_OF_BOUNDS"},
		"a cap without a why":   {"ana", func(r *bidrailv1.ReviewRequest) { r.Cap = servertest.Cents(120) }, codes.InvalidArgument, "INVALID"},
		"a no without a why":    {"ana", func(r *bidrailv1.ReviewRequest) { r.Kind = bidrailv1.ReviewKind_REVIEW_KIND_REJECT }, codes.InvalidArgument, "INVALID"},
		"nothing was seen":      {"ana", func(r *bidrailv1.ReviewRequest) { r.Digest = "" }, codes.InvalidArgument, "INVALID"},
		"no nonce":              {"ana", func(r *bidrailv1.ReviewRequest) { r.Nonce = "" }, codes.InvalidArgument, "INVALID"},
		"no kind":               {"ana", func(r *bidrailv1.ReviewRequest) { r.Kind = 0 }, codes.InvalidArgument, "INVALID"},
		"a kind that is none":   {"ana", func(r *bidrailv1.ReviewRequest) { r.Kind = 99 }, codes.InvalidArgument, "INVALID"},
		"an empty cap":          {"ana", func(r *bidrailv1.ReviewRequest) { r.Cap = &bidrailv1.Value{} }, codes.InvalidArgument, "INVALID"},
		"a negative cap":        {"ana", func(r *bidrailv1.ReviewRequest) { r.Cap = servertest.Cents(-1) }, codes.InvalidArgument, "INVALID"},
		"a long reason":         {"ana", func(r *bidrailv1.ReviewRequest) { r.Reason = strings.Repeat("x", 1025) }, codes.InvalidArgument, "INVALID"},
		"text that is not":      {"ana", func(r *bidrailv1.ReviewRequest) { r.Reason = "\xff" }, codes.InvalidArgument, "INVALID"},
		"seen before time":      {"ana", func(r *bidrailv1.ReviewRequest) { r.FirstSeenAt = &timestamppb.Timestamp{Seconds: -1} }, codes.InvalidArgument, "INVALID"},
		"an approval not there": {"ana", func(r *bidrailv1.ReviewRequest) { r.ApprovalId = "apr_none" }, codes.NotFound, "NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			request := proto.CloneOf(yes(a, name))
			test.change(request)
			_, err := approvalsAs(t, s, test.who, "approver").Review(t.Context(), request)
			wantCode(t, err, test.code, test.reason)
		})
	}
	_, err := approvalsAs(t, s, "ana", "automation").Review(t.Context(), yes(a, "x"))
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
	page, err := ana.GetApproval(t.Context(), &bidrailv1.GetApprovalRequest{ApprovalId: a.GetApprovalId()})
	if err != nil || page.GetApproval().GetVersion() != a.GetVersion() || len(page.GetReviews()) != 0 {
		t.Errorf("after refusals only: got %v, %v", page, err)
	}
}

func TestBulkReviews(t *testing.T) {
	s, a, ana := people(t)
	decision := check(t, s, servertest.Bid("b", 100, 150))[0]
	page, err := ana.GetApproval(t.Context(), &bidrailv1.GetApprovalRequest{ApprovalId: decision.GetApprovalId()})
	if err != nil {
		t.Fatal(err)
	}
	item := func(of *bidrailv1.Approval) *bidrailv1.BulkReviewItem {
		seen := yes(of, "")
		return &bidrailv1.BulkReviewItem{ApprovalId: seen.GetApprovalId(), Digest: seen.GetDigest(), RequirementVersion: seen.GetRequirementVersion(), Stage: seen.GetStage()}
	}
	stale := item(page.GetApproval())
	stale.Digest = "sha256:0"
	response, err := ana.BulkReview(t.Context(), &bidrailv1.BulkReviewRequest{Items: []*bidrailv1.BulkReviewItem{stale, item(a)}, Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Nonce: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetResults(); got[0].GetProblem().GetReason() != "STALE_DIGEST" || got[1].GetApproval().GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED {
		t.Errorf("got %v", got)
	}
	_, err = ana.BulkReview(t.Context(), &bidrailv1.BulkReviewRequest{Items: []*bidrailv1.BulkReviewItem{{ApprovalId: "x", Digest: "d", Stage: "s"}}, Kind: bidrailv1.ReviewKind_REVIEW_KIND_APPROVE, Nonce: "2"})
	if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); len(got) != 1 || got[0] != "items[0].requirement_version" {
		t.Errorf("got fields %v", got)
	}
}

// A door that closes does not wait for those who wait: they hear it, and go on elsewhere.
func TestWaitersEndWithTheDoor(t *testing.T) {
	s, a, ana := people(t)
	stream, err := ana.WatchApprovals(t.Context(), &bidrailv1.WatchApprovalsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := ana.WaitApproval(t.Context(), &bidrailv1.WaitApprovalRequest{ApprovalId: a.GetApprovalId(), LastVersion: 1 << 40, Timeout: durationpb.New(time.Minute)})
		waited <- err
	}()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), servertest.Soon)
	defer cancel()
	s.Door.Stop(ctx)
	for err = nil; err == nil; {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("who watches hears %v", err)
	}
	if err := <-waited; status.Code(err) != codes.Unavailable {
		t.Errorf("who waits hears %v", err)
	}
	if took := time.Since(began); took > servertest.Soon/2 {
		t.Errorf("it took %v", took)
	}
}
