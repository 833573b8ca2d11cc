// Package sqlstore is the store in SQL: every query once, for all engines. What differs between
// engines is a [Dialect], their transactions and their migrations; an engine opens connections
// ([Connect]), prepares the database ([Migrate]) and runs a [Transaction] on a connection as it
// sees fit.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// View runs fn in a transaction of its own that only reads.
func View(ctx context.Context, connection *Connection, now time.Time, fn func(store.Reader) error) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	// A driver may report that ctx has ended although the transaction did begin, so that is not
	// left to ctx.
	uncancelled := context.WithoutCancel(ctx)
	if err := connection.Exec(uncancelled, connection.dialect.BeginView); err != nil {
		return unavailable(ctx, "begin a view", err)
	}
	// Ending a view can lose nothing, so it is rolled back, also when fn panics and when ctx has
	// ended.
	defer func() {
		rollback := connection.Exec(uncancelled, "ROLLBACK")
		if err == nil && rollback != nil {
			err = unavailable(ctx, "end a view", rollback)
		}
	}()
	view := reader{connection: connection, ctx: ctx, statementCtx: ctx, now: now}
	defer view.end()
	return view.result(fn(&view))
}

// Transaction runs one fn of an Update on a connection whose transaction has begun, and leaves
// ending it to the engine.
//
// ctx is looked at before each statement but never stops one that runs: an interrupted statement
// may undo the whole transaction, and with it what others have written there.
func Transaction(ctx context.Context, connection *Connection, now time.Time, fn func(store.Tx) error) error {
	tx := writer{reader{connection: connection, ctx: ctx, statementCtx: context.WithoutCancel(ctx), now: now}}
	defer tx.end()
	return tx.result(fn(&tx))
}

// reader is a store.Reader. Its errors stick: once a statement has failed, what the transaction
// would show or store is not known to be right.
type reader struct {
	connection   *Connection
	ctx          context.Context // the caller's; ends the transaction between statements
	statementCtx context.Context // what statements run under
	now          time.Time
	failed       error
}

// writer is a store.Tx.
type writer struct{ reader }

var (
	_ store.Reader = (*reader)(nil)
	_ store.Tx     = (*writer)(nil)
)

// Now is described in store.Reader.
func (r *reader) Now() time.Time { return r.now }

var errEnded = errors.New("the transaction has ended; use it only inside its function")

func (r *reader) end() { r.failed = errEnded }

// result is what a transaction comes to when fn has returned err.
func (r *reader) result(err error) error {
	if err == nil {
		return r.failed
	}
	return err
}

func (r *reader) exec(doing, query string, arguments ...any) error {
	if err := r.ready(doing); err != nil {
		return err
	}
	return r.keep(doing, r.connection.Exec(r.statementCtx, query, arguments...))
}

// change is exec for who wants to know how many rows were changed.
func (r *reader) change(doing, query string, arguments ...any) (rows int64, err error) {
	if err := r.ready(doing); err != nil {
		return 0, err
	}
	rows, err = r.connection.change(r.statementCtx, query, arguments...)
	return rows, r.keep(doing, err)
}

func (r *reader) query(doing string, scan func(*sql.Rows) error, query string, arguments ...any) error {
	if err := r.ready(doing); err != nil {
		return err
	}
	return r.keep(doing, r.connection.Query(r.statementCtx, scan, query, arguments...))
}

func (r *reader) ready(doing string) error {
	if r.failed == nil && r.ctx.Err() != nil {
		r.failed = fmt.Errorf("%s: %w", doing, r.ctx.Err())
	}
	return r.failed
}

// keep makes err, if it is one, the error of the transaction.
func (r *reader) keep(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case r.connection.dialect.Conflict(err):
		r.failed = fmt.Errorf("%s: %w", doing, store.ErrConflict)
	default:
		r.failed = unavailable(r.ctx, doing, err)
	}
	return r.failed
}

// unavailable makes a failure of the database one of the domain. A caller who has given up gets
// the reason of ctx, whatever the driver made of it.
func unavailable(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	return fmt.Errorf("%w: %s: %w", policy.ErrUnavailable, doing, err)
}
