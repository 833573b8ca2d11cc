package sqlstore

import (
	"database/sql"
	"fmt"

	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/store"
)

// inRegistry is which events are versions of entries, written as the index of them has it.
const inRegistry = "kind IN ('experiment', 'calendar')"

const (
	queryRegistryEpoch   = "SELECT seq FROM events WHERE " + inRegistry + " ORDER BY seq DESC LIMIT 1"
	queryRegistryEntries = "SELECT e.kind, e.object, e.version, e.record FROM events e WHERE e." + inRegistry + " AND NOT EXISTS" +
		" (SELECT 1 FROM events later WHERE later.object = e.object AND later.kind = e.kind AND later.version > e.version)" +
		" ORDER BY e.kind, e.object"
	queryLastVersion = "SELECT version FROM events WHERE object = ? AND kind = ? ORDER BY version DESC LIMIT 1"
)

// RegistryEpoch is described in store.RegistryReader.
func (r *reader) RegistryEpoch() (int64, error) {
	var epoch int64
	err := r.query("read the epoch of the registry", func(rows *sql.Rows) error { return rows.Scan(&epoch) }, queryRegistryEpoch)
	return epoch, err
}

// RegistryEntries is described in store.RegistryReader.
func (r *reader) RegistryEntries() ([]registry.Entry, error) {
	var entries []registry.Entry
	err := r.query("read the registry", func(rows *sql.Rows) error {
		var (
			kind, id string
			version  int64
			record   []byte
		)
		if err := rows.Scan(&kind, &id, &version, &record); err != nil {
			return err
		}
		entry, err := registry.Decode(record)
		if err == nil && (string(entry.Kind) != kind || entry.ID != id || entry.Version != version) {
			err = fmt.Errorf("it is found as version %d", version)
		}
		if err != nil {
			return fmt.Errorf("the %s entry %s is damaged: %v; stop the server and run bidrail audit verify", kind, id, err)
		}
		entries = append(entries, entry)
		return nil
	}, queryRegistryEntries)
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// lastVersion is the newest version of an object that has events; 0: it has none.
func (r *reader) lastVersion(kind audit.Kind, object string) (int64, error) {
	var version int64
	err := r.query("read the version of "+object, func(rows *sql.Rows) error { return rows.Scan(&version) }, queryLastVersion, object, string(kind))
	return version, err
}

// PutEntry is described in store.RegistryWriter.
func (w *writer) PutEntry(entry registry.Entry) error {
	if err := entry.Validate(); err != nil {
		return w.refuse(err)
	}
	event, leaf, err := store.RegistryEvent(entry)
	if err != nil {
		return w.refuse(err)
	}
	first, err := w.appendLeaves([]audit.Leaf{leaf})
	if err != nil {
		return err
	}
	// Behind the head of the log, which whoever else puts an entry has to move as well.
	version, err := w.lastVersion(event.Kind, entry.ID)
	if err != nil {
		return err
	}
	if entry.Version != version+1 {
		return w.refuse(fmt.Errorf("version %d of the %s entry %s comes after %d, and the newest is %d: %w",
			entry.Version, entry.Kind, entry.ID, entry.Version-1, version, store.ErrConflict))
	}
	return w.insertEvents(first, []store.Event{event})
}
