package sqlstore

import (
	"database/sql"
	"fmt"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/store"
)

// Both go by the index of epochs, the second through every switch there ever was.
const (
	queryEpoch = "SELECT version FROM events WHERE kind = 'mode' ORDER BY version DESC LIMIT 1"
	queryModes = "SELECT e.object, e.version, e.record FROM events e WHERE e.kind = 'mode' AND NOT EXISTS" +
		" (SELECT 1 FROM events later WHERE later.object = e.object AND later.kind = 'mode' AND later.version > e.version)" +
		" ORDER BY e.version DESC"
)

// ModeEpoch is described in store.ModeReader.
func (r *reader) ModeEpoch() (int64, error) {
	var epoch int64
	err := r.query("read the epoch of the modes", func(rows *sql.Rows) error { return rows.Scan(&epoch) }, queryEpoch)
	return epoch, err
}

// Modes is described in store.ModeReader.
func (r *reader) Modes() ([]mode.Setting, error) {
	var settings []mode.Setting
	err := r.query("read the modes", func(rows *sql.Rows) error {
		var (
			scope  string
			epoch  int64
			record sql.RawBytes
		)
		if err := rows.Scan(&scope, &epoch, &record); err != nil {
			return err
		}
		setting, err := mode.Decode(record)
		if err == nil && (setting.Scope.String() != scope || setting.Epoch != epoch) {
			err = fmt.Errorf("it is found as epoch %d", epoch)
		}
		if err != nil {
			return fmt.Errorf("the mode of %s is damaged: %v; stop the server and run bidrail audit verify", scope, err)
		}
		settings = append(settings, setting)
		return nil
	}, queryModes)
	if err != nil {
		return nil, err
	}
	return settings, nil
}

// SetMode is described in store.ModeWriter.
func (w *writer) SetMode(setting mode.Setting) error {
	if setting.Epoch < 1 || setting.By == "" {
		return w.refuse(fmt.Errorf("%w: a mode is set by somebody, from epoch 1 on; not by %q in epoch %d", policy.ErrInvalid, setting.By, setting.Epoch))
	}
	event, leaf, err := store.ModeEvent(setting)
	if err != nil {
		return w.refuse(err)
	}
	first, err := w.appendLeaves([]audit.Leaf{leaf})
	if err != nil {
		return err
	}
	// Behind the head of the log, which whoever else sets a mode has to move as well.
	epoch, err := w.ModeEpoch()
	if err != nil {
		return err
	}
	if setting.Epoch != epoch+1 {
		return w.refuse(fmt.Errorf("epoch %d of the modes comes after %d, and the newest is %d: %w", setting.Epoch, setting.Epoch-1, epoch, store.ErrConflict))
	}
	return w.insertEvents(first, []store.Event{event})
}
