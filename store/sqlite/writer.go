package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlstore"
)

// A group ends when it has so many updates, or when it has been open for so long. The first keeps
// what one failure can take along small, the second the wait of those who came first.
const (
	groupSize = 256
	groupTime = 10 * time.Millisecond
)

// writer is the one that writes. An Update queues for its turn; the writer opens a transaction,
// gives everybody who waits a turn in it, one after another and each under a savepoint, commits
// once, and only then answers them all. Making a transaction durable costs the same for one
// Update as for many.
//
// The turn is taken in the goroutine that called Update: a panic there unwinds its own stack.
type writer struct {
	connection *sqlstore.Connection
	clock      *clock
	logger     hclog.Logger
	queue      chan *turn
	stopped    chan struct{}
	halted     atomic.Pointer[error]

	updates, commits atomic.Int64
}

// turn is one Update waiting for the writer.
type turn struct {
	state   atomic.Int32
	begin   chan struct{} // closed by the writer: the connection is yours
	ran     chan error    // given back, with what came of it
	outcome chan error    // what Update returns
}

// A turn is taken by the writer or given up by its caller, whoever is first.
const (
	turnWaiting = iota
	turnTaken
	turnGivenUp
)

func newWriter(connection *sqlstore.Connection, clock *clock, logger hclog.Logger) *writer {
	return &writer{
		connection: connection, clock: clock, logger: logger,
		// The length is not a limit: who finds the queue full waits in front of it.
		queue:   make(chan *turn, groupSize),
		stopped: make(chan struct{}),
	}
}

// stop ends the writer when the queue is empty. Nobody may be in update any more.
func (w *writer) stop() {
	close(w.queue)
	<-w.stopped
}

// errUnwound stands for a fn that did not return.
var errUnwound = errors.New("the update panicked")

func (w *writer) update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	t := &turn{begin: make(chan struct{}), ran: make(chan error, 1), outcome: make(chan error, 1)}
	select {
	case w.queue <- t:
	case <-ctx.Done():
		return fmt.Errorf("wait for the writer: %w", ctx.Err())
	}
	select {
	case <-t.begin:
	case err := <-t.outcome: // the writer could not begin
		return err
	case <-ctx.Done():
		if t.state.CompareAndSwap(turnWaiting, turnGivenUp) {
			return fmt.Errorf("wait for the writer: %w", ctx.Err())
		}
		select {
		case <-t.begin:
		case err := <-t.outcome:
			return err
		}
	}
	failed := w.take(ctx, t, fn) != nil
	select {
	case err := <-t.outcome:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-t.outcome: // both were ready
		return err
	default:
	}
	if failed { // and so undone, whatever becomes of the others
		return fmt.Errorf("update: %w", ctx.Err())
	}
	return fmt.Errorf("%w: %w before the disk answered", store.ErrUnknownOutcome, ctx.Err())
}

// take runs fn and gives the connection back, even when fn panics.
func (w *writer) take(ctx context.Context, t *turn, fn func(store.Tx) error) error {
	result := errUnwound
	defer func() { t.ran <- result }()
	result = sqlstore.Transaction(ctx, w.connection, w.clock.read(), fn)
	return result
}

// run is the writer's goroutine.
func (w *writer) run() {
	defer close(w.stopped)
	for first := range w.queue {
		if first.state.CompareAndSwap(turnWaiting, turnTaken) {
			w.group(first)
		}
	}
}

// group runs one transaction, beginning with a turn that is taken.
func (w *writer) group(first *turn) {
	if err := w.begin(); err != nil {
		first.outcome <- err
		return
	}
	var (
		turns    []*turn
		results  []error
		lost     error
		deadline = time.Now().Add(groupTime)
	)
	for t := first; t != nil; {
		result, err := w.give(t)
		turns, results = append(turns, t), append(results, result)
		if lost = err; lost != nil {
			break
		}
		if t = nil; len(turns) < groupSize && time.Now().Before(deadline) {
			t = w.next()
		}
	}
	if lost == nil {
		lost = w.commit()
	} else {
		// The database has undone the transaction by itself, or cannot undo one turn of it.
		_ = w.exec("ROLLBACK")
	}
	for i, t := range turns {
		// Even an error of fn's own is told only now: fn may have seen what others wrote before it
		// in this group, and its error, or what it has read, may speak of it.
		if lost != nil {
			t.outcome <- lost
		} else {
			t.outcome <- results[i]
		}
	}
}

// next is the next turn that waits, if one does.
func (w *writer) next() *turn {
	for {
		select {
		case t, open := <-w.queue:
			if !open {
				return nil
			}
			if t.state.CompareAndSwap(turnWaiting, turnTaken) {
				return t
			}
		default:
			return nil
		}
	}
}

// give gives t its turn. result is what came of it; lost, if there is one, is the error of the
// whole transaction.
//
// A statement that fails for want of space, memory or a working disk makes SQLite undo the whole
// transaction, savepoints and all; the next savepoint would silently begin a new one. So the
// savepoint of the turn must still be there at its end, or everybody's work is gone.
func (w *writer) give(t *turn) (result, lost error) {
	if err := w.exec("SAVEPOINT turn"); err != nil {
		return nil, w.undone(err)
	}
	close(t.begin)
	result = <-t.ran
	if result != nil {
		if err := w.exec("ROLLBACK TO turn"); err != nil {
			return result, w.undone(result)
		}
	}
	if err := w.exec("RELEASE turn"); err != nil {
		return result, w.undone(err)
	}
	w.updates.Add(1)
	return result, nil
}

func (w *writer) begin() error {
	if halted := w.halted.Load(); halted != nil {
		return *halted
	}
	if err := w.exec(dialect.BeginUpdate); err != nil {
		return fmt.Errorf("%w: begin a transaction: %w", policy.ErrUnavailable, err)
	}
	return nil
}

func (w *writer) commit() error {
	err := w.exec("COMMIT")
	if err == nil {
		w.commits.Add(1)
		return nil
	}
	// A commit that has failed may leave its transaction open.
	_ = w.exec("ROLLBACK")
	w.logger.Error("commit failed", "error", err)
	failure, _ := errors.AsType[*sqlite.Error](err)
	switch {
	case failure != nil && failure.Code() == sqlite3.SQLITE_FULL:
		// The mark that makes a transaction valid is written last and was not, so this one is
		// known not to be stored. There may be room again the next time.
		return fmt.Errorf("%w: commit: %w", policy.ErrUnavailable, err)
	case failure != nil && (failure.Code() == sqlite3.SQLITE_IOERR_FSYNC || failure.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC):
		halted := fmt.Errorf("%w: %w", store.ErrHalted, err)
		w.halted.Store(&halted)
	}
	return fmt.Errorf("%w: commit: %w", store.ErrUnknownOutcome, err)
}

// undone is the error of everybody in a group whose transaction is gone. It gives the reason as
// text only: the reason is the error of one of them, and the others must not take it for theirs.
func (w *writer) undone(reason error) error {
	w.logger.Error("transaction undone", "error", reason)
	return fmt.Errorf("%w: the database has undone the transaction: %v", policy.ErrUnavailable, reason)
}

func (w *writer) exec(statement string) error {
	return w.connection.Exec(context.Background(), statement)
}
