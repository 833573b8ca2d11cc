package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// reviewDesk is the part of the fake service where people answer. It answers what the test says, one after another, and then what it
// said last.
type reviewDesk struct {
	bidrailv1.UnimplementedApprovalServiceServer
	answers []any // a *bidrailv1.Approval or an error

	mutex sync.Mutex
	asked []*bidrailv1.WaitApprovalRequest
}

func (d *reviewDesk) WaitApproval(_ context.Context, request *bidrailv1.WaitApprovalRequest) (*bidrailv1.WaitApprovalResponse, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	answer := d.answers[min(len(d.asked), len(d.answers)-1)]
	d.asked = append(d.asked, request)
	switch answer := answer.(type) {
	case *bidrailv1.Approval:
		return &bidrailv1.WaitApprovalResponse{Approval: answer, TimedOut: answer.GetVersion() <= request.GetLastVersion()}, nil
	case error:
		return nil, answer
	default:
		return &bidrailv1.WaitApprovalResponse{}, nil
	}
}

func approvalAt(version int64, state bidrailv1.ApprovalState) *bidrailv1.Approval {
	return &bidrailv1.Approval{ApprovalId: "apr_1", Version: version, State: state, Reason: "why"}
}

const (
	pending  = bidrailv1.ApprovalState_APPROVAL_STATE_PENDING
	agreed   = bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED
	capped   = bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED
	rejected = bidrailv1.ApprovalState_APPROVAL_STATE_REJECTED
)

// escalated is decisions for which people are asked, of one change or of one group.
func escalated(ids ...string) Decisions {
	var decisions Decisions
	for _, id := range ids {
		decision := decisionOn(id, bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL)
		decision.ChangeDigest, decision.ApprovalId, decision.After = "sha256:"+id, "apr_1", Money(1_500_000, "USD")
		if len(ids) > 1 {
			decision.GroupDigest = "sha256:group"
		}
		decisions = append(decisions, Decision{decision})
	}
	return decisions
}

// redeemedAt is the answer to a redemption: the changes are allowed at a value.
func redeemedAt(value *bidrailv1.Value, ids ...string) *bidrailv1.RedeemResponse {
	var response bidrailv1.RedeemResponse
	for _, decision := range allowed(ids...) {
		decision.DecisionId, decision.After, decision.Redeems = "r-"+decision.GetDecisionId(), value, "apr_1"
		response.Permit = decision.Permit()
		response.Decisions = append(response.Decisions, decision.Decision)
	}
	for _, change := range response.GetPermit().GetChanges() {
		change.DecisionId, change.After = "r-"+change.GetDecisionId(), value
	}
	return &response
}

func refusal(code codes.Code, reason string) error {
	described, err := status.New(code, "refused").WithDetails(&errdetails.ErrorInfo{Domain: "bidrail", Reason: reason})
	if err != nil {
		return err
	}
	return described.Err()
}

func TestWaitReturnsWhatPeopleAgreeTo(t *testing.T) {
	for name, test := range map[string]struct {
		answers []any
		want    error
		known   []int64 // what each question said is known
	}{
		"agreed already":             {[]any{approvalAt(2, agreed)}, nil, []int64{0}},
		"agreed to a part":           {[]any{approvalAt(2, capped)}, nil, []int64{0}},
		"after a while":              {[]any{approvalAt(1, pending), approvalAt(1, pending), approvalAt(2, pending), approvalAt(3, agreed)}, nil, []int64{0, 1, 1, 2}},
		"when the service is back":   {[]any{approvalAt(1, pending), refusal(codes.Unavailable, "RECORD_UNAVAILABLE"), approvalAt(2, agreed)}, nil, []int64{0, 1, 1}},
		"rejected":                   {[]any{approvalAt(2, rejected)}, ErrNotApproved, []int64{0}},
		"a state of another version": {[]any{approvalAt(2, 99)}, ErrNotApproved, []int64{0}},
		"no state":                   {[]any{approvalAt(2, 0)}, ErrNotApproved, []int64{0}},
		"another approval":           {[]any{&bidrailv1.Approval{ApprovalId: "apr_2", Version: 2, State: agreed}}, ErrBadAnswer, []int64{0}},
		"no approval":                {[]any{nil}, ErrBadAnswer, []int64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{desk: reviewDesk{answers: test.answers}}
			approval, err := service.dial(t, WithRetry(3, time.Millisecond)).Wait(t.Context(), escalated("a")[0])
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if (approval != nil) != (test.want == nil) {
				t.Errorf("got %v beside the error %v", approval, err)
			}
			var known []int64
			for _, asked := range service.desk.asked {
				known = append(known, asked.GetLastVersion())
			}
			if diff := cmp.Diff(test.known, known); diff != "" {
				t.Errorf("known (-want +got):\n%s", diff)
			}
			if refused, is := errors.AsType[*ApprovalError](err); is && (refused.GetReason() != "why" || !strings.Contains(err.Error(), "why")) {
				t.Errorf("the error does not say why: %v", err)
			}
		})
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	service := &fakeService{desk: reviewDesk{answers: []any{refusal(codes.Unavailable, "RECORD_UNAVAILABLE")}}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := service.dial(t, WithRetry(2, time.Millisecond)).Wait(ctx, escalated("a")[0]); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := service.dial(t).Wait(t.Context(), allowed("a")[0]); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("nobody is asked: got %v", err)
	}
}

