package client

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// fakeService answers what the test says and remembers what it was asked. It judges nothing.
type fakeService struct {
	permitOffice
	desk  reviewDesk
	facts factBook
	check func(attempt int, request *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error)
	batch func(request *bidrailv1.CheckBatchRequest) (*bidrailv1.CheckBatchResponse, error)

	mu         sync.Mutex
	requests   []*bidrailv1.CheckRequest
	principals []string
}

func (s *fakeService) Check(ctx context.Context, request *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
	s.mu.Lock()
	s.requests = append(s.requests, request)
	s.principals = append(s.principals, metadata.ValueFromIncomingContext(ctx, "bidrail-dev-principal")...)
	attempt := len(s.requests)
	s.mu.Unlock()
	return s.check(attempt, request)
}

func (s *fakeService) CheckBatch(_ context.Context, request *bidrailv1.CheckBatchRequest) (*bidrailv1.CheckBatchResponse, error) {
	return s.batch(request)
}

// dial starts the service on the loopback and returns a client of it.
func (s *fakeService) dial(t *testing.T, options ...Option) *Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	bidrailv1.RegisterGuardrailServiceServer(server, s)
	bidrailv1.RegisterApprovalServiceServer(server, &s.desk)
	bidrailv1.RegisterRegistryServiceServer(server, &s.facts)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	guard, err := Dial(listener.Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	return guard
}

func bidChange(id string) *bidrailv1.Change {
	target := &bidrailv1.Target{Platform: "google_ads", Account: "1", EntityType: "keyword", EntityId: "7"}
	return NewChange(id, bidrailv1.Kind_KIND_BID, target, Seen(Money(1_000_000, "USD"), time.Unix(1_770_000_000, 0)), Money(1_100_000, "USD"))
}

func decisionOn(id string, verdict bidrailv1.Verdict) *bidrailv1.Decision {
	return &bidrailv1.Decision{DecisionId: "d-" + id, ChangeId: id, Verdict: verdict}
}

func answer(decisions ...*bidrailv1.Decision) *bidrailv1.CheckResponse {
	return &bidrailv1.CheckResponse{Decisions: decisions}
}

func TestCheckAsksAsThePrincipalAndReturnsTheDecision(t *testing.T) {
	service := &fakeService{check: func(int, *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
		return answer(decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)), nil
	}}
	guard := service.dial(t, WithPrincipal("pacer", "automation", "auditor"))
	decisions, err := guard.Check(t.Context(), bidChange("a"))
	if err != nil {
		t.Fatal(err)
	}
	if !decisions.Allowed() || decisions[0].GetDecisionId() != "d-a" {
		t.Errorf("got %v, want d-a allowed", decisions)
	}
	if diff := cmp.Diff([]string{"pacer;automation,auditor"}, service.principals); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	if !proto.Equal(service.requests[0].GetChanges()[0], bidChange("a")) {
		t.Errorf("the service saw %v", service.requests[0])
	}
}

func TestAnUnansweredCheckIsRepeatedWithTheSameKey(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded} {
		t.Run(code.String(), func(t *testing.T) {
			service := &fakeService{check: func(attempt int, _ *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
				if attempt < 3 {
					return nil, status.Error(code, "the disk is slow")
				}
				return answer(decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)), nil
			}}
			decisions, err := service.dial(t, WithRetry(3, time.Millisecond)).Check(t.Context(), bidChange("a"))
			if err != nil || !decisions.Allowed() {
				t.Fatalf("got %v, %v, want it allowed at the third attempt", decisions, err)
			}
			if len(service.requests) != 3 {
				t.Fatalf("got %d attempts, want 3", len(service.requests))
			}
			for _, request := range service.requests[1:] {
				if !proto.Equal(request, service.requests[0]) {
					t.Errorf("a repeat asked %v, the first attempt %v", request, service.requests[0])
				}
			}
		})
	}
}

