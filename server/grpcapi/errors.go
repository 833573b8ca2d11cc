package grpcapi

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/server"
)

// errorDomain says whose reasons the machine-readable ones are.
const errorDomain = "bidrail"

// statuses is the only table from errors to codes. The first that matches wins.
var statuses = []struct {
	err    error
	code   codes.Code
	reason string
}{
	{policy.ErrInvalid, codes.InvalidArgument, "INVALID"},
	{policy.ErrUnauthenticated, codes.Unauthenticated, "UNAUTHENTICATED"},
	{policy.ErrForbidden, codes.PermissionDenied, "FORBIDDEN"},
	{policy.ErrNotFound, codes.NotFound, "NOT_FOUND"},
	{policy.ErrKeyReused, codes.AlreadyExists, "KEY_REUSED"},
	{policy.ErrPrecondition, codes.FailedPrecondition, "PRECONDITION"},
	{policy.ErrRevision, codes.FailedPrecondition, "REVISION_REFUSED"},
	{policy.ErrExhausted, codes.ResourceExhausted, "EXHAUSTED"},
	{policy.ErrUnavailable, codes.Unavailable, "RECORD_UNAVAILABLE"},
	{context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE"},
	{context.Canceled, codes.Canceled, "CANCELLED"},
}

// classify finds an error's place in the table; what an approval refuses has reasons of its own. What is not in it is a bug here, and is not
// described to the caller.
func classify(err error) (codes.Code, string, string) {
	for _, entry := range statuses {
		if !errors.Is(err, entry.err) {
			continue
		}
		if refused, ok := errors.AsType[*approval.RefusedError](err); ok && entry.err == policy.ErrPrecondition {
			return entry.code, string(refused.Reason), err.Error()
		}
		return entry.code, entry.reason, err.Error()
	}
	return codes.Internal, "INTERNAL", "something went wrong in the service; its log says what"
}

// statusOf makes a gRPC status with google.rpc details of an error.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	if _, already := status.FromError(err); already {
		return err
	}
	code, reason, message := classify(err)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Domain: errorDomain, Reason: reason}}
	var violations Violations
	var field *server.FieldError
	switch {
	case errors.As(err, &violations):
		bad := &errdetails.BadRequest{}
		for _, violation := range violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: violation.Field, Description: violation.Problem})
		}
		details = append(details, bad)
	case errors.As(err, &field):
		details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: field.Field, Description: field.Problem},
		}})
	case code == codes.Unavailable, code == codes.ResourceExhausted:
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(200 * time.Millisecond)})
	}
	described, detailErr := status.New(code, message).WithDetails(details...)
	if detailErr != nil {
		return status.Error(code, message)
	}
	return described.Err()
}
