package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// retry says how a call is repeated when no answer comes.
type retry struct {
	attempts int           // in all, the first included
	pause    time.Duration // before the second attempt; doubles with each further one
	timeout  time.Duration // of one attempt
}

// call makes the call until it is answered, refused or out of attempts. Only calls that may be repeated go through here.
func call[Response any](ctx context.Context, retry retry, once func(context.Context) (Response, error)) (Response, error) {
	var none Response
	for attempt := 1; ; attempt++ {
		bounded, cancel := context.WithTimeout(ctx, retry.timeout)
		response, err := once(bounded)
		cancel()
		switch {
		case err == nil:
			return response, nil
		case ctx.Err() != nil:
			return none, fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
		case status.Code(err) == codes.AlreadyExists:
			return none, fmt.Errorf("%w: %w", ErrKeyReused, err)
		case !unanswered(err):
			return none, err
		case attempt == retry.attempts:
			return none, fmt.Errorf("%w in %d attempts: %w", ErrNoAnswer, attempt, err)
		}
		select {
		case <-time.After(retry.before(attempt + 1)):
		case <-ctx.Done():
			return none, fmt.Errorf("%w: %w, after: %w", ErrNoAnswer, context.Cause(ctx), err)
		}
	}
}

// unanswered says whether the call may or may not have been decided, or could not be for now.
func unanswered(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// before returns how long to wait before the attempt: doubling, bounded, and then any part of its upper half, so that many callers
// do not come back in step.
func (r retry) before(attempt int) time.Duration {
	pause := min(r.pause, longestPause)
	for range attempt - 2 {
		pause = min(2*pause, longestPause)
	}
	return pause/2 + rand.N(pause/2+1)
}
