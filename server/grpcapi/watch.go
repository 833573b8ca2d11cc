package grpcapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/store"
)

// aliveEvery is how often a stream on which nothing happens says that it is there. Proxies cut off streams that are quiet for a minute.
const aliveEvery = 25 * time.Second

func (a *approvals) WatchApprovals(request *bidrailv1.WatchApprovalsRequest, stream grpc.ServerStreamingServer[bidrailv1.ApprovalEvent]) error {
	if err := a.validator.Validate(request); err != nil {
		return err
	}
	after, err := resumeAfter(request.GetResumeToken())
	if err != nil {
		return err
	}
	ctx := stream.Context()
	return watch(ctx, after, a.closing, aliveEvery, stream.Send, func(ctx context.Context, send func(store.ApprovalEvent) error) error {
		return a.server.WatchApprovals(ctx, principalOf(ctx), WatchFilter(request), after, send)
	})
}

// WatchFilter reads which approvals to watch.
func WatchFilter(m *bidrailv1.WatchApprovalsRequest) server.WatchFilter {
	return server.WatchFilter{ApprovalID: m.GetApprovalId(), Automation: m.GetAutomation(), Platform: m.GetPlatform(), Account: m.GetAccount(), Group: m.GetGroup()}
}

// watch sends what the source has, and signs of life in between, until the caller goes, the source or a send fails, or the door closes.
func watch(ctx context.Context, after int64, closing <-chan struct{}, every time.Duration, send func(*bidrailv1.ApprovalEvent) error,
	source func(context.Context, func(store.ApprovalEvent) error) error) error {
	watching, stop := until(ctx, closing)
	var beats sync.WaitGroup
	defer beats.Wait()
	defer stop()
	var sending sync.Mutex // one message at a time, as gRPC wants it
	token := resumeToken(after)
	beats.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-watching.Done():
				return
			case <-ticker.C:
			}
			sending.Lock()
			err := send(&bidrailv1.ApprovalEvent{ResumeToken: token})
			sending.Unlock()
			if err != nil { // whoever listened is gone
				stop()
				return
			}
		}
	})
	err := source(watching, func(event store.ApprovalEvent) error {
		sending.Lock()
		defer sending.Unlock()
		next := resumeToken(event.Sequence)
		message := &bidrailv1.ApprovalEvent{ResumeToken: next}
		if event.Approval.ID != "" {
			message.Approval = ApprovalMessage(event.Approval)
		}
		if err := send(message); err != nil {
			return err
		}
		token = next
		return nil
	})
	return closedOr(ctx, closing, err)
}

// until is a context that also ends when the door is about to close.
func until(ctx context.Context, closing <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// closedOr tells a caller who is still there that the door closes, in place of what that led to.
func closedOr(ctx context.Context, closing <-chan struct{}, err error) error {
	select {
	case <-closing:
		if ctx.Err() == nil {
			return fmt.Errorf("%w: the service is closing; connect again and go on where you are", policy.ErrUnavailable)
		}
	default:
	}
	return err
}

// tokenPrefix tells tokens of this kind from others that look like one.
const tokenPrefix = "approvals/1/"

// resumeToken is where to go on after a sequence; "" for from now on.
func resumeToken(after int64) string {
	if after == server.FromNow {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + strconv.FormatInt(after, 10)))
}

// resumeAfter reads what [resumeToken] wrote, and nothing else.
func resumeAfter(token string) (int64, error) {
	if token == "" {
		return server.FromNow, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	number, ours := strings.CutPrefix(string(text), tokenPrefix)
	after, malformed := strconv.ParseInt(number, 10, 64)
	if err != nil || !ours || malformed != nil || after < 0 || resumeToken(after) != token {
		return 0, &server.FieldError{Field: "resume_token", Problem: "is not one that this service gave out; leave it out to begin anew, and list what was missed"}
	}
	return after, nil
}
