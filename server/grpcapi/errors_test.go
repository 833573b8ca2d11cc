package grpcapi_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/store"
)

// Every error of the domain has a row in the table, found by reading the file that declares them.
func TestEveryErrorHasACode(t *testing.T) {
	want := map[string]struct {
		err    error
		code   codes.Code
		reason string
	}{
		"ErrInvalid":         {policy.ErrInvalid, codes.InvalidArgument, "INVALID"},
		"ErrNotFound":        {policy.ErrNotFound, codes.NotFound, "NOT_FOUND"},
		"ErrKeyReused":       {policy.ErrKeyReused, codes.AlreadyExists, "KEY_REUSED"},
		"ErrForbidden":       {policy.ErrForbidden, codes.PermissionDenied, "FORBIDDEN"},
		"ErrUnauthenticated": {policy.ErrUnauthenticated, codes.Unauthenticated, "UNAUTHENTICATED"},
		"ErrUnavailable":     {policy.ErrUnavailable, codes.Unavailable, "RECORD_UNAVAILABLE"},
		"ErrRevision":        {policy.ErrRevision, codes.FailedPrecondition, "REVISION_REFUSED"},
		"ErrPrecondition":    {policy.ErrPrecondition, codes.FailedPrecondition, "PRECONDITION"},
		"ErrExhausted":       {policy.ErrExhausted, codes.ResourceExhausted, "EXHAUSTED"},
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../../policy/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				declared++
				if _, known := want[name.Name]; !known {
					t.Errorf("policy.%s has no row here; give it one in errors.go too", name.Name)
				}
			}
		}
	}
	if declared != len(want) {
		t.Errorf("policy declares %d errors, this test knows %d", declared, len(want))
	}
	for name, row := range want {
		wrapped := fmt.Errorf("about something: %w", fmt.Errorf("%w: in particular", row.err))
		got := wantCode(t, grpcapi.StatusOf(wrapped), row.code, row.reason)
		if got.Message() != wrapped.Error() {
			t.Errorf("%s: got message %q, want %q", name, got.Message(), wrapped)
		}
		if !slices.ContainsFunc(grpcapi.Statuses, func(entry struct {
			Err    error
			Code   codes.Code
			Reason string
		}) bool {
			return entry.Err == row.err
		}) {
			t.Errorf("%s has no row of its own", name)
		}
	}
}

// Every reason for which an approval refuses something is the caller's reason, found by reading the file that declares them.
func TestEveryReasonIsTold(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../policy/approval/review.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != "Reason" {
			return true
		}
		reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		wrapped := fmt.Errorf("about something: %w", &approval.RefusedError{Reason: approval.Reason(reason), Message: "what to do"})
		if got := wantCode(t, grpcapi.StatusOf(wrapped), codes.FailedPrecondition, reason); got.Message() != wrapped.Error() {
			t.Errorf("%s: got message %q, want %q", reason, got.Message(), wrapped)
		}
		told++
		return true
	})
	if told < 15 {
		t.Errorf("found %d reasons; the test does not look everywhere", told)
	}
}

func TestOtherErrors(t *testing.T) {
	for _, test := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{store.ErrUnknownOutcome, codes.Unavailable, "RECORD_UNAVAILABLE"},
		{store.ErrHalted, codes.Unavailable, "RECORD_UNAVAILABLE"},
		{store.ErrClosed, codes.Unavailable, "RECORD_UNAVAILABLE"},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "DEADLINE"},
		{fmt.Errorf("read: %w", context.Canceled), codes.Canceled, "CANCELLED"},
		{fmt.Errorf("%w: in time: %w", policy.ErrUnavailable, context.DeadlineExceeded), codes.Unavailable, "RECORD_UNAVAILABLE"},
		{&server.FieldError{Field: "changes", Problem: "none"}, codes.InvalidArgument, "INVALID"},
		{fmt.Errorf("in the third item: %w", &approval.RefusedError{Reason: approval.SelfApproval, Message: "m"}), codes.FailedPrecondition, "SELF_APPROVAL"},
	} {
		wantCode(t, grpcapi.StatusOf(test.err), test.code, test.reason)
	}
	// What nobody expected is not described to the caller.
	got := wantCode(t, grpcapi.StatusOf(errors.New("dial tcp 10.0.0.7: secret")), codes.Internal, "INTERNAL")
	if strings.Contains(got.Message(), "secret") {
		t.Errorf("the caller is told %q", got.Message())
	}
	if grpcapi.StatusOf(nil) != nil {
		t.Error("no error is an error")
	}
	if already := status.Error(codes.Aborted, "x"); grpcapi.StatusOf(already) != already {
		t.Error("a status is translated twice")
	}
}
