package store

import (
	"time"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
)

// ExceptionReader finds what people have said ahead of changes: suppressions, grants, overrides and delegations. Lists are
// the last made first.
type ExceptionReader interface {
	// Suppressions is those of an automation's that hold at a time and are about one of these fields.
	Suppressions(automation string, fields []ledger.Scope, at time.Time) ([]approval.Suppression, error)
	// Grants is an automation's that hold at a time.
	Grants(automation string, at time.Time) ([]approval.Grant, error)
	// Delegations is those to a subject that hold at a time.
	Delegations(to string, at time.Time) ([]approval.Delegation, error)

	// Suppression, Grant, Override and Delegation are the one with that id, or policy.ErrNotFound.
	Suppression(id string) (approval.Suppression, error)
	Grant(id string) (approval.Grant, error)
	Override(id string) (approval.Override, error)
	Delegation(id string) (approval.Delegation, error)

	// ListSuppressions, ListGrants, ListOverrides and ListDelegations are one page of those that hold at a time, or, when the
	// time is zero, of all there ever were. An override holds until somebody has looked at it or, unused, until it expires.
	ListSuppressions(at time.Time, page Page) ([]approval.Suppression, Cursor, error)
	ListGrants(at time.Time, page Page) ([]approval.Grant, Cursor, error)
	ListOverrides(at time.Time, page Page) ([]approval.Override, Cursor, error)
	ListDelegations(at time.Time, page Page) ([]approval.Delegation, Cursor, error)
}

// ExceptionWriter writes them, each time with a leaf. Each takes records that are new, which are version 1, or the next
// version of one that is there. It is [ErrConflict], and nothing is written, when what is there is not the version
// before.
type ExceptionWriter interface {
	PutSuppressions(suppressions []approval.Suppression) error
	PutGrants(grants []approval.Grant) error
	PutOverrides(overrides []approval.Override) error
	PutDelegations(delegations []approval.Delegation) error
}
