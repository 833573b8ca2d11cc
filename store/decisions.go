package store

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// DecisionRecord is a decision as it is stored. It is written once and never changed.
type DecisionRecord struct {
	Decision *policy.Decision
	// Encoded is what [policy.Decision.Encode] made of it when it was decided. A replay answers
	// with these bytes, never with a new encoding of Decision.
	Encoded []byte
	// Input is the exact document the rules saw, nil or empty when they saw none. It is larger than all
	// the rest, so reads leave it nil; [DecisionReader.DecisionInput] fetches it.
	Input []byte
}

// NewDecisionRecord encodes decision.
func NewDecisionRecord(decision *policy.Decision, input []byte) (DecisionRecord, error) {
	encoded, err := decision.Encode()
	if err != nil {
		return DecisionRecord{}, fmt.Errorf("encode decision %s: %w", decision.ID, err)
	}
	return DecisionRecord{Decision: decision, Encoded: encoded, Input: input}, nil
}

// Key is the idempotency key of the decision.
func (r DecisionRecord) Key() DecisionKey {
	key := DecisionKey{Automation: r.Decision.Automation, ChangeID: r.Decision.ChangeID}
	if r.Decision.Redeems != "" {
		key.Redemption = r.Decision.PermitID
	}
	return key
}

// DecisionKey is the idempotency key: an automation uses a change id for one change only. What was redeemed for it later has
// keys of their own, by the permit: the same change, decided again.
type DecisionKey struct{ Automation, ChangeID, Redemption string }

// DecisionReader finds decisions.
type DecisionReader interface {
	// Decision is the decision with that id, or policy.ErrNotFound.
	Decision(id string) (DecisionRecord, error)
	// DecisionByKey is the decision with that key, or policy.ErrNotFound.
	DecisionByKey(key DecisionKey) (DecisionRecord, error)
	// DecisionsByKeys is those of keys that are stored. It is made for a whole batch at once;
	// the order and repetition of keys do not matter.
	DecisionsByKeys(keys []DecisionKey) (map[DecisionKey]DecisionRecord, error)
	// DecisionInput is the input document of the decision with that id, or policy.ErrNotFound.
	DecisionInput(id string) ([]byte, error)
	// CountDecisions is how many decisions there are. It reads them all.
	CountDecisions() (int64, error)
	// ListDecisions is one page of the decisions that pass the filter, newest first.
	ListDecisions(filter DecisionFilter, page Page) (DecisionPage, error)
}

// DecisionWriter adds decisions.
type DecisionWriter interface {
	// InsertDecisions adds all the records, and their leaves to the log in the same order, or fails.
	// It is [ErrConflict] when the id or the key of
	// one is stored already or occurs twice in records. Ids, keys and other words one can search
	// for are policy.ErrInvalid when they are longer than [MaxWord], are not UTF-8 or hold a NUL:
	// not every database could index those. So is a time that the log has no form for.
	InsertDecisions(records []DecisionRecord) error
}

// MaxWord is how long, in bytes, a word can be that decisions are found by.
const MaxWord = 1024

// DecisionFilter says which decisions to list. A zero field lets every decision pass; all the
// others must hold.
type DecisionFilter struct {
	Verdict    policy.Verdict
	Platform   string
	Account    string
	Campaign   string
	EntityType string // together with EntityID, and with Platform and Account: ids are unique only within those
	EntityID   string
	Automation string
	Rule       string // some finding, in shadow or not, is of this rule
	Kind       policy.Kind
	ChangeID   string
	BatchID    string
	Since      time.Time // decided then or later
	Until      time.Time // decided before then
}

// How many records a page has when it does not say, and at most.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// Page says which part of a list to read.
type Page struct {
	// Limit is how many records to return, DefaultPage when it is zero and at most MaxPage.
	Limit int
	// After is the Next of the page before, empty for the first page.
	After Cursor
}

// DecisionPage is one page of a list. Following Next from page to page, with the same filter,
// shows every decision that was stored when the first page was read exactly once, whatever is
// added in the meantime.
type DecisionPage struct {
	Records []DecisionRecord
	Next    Cursor // empty: this page is the last
}

// Cursor is a position in a list. Callers hand it back as it is.
type Cursor string

// A cursor is a sequence number behind a letter, in case there will be others.
const cursorMark = 'd'

// CursorAt is the position right after the record with that sequence number. It is for engines.
func CursorAt(sequence int64) Cursor {
	return Cursor(cursorMark) + Cursor(strconv.FormatInt(sequence, 36))
}

var errCursor = errors.New("the page token is not one that this server gave out; start again from the first page")

// Sequence is the inverse of [CursorAt]. It is for engines.
func (c Cursor) Sequence() (int64, error) {
	if len(c) < 2 || c[0] != cursorMark {
		return 0, fmt.Errorf("%w: %w", policy.ErrInvalid, errCursor)
	}
	sequence, err := strconv.ParseInt(string(c[1:]), 36, 64)
	if err != nil || sequence < 1 || CursorAt(sequence) != c {
		return 0, fmt.Errorf("%w: %w", policy.ErrInvalid, errCursor)
	}
	return sequence, nil
}
