package store

import (
	"time"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
)

// ApprovalReader finds approvals and what people have said of them.
type ApprovalReader interface {
	// Approvals is those of the approvals with these ids that are there.
	Approvals(ids []string) (map[string]approval.Approval, error)
	// ApprovalChanges is what was given to InsertApprovals as the changes of an approval, or policy.ErrNotFound.
	ApprovalChanges(id string) ([]byte, error)
	// OpenApprovals is the approvals that are not final and that are about one of these fields, an automation's or, with
	// "", anybody's; the last created first.
	OpenApprovals(automation string, fields []ledger.Scope) ([]approval.Approval, error)
	// DueApprovals is at most limit approvals (1 to [MaxPage]) whose [approval.Approval.Due] is at or before a time, those
	// due first first.
	DueApprovals(at time.Time, limit int) ([]approval.Approval, error)
	// ListApprovals is one page of the approvals that pass the filter, the last created first. Approvals that change
	// between two pages are in one of them, in both or in none.
	ListApprovals(filter ApprovalFilter, page Page) (approvals []approval.Approval, next Cursor, err error)
	// Reviews is what people have said of an approval, the oldest first.
	Reviews(approvalID string) ([]approval.Review, error)
	// ApprovalEvents is at most limit (1 to [MaxPage]) steps of approvals whose leaves come after that one, in the order of
	// the log. It is what somebody who watches has missed; -1 is from the beginning. Steps come into the log in this order
	// and no other, so that whoever remembers the last sequence misses none.
	ApprovalEvents(after int64, limit int) ([]ApprovalEvent, error)
	// LastApprovalEvent is the sequence of the leaf of the newest step; -1: there was none.
	LastApprovalEvent() (int64, error)
}

// ApprovalFilter says which approvals to list. A zero field lets every approval pass; all the others must hold.
type ApprovalFilter struct {
	State      approval.State
	Open       bool // not final
	Automation string
	Platform   string // of any of its changes, and so the account
	Account    string
	Rule       string    // one of the items is of this rule
	Asks       []string  // its open stage asks, or lets in, one of these groups; such an approval is PENDING
	Since      time.Time // created then or later
	Until      time.Time // created before then
}

// ApprovalEvent is one step of an approval, as somebody who watches hears of it.
type ApprovalEvent struct {
	Sequence int64 // of its leaf
	Approval approval.Approval
}

// NewApproval is an approval that was just opened.
type NewApproval struct {
	Approval approval.Approval
	Changes  []byte // what it is for, whole; the store only keeps it
}

// ApprovalWriter opens approvals, takes their steps and keeps reviews. Each step has a leaf of its own, the first too.
type ApprovalWriter interface {
	// InsertApprovals adds approvals that were just opened; others are policy.ErrInvalid. It is [ErrConflict] when an id is
	// there already.
	InsertApprovals(approvals []NewApproval) error
	// UpdateApprovals replaces approvals by their next version and logs each. It is [ErrConflict], and nothing is written,
	// when one of them is not at the version before any more, or is not there.
	UpdateApprovals(approvals []approval.Approval) error
	// InsertReview keeps a review and logs it. It is [ErrConflict] when its id, or its reviewer's nonce for that approval,
	// is there already.
	InsertReview(review approval.Review) error
}
