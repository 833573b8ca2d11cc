package store

import (
	"github.com/bidrail/bidrail/policy/ledger"
)

// LedgerReader reads what has moved.
type LedgerReader interface {
	// Sheets is the sheet of each of the scopes: an empty one where nothing has moved. It is made for a
	// whole batch at once; the order and repetition of scopes do not matter.
	//
	// In an Update, this is where an engine that runs Updates side by side keeps them apart: from here to
	// the end of the Update, nobody else moves what is in those sheets, also the empty ones. It locks
	// them in the order of [ledger.Scope.Compare], or makes one of two Updates that meet fail and run
	// again. So an Update reads all the sheets it will need in one call, before it writes anything.
	Sheets(scopes []ledger.Scope) (ledger.State, error)
	// Holds is those of the holds with these ids that are there.
	Holds(ids []string) (map[string]ledger.Hold, error)
	// OpenHolds is at most limit holds (1 to [MaxPage]) that are still held, the oldest first, from the one
	// after that id on, which need not be held any more; "" is from the first. It is policy.ErrNotFound
	// when there never was a hold with that id. It is for showing and for reconciling, not for deciding.
	OpenHolds(after string, limit int) ([]ledger.Hold, error)
}

// LedgerWriter moves it. What it is given must follow from what was read in the same Update: tallies from the
// Sheets that were read last, holds from Holds. Two Updates that move the same tally come out as if one had
// run after the other, whatever the engine.
type LedgerWriter interface {
	// PutTallies replaces the tally of each scope and unit, which are each there once. Scopes that are longer than
	// [MaxScope] when they are written out are policy.ErrInvalid: not every database could index them.
	PutTallies(tallies []ScopeTally) error
	// InsertHolds adds holds that are held; others are policy.ErrInvalid. It is [ErrConflict] when an id
	// is there already.
	InsertHolds(holds []ledger.Hold) error
	// ResolveHolds replaces holds that are held by what they have come to. It is [ErrConflict], and
	// nothing is written, when one of them is not held any more, or never was.
	ResolveHolds(holds []ledger.Hold) error
}

// MaxScope is how long, in bytes, a scope can be when it is written out.
const MaxScope = 2048

// ScopeTally is a tally and whose it is.
type ScopeTally struct {
	Scope ledger.Scope
	Tally ledger.Tally
}

// ScopeUnit is which tally.
type ScopeUnit struct {
	Scope ledger.Scope
	Unit  ledger.Unit
}
