package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// permitOffice is the half of the fake service that knows permits. Without an answer of the test it says yes to everything.
type permitOffice struct {
	bidrailv1.UnimplementedGuardrailServiceServer
	claim    func(attempt int, request *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error)
	report   func(attempt int, request *bidrailv1.ReportRequest) (*bidrailv1.ReportResponse, error)
	redeem   func(request *bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error)
	decision func(id string) (*bidrailv1.Decision, error)

	office      sync.Mutex
	claims      []*bidrailv1.ClaimRequest
	reports     []*bidrailv1.ReportRequest
	redemptions []*bidrailv1.RedeemRequest
}

func (o *permitOffice) Redeem(_ context.Context, request *bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
	o.office.Lock()
	defer o.office.Unlock()
	o.redemptions = append(o.redemptions, request)
	return o.redeem(request)
}

func (o *permitOffice) GetDecision(_ context.Context, request *bidrailv1.GetDecisionRequest) (*bidrailv1.Decision, error) {
	return o.decision(request.GetDecisionId())
}

func (o *permitOffice) Claim(_ context.Context, request *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
	o.office.Lock()
	defer o.office.Unlock()
	o.claims = append(o.claims, request)
	if o.claim != nil {
		return o.claim(len(o.claims), request)
	}
	return claimResponse(strings.TrimPrefix(request.GetToken(), "token of "), bidrailv1.PermitState_PERMIT_STATE_CLAIMED), nil
}

func (o *permitOffice) Report(_ context.Context, request *bidrailv1.ReportRequest) (*bidrailv1.ReportResponse, error) {
	o.office.Lock()
	defer o.office.Unlock()
	o.reports = append(o.reports, request)
	if o.report != nil {
		return o.report(len(o.reports), request)
	}
	return &bidrailv1.ReportResponse{Permit: &bidrailv1.Permit{PermitId: request.GetPermitId(), State: request.GetOutcome()}}, nil
}

func claimResponse(id string, state bidrailv1.PermitState) *bidrailv1.ClaimResponse {
	return &bidrailv1.ClaimResponse{Permit: &bidrailv1.Permit{PermitId: id, State: state}}
}

// allowed is decisions that allow changes with one permit.
func allowed(ids ...string) Decisions {
	permit := &bidrailv1.Permit{PermitId: "per_1", Token: "token of per_1", State: bidrailv1.PermitState_PERMIT_STATE_ISSUED}
	var decisions Decisions
	for _, id := range ids {
		decision := decisionOn(id, bidrailv1.Verdict_VERDICT_ALLOW)
		decision.ChangeDigest, decision.Permit = "sha256:"+id, permit
		permit.Changes = append(permit.Changes, &bidrailv1.PermittedChange{ChangeId: id, DecisionId: decision.DecisionId, ChangeDigest: decision.ChangeDigest})
		decisions = append(decisions, Decision{decision})
	}
	return decisions
}

