package store

import (
	"time"

	"github.com/bidrail/bidrail/policy/permit"
)

// PermitReader finds permits.
type PermitReader interface {
	// Permits is those of the permits with these ids that are there.
	Permits(ids []string) (map[string]permit.Permit, error)
	// DuePermits is at most limit permits (1 to [MaxPage]) whose [permit.Permit.Due] is at or before a time, those due
	// first first.
	DuePermits(at time.Time, limit int) ([]permit.Permit, error)
	// ListPermits is one page of the permits in that state, the last issued first; [permit.None] is any
	// state. Permits that change their state between two pages are in one of them, in both or in none.
	ListPermits(state permit.State, page Page) (permits []permit.Permit, next Cursor, err error)
}

// PermitWriter gives out permits and takes their steps. Issuing one is covered by the leaf of its
// decision, which names it; every later step has a leaf of its own, written here.
type PermitWriter interface {
	// InsertPermits adds permits that were just issued; others are policy.ErrInvalid. It is [ErrConflict]
	// when an id is there already.
	InsertPermits(permits []permit.Permit) error
	// UpdatePermits replaces permits by their next version and logs each. It is [ErrConflict], and
	// nothing is written, when one of them is not the version before any more, or is not there.
	UpdatePermits(permits []permit.Permit) error
}
