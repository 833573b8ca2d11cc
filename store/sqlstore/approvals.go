package sqlstore

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// The record of an approval is that of its last event.
const (
	columnsOfApprovals = "SELECT a.seq, a.id, a.version, e.record FROM "
	recordsOfApprovals = " LEFT JOIN events e ON e.kind = 'approval' AND e.object = a.id AND e.version = a.version"
	selectApprovals    = columnsOfApprovals + "approvals a" + recordsOfApprovals + " WHERE "

	queryDueApprovals    = selectApprovals + "a.due_at <= ? ORDER BY a.due_at, a.seq LIMIT ?"
	queryApprovalChanges = "SELECT c.changes FROM approvals a JOIN approval_changes c ON c.seq = a.seq WHERE a.id = ?"

	// These events have an index of their own, which a query uses only where its condition is repeated as it is.
	queryApprovalEvents    = "SELECT leaf_seq, object, version, record FROM events WHERE kind = 'approval' AND leaf_seq > ? ORDER BY leaf_seq LIMIT ?"
	queryLastApprovalEvent = "SELECT leaf_seq FROM events WHERE kind = 'approval' ORDER BY leaf_seq DESC LIMIT 1"

	changeApproval = "UPDATE approvals SET state = ?, version = ?, open = ?, due_at = ? WHERE id = ? AND version = ? RETURNING seq"

	forgetAsks   = "DELETE FROM approval_asks WHERE seq = ?"
	forgetFields = "DELETE FROM approval_fields WHERE seq = ?"

	queryStrayApprovals = "SELECT 'approval ' || a.id FROM approvals a" +
		" WHERE a.version <> (SELECT count(*) FROM events e WHERE e.kind = 'approval' AND e.object = a.id)" +
		" UNION ALL SELECT 'approval ' || e.object FROM events e WHERE e.kind = 'approval' AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.id = e.object)" +
		" UNION ALL SELECT 'review ' || r.id FROM reviews r WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.kind = 'review' AND e.object = r.id)" +
		" UNION ALL SELECT 'review ' || e.object FROM events e WHERE e.kind = 'review' AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.id = e.object)" +
		" UNION ALL SELECT x.kind || ' ' || x.id FROM exceptions x" +
		" WHERE x.version <> (SELECT count(*) FROM events e WHERE e.kind = x.kind AND e.object = x.id)" +
		" UNION ALL SELECT e.kind || ' ' || e.object FROM events e WHERE e.kind IN ('suppression', 'grant', 'override', 'delegation')" +
		" AND NOT EXISTS (SELECT 1 FROM exceptions x WHERE x.id = e.object AND x.kind = e.kind) LIMIT 8"
)

func queryApprovals(ids int) string { return selectApprovals + "a.id IN (" + list(ids) + ")" }

// queryOpenApprovals gives an approval once, however many of the fields it is about.
func queryOpenApprovals(fields int) string {
	return selectApprovals + "a.seq IN (SELECT f.seq FROM approval_fields f WHERE f.field IN (" + list(fields) + ")) AND (? = '' OR a.automation || '' = ?)"
}

