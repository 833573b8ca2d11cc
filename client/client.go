package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// How much one call may ask, as the service limits it.
const (
	MaxGroup = 100    // changes in one Check: the legs of one atomic group
	MaxBatch = 10_000 // changes in one CheckBatch
)

// The answer to a full batch is several times larger than the 4 MiB that gRPC accepts by default.
const maxAnswerBytes = 256 << 20

// Client asks one Bidrail service. It may be used by many goroutines at once.
type Client struct {
	connection *grpc.ClientConn
	service    bidrailv1.GuardrailServiceClient
	approvals  bidrailv1.ApprovalServiceClient
	registry   bidrailv1.RegistryServiceClient
	retry      retry
}

// Dial prepares a client for the service at the address, such as 127.0.0.1:7443 or bidrail.example:443. It does not wait for a
// connection: the first call does. An address on the loopback is spoken to in the clear, any other with TLS and the system's
// certificates, unless [WithCredentials] says otherwise.
func Dial(address string, choices ...Option) (*Client, error) {
	settings := defaults(address)
	for _, choose := range choices {
		if err := choose(&settings); err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
	}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(settings.credentials),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		grpc.WithUnaryInterceptor(settings.identifyUnary),
		grpc.WithStreamInterceptor(settings.identifyStream),
		// Left alone, gRPC pauses for a second after the first failed attempt to connect, longer than all our repeats together.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: settings.retry.pause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause},
			MinConnectTimeout: settings.retry.timeout,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return &Client{connection, bidrailv1.NewGuardrailServiceClient(connection), bidrailv1.NewApprovalServiceClient(connection),
		bidrailv1.NewRegistryServiceClient(connection), settings.retry}, nil
}

// Close ends the connection. Calls in flight fail.
func (c *Client) Close() error { return c.connection.Close() }

// Connection is the connection under the client, for calls that it does not wrap, with the same identity and credentials:
//
//	page, err := bidrailv1.NewGuardrailServiceClient(guard.Connection()).ListDecisions(ctx, request)
func (c *Client) Connection() grpc.ClientConnInterface { return c.connection }

// Check asks about one change, or about 2 to [MaxGroup] legs of one atomic group (see [Group]). The decisions come in the order of
// the changes. With an error there are none, and nothing may be changed.
func (c *Client) Check(ctx context.Context, changes ...*bidrailv1.Change) (Decisions, error) {
	if err := countChanges(len(changes), MaxGroup, "Check"); err != nil {
		return nil, err
	}
	response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.CheckResponse, error) {
		return c.service.Check(ctx, &bidrailv1.CheckRequest{Changes: changes})
	})
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", name(changes), err)
	}
	if got := len(response.GetDecisions()); got != len(changes) {
		return nil, fmt.Errorf("check %s: %w: %d decisions on %d changes", name(changes), ErrBadAnswer, got, len(changes))
	}
	decisions := make(Decisions, len(changes))
	for i, decision := range response.GetDecisions() {
		if err := answers(decision, changes[i]); err != nil {
			return nil, fmt.Errorf("check %s: %w", name(changes), err)
		}
		decisions[i] = Decision{decision}
	}
	return decisions, nil
}

// CheckBatch asks about 1 to [MaxBatch] changes in one call; more are refused here, not split, because later changes of a call are
// judged in view of the earlier ones. All legs of an atomic group must be among them. The results come in the order of the
// changes; each has a decision or an error of its own. With an error of the call there are none, and nothing may be changed.
func (c *Client) CheckBatch(ctx context.Context, changes ...*bidrailv1.Change) ([]Result, error) {
	if err := countChanges(len(changes), MaxBatch, "CheckBatch"); err != nil {
		return nil, err
	}
	response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.CheckBatchResponse, error) {
		return c.service.CheckBatch(ctx, &bidrailv1.CheckBatchRequest{Changes: changes})
	})
	if err != nil {
		return nil, fmt.Errorf("check a batch of %d: %w", len(changes), err)
	}
	if got := len(response.GetResults()); got != len(changes) {
		return nil, fmt.Errorf("check a batch: %w: %d results on %d changes", ErrBadAnswer, got, len(changes))
	}
	results := make([]Result, len(changes))
	for i, result := range response.GetResults() {
		results[i] = resultOf(result, changes[i])
	}
	return results, nil
}

func countChanges(count, most int, method string) error {
	switch {
	case count == 0:
		return fmt.Errorf("%s: no changes given", method)
	case count > most:
		return fmt.Errorf("%s: %d changes in one call, at most %d are possible; send them in several calls", method, count, most)
	}
	return nil
}

// name tells calls apart in errors.
func name(changes []*bidrailv1.Change) string {
	if len(changes) > 1 {
		return fmt.Sprintf("group %q", changes[0].GetAtomicGroupId())
	}
	return fmt.Sprintf("%q", changes[0].GetChangeId())
}

// answers makes sure that the decision is about the change: to act on another one's ALLOW would be worse than to have none.
func answers(decision *bidrailv1.Decision, change *bidrailv1.Change) error {
	switch {
	case decision == nil:
		return fmt.Errorf("%w: no decision", ErrBadAnswer)
	case decision.GetChangeId() != change.GetChangeId():
		return fmt.Errorf("%w: a decision on %q was given for %q", ErrBadAnswer, decision.GetChangeId(), change.GetChangeId())
	case decision.GetVerdict() == bidrailv1.Verdict_VERDICT_UNSPECIFIED:
		return fmt.Errorf("%w: a decision on %q without a verdict", ErrBadAnswer, change.GetChangeId())
	}
	return nil
}

// The errors that a caller may want to tell apart, with [errors.Is]. After each of them nothing may be changed; the gRPC status is in the
// chain for status.FromError.
var (
	// ErrNoAnswer is returned when all attempts ended without an answer. The change may have been decided: ask again with the same
	// change_id.
	ErrNoAnswer = errors.New("no answer from Bidrail")
	// ErrKeyReused is returned when a change_id was used before with other content. Find out which of the two is meant; a new
	// change needs a new key.
	ErrKeyReused = errors.New("this change_id was used before for another change")
	// ErrBadAnswer is returned when an answer does not fit its question.
	ErrBadAnswer = errors.New("the answer does not fit the question")
)

// longestPause bounds the pauses between attempts.
const longestPause = 5 * time.Second
