package sqlstore

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// The record of a permit is in its row when it was just issued, and that of its last event since.
const (
	selectPermits = "SELECT p.seq, p.id, p.version, CASE WHEN p.version = 1 THEN p.issued ELSE e.record END" +
		" FROM permits p LEFT JOIN events e ON e.kind = 'permit' AND e.object = p.id AND e.version = p.version WHERE "

	queryDuePermits = selectPermits + "p.due_at <= ? ORDER BY p.due_at, p.seq LIMIT ?"

	queryAllPermits     = selectPermits + "p.seq < ? ORDER BY p.seq DESC LIMIT ?"
	queryPermitsByState = selectPermits + "p.state = ? AND p.seq < ? ORDER BY p.seq DESC LIMIT ?"

	changePermit = "UPDATE permits SET state = ?, version = ?, due_at = ? WHERE id = ? AND version = ?"

	queryStrayPermits = "SELECT p.id FROM permits p" +
		" WHERE p.version <> 1 + (SELECT count(*) FROM events e WHERE e.kind = 'permit' AND e.object = p.id)" +
		" UNION ALL SELECT e.object FROM events e WHERE e.kind = 'permit' AND NOT EXISTS (SELECT 1 FROM permits p WHERE p.id = e.object) LIMIT 8"
)

func queryPermits(ids int) string { return selectPermits + "p.id IN (" + list(ids) + ")" }

// Permits is described in store.PermitReader.
func (r *reader) Permits(ids []string) (map[string]permit.Permit, error) {
	found := make(map[string]permit.Permit, len(ids))
	scan := func(rows *sql.Rows) error {
		p, _, err := scanPermit(rows)
		found[p.ID] = p
		return err
	}
	err := inLookups(words(ids), func(ids []any) error {
		return r.query("read permits", scan, queryPermits(len(ids)), ids...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanPermit(rows *sql.Rows) (p permit.Permit, sequence int64, err error) {
	var (
		id      string
		version int64
		record  sql.RawBytes
	)
	if err := rows.Scan(&sequence, &id, &version, &record); err != nil {
		return permit.Permit{}, 0, err
	}
	if p, err = permit.Decode(record); err == nil && (p.ID != id || p.Version != version) {
		err = fmt.Errorf("it is found as version %d", version)
	}
	if err != nil {
		return permit.Permit{}, 0, fmt.Errorf("permit %s is damaged: %v; stop the server and run bidrail audit verify", id, err)
	}
	return p, sequence, nil
}

// DuePermits is described in store.PermitReader.
func (r *reader) DuePermits(at time.Time, limit int) ([]permit.Permit, error) {
	if err := validLimit("permits", limit); err != nil {
		return nil, err
	}
	var due []permit.Permit
	err := r.query("read permits that are due", func(rows *sql.Rows) error {
		p, _, err := scanPermit(rows)
		due = append(due, p)
		return err
	}, queryDuePermits, at.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	return due, nil
}

// ListPermits is described in store.PermitReader.
func (r *reader) ListPermits(state permit.State, page store.Page) (permits []permit.Permit, next store.Cursor, err error) {
	limit, before, err := bounds("permits", page)
	if err != nil {
		return nil, "", err
	}
	query, arguments := queryAllPermits, []any{before, limit + 1}
	if state != permit.None {
		query, arguments = queryPermitsByState, []any{int64(state), before, limit + 1}
	}
	var last int64
	err = r.query("list permits", func(rows *sql.Rows) error {
		if len(permits) == limit {
			next = store.CursorAt(last)
			return nil
		}
		p, sequence, err := scanPermit(rows)
		permits, last = append(permits, p), sequence
		return err
	}, query, arguments...)
	if err != nil {
		return nil, "", err
	}
	return permits, next, nil
}

// StrayPermits is described in store.EventReader.
func (r *reader) StrayPermits() ([]string, error) {
	var ids []string
	err := r.query("look for stray permits", func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, queryStrayPermits)
	return ids, err
}

// InsertPermits is described in store.PermitWriter.
func (w *writer) InsertPermits(permits []permit.Permit) error {
	rows := make([]any, 0, 6*len(permits))
	for i := range permits {
		p := &permits[i]
		if p.State != permit.Issued || p.Version != 1 {
			return w.refuse(fmt.Errorf("%w: a new permit is version 1 and ISSUED, not version %d and %v", policy.ErrInvalid, p.Version, p.State))
		}
		if err := validPermit(p); err != nil {
			return w.refuse(err)
		}
		encoded, err := p.Encode()
		if err != nil {
			return w.refuse(fmt.Errorf("%w: encode permit %s: %w", policy.ErrInvalid, p.ID, err))
		}
		rows = append(rows, p.ID, p.Automation, int64(p.State), p.Version, dueAt(p), encoded)
	}
	return w.insertRows("insert permits", "INSERT INTO permits (id, automation, state, version, due_at, issued) VALUES ", 6, rows, "")
}

func validPermit(p *permit.Permit) error {
	if p.ID == "" || p.Automation == "" {
		return fmt.Errorf("%w: a permit needs an id and an automation", policy.ErrInvalid)
	}
	if err := validWord("id", p.ID); err != nil {
		return err
	}
	return validWord("automation", p.Automation)
}

// dueAt is when time alone will change the permit, as it is stored.
func dueAt(p *permit.Permit) any {
	due := p.Due()
	if due.IsZero() {
		return nil
	}
	return microseconds(due)
}

// UpdatePermits is described in store.PermitWriter.
func (w *writer) UpdatePermits(permits []permit.Permit) error {
	events := make([]store.Event, len(permits))
	leaves := make([]audit.Leaf, len(permits))
	for i := range permits {
		p := &permits[i]
		if p.Version < 2 {
			return w.refuse(fmt.Errorf("%w: version %d of permit %s follows no other", policy.ErrInvalid, p.Version, p.ID))
		}
		err := validPermit(p)
		if err == nil {
			events[i], leaves[i], err = store.PermitEvent(*p)
		}
		if err != nil {
			return w.refuse(err)
		}
	}
	first, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	for i := range permits {
		p := &permits[i]
		changed, err := w.change("update permit "+p.ID, changePermit, int64(p.State), p.Version, dueAt(p), p.ID, p.Version-1)
		if err != nil {
			return err
		}
		if changed != 1 {
			return w.refuse(fmt.Errorf("permit %s is not at version %d: %w", p.ID, p.Version-1, store.ErrConflict))
		}
	}
	return w.insertEvents(first, events)
}