// Approvals is described in store.ApprovalReader.
func (r *reader) Approvals(ids []string) (map[string]approval.Approval, error) {
	found := make(map[string]approval.Approval, len(ids))
	scan := func(rows *sql.Rows) error {
		a, _, err := scanApproval(rows)
		found[a.ID] = a
		return err
	}
	err := inLookups(words(ids), func(ids []any) error {
		return r.query("read approvals", scan, queryApprovals(len(ids)), ids...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanApproval(rows *sql.Rows) (a approval.Approval, sequence int64, err error) {
	var (
		id      string
		version int64
		record  sql.RawBytes
	)
	if err := rows.Scan(&sequence, &id, &version, &record); err != nil {
		return approval.Approval{}, 0, err
	}
	a, err = decodeApproval(id, version, record)
	return a, sequence, err
}

// decodeApproval gives the reason as text only: what is wrong with it is not wrong with what the caller asks for.
func decodeApproval(id string, version int64, record []byte) (approval.Approval, error) {
	a, err := approval.Decode(record)
	if err == nil && (a.ID != id || a.Version != version) {
		err = fmt.Errorf("it is found as version %d", version)
	}
	if err != nil {
		return approval.Approval{}, fmt.Errorf("approval %s is damaged: %v; stop the server and run bidrail audit verify", id, err)
	}
	return a, nil
}

// ApprovalChanges is described in store.ApprovalReader.
func (r *reader) ApprovalChanges(id string) ([]byte, error) {
	var (
		changes []byte
		found   bool
	)
	err := r.query("changes of approval "+id, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&changes)
	}, queryApprovalChanges, id)
	if err == nil && !found {
		err = fmt.Errorf("changes of approval %s: %w", id, policy.ErrNotFound)
	}
	return changes, err
}

// OpenApprovals is described in store.ApprovalReader.
func (r *reader) OpenApprovals(automation string, fields []ledger.Scope) ([]approval.Approval, error) {
	found := make(map[int64]approval.Approval)
	scan := func(rows *sql.Rows) error {
		a, sequence, err := scanApproval(rows)
		found[sequence] = a
		return err
	}
	err := inLookups(scopeTexts(fields), func(fields []any) error {
		return r.query("read open approvals", scan, queryOpenApprovals(len(fields)), append(fields, automation, automation)...)
	})
	if err != nil {
		return nil, err
	}
	open := make([]approval.Approval, 0, len(found))
	for _, sequence := range lastFirst(found) {
		open = append(open, found[sequence])
	}
	slices.SortStableFunc(open, func(a, b approval.Approval) int { return cmp.Compare(b.CreatedAt.UnixMicro(), a.CreatedAt.UnixMicro()) })
	return open, nil
}

// scopeTexts is scopes as arguments, each once.
func scopeTexts(scopes []ledger.Scope) []any {
	texts := make([]string, len(scopes))
	for i, scope := range scopes {
		texts[i] = scope.String()
	}
	return words(texts)
}

// DueApprovals is described in store.ApprovalReader.
func (r *reader) DueApprovals(at time.Time, limit int) ([]approval.Approval, error) {
	if err := validLimit("approvals", limit); err != nil {
		return nil, err
	}
	var due []approval.Approval
	err := r.query("read approvals that are due", func(rows *sql.Rows) error {
		a, _, err := scanApproval(rows)
		due = append(due, a)
		return err
	}, queryDueApprovals, at.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	return due, nil
}

// ApprovalEvents is described in store.ApprovalReader.
func (r *reader) ApprovalEvents(after int64, limit int) ([]store.ApprovalEvent, error) {
	if err := validLimit("steps of approvals", limit); err != nil {
		return nil, err
	}
	var events []store.ApprovalEvent
	err := r.query("read steps of approvals", func(rows *sql.Rows) error {
		var (
			event   store.ApprovalEvent
			id      string
			version int64
			record  sql.RawBytes
		)
		err := rows.Scan(&event.Sequence, &id, &version, &record)
		if err == nil {
			event.Approval, err = decodeApproval(id, version, record)
		}
		events = append(events, event)
		return err
	}, queryApprovalEvents, after, limit)
	if err != nil {
		return nil, err
	}
	return events, nil
}

// LastApprovalEvent is described in store.ApprovalReader.
func (r *reader) LastApprovalEvent() (int64, error) {
	last := int64(-1)
	err := r.query("read the last step of an approval", func(rows *sql.Rows) error { return rows.Scan(&last) }, queryLastApprovalEvent)
	return last, err
}

// StrayApprovals is described in store.EventReader.
func (r *reader) StrayApprovals() ([]string, error) {
	var strays []string
	err := r.query("look for stray approvals", func(rows *sql.Rows) error {
		var stray string
		err := rows.Scan(&stray)
		strays = append(strays, stray)
		return err
	}, queryStrayApprovals)
	if err != nil || len(strays) > 0 {
		return strays, err
	}
	err = r.query("look for stray reviews", func(rows *sql.Rows) error {
		var (
			id, of string
			record sql.RawBytes
		)
		err := rows.Scan(&id, &of, &record)
		if review, damage := approval.DecodeReview(record); damage != nil || review.ApprovalID != of {
			strays = append(strays, "review "+id)
		}
		return err
	}, queryAllReviews)
	return strays, err
}

// InsertApprovals is described in store.ApprovalWriter.
func (w *writer) InsertApprovals(approvals []store.NewApproval) error {
	events := make([]store.Event, len(approvals))
	leaves := make([]audit.Leaf, len(approvals))
	for i := range approvals {
		a := &approvals[i].Approval
		if a.State != approval.Pending || a.Version != 1 {
			return w.refuse(fmt.Errorf("%w: a new approval is version 1 and PENDING, not version %d and %v", policy.ErrInvalid, a.Version, a.State))
		}
		err := validApproval(a)
		if err == nil {
			events[i], leaves[i], err = store.StepEvent(*a)
		}
		if err != nil {
			return w.refuse(err)
		}
	}
	if len(approvals) == 0 {
		return nil
	}
	first, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	sequences := make(map[string]int64, len(approvals))
	scan := func(rows *sql.Rows) error {
		var (
			sequence int64
			id       string
		)
		err := rows.Scan(&sequence, &id)
		sequences[id] = sequence
		return err
	}
	err = inPortions(len(approvals), func(from, to int) error {
		var rows []any
		for i := from; i < to; i++ {
			a := &approvals[i].Approval
			rows = append(rows, a.ID, a.Automation, int64(a.State), a.Version, openColumn(a), a.CreatedAt.UnixMicro(), approvalDue(a))
		}
		return w.query("insert approvals", scan,
			"INSERT INTO approvals (id, automation, state, version, open, created_at, due_at) VALUES "+values(to-from, 7)+" RETURNING seq, id", rows...)
	})
	if err != nil {
		return err
	}
	var changes, accounts, fields []any
	for i := range approvals {
		a := &approvals[i].Approval
		sequence := sequences[a.ID]
		changes = append(changes, sequence, append([]byte{}, approvals[i].Changes...)) // none is stored as empty
		for j := range a.Legs {
			target := &a.Legs[j].Target
			accounts = append(accounts, target.Account, a.CreatedAt.UnixMicro(), sequence, target.Platform)
			fields = append(fields, sequence, fieldOf(target, a.Legs[j].Kind))
		}
		if err := w.findApproval(sequence, a); err != nil {
			return err
		}
	}
	const once = " ON CONFLICT DO NOTHING" // two changes may be of the same
	if err := w.insertRows("insert changes", "INSERT INTO approval_changes (seq, changes) VALUES ", 2, changes, ""); err != nil {
		return err
	}
	if err := w.insertRows("insert accounts", "INSERT INTO approval_accounts (account, created_at, seq, platform) VALUES ", 4, accounts, once); err != nil {
		return err
	}
	if err := w.insertRows("insert fields", "INSERT INTO approval_fields (seq, field) VALUES ", 2, fields, once); err != nil {
		return err
	}
	return w.insertEvents(first, events)
}

// UpdateApprovals is described in store.ApprovalWriter.
func (w *writer) UpdateApprovals(approvals []approval.Approval) error {
	events := make([]store.Event, len(approvals))
	leaves := make([]audit.Leaf, len(approvals))
	for i := range approvals {
		a := &approvals[i]
		if a.Version < 2 {
			return w.refuse(fmt.Errorf("%w: version %d of approval %s follows no other", policy.ErrInvalid, a.Version, a.ID))
		}
		err := validApproval(a)
		if err == nil {
			events[i], leaves[i], err = store.StepEvent(*a)
		}
		if err != nil {
			return w.refuse(err)
		}
	}
	if len(approvals) == 0 {
		return nil
	}
	first, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	for i := range approvals {
		a := &approvals[i]
		var sequence int64
		err := w.query("update approval "+a.ID, func(rows *sql.Rows) error { return rows.Scan(&sequence) },
			changeApproval, int64(a.State), a.Version, openColumn(a), approvalDue(a), a.ID, a.Version-1)
		if err != nil {
			return err
		}
		if sequence == 0 {
			return w.refuse(fmt.Errorf("approval %s is not at version %d: %w", a.ID, a.Version-1, store.ErrConflict))
		}
		if err := w.exec("forget whom an approval asks", forgetAsks, sequence); err != nil {
			return err
		}
		if a.Final() {
			if err := w.exec("forget what a final approval is about", forgetFields, sequence); err != nil {
				return err
			}
		}
		if err := w.findApproval(sequence, a); err != nil {
			return err
		}
	}
	return w.insertEvents(first, events)
}

// findApproval writes whom an approval asks and which rules want people for it, by which it is found. The next version may
// ask others and have more rules.
func (w *writer) findApproval(sequence int64, a *approval.Approval) error {
	var asks, rules []any
	for _, group := range a.Asks() {
		if group != "" { // nobody is in it, and nothing is looked up by it
			asks = append(asks, sequence, group)
		}
	}
	for i := range a.Items {
		rules = append(rules, a.Items[i].Rule, a.CreatedAt.UnixMicro(), sequence)
	}
	if err := w.insertRows("insert whom an approval asks", "INSERT INTO approval_asks (seq, asked) VALUES ", 2, asks, ""); err != nil {
		return err
	}
	return w.insertRows("insert rules", "INSERT INTO approval_rules (rule, created_at, seq) VALUES ", 3, rules, " ON CONFLICT DO NOTHING")
}

// fieldOf is what a change is of, as it is stored.
func fieldOf(target *policy.Target, kind policy.Kind) string {
	return ledger.FieldScope(target.Key(), kind).String()
}

func validApproval(a *approval.Approval) error {
	if a.ID == "" || a.Automation == "" {
		return fmt.Errorf("%w: an approval needs an id and an automation", policy.ErrInvalid)
	}
	err := errors.Join(validWord("id", a.ID), validWord("automation", a.Automation))
	for i := range a.Legs {
		target := &a.Legs[i].Target
		err = errors.Join(err, validWord("platform", target.Platform), validWord("account", target.Account), validField(target, a.Legs[i].Kind))
	}
	for i := range a.Items {
		err = errors.Join(err, validWord("rule", a.Items[i].Rule))
	}
	for _, group := range a.Asks() {
		err = errors.Join(err, validWord("group", group))
	}
	return err
}

func validField(target *policy.Target, kind policy.Kind) error {
	if text := fieldOf(target, kind); len(text) > store.MaxScope {
		return fmt.Errorf("%w: a field has %d bytes, more than the %d that can be stored: %.80s", policy.ErrInvalid, len(text), store.MaxScope, text)
	}
	return errors.Join(validWord("entity type", target.EntityType), validWord("entity id", target.EntityID))
}

func openColumn(a *approval.Approval) int64 {
	if a.Final() {
		return 0
	}
	return 1
}

// approvalDue is when time alone will change the approval, as it is stored.
func approvalDue(a *approval.Approval) any {
	due := a.Due()
	if due.IsZero() {
		return nil
	}
	return microseconds(due)
}
