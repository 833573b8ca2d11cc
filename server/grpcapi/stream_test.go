package grpcapi_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// A store that hangs holds up one request of a stream for no longer than the door's deadline, and
// the stream goes on.
func TestStreamRequestIsBoundedInTime(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	door, err := grpcapi.New(grpcapi.Config{Server: s.Core, Authenticator: auth.Development{}, Deadline: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- door.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		door.Stop(ctx)
		<-served
	})
	there := *s
	there.Address = listener.Addr().String()
	stream, err := there.Call(t, "pacer", "automation").Guardrail.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id string) *bidrailv1.CheckStreamResponse {
		t.Helper()
		if err := stream.Send(&bidrailv1.CheckStreamRequest{RequestId: id, Changes: []*bidrailv1.Change{servertest.Bid(id, 100, 110)}}); err != nil {
			t.Fatal(err)
		}
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	fake.OnView(func(ctx context.Context, _ func(store.Reader) error) error { <-ctx.Done(); return ctx.Err() })
	if response := ask("hangs"); response.GetProblem().GetCode() != int32(codes.DeadlineExceeded) || len(response.GetDecisions()) > 0 {
		t.Errorf("got %v, want DEADLINE_EXCEEDED and no decision", response)
	}
	fake.OnView(nil)
	if response := ask("goes on"); response.GetRequestId() != "goes on" {
		t.Errorf("got %v, want an answer to the next request", response)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
}
