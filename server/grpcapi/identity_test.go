package grpcapi_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// everyCall makes every call of the API with an empty request.
func everyCall(t *testing.T, connection *grpc.ClientConn) map[string]error {
	t.Helper()
	answers := map[string]error{}
	for _, service := range []grpc.ServiceDesc{bidrailv1.GuardrailService_ServiceDesc, bidrailv1.PolicyService_ServiceDesc} {
		for _, method := range service.Methods {
			name := "/" + service.ServiceName + "/" + method.MethodName
			answers[name] = connection.Invoke(t.Context(), name, &emptypb.Empty{}, &emptypb.Empty{})
		}
		for _, stream := range service.Streams {
			name := "/" + service.ServiceName + "/" + stream.StreamName
			opened, err := connection.NewStream(t.Context(), &stream, name)
			if err == nil {
				err = opened.RecvMsg(&emptypb.Empty{})
			}
			answers[name] = err
		}
	}
	if len(answers) < 8 {
		t.Fatalf("the API has %d calls: %v", len(answers), answers)
	}
	return answers
}

// Who cannot be told from anybody gets nothing, not even the faults of the request.
func TestUnauthenticated(t *testing.T) {
	s := servertest.New(t)
	header := auth.DevelopmentHeader
	for name, headers := range map[string][]string{
		"unknown role":    {header, "ana;king"},
		"one of two":      {header, "ana;auditor,king"},
		"no role":         {header, "ana;"},
		"no roles at all": {header, "ana"},
		"nobody":          {header, ";auditor"},
		"blank":           {header, " ;auditor"},
		"empty":           {header, ""},
		"role in capital": {header, "ana;Auditor"},
		"two headers":     {header, "ana;auditor", header, "ana;auditor"},
		"too long":        {header, strings.Repeat("x", 1025) + ";auditor"},
	} {
		t.Run(name, func(t *testing.T) {
			for method, err := range everyCall(t, s.Dial(t, headers...)) {
				if got := wantCode(t, err, codes.Unauthenticated, "UNAUTHENTICATED"); !strings.Contains(got.Message(), header) {
					t.Errorf("%s: the message does not say what is wrong: %s", method, got.Message())
				}
			}
		})
	}
}

// refusesAll is an authenticator that knows nobody.
type refusesAll struct{}

func (refusesAll) Authenticate(context.Context, metadata.MD) (policy.Principal, error) {
	return policy.Principal{}, fmt.Errorf("%w: who are you?", policy.ErrUnauthenticated)
}

// namesNobody is an authenticator with a bug.
type namesNobody struct{}

func (namesNobody) Authenticate(context.Context, metadata.MD) (policy.Principal, error) {
	return policy.Principal{Roles: policy.Roles()}, nil
}

func TestNoIdentity(t *testing.T) {
	s := servertest.New(t)
	for name, authenticator := range map[string]grpcapi.Authenticator{"refused": refusesAll{}, "nameless": namesNobody{}} {
		t.Run(name, func(t *testing.T) {
			door, err := grpcapi.New(grpcapi.Config{Server: s.Core, Authenticator: authenticator, Logger: s.Logger})
			if err != nil {
				t.Fatal(err)
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- door.Serve(listener) }()
			defer func() { door.Stop(t.Context()); <-served }()
			there := *s
			there.Address = listener.Addr().String()
			connection := there.Dial(t)
			if name == "refused" {
				for _, err := range everyCall(t, connection) {
					wantCode(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
				}
			}
			_, err = bidrailv1.NewGuardrailServiceClient(connection).Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
			wantCode(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
			_ = connection.Close()
		})
	}
	if got := s.Recorded(t); got != 0 {
		t.Errorf("%d decisions are recorded, want none", got)
	}
}

func TestDevelopmentIdentity(t *testing.T) {
	s := servertest.New(t)
	for name, test := range map[string]struct {
		headers []string
		want    string
	}{
		"none":              {nil, auth.DevelopmentSubject},
		"a name":            {[]string{auth.DevelopmentHeader, "pacer;automation"}, "pacer"},
		"with spaces":       {[]string{auth.DevelopmentHeader, " pacer ; auditor , automation "}, "pacer"},
		"with a colon":      {[]string{auth.DevelopmentHeader, "svc:pacer@eu;automation"}, "svc:pacer@eu"},
		"unrelated headers": {[]string{"authorization", "Bearer x"}, auth.DevelopmentSubject},
	} {
		change := servertest.Bid(name, 100, 110)
		response, err := bidrailv1.NewGuardrailServiceClient(s.Dial(t, test.headers...)).Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{change}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := response.GetDecisions()[0].GetAutomation(); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// Roles are checked for every call, as package server says.
func TestForbidden(t *testing.T) {
	s := servertest.New(t)
	for _, caller := range []*servertest.Caller{s.Approver, s.Governance, s.Auditor, s.Admin} {
		_, err := caller.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}})
		wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
		stream, err := caller.Guardrail.CheckStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&bidrailv1.CheckStreamRequest{Changes: []*bidrailv1.Change{servertest.Bid("a", 100, 110)}}); err != nil {
			t.Fatal(err)
		}
		if answer, err := stream.Recv(); err != nil || answer.GetProblem().GetReason() != "FORBIDDEN" {
			t.Errorf("%s: got %v, %v; want FORBIDDEN", caller.Principal.Subject, answer, err)
		}
		_ = stream.CloseSend()
	}
	_, err := s.Admin.Guardrail.Explain(t.Context(), &bidrailv1.ExplainRequest{DecisionId: "x"})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
	if got := s.Recorded(t); got != 0 {
		t.Errorf("%d decisions are recorded, want none", got)
	}
}
