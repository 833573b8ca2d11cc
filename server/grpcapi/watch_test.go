package grpcapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bidrail/bidrail/policy/approval"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// A token goes on where it was given out, and what is not one of ours is refused rather than taken for the beginning.
func TestResumeTokens(t *testing.T) {
	for _, after := range []int64{0, 1, 1<<63 - 1} {
		if got, err := grpcapi.ResumeAfter(grpcapi.ResumeToken(after)); err != nil || got != after {
			t.Errorf("after %d: got %d, %v", after, got, err)
		}
	}
	if got, err := grpcapi.ResumeAfter(""); err != nil || got != server.FromNow {
		t.Errorf("no token: got %d, %v; want from now on", got, err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for _, token := range []string{"x", "7", " ", encode([]byte("7")), encode([]byte("approvals/1/")), encode([]byte("approvals/1/-1")), encode([]byte("approvals/1/-5")),
		encode([]byte("approvals/1/07")), encode([]byte("approvals/1/+7")), encode([]byte("approvals/1/9223372036854775808")), encode([]byte("approvals/2/7")),
		grpcapi.ResumeToken(7) + "=", grpcapi.ResumeToken(7) + "\n"} {
		_, err := grpcapi.ResumeAfter(token)
		if got := fields(wantCode(t, grpcapi.StatusOf(err), codes.InvalidArgument, "INVALID")); len(got) != 1 || got[0] != "resume_token" {
			t.Errorf("%q: got fields %v", token, got)
		}
	}
}

// watched is a stream as its caller sees it.
type watched struct {
	events []*bidrailv1.ApprovalEvent
	refuse error
}

func (w *watched) send(event *bidrailv1.ApprovalEvent) error {
	w.events = append(w.events, event)
	return w.refuse
}

// A stream sends what happens and where to go on, and a sign of life now and then while nothing does.
func TestWatchSendsAndKeepsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var caller watched
		err := grpcapi.Watch(ctx, server.FromNow, make(chan struct{}), time.Minute, caller.send, func(ctx context.Context, send func(store.ApprovalEvent) error) error {
			time.Sleep(90 * time.Second)
			if err := send(store.ApprovalEvent{Sequence: 41, Approval: approval.Approval{ID: "apr_1", Version: 3}}); err != nil {
				return err
			}
			time.Sleep(time.Minute)
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want what the source ended with", err)
		}
		if len(caller.events) != 3 {
			t.Fatalf("got %v, want a sign of life, an event and a sign of life", caller.events)
		}
		if got := caller.events[0]; got.GetApproval() != nil || got.GetResumeToken() != "" {
			t.Errorf("before anything happened: got %v", got)
		}
		if got := caller.events[1]; got.GetApproval().GetApprovalId() != "apr_1" || got.GetResumeToken() != grpcapi.ResumeToken(41) {
			t.Errorf("what happened: got %v", got)
		}
		if got := caller.events[2]; got.GetApproval() != nil || got.GetResumeToken() != grpcapi.ResumeToken(41) {
			t.Errorf("afterwards: got %v", got)
		}
	})
}

func TestWatchEnds(t *testing.T) {
	untilDone := func(ctx context.Context, _ func(store.ApprovalEvent) error) error { <-ctx.Done(); return ctx.Err() }
	t.Run("with the door", func(t *testing.T) {
		closing := make(chan struct{})
		close(closing)
		var caller watched
		err := grpcapi.Watch(t.Context(), 7, closing, time.Hour, caller.send, untilDone)
		wantCode(t, grpcapi.StatusOf(err), codes.Unavailable, "RECORD_UNAVAILABLE")
	})
	t.Run("with the caller, also when only a sign of life finds out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			caller := watched{refuse: errors.New("gone")}
			if err := grpcapi.Watch(t.Context(), 7, make(chan struct{}), time.Second, caller.send, untilDone); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if len(caller.events) != 1 {
				t.Errorf("%d events were sent to nobody, want one", len(caller.events))
			}
		})
	})
	t.Run("with the source", func(t *testing.T) {
		broken := errors.New("broken")
		var caller watched
		err := grpcapi.Watch(t.Context(), 7, make(chan struct{}), time.Hour, caller.send, func(context.Context, func(store.ApprovalEvent) error) error { return broken })
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

// Who gives a call less time than it asks to wait hears that nothing has happened, and not an error.
func TestWaits(t *testing.T) {
	now := servertest.Start
	for name, test := range map[string]struct {
		asked    *durationpb.Duration
		deadline time.Time
		want     time.Duration
	}{
		"nothing said":            {nil, time.Time{}, 20 * time.Second},
		"as asked":                {durationpb.New(3 * time.Second), time.Time{}, 3 * time.Second},
		"not at all":              {durationpb.New(0), time.Time{}, 0},
		"too long":                {durationpb.New(time.Hour), time.Time{}, server.MaxWait},
		"the call ends before":    {durationpb.New(30 * time.Second), now.Add(10 * time.Second), 9 * time.Second},
		"the call ends after":     {durationpb.New(3 * time.Second), now.Add(10 * time.Second), 3 * time.Second},
		"the call ends at once":   {durationpb.New(3 * time.Second), now.Add(time.Millisecond), 0},
		"the call has ended":      {nil, now.Add(-time.Second), 0},
		"nothing said, ends soon": {nil, now.Add(2 * time.Second), time.Second},
	} {
		if got := grpcapi.WaitFor(test.asked, test.deadline, !test.deadline.IsZero(), now); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
