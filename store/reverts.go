package store

import (
	"time"

	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
)

// RevertReader reads which fields are to be put back.
type RevertReader interface {
	// Reverts is those of the fields, each a scope of the kind [ledger.Field], that are to be put back. A revert moves with the sheet of its
	// field: an Update that reads it to change it reads that sheet first, and then nobody else changes it meanwhile.
	Reverts(fields []ledger.Scope) (map[ledger.Scope]calendar.Revert, error)
	// ListReverts is at most limit of them (1 to [MaxPage]), those due first first, beginning after a time and a field; zero and "" are the
	// beginning.
	ListReverts(after RevertPlace, limit int) ([]calendar.Revert, error)
}

// RevertPlace is where a revert is in the list of them.
type RevertPlace struct {
	Due   time.Time
	Field string // written out
}

// PlaceOf is where a revert is.
func PlaceOf(r calendar.Revert) RevertPlace { return RevertPlace{r.Last().Due, FieldOf(r).String()} }

// FieldOf is the field that a revert is of.
func FieldOf(r calendar.Revert) ledger.Scope { return ledger.FieldScope(r.Target.Key(), r.Kind) }

// RevertWriter keeps them. They follow from what is decided and reported, which is on the record, and have no leaves of their own.
type RevertWriter interface {
	// PutReverts stores each as that of its field; one without promises is removed.
	PutReverts(reverts []calendar.Revert) error
}
