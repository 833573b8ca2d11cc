package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

const queryEvents = "SELECT version, at, subject, record FROM events WHERE kind = ? AND object = ? ORDER BY version"

// queryLoggedEvents finds what leaves name.
func queryLoggedEvents(events int) string {
	return "SELECT kind, object, version, record FROM events WHERE (kind, object, version) IN (VALUES " + values(events, 3) + ")"
}

// Events is described in store.EventReader.
func (r *reader) Events(kind audit.Kind, object string) ([]store.Event, error) {
	var events []store.Event
	err := r.query("events of "+object, func(rows *sql.Rows) error {
		event := store.Event{Kind: kind, Object: object}
		var at int64
		err := rows.Scan(&event.Version, &at, &event.Subject, &event.Record)
		event.At = timeOf(at)
		events = append(events, event)
		return err
	}, queryEvents, string(kind), object)
	if err != nil {
		return nil, err
	}
	return events, nil
}

// CountEvents is described in store.EventReader.
func (r *reader) CountEvents() (int64, error) {
	var count int64
	err := r.query("count events", func(rows *sql.Rows) error { return rows.Scan(&count) }, "SELECT count(*) FROM events")
	return count, err
}

// insertEvents writes events whose leaves are in the log from that sequence on. What they happened to was found
// to be at the version before, so that one which is there already is none that the log has.
func (w *writer) insertEvents(leaf int64, events []store.Event) error {
	rows := make([]any, 0, 7*len(events))
	for i, event := range events {
		rows = append(rows, string(event.Kind), event.Object, event.Version, event.At.UnixMicro(), event.Subject, event.Record, leaf+int64(i))
	}
	err := w.insertRows("insert events", "INSERT INTO events (kind, object, version, at, subject, record, leaf_seq) VALUES ", 7, rows, "")
	if errors.Is(err, store.ErrConflict) {
		return w.brokenLog(fmt.Sprintf("one of %d events is stored already", len(events)))
	}
	return err
}