func TestApplyClaimsRunsAndReports(t *testing.T) {
	why := errors.New("the platform said so")
	half := []*bidrailv1.AppliedValue{Made("a", Money(1_050_000, "USD"))}
	for name, test := range map[string]struct {
		failure error
		outcome bidrailv1.PermitState
		applied []*bidrailv1.AppliedValue
		note    string
	}{
		"made":               {nil, bidrailv1.PermitState_PERMIT_STATE_APPLIED, nil, ""},
		"certainly not made": {fmt.Errorf("%w: %w", ErrNotMade, why), bidrailv1.PermitState_PERMIT_STATE_FAILED, nil, "the change was not made: the platform said so"},
		"in part":            {fmt.Errorf("set: %w", &PartialError{half, why}), bidrailv1.PermitState_PERMIT_STATE_PARTIAL, half, "set: a part was made: the platform said so"},
		// A part that was made is more than nothing.
		"in part, and the rest not made": {&PartialError{half, fmt.Errorf("%w: %w", ErrNotMade, why)}, bidrailv1.PermitState_PERMIT_STATE_PARTIAL, half,
			"a part was made: the change was not made: the platform said so"},
		"nobody knows":    {why, bidrailv1.PermitState_PERMIT_STATE_UNKNOWN, nil, "the platform said so"},
		"a long story":    {fmt.Errorf("%w%s", why, strings.Repeat("é", 1000)), bidrailv1.PermitState_PERMIT_STATE_UNKNOWN, nil, "the platform said so" + strings.Repeat("é", 502)},
		"an unclean note": {fmt.Errorf("%w\xff", why), bidrailv1.PermitState_PERMIT_STATE_UNKNOWN, nil, "the platform said so\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{}
			guard, ran := service.dial(t), 0
			err := guard.Apply(t.Context(), allowed("a"), func(context.Context) error {
				ran++
				if len(service.claims) != 1 || len(service.reports) != 0 {
					t.Errorf("it runs after %d claims and %d reports, want 1 and 0", len(service.claims), len(service.reports))
				}
				return test.failure
			})
			if test.failure == nil && err != nil || test.failure != nil && (!errors.Is(err, test.failure) || !errors.Is(err, why)) {
				t.Errorf("got %v, want %v in its chain", err, test.failure)
			}
			if errors.Is(err, ErrNotReported) {
				t.Errorf("got %v, and it was reported", err)
			}
			if ran != 1 {
				t.Errorf("the function ran %d times", ran)
			}
			// The report is about the claim that was made, and about no other.
			want := []*bidrailv1.ReportRequest{{PermitId: "per_1", ClaimId: service.claims[0].GetClaimId(), Outcome: test.outcome, Applied: test.applied, Note: test.note}}
			if diff := cmp.Diff(want, service.reports, protocmp.Transform()); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAGroupIsAppliedWithOnePermit(t *testing.T) {
	service := &fakeService{}
	if err := service.dial(t).Apply(t.Context(), allowed("a", "b"), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(service.claims) != 1 || len(service.reports) != 1 {
		t.Errorf("got %d claims and %d reports, want one of each", len(service.claims), len(service.reports))
	}
}

func TestWithoutAClaimNothingRuns(t *testing.T) {
	with := func(change func(Decisions) Decisions) Decisions { return change(allowed("a", "b")) }
	refuse := func(code codes.Code) func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
		return func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
			return nil, status.Error(code, "because")
		}
	}
	answer := func(response *bidrailv1.ClaimResponse) func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
		return func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) { return response, nil }
	}
	for name, test := range map[string]struct {
		decisions Decisions
		claim     func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error)
		want      error // nil: any
		claims    int
	}{
		"no decisions":     {decisions: nil, want: ErrNotAllowed},
		"a zero decision":  {decisions: Decisions{{}}, want: ErrNotAllowed},
		"one is blocked":   {decisions: with(func(d Decisions) Decisions { d[1].Verdict = bidrailv1.Verdict_VERDICT_BLOCK; return d }), want: ErrNotAllowed},
		"a dry run":        {decisions: with(func(d Decisions) Decisions { d[0].DryRun = true; return d }), want: ErrNotAllowed},
		"no permit":        {decisions: with(func(d Decisions) Decisions { d[0].Decision.Permit = nil; return d }), want: ErrBadAnswer},
		"one has none":     {decisions: with(func(d Decisions) Decisions { d[1].Decision.Permit = nil; return d })},
		"two permits":      {decisions: Decisions{allowed("a")[0], {&bidrailv1.Decision{ChangeId: "b", Verdict: bidrailv1.Verdict_VERDICT_ALLOW, Permit: &bidrailv1.Permit{PermitId: "per_2"}}}}},
		"a leg is missing": {decisions: with(func(d Decisions) Decisions { return d[:1] })},
		"for another change": {decisions: with(func(d Decisions) Decisions {
			d[1].Decision.Permit.Changes[1].ChangeId = "c"
			return d
		}), want: ErrBadAnswer},
		"for other content": {decisions: with(func(d Decisions) Decisions {
			d[1].Decision.Permit.Changes[1].ChangeDigest = "sha256:c"
			return d
		}), want: ErrBadAnswer},
		"used before": {decisions: with(func(d Decisions) Decisions {
			d[0].Decision.Permit.Token, d[0].Decision.Permit.State = "", bidrailv1.PermitState_PERMIT_STATE_CLAIMED
			return d
		}), want: ErrUnusable},
		"refused":            {decisions: allowed("a"), claim: refuse(codes.FailedPrecondition), want: ErrUnusable, claims: 1},
		"to another":         {decisions: allowed("a"), claim: refuse(codes.PermissionDenied), claims: 1},
		"no answer":          {decisions: allowed("a"), claim: refuse(codes.Unavailable), want: ErrNoAnswer, claims: 3},
		"an empty answer":    {decisions: allowed("a"), claim: answer(&bidrailv1.ClaimResponse{}), want: ErrBadAnswer, claims: 1},
		"not claimed":        {decisions: allowed("a"), claim: answer(claimResponse("per_1", bidrailv1.PermitState_PERMIT_STATE_ISSUED)), want: ErrBadAnswer, claims: 1},
		"another is claimed": {decisions: allowed("a"), claim: answer(claimResponse("per_2", bidrailv1.PermitState_PERMIT_STATE_CLAIMED)), want: ErrBadAnswer, claims: 1},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{permitOffice: permitOffice{claim: test.claim}}
			err := service.dial(t, WithRetry(3, time.Millisecond)).Apply(t.Context(), test.decisions, func(context.Context) error {
				t.Error("it ran")
				return nil
			})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if errors.Is(err, ErrNotReported) || len(service.reports) != 0 {
				t.Errorf("got %v and %d reports, want none: it was not claimed", err, len(service.reports))
			}
			if len(service.claims) != test.claims {
				t.Errorf("got %d claims, want %d", len(service.claims), test.claims)
			}
		})
	}
}

