package store

import (
	"errors"
	"fmt"

	"github.com/bidrail/bidrail/policy"
)

// The errors of a store. What the database itself cannot do now, for want of space or of a
// working disk, is policy.ErrUnavailable; what is not there is policy.ErrNotFound.
var (
	// ErrConflict: something with the same identity is stored already. Read it, then decide
	// whether it is the same thing.
	ErrConflict = errors.New("already stored")

	// ErrUnknownOutcome: the transaction was handed to the disk and no answer came, or a bad one.
	// It may turn out to be stored, as a whole, or not at all; there is nothing in between. What
	// it wrote may be told to nobody. Asking again with the same key shows which it was.
	ErrUnknownOutcome = fmt.Errorf("%w: the outcome of the transaction is unknown", policy.ErrUnavailable)

	// ErrHalted: a disk failed to make a transaction durable. The operating system may have
	// dropped what it could not write and report success the next time, so this store writes
	// nothing more. Only a new process, which reads what really is on the disk, can go on.
	ErrHalted = fmt.Errorf("%w: the store has stopped writing, restart the server", policy.ErrUnavailable)

	// ErrClosed: the store was closed.
	ErrClosed = fmt.Errorf("%w: the store is closed", policy.ErrUnavailable)
)
