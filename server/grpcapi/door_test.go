package grpcapi_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

var services = []string{"", bidrailv1.GuardrailService_ServiceDesc.ServiceName, bidrailv1.PolicyService_ServiceDesc.ServiceName,
	bidrailv1.RegistryService_ServiceDesc.ServiceName, bidrailv1.LedgerService_ServiceDesc.ServiceName,
	bidrailv1.ReportService_ServiceDesc.ServiceName}

func TestHealth(t *testing.T) {
	s := servertest.New(t, servertest.NotReady())
	// Somebody without an identity asks.
	asks := healthv1.NewHealthClient(s.Dial(t, auth.DevelopmentHeader, "nonsense"))
	want := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, service := range services {
			got, err := asks.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
			if err != nil || got.GetStatus() != want {
				t.Errorf("%q: got %v, %v; want %v", service, got.GetStatus(), err, want)
			}
		}
	}
	want(healthv1.HealthCheckResponse_NOT_SERVING)
	s.Door.Ready()
	want(healthv1.HealthCheckResponse_SERVING)
	watch, err := asks.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	stopped := make(chan struct{})
	go func() { s.Door.Stop(ctx); close(stopped) }()
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while it stops: got %v, %v; want NOT_SERVING", got, err)
	}
	select {
	case <-stopped:
	case <-time.After(servertest.Soon):
		t.Error("it does not stop")
	}
	if _, err := asks.Check(t.Context(), &healthv1.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("afterwards: got %v, want UNAVAILABLE", err)
	}
}

// A call that is under way when the door closes gets its answer, and it is on the record.
func TestStopLetsCallsEnd(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	entered, goOn := make(chan struct{}), make(chan struct{})
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		close(entered)
		<-goOn
		return fake.Store.Update(ctx, fn)
	})
	type answer struct {
		response *bidrailv1.CheckResponse
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("slow", 100, 110)}})
		answered <- answer{response, err}
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), servertest.Soon)
	defer cancel()
	stopped := make(chan struct{})
	go func() { s.Door.Stop(ctx); close(stopped) }()
	// New calls are turned away, and soon.
	refused := false
	for began := time.Now(); !refused && time.Since(began) < servertest.Soon; {
		_, err := s.OtherAutomation.Policy.ListRules(t.Context(), &bidrailv1.ListRulesRequest{})
		refused = status.Code(err) == codes.Unavailable
	}
	if !refused {
		t.Error("new calls are still answered")
	}
	select {
	case <-stopped:
		t.Fatal("it did not wait for the call")
	case <-answered:
		t.Fatal("the call was cut off")
	default:
	}
	close(goOn)
	got := <-answered
	if got.err != nil || got.response.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Errorf("got %v, %v; want ALLOW", got.response, got.err)
	}
	<-stopped
	if got := s.Recorded(t); got != 1 {
		t.Errorf("%d decisions are recorded, want 1", got)
	}
}

// What does not end in time is cut off, and its caller knows that it has no decision.
func TestStopCutsOff(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	entered := make(chan struct{})
	fake.OnView(func(ctx context.Context, _ func(store.Reader) error) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	answered := make(chan error, 1)
	go func() {
		_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("stuck", 100, 110)}})
		answered <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	s.Door.Stop(ctx)
	if took := time.Since(began); took < 100*time.Millisecond || took > servertest.Soon {
		t.Errorf("it took %v to stop, want a little over 100 ms", took)
	}
	if err := <-answered; status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("%d decisions are recorded, want none", got)
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.String()
}

// A bug in one call is that call's alone.
func TestPanic(t *testing.T) {
	fake, log := &servertest.FakeStore{}, &lockedBuffer{}
	s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithLogger(hclog.New(&hclog.LoggerOptions{Output: log})))
	fake.OnView(func(context.Context, func(store.Reader) error) error { panic("the secret of the bug") })
	_, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want INTERNAL without the reason", err)
	}
	stream, err := s.Automation.Guardrail.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&bidrailv1.CheckStreamRequest{Changes: []*bidrailv1.Change{servertest.Bid("b", 100, 110)}}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); status.Code(err) != codes.Internal {
		t.Errorf("in a stream: got %v, %v; want INTERNAL", answer, err)
	}
	if text := log.text(); strings.Count(text, "the secret of the bug") < 2 || !strings.Contains(text, "door_test.go") {
		t.Errorf("the log does not say what happened and where:\n%s", text)
	}
	fake.OnView(nil)
	unharmed(t, s, 0)
}

// What the record cannot take is UNAVAILABLE with advice when to come back, and never a decision.
func TestRecordUnavailable(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithCommitTimeout(50*time.Millisecond))
	for name, update := range map[string]func(context.Context, func(store.Tx) error) error{
		"halted": func(context.Context, func(store.Tx) error) error { return store.ErrHalted },
		"broken": func(context.Context, func(store.Tx) error) error { return fmt.Errorf("disk I/O error") },
		"hangs":  func(ctx context.Context, _ func(store.Tx) error) error { <-ctx.Done(); return ctx.Err() },
	} {
		fake.OnUpdate(update)
		response, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
		wantCode(t, err, codes.Unavailable, "RECORD_UNAVAILABLE")
		if len(response.GetDecisions()) > 0 {
			t.Errorf("%s: got decisions %v", name, response.GetDecisions())
		}
	}
	fake.OnUpdate(nil)
	unharmed(t, s, 0)
}

// The caller's own deadline ends the waiting, and rules that ran out of it are not the record.
func TestCallersDeadline(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error { <-ctx.Done(); return ctx.Err() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Automation.Guardrail.Check(ctx, &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
	}
	fake.OnView(nil)
	unharmed(t, s, 0)
}

// The log has one line for a decision, with what one looks for later.
func TestDecisionIsLogged(t *testing.T) {
	log := &lockedBuffer{}
	s := servertest.New(t, servertest.WithLogger(hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Info})))
	decided := check(t, s, servertest.Bid("a", 100, 6000))[0]
	var lines []string
	for line := range strings.Lines(log.text()) {
		if strings.Contains(line, decided.GetDecisionId()) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("got %d lines about the decision, want 1:\n%s", len(lines), log.text())
	}
	for _, part := range []string{policy.Block.String(), "change_id=a", "automation=pacer", "bid.ceiling", "account=example"} {
		if !strings.Contains(lines[0], part) {
			t.Errorf("the line lacks %s: %s", part, lines[0])
		}
	}
}