func TestOnFailureNothingIsAllowed(t *testing.T) {
	allowed := bidrailv1.Verdict_VERDICT_ALLOW
	cases := map[string]struct {
		answer   *bidrailv1.CheckResponse
		err      error
		want     error
		attempts int
	}{
		"no answer at all":        {err: status.Error(codes.Unavailable, "down"), want: ErrNoAnswer, attempts: 2},
		"key reused":              {err: status.Error(codes.AlreadyExists, "KEY_REUSED"), want: ErrKeyReused, attempts: 1},
		"refused":                 {err: status.Error(codes.InvalidArgument, "kind"), attempts: 1},
		"internal":                {err: status.Error(codes.Internal, "bug"), attempts: 1},
		"no decision":             {answer: answer(), want: ErrBadAnswer, attempts: 1},
		"two decisions":           {answer: answer(decisionOn("a", allowed), decisionOn("a", allowed)), want: ErrBadAnswer, attempts: 1},
		"a decision on another":   {answer: answer(decisionOn("b", allowed)), want: ErrBadAnswer, attempts: 1},
		"no verdict":              {answer: answer(decisionOn("a", bidrailv1.Verdict_VERDICT_UNSPECIFIED)), want: ErrBadAnswer, attempts: 1},
		"an empty decision":       {answer: answer(&bidrailv1.Decision{}), want: ErrBadAnswer, attempts: 1},
		"a verdict of the future": {answer: answer(decisionOn("a", 99)), attempts: 1},
		"a dry run":               {answer: answer(&bidrailv1.Decision{ChangeId: "a", Verdict: allowed, DryRun: true}), attempts: 1},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			service := &fakeService{check: func(int, *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) { return test.answer, test.err }}
			decisions, err := service.dial(t, WithRetry(2, time.Millisecond)).Check(t.Context(), bidChange("a"))
			if decisions.Allowed() {
				t.Errorf("it was allowed: %v", decisions)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if test.err != nil && status.Code(err) != status.Code(test.err) {
				t.Errorf("got error %v, want the status of %v in its chain", err, test.err)
			}
			if len(service.requests) != test.attempts {
				t.Errorf("got %d attempts, want %d", len(service.requests), test.attempts)
			}
		})
	}
}

func TestASlowServiceIsGivenUpInTime(t *testing.T) {
	release := make(chan struct{})
	service := &fakeService{check: func(int, *bidrailv1.CheckRequest) (*bidrailv1.CheckResponse, error) {
		<-release
		return answer(decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)), nil
	}}
	guard := service.dial(t, WithTimeout(20*time.Millisecond), WithRetry(2, time.Millisecond))
	defer close(release)
	if _, err := guard.Check(t.Context(), bidChange("a")); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v, want %v", err, ErrNoAnswer)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	leaving := errors.New("leaving")
	cancel(leaving)
	if _, err := guard.Check(ctx, bidChange("a")); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, leaving) {
		t.Errorf("got %v, want %v because of %v", err, ErrNoAnswer, leaving)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	guard, err := Dial(listener.Addr().String(), WithRetry(3, time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer guard.Close()
	if _, err := guard.Check(t.Context(), bidChange("a")); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v, want %v", err, ErrNoAnswer)
	}
}

func TestCheckBatchAnswersEachChange(t *testing.T) {
	service := &fakeService{batch: func(*bidrailv1.CheckBatchRequest) (*bidrailv1.CheckBatchResponse, error) {
		decision := func(d *bidrailv1.Decision) *bidrailv1.CheckResult {
			return &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Decision{Decision: d}}
		}
		problem := func(code codes.Code, reason string) *bidrailv1.CheckResult {
			return &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Problem{Problem: &bidrailv1.Problem{Code: int32(code), Reason: reason, Message: "why"}}}
		}
		return &bidrailv1.CheckBatchResponse{Results: []*bidrailv1.CheckResult{
			decision(decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)),
			decision(decisionOn("b", bidrailv1.Verdict_VERDICT_BLOCK)),
			problem(codes.AlreadyExists, "KEY_REUSED"),
			problem(codes.Unavailable, "STORE"),
			{},
			decision(decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)),
		}}, nil
	}}
	results, err := service.dial(t).CheckBatch(t.Context(), bidChange("a"), bidChange("b"), bidChange("c"), bidChange("d"), bidChange("e"), bidChange("f"))
	if err != nil {
		t.Fatal(err)
	}
	var allowed []bool
	for _, result := range results {
		allowed = append(allowed, result.Allowed())
	}
	if diff := cmp.Diff([]bool{true, false, false, false, false, false}, allowed); diff != "" {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
	for i, want := range []error{nil, nil, ErrKeyReused, ErrNoAnswer, ErrBadAnswer, ErrBadAnswer} {
		if got := results[i].Err; !errors.Is(got, want) {
			t.Errorf("result %d: got error %v, want %v", i, got, want)
		}
	}
}

