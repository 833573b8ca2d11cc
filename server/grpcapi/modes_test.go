package grpcapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

// setMode switches a mode as the first who may.
func setMode(t *testing.T, s *servertest.Server, scope string, to bidrailv1.Mode) *bidrailv1.ScopeMode {
	t.Helper()
	set, err := s.Admin.Registry.SetMode(t.Context(), &bidrailv1.SetModeRequest{Scope: scope, Mode: to, Reason: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestModes(t *testing.T) {
	s := servertest.New(t)
	none, err := s.Automation.Registry.ListModes(t.Context(), &bidrailv1.ListModesRequest{})
	if err != nil || len(none.GetModes()) != 0 {
		t.Errorf("at first: got %v, %v", none, err)
	}
	// An automation cannot switch what stops it.
	for caller, allowed := range map[*servertest.Caller]bool{s.Automation: false, s.Auditor: false, s.Approver: true, s.Governance: true, s.Admin: true} {
		_, err := caller.Registry.SetMode(t.Context(), &bidrailv1.SetModeRequest{Scope: "automation/other", Mode: bidrailv1.Mode_MODE_HALTED, Reason: "r"})
		if allowed && err != nil {
			t.Errorf("%s: %v", caller.Principal.Subject, err)
		}
		if !allowed {
			wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
		}
	}
	s.Clock.Advance(time.Second)
	set := setMode(t, s, "account/google_ads/example", bidrailv1.Mode_MODE_REDUCE_ONLY)
	want := &bidrailv1.ScopeMode{Scope: "account/google_ads/example", Mode: bidrailv1.Mode_MODE_REDUCE_ONLY, Epoch: 4, Reason: "a test", By: "root",
		At: timestamppb.New(s.Clock.Now())}
	if diff := cmp.Diff(want, set, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	listed, err := s.Automation.Registry.ListModes(t.Context(), &bidrailv1.ListModesRequest{})
	if err != nil || len(listed.GetModes()) != 2 {
		t.Fatalf("got %v, %v; want two scopes", listed, err)
	}
	if diff := cmp.Diff(want, listed.GetModes()[0], protocmp.Transform()); diff != "" {
		t.Errorf("the last switched (-want +got):\n%s", diff)
	}
}

// What a mode does to the next change, at once.
func TestModesDecide(t *testing.T) {
	s := servertest.New(t)
	verdicts := func() (rise, cut bidrailv1.Verdict) {
		t.Helper()
		response, err := s.Automation.Guardrail.CheckBatch(t.Context(), &bidrailv1.CheckBatchRequest{DryRun: true,
			Changes: []*bidrailv1.Change{servertest.Bid("rise", 100, 110), servertest.Bid("cut", 100, 95)}})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetResults()[0].GetDecision().GetVerdict(), response.GetResults()[1].GetDecision().GetVerdict()
	}
	const allow, block = bidrailv1.Verdict_VERDICT_ALLOW, bidrailv1.Verdict_VERDICT_BLOCK
	for _, step := range []struct {
		scope     string
		mode      bidrailv1.Mode
		rise, cut bidrailv1.Verdict
	}{
		{"automation/bidder", bidrailv1.Mode_MODE_HALTED, allow, allow}, // another's
		{"campaign/google_ads/example/101", bidrailv1.Mode_MODE_REDUCE_ONLY, block, allow},
		{"organisation", bidrailv1.Mode_MODE_HALTED, block, block},
		{"campaign/google_ads/example/101", bidrailv1.Mode_MODE_ACTIVE, block, block},
		{"organisation", bidrailv1.Mode_MODE_ACTIVE, allow, allow},
	} {
		setMode(t, s, step.scope, step.mode)
		if rise, cut := verdicts(); rise != step.rise || cut != step.cut {
			t.Errorf("%s %v: a rise gets %v and a cut %v, want %v and %v", step.scope, step.mode, rise, cut, step.rise, step.cut)
		}
	}
}
