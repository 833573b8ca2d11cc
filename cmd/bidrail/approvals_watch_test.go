package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// flakyApprovals answers a watch with one event of the approvals it has left, and then breaks off; with "" it breaks off at once.
type flakyApprovals struct {
	bidrailv1.UnimplementedApprovalServiceServer
	events []string
	resume []string // where the watches went on
}

func (f *flakyApprovals) WatchApprovals(request *bidrailv1.WatchApprovalsRequest, stream grpc.ServerStreamingServer[bidrailv1.ApprovalEvent]) error {
	f.resume = append(f.resume, request.GetResumeToken())
	id := f.events[0]
	f.events = f.events[1:]
	if id != "" {
		event := &bidrailv1.ApprovalEvent{ResumeToken: "after " + id, Approval: &bidrailv1.Approval{ApprovalId: id, State: bidrailv1.ApprovalState_APPROVAL_STATE_PENDING}}
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return status.Error(codes.Unavailable, "closing")
}

// However often it is tried again, whoever watches is told once that the connection is lost, and once that it is back.
func TestWatchTellsOfAnOutageOnce(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fake := &flakyApprovals{events: []string{"apr_1", "", "", "apr_2"}}
	door := grpc.NewServer()
	bidrailv1.RegisterApprovalServiceServer(door, fake)
	served := make(chan error, 1)
	go func() { served <- door.Serve(listener) }()
	defer func() {
		door.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()

	var out, told strings.Builder
	command := approvalsWatchCommand{connection: connection{Server: listener.Addr().String(), Timeout: time.Minute}, Count: 2, Output: "text"}
	if err := command.Run(t.Context(), environment{stdout: &out, stderr: &told}); err != nil {
		t.Fatal(err)
	}
	if want := "the connection is lost, trying again for 1 min: closing\nthe connection is back\n"; told.String() != want {
		t.Errorf("got %q, want %q", told.String(), want)
	}
	if !strings.Contains(out.String(), "apr_1") || !strings.Contains(out.String(), "apr_2") {
		t.Errorf("got %q, want both events", out.String())
	}
	if got := strings.Join(fake.resume, ", "); got != ", after apr_1, after apr_1, after apr_1" {
		t.Errorf("it went on after %q", got)
	}
}
