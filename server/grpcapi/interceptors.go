package grpcapi

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// Authenticator makes a principal of the metadata of a call, or says policy.ErrUnauthenticated.
type Authenticator interface {
	Authenticate(ctx context.Context, headers metadata.MD) (policy.Principal, error)
}

type principalKey struct{}

// principalOf is who calls. Without an interceptor that authenticated there is nobody, and the
// gate lets nobody through.
func principalOf(ctx context.Context) policy.Principal {
	principal, _ := ctx.Value(principalKey{}).(policy.Principal)
	return principal
}

// isOpen reports whether a method answers without identity: health checks do, and so does
// reflection, which is only there in development.
func isOpen(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.") || strings.HasPrefix(method, "/grpc.reflection.")
}

func (d *Door) authenticate(ctx context.Context, method string) (context.Context, error) {
	if isOpen(method) {
		return ctx, nil
	}
	headers, _ := metadata.FromIncomingContext(ctx)
	principal, err := d.authenticator.Authenticate(ctx, headers)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, principalKey{}, principal), nil
}

// unary is the one interceptor of unary calls: recover, deadline, authenticate, validate, call,
// translate the error. The order is the point: nothing of a request is looked at before it is
// known who sent it.
func (d *Door) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	began := time.Now()
	defer func() {
		if panicked := recover(); panicked != nil {
			d.logger.Error("panic in a call", "method", info.FullMethod, "panic", panicked, "stack", string(debug.Stack()))
			response, err = nil, status.Error(codes.Internal, "something went wrong in the service; its log says what")
		}
		d.logCall(info.FullMethod, began, err)
	}()
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.deadlineOf(info.FullMethod))
		defer cancel()
	}
	if ctx, err = d.authenticate(ctx, info.FullMethod); err != nil {
		return nil, statusOf(err)
	}
	if message, ok := request.(proto.Message); ok && !isOpen(info.FullMethod) {
		if limit := requestLimit(info.FullMethod); proto.Size(message) > limit {
			return nil, statusOf(fmt.Errorf("%w: the request is %d bytes large and this method takes %d; send less at once", policy.ErrInvalid, proto.Size(message), limit))
		}
		if err := d.validator.Validate(message); err != nil {
			return nil, statusOf(err)
		}
	}
	response, err = handler(ctx, request)
	if err != nil {
		return nil, d.translate(info.FullMethod, err)
	}
	return response, nil
}

// stream is the one interceptor of streams. Messages are validated where they are received: one
// that is wrong must not end the stream.
func (d *Door) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	began := time.Now()
	defer func() {
		if panicked := recover(); panicked != nil {
			d.logger.Error("panic in a stream", "method", info.FullMethod, "panic", panicked, "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "something went wrong in the service; its log says what")
		}
		d.logCall(info.FullMethod, began, err)
	}()
	ctx, err := d.authenticate(stream.Context(), info.FullMethod)
	if err != nil {
		return statusOf(err)
	}
	return d.translate(info.FullMethod, handler(service, &authenticatedStream{stream, ctx}))
}

type authenticatedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *authenticatedStream) Context() context.Context { return s.ctx }

// translate makes a status of an error; one that is not in the table goes to the log.
func (d *Door) translate(method string, err error) error {
	if err == nil {
		return nil
	}
	translated := statusOf(err)
	if status.Code(translated) == codes.Internal {
		d.logger.Error("unexpected error", "method", method, "error", err)
	}
	return translated
}

func (d *Door) logCall(method string, began time.Time, err error) {
	if isOpen(method) || !d.logger.IsDebug() {
		return
	}
	d.logger.Debug("call", "method", method, "code", status.Code(err), "took_us", time.Since(began).Microseconds())
}

// deadlineOf is how much time a call has that brings no deadline. Who waits for people waits on top of that.
func (d *Door) deadlineOf(method string) time.Duration {
	if method == bidrailv1.ApprovalService_WaitApproval_FullMethodName {
		return d.deadline + server.MaxWait
	}
	return d.deadline
}

// requestLimit is the most bytes a method's request may have. Only what comes by the thousand needs many.
func requestLimit(method string) int {
	if strings.HasSuffix(method, "/CheckBatch") || strings.HasSuffix(method, "/PutFacts") {
		return maxMessageBytes
	}
	if strings.HasSuffix(method, "/Check") || strings.HasSuffix(method, "/Explain") || strings.HasSuffix(method, "/Redeem") {
		return 100*maxChangeBytes + 1024 // a whole group
	}
	return 256 << 10
}

func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return ""
}
