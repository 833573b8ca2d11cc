package servertest

import (
	"testing"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Claim uses up the permit of an allowed decision, as an automation does right before it makes the change.
func (c *Caller) Claim(t testing.TB, decision *bidrailv1.Decision) *bidrailv1.Permit {
	t.Helper()
	response, err := c.Guardrail.Claim(t.Context(), &bidrailv1.ClaimRequest{Token: decision.GetPermit().GetToken(), ClaimId: decision.GetChangeId()})
	if err != nil {
		t.Fatalf("claim the permit of %s: %v", decision.GetChangeId(), err)
	}
	return response.GetPermit()
}

// Report says what became of the changes of a permit.
func (c *Caller) Report(t testing.TB, permit *bidrailv1.Permit, outcome bidrailv1.PermitState, applied ...*bidrailv1.AppliedValue) *bidrailv1.Permit {
	t.Helper()
	response, err := c.Guardrail.Report(t.Context(), &bidrailv1.ReportRequest{PermitId: permit.GetPermitId(), Outcome: outcome, Applied: applied})
	if err != nil {
		t.Fatalf("report %v on %s: %v", outcome, permit.GetPermitId(), err)
	}
	return response.GetPermit()
}

// Apply makes an allowed change: it claims the permit and reports that all went as asked for.
func (c *Caller) Apply(t testing.TB, decision *bidrailv1.Decision) *bidrailv1.Permit {
	t.Helper()
	return c.Report(t, c.Claim(t, decision), bidrailv1.PermitState_PERMIT_STATE_APPLIED)
}