func TestRedeemReturnsDecisionsThatAllow(t *testing.T) {
	service := &fakeService{permitOffice: permitOffice{redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
		return redeemedAt(Money(1_500_000, "USD"), "b", "a"), nil // in another order
	}}}
	terms := Terms{Value: Money(1_400_000, "USD"), Observations: map[string]*bidrailv1.Observation{"a": {BeforeObservedAt: timestamppb.New(time.Unix(1_770_000_000, 0))}}}
	got, err := service.dial(t).Redeem(t.Context(), escalated("a", "b"), terms)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Allowed() || got[0].GetChangeId() != "a" || got[1].GetChangeId() != "b" || got[0].Permit().GetToken() == "" {
		t.Errorf("got %v", got)
	}
	want := &bidrailv1.RedeemRequest{ApprovalId: "apr_1", Digest: "sha256:group", Value: terms.Value, Observations: terms.Observations}
	if diff := cmp.Diff(want, service.redemptions[0], protocmp.Transform()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A permit that was out already comes without its decisions; they are read.
func TestRedeemedAgainReadsTheDecisions(t *testing.T) {
	whole := redeemedAt(Money(1_500_000, "USD"), "a")
	service := &fakeService{permitOffice: permitOffice{
		redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
			return &bidrailv1.RedeemResponse{Permit: whole.GetPermit()}, nil
		},
		decision: func(id string) (*bidrailv1.Decision, error) {
			if id != "r-d-a" {
				return nil, status.Error(codes.NotFound, id)
			}
			bare := whole.GetDecisions()[0]
			bare.Permit = &bidrailv1.Permit{PermitId: "per_1"}
			return bare, nil
		},
	}}
	got, err := service.dial(t).Redeem(t.Context(), escalated("a"), Terms{})
	if err != nil || !got.Allowed() || got[0].Permit().GetToken() == "" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRedeemIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		decisions Decisions
		response  *bidrailv1.RedeemResponse
		err       error
		want      error
	}{
		"nothing":              {nil, nil, nil, ErrNotAllowed},
		"what is allowed":      {allowed("a"), nil, nil, ErrNotAllowed},
		"two approvals":        {append(escalated("a"), Decision{&bidrailv1.Decision{ChangeId: "b", Verdict: bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL, ApprovalId: "apr_2"}}), nil, nil, ErrNotAllowed},
		"not agreed":           {escalated("a"), nil, refusal(codes.FailedPrecondition, "NOT_APPROVED"), ErrNotApproved},
		"no answer":            {escalated("a"), nil, refusal(codes.Unavailable, "RECORD_UNAVAILABLE"), ErrNoAnswer},
		"no permit":            {escalated("a"), &bidrailv1.RedeemResponse{}, nil, ErrBadAnswer},
		"for another":          {escalated("a"), redeemedAt(Money(1_500_000, "USD"), "b"), nil, ErrBadAnswer},
		"for more than that":   {escalated("a"), redeemedAt(Money(1_500_000, "USD"), "a", "b"), nil, nil},
		"a decision that asks": {escalated("a"), &bidrailv1.RedeemResponse{Permit: allowed("a")[0].Permit(), Decisions: []*bidrailv1.Decision{escalated("a")[0].Decision}}, nil, ErrNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{permitOffice: permitOffice{redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) { return test.response, test.err }}}
			got, err := service.dial(t, WithRetry(2, time.Millisecond)).Redeem(t.Context(), test.decisions, Terms{})
			if err == nil || got != nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

// What people agree to is made once they have, with what was read then; asked again, they are waited for again.
func TestApplyWaitsForPeople(t *testing.T) {
	attempts := 0
	service := &fakeService{
		desk: reviewDesk{answers: []any{approvalAt(1, pending), approvalAt(2, agreed), approvalAt(3, pending), approvalAt(4, agreed)}},
		permitOffice: permitOffice{redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
			if attempts++; attempts == 1 {
				return nil, refusal(codes.FailedPrecondition, "NOT_COVERED")
			}
			return redeemedAt(Money(1_500_000, "USD"), "a"), nil
		}},
	}
	guard := service.dial(t)
	reads, runs := 0, 0
	err := guard.Apply(t.Context(), escalated("a"), func(context.Context) error { runs++; return nil }, WaitForPeople(),
		ReadAgain(func(context.Context) (map[string]*bidrailv1.Observation, error) {
			reads++
			return map[string]*bidrailv1.Observation{"a": {}}, nil
		}))
	if err != nil || runs != 1 || reads != 2 {
		t.Errorf("got %v after %d runs and %d readings", err, runs, reads)
	}
	if got := service.redemptions[1]; got.GetDigest() != "sha256:a" || len(got.GetObservations()) != 1 {
		t.Errorf("redeemed %v", got)
	}
	if len(service.reports) != 1 || service.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_APPLIED {
		t.Errorf("reported %v", service.reports)
	}
}