func TestAnUnansweredClaimIsRepeatedWithItsID(t *testing.T) {
	service := &fakeService{permitOffice: permitOffice{claim: func(attempt int, _ *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
		if attempt%3 != 0 {
			return nil, status.Error(codes.Unavailable, "the answer got lost")
		}
		return claimResponse("per_1", bidrailv1.PermitState_PERMIT_STATE_CLAIMED), nil
	}}}
	guard, ran := service.dial(t, WithRetry(3, time.Millisecond)), 0
	for range 2 {
		if err := guard.Apply(t.Context(), allowed("a"), func(context.Context) error { ran++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, claim := range service.claims {
		ids = append(ids, claim.GetClaimId())
	}
	if len(ids) != 6 || ids[0] == "" || ids[0] != ids[1] || ids[1] != ids[2] || ids[3] != ids[4] || ids[4] != ids[5] || ids[0] == ids[3] {
		t.Errorf("got the claim ids %q, want one for each of the two calls", ids)
	}
	if ran != 2 {
		t.Errorf("the function ran %d times, want once for each call", ran)
	}
}

func TestAReportThatFailsIsTold(t *testing.T) {
	why := errors.New("the platform said so")
	for _, failure := range []error{nil, why} {
		service := &fakeService{permitOffice: permitOffice{report: func(int, *bidrailv1.ReportRequest) (*bidrailv1.ReportResponse, error) {
			return nil, status.Error(codes.Unavailable, "the disk is full")
		}}}
		err := service.dial(t, WithRetry(3, time.Millisecond)).Apply(t.Context(), allowed("a"), func(context.Context) error { return failure })
		if !errors.Is(err, ErrNotReported) || !errors.Is(err, ErrNoAnswer) || failure != nil && !errors.Is(err, failure) {
			t.Errorf("got %v, want that it was not reported, and %v", err, failure)
		}
		if !strings.Contains(err.Error(), "stays held") || !strings.Contains(err.Error(), "per_1") {
			t.Errorf("%q does not say what follows", err)
		}
		if len(service.reports) != 3 {
			t.Errorf("got %d attempts, want 3", len(service.reports))
		}
	}
}

func TestTheReportIsMadeThoughTheContextHasEnded(t *testing.T) {
	service := &fakeService{}
	ctx, cancel := context.WithCancel(t.Context())
	err := service.dial(t).Apply(ctx, allowed("a"), func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotReported) {
		t.Errorf("got %v, want only that it was cancelled", err)
	}
	if len(service.reports) != 1 || service.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_UNKNOWN {
		t.Errorf("got the reports %v, want UNKNOWN", service.reports)
	}
}

func TestAPanicIsReportedAsUnknown(t *testing.T) {
	for name, leave := range map[string]func(){"a panic": func() { panic("a bug") }, "the goroutine's end": runtime.Goexit} {
		service := &fakeService{}
		guard, recovered := service.dial(t), make(chan any, 1)
		go func() {
			defer func() { recovered <- recover() }()
			_ = guard.Apply(context.Background(), allowed("a"), func(context.Context) error { leave(); return nil })
			t.Error("Apply returned")
		}()
		if got := <-recovered; name == "a panic" && got != "a bug" {
			t.Errorf("%s: got %v, want it to go on", name, got)
		}
		if len(service.reports) != 1 || service.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_UNKNOWN {
			t.Errorf("%s: got the reports %v, want UNKNOWN", name, service.reports)
		}
	}
}

// The context may end while the claim is answered. The function would find it ended and could not say
// what it has done, and here it is certain.
func TestAClaimThatComesTooLateIsGivenBack(t *testing.T) {
	ctx := &endedAfterClaim{Context: t.Context()}
	service := &fakeService{}
	service.claim = func(int, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
		ctx.end()
		return claimResponse("per_1", bidrailv1.PermitState_PERMIT_STATE_CLAIMED), nil
	}
	err := service.dial(t).Apply(ctx, allowed("a"), func(context.Context) error {
		t.Error("it ran")
		return nil
	})
	if !errors.Is(err, ErrNotMade) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that nothing was made because time was up", err)
	}
	if len(service.reports) != 1 || service.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_FAILED {
		t.Errorf("got the reports %v, want FAILED", service.reports)
	}
}

// endedAfterClaim is a context that says it has ended without having the call under way fail.
type endedAfterClaim struct {
	context.Context
	mu    sync.Mutex
	ended bool
}

func (c *endedAfterClaim) end() { c.mu.Lock(); defer c.mu.Unlock(); c.ended = true }

func (c *endedAfterClaim) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return context.DeadlineExceeded
	}
	return nil
}

