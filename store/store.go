// Package store says what Bidrail needs of a database, in the words of package policy. Start
// with [Store]; the engines are the packages below this one.
//
// A record is either durable or it is not there: nothing that [Store.Update] has acknowledged is
// ever lost, and nothing that it has refused is ever seen. Everything that may be answered to a
// caller rests on that.
//
// # Writing against it
//
// A use case is one call of View or one of Update. What several records must agree on is written
// in one Update, so that they are stored together or not at all.
//
// Engines run Updates as they see fit: SQLite one after another, others perhaps side by side. Reading first
// and writing what follows from it is therefore no protection by itself, with one exception. What guards
// a decision's key is that it is unique, and a hold, a permit or an epoch that it is still what was read
// ([ErrConflict]). Sums have nothing of that kind; so an engine that runs Updates side by side must let
// nobody else move a tally that an Update has read: see [LedgerReader].Sheets.
//
// Locks are taken in one order, so that no two Updates wait for each other: scopes first, all in one
// call of Sheets, then the log, which whatever inserts or changes a record takes before the record.
package store

import (
	"context"
	"time"
)

// Store is a database of decisions, of the policy revisions that made them, and of what follows from
// them: holds, tallies, permits. It is safe for concurrent use.
//
// View and Update hand their function an argument to work through. The function may run more than
// once. It must not act outside that argument, keep it, use it from other goroutines, or call the
// store again: it may hold up others while it runs.
type Store interface {
	// View runs fn in the calling goroutine, over one unchanging state of the store: at least
	// everything that was acknowledged before View was called, and nothing that might still be
	// undone. It returns fn's error, or the store's.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in the calling goroutine, in a write transaction.
	//
	//   - When Update returns nil, everything fn wrote is durable: it survives the end of the
	//     process and a loss of power.
	//   - When it returns an error or fn panics, nothing fn wrote is visible, now or later, with
	//     one exception: [ErrUnknownOutcome]. fn's own errors are returned as they are.
	//   - Once a method of its argument has failed with anything but policy.ErrNotFound, the
	//     transaction is lost, and Update returns an error even if fn returns nil.
	//   - When ctx ends before fn has begun, fn does not run at all. When it ends while fn runs,
	//     the next method fn calls fails. Afterwards it only ends the waiting.
	Update(ctx context.Context, fn func(Tx) error) error

	// Close waits for every View and Update under way, then gives up the database. Calls that
	// come later fail with [ErrClosed].
	Close() error
}

// Reader is what a View may do.
type Reader interface {
	// Now is the time of the store, in UTC and whole microseconds. It is the same throughout one
	// run of fn, and never before the Now of an Update that was acknowledged before this one
	// began, whatever happens to the clock of the machine while the store is open. Windows and
	// expiry use this clock only.
	Now() time.Time

	ApprovalReader
	ContaminationReader
	DecisionReader
	EventReader
	ExceptionReader
	FactReader
	LedgerReader
	LogReader
	ModeReader
	OutboxReader
	PermitReader
	RegistryReader
	RevertReader
	RevisionReader
}

// Tx is what an Update may do. Its reads see its own writes.
type Tx interface {
	Reader
	ApprovalWriter
	ContaminationWriter
	DecisionWriter
	ExceptionWriter
	FactWriter
	LedgerWriter
	ModeWriter
	OutboxWriter
	PermitWriter
	RegistryWriter
	RevertWriter
	RevisionWriter
}