func TestApplyDoesNotMakeWhatPeopleDidNotAgreeTo(t *testing.T) {
	for name, test := range map[string]struct {
		desk    []any
		redeem  error
		choices []ApplyOption
		want    error
	}{
		"not waited for": {[]any{approvalAt(2, agreed)}, nil, nil, ErrNotAllowed},
		"rejected":       {[]any{approvalAt(2, rejected)}, nil, []ApplyOption{WaitForPeople()}, ErrNotApproved},
		"lapsed":         {[]any{approvalAt(2, agreed)}, refusal(codes.FailedPrecondition, "TIMED_OUT"), []ApplyOption{WaitForPeople()}, ErrNotApproved},
		"not read again": {[]any{approvalAt(2, agreed)}, nil, []ApplyOption{WaitForPeople(), ReadAgain(func(context.Context) (map[string]*bidrailv1.Observation, error) { return nil, ErrNotMade })}, ErrNotMade},
	} {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{desk: reviewDesk{answers: test.desk}, permitOffice: permitOffice{redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
				return redeemedAt(Money(1_500_000, "USD"), "a"), test.redeem
			}}}
			err := service.dial(t).Apply(t.Context(), escalated("a"), func(context.Context) error { t.Error("the change was made"); return nil }, test.choices...)
			if !errors.Is(err, test.want) || len(service.claims) != 0 {
				t.Errorf("got %v after %d claims, want %v", err, len(service.claims), test.want)
			}
		})
	}
}

// A function that does not know of a cap does not run past it; one that looks at the permit makes what that says.
func TestApplyStaysWithinTheCap(t *testing.T) {
	service := func() *fakeService {
		return &fakeService{desk: reviewDesk{answers: []any{approvalAt(2, capped)}}, permitOffice: permitOffice{redeem: func(*bidrailv1.RedeemRequest) (*bidrailv1.RedeemResponse, error) {
			return redeemedAt(Money(1_200_000, "USD"), "a"), nil
		}}}
	}
	unaware := service()
	err := unaware.dial(t).Apply(t.Context(), escalated("a"), func(context.Context) error { t.Error("it went too far"); return nil }, WaitForPeople())
	if !errors.Is(err, ErrCapped) || !strings.Contains(err.Error(), "1.20 USD, not to 1.50 USD") {
		t.Errorf("got %v", err)
	}
	if len(unaware.claims) != 0 || len(unaware.reports) != 1 || unaware.reports[0].GetOutcome() != bidrailv1.PermitState_PERMIT_STATE_FAILED {
		t.Errorf("got claims %v and reports %v, want the permit given back", unaware.claims, unaware.reports)
	}
	aware := service()
	var made []string
	err = aware.dial(t).ApplyPermitted(t.Context(), escalated("a"), func(_ context.Context, permit *bidrailv1.Permit) error {
		for _, change := range permit.GetChanges() {
			made = append(made, Describe(change.GetAfter()))
		}
		return nil
	}, WaitForPeople())
	if err != nil || !slices.Equal(made, []string{"1.20 USD"}) {
		t.Errorf("made %v, %v", made, err)
	}
}
