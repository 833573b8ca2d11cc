package grpcapi_test

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// check decides changes as the first automation.
func check(t testing.TB, s *servertest.Server, changes ...*bidrailv1.Change) []*bidrailv1.Decision {
	t.Helper()
	response, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	var decisions []*bidrailv1.Decision
	for i, result := range response.GetResults() {
		if result.GetDecision() == nil {
			t.Fatalf("change %d: %v", i, result.GetProblem())
		}
		decisions = append(decisions, result.GetDecision())
	}
	return decisions
}

// wantCode demands a status with this code and reason, and returns its details.
func wantCode(t testing.TB, err error, code codes.Code, reason string) *status.Status {
	t.Helper()
	got := status.Convert(err)
	if got.Code() != code {
		t.Errorf("got %v %q, want %v", got.Code(), got.Message(), code)
		return got
	}
	for _, detail := range got.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			if info.GetReason() != reason || info.GetDomain() != "bidrail" {
				t.Errorf("got reason %s of %s, want %s of bidrail", info.GetReason(), info.GetDomain(), reason)
			}
			return got
		}
	}
	t.Errorf("%v carries no ErrorInfo", got)
	return got
}

// fields are the fields that a status says are wrong.
func fields(described *status.Status) []string {
	var names []string
	for _, detail := range described.Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.GetFieldViolations() {
				names = append(names, violation.GetField())
			}
		}
	}
	return names
}