func TestReportSaysWhatItIsGiven(t *testing.T) {
	service := &fakeService{}
	at := time.Unix(1_770_000_000, 0)
	outcome := Outcome{State: bidrailv1.PermitState_PERMIT_STATE_PARTIAL, Applied: []*bidrailv1.AppliedValue{Made("a", Money(1, "USD"))},
		Reference: "op-77", Note: "by hand", ObservedAt: at}
	permit, err := service.dial(t).Report(t.Context(), "per_1", outcome)
	if err != nil || permit.GetState() != bidrailv1.PermitState_PERMIT_STATE_PARTIAL {
		t.Errorf("got %v, %v", permit, err)
	}
	want := []*bidrailv1.ReportRequest{{PermitId: "per_1", Outcome: outcome.State, Applied: outcome.Applied, Reference: "op-77", Note: "by hand", ObservedAt: timestamppb.New(at)}}
	if diff := cmp.Diff(want, service.reports, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportIsRepeatedAndItsRefusalsAreTold(t *testing.T) {
	other := &bidrailv1.ReportResponse{Permit: &bidrailv1.Permit{PermitId: "per_1", State: bidrailv1.PermitState_PERMIT_STATE_FAILED}}
	for name, test := range map[string]struct {
		answers []error
		answer  *bidrailv1.ReportResponse
		want    error
	}{
		"at the third attempt": {[]error{status.Error(codes.Unavailable, "x"), status.Error(codes.DeadlineExceeded, "x"), nil}, nil, nil},
		"settled otherwise":    {[]error{status.Error(codes.FailedPrecondition, "x")}, nil, ErrUnusable},
		"another outcome":      {[]error{nil}, other, ErrBadAnswer},
		"an empty answer":      {[]error{nil}, &bidrailv1.ReportResponse{}, ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{}
			service.report = func(attempt int, request *bidrailv1.ReportRequest) (*bidrailv1.ReportResponse, error) {
				if test.answer != nil {
					return test.answer, test.answers[attempt-1]
				}
				return &bidrailv1.ReportResponse{Permit: &bidrailv1.Permit{PermitId: "per_1", State: request.GetOutcome()}}, test.answers[attempt-1]
			}
			_, err := service.dial(t, WithRetry(3, time.Millisecond)).Report(t.Context(), "per_1", Outcome{State: bidrailv1.PermitState_PERMIT_STATE_APPLIED})
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(service.reports) != len(test.answers) {
				t.Errorf("got %d attempts, want %d", len(service.reports), len(test.answers))
			}
			if slices.ContainsFunc(service.reports, func(report *bidrailv1.ReportRequest) bool { return report.GetPermitId() != "per_1" }) {
				t.Errorf("got %v", service.reports)
			}
		})
	}
}

func TestGiveBackReportsThatNothingWasMade(t *testing.T) {
	service := &fakeService{}
	if err := service.dial(t).GiveBack(t.Context(), allowed("a")[0].Permit()); err != nil {
		t.Fatal(err)
	}
	if len(service.claims) != 0 || len(service.reports) != 1 || service.reports[0].GetClaimId() == "" || service.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_FAILED || service.reports[0].GetPermitId() != "per_1" {
		t.Errorf("got %d claims and the reports %v, want FAILED of per_1", len(service.claims), service.reports)
	}
}