func TestAFullBatchComesThrough(t *testing.T) {
	service := &fakeService{batch: func(request *bidrailv1.CheckBatchRequest) (*bidrailv1.CheckBatchResponse, error) {
		response := &bidrailv1.CheckBatchResponse{}
		for _, change := range request.GetChanges() {
			decision := decisionOn(change.GetChangeId(), bidrailv1.Verdict_VERDICT_ALLOW)
			decision.Findings = []*bidrailv1.Finding{{Message: strings.Repeat("x", 1000)}}
			response.Results = append(response.Results, &bidrailv1.CheckResult{Result: &bidrailv1.CheckResult_Decision{Decision: decision}})
		}
		return response, nil
	}}
	guard := service.dial(t)
	changes := make([]*bidrailv1.Change, MaxBatch+1)
	for i := range changes {
		changes[i] = bidChange("same")
	}
	results, err := guard.CheckBatch(t.Context(), changes[:MaxBatch]...)
	if err != nil || len(results) != MaxBatch {
		t.Fatalf("got %d results, %v, want %d", len(results), err, MaxBatch)
	}
	if _, err := guard.CheckBatch(t.Context(), changes...); err == nil || !strings.Contains(err.Error(), "at most 10000") {
		t.Errorf("one change too many: got %v, want it refused with the limit", err)
	}
	if _, err := guard.CheckBatch(t.Context()); err == nil {
		t.Error("an empty batch was not refused")
	}
	if _, err := guard.Check(t.Context(), changes[:MaxGroup+1]...); err == nil {
		t.Error("a group with one leg too many was not refused")
	}
}

func TestZeroAnswersAllowNothing(t *testing.T) {
	if (Decision{}).Allowed() || (Decisions{}).Allowed() || (Decisions{{}}).Allowed() || (Result{}).Allowed() {
		t.Error("a zero answer allows something")
	}
	mixed := Decisions{{decisionOn("a", bidrailv1.Verdict_VERDICT_ALLOW)}, {decisionOn("b", bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL)}}
	if mixed.Allowed() || !mixed[1].NeedsApproval() {
		t.Error("a group is allowed although a leg needs approval")
	}
}

func TestReasonsLeaveOutWhatDoesNotCount(t *testing.T) {
	decision := Decision{&bidrailv1.Decision{Findings: []*bidrailv1.Finding{{Rule: "a"}, {Rule: "b", Shadow: true}, {Rule: "c"}, {Rule: "d", LiftedBy: "apr_1"}}}}
	if got := decision.Reasons(); len(got) != 2 || got[0].GetRule() != "a" || got[1].GetRule() != "c" {
		t.Errorf("got %v, want a and c", got)
	}
	if len(decision.GetFindings()) != 4 || decision.GetFindings()[1].GetRule() != "b" {
		t.Error("Reasons changed the decision")
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, option := range map[string]Option{
		"no credentials":  WithCredentials(nil),
		"no subject":      WithPrincipal(""),
		"a role too many": WithPrincipal("pacer;admin"),
		"no time":         WithTimeout(0),
		"no attempt":      WithRetry(0, time.Second),
		"no pause":        WithRetry(3, 0),
	} {
		if guard, err := Dial("127.0.0.1:1", option); err == nil {
			guard.Close()
			t.Errorf("%s was not refused", name)
		}
	}
}

func TestOnlyTheLoopbackIsSpokenToInTheClear(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:7443": "insecure", "[::1]:7443": "insecure", "localhost:7443": "insecure", "unix:/run/bidrail.sock": "insecure",
		"bidrail.example:443": "tls", "10.0.0.7:7443": "tls", "127.0.0.1.example:443": "tls", "127.0.0.1": "tls", "dns:///localhost:1": "tls",
	} {
		if got := defaults(address).credentials.Info().SecurityProtocol; got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
