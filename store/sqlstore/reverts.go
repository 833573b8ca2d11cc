package sqlstore

import (
	"database/sql"
	"fmt"
	"math"

	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

const (
	queryListReverts = "SELECT field, revert FROM reverts WHERE (due_at, field) > (?, ?) ORDER BY due_at, field LIMIT ?"
	removeRevert     = "DELETE FROM reverts WHERE field = ?"
	putRevert        = "INSERT INTO reverts (field, due_at, revert) VALUES (?,?,?)" +
		" ON CONFLICT (field) DO UPDATE SET due_at = excluded.due_at, revert = excluded.revert"
)

func queryReverts(fields int) string {
	return "SELECT field, revert FROM reverts WHERE field IN (" + list(fields) + ")"
}

// Reverts is described in store.RevertReader.
func (r *reader) Reverts(fields []ledger.Scope) (map[ledger.Scope]calendar.Revert, error) {
	found := map[ledger.Scope]calendar.Revert{}
	err := inLookups(scopeTexts(fields), func(fields []any) error {
		return r.query("read reverts", func(rows *sql.Rows) error {
			revert, err := scanRevert(rows)
			found[store.FieldOf(revert)] = revert
			return err
		}, queryReverts(len(fields)), fields...)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanRevert(rows *sql.Rows) (calendar.Revert, error) {
	var (
		field   string
		encoded sql.RawBytes
	)
	if err := rows.Scan(&field, &encoded); err != nil {
		return calendar.Revert{}, err
	}
	revert, err := calendar.DecodeRevert(encoded)
	if err == nil && (store.FieldOf(revert).String() != field || len(revert.Promises) == 0) {
		err = fmt.Errorf("it is one of %s with %d promises", store.FieldOf(revert), len(revert.Promises))
	}
	if err != nil {
		return calendar.Revert{}, fmt.Errorf("the revert of %s is damaged: %v; restore the folder from a backup", field, err)
	}
	return revert, nil
}

// ListReverts is described in store.RevertReader.
func (r *reader) ListReverts(after store.RevertPlace, limit int) ([]calendar.Revert, error) {
	if err := validLimit("reverts", limit); err != nil {
		return nil, err
	}
	from := int64(math.MinInt64)
	if !after.Due.IsZero() {
		from = after.Due.UnixMicro()
	}
	var reverts []calendar.Revert
	err := r.query("list reverts", func(rows *sql.Rows) error {
		revert, err := scanRevert(rows)
		reverts = append(reverts, revert)
		return err
	}, queryListReverts, from, after.Field, limit)
	if err != nil {
		return nil, err
	}
	return reverts, nil
}

// PutReverts is described in store.RevertWriter.
func (w *writer) PutReverts(reverts []calendar.Revert) error {
	for _, revert := range reverts {
		field := store.FieldOf(revert).String()
		if len(revert.Promises) == 0 {
			if err := w.exec("remove the revert of "+field, removeRevert, field); err != nil {
				return err
			}
			continue
		}
		encoded, err := revert.Encode()
		if err != nil {
			return w.refuse(err)
		}
		if err := w.exec("put the revert of "+field, putRevert, field, revert.Last().Due.UnixMicro(), encoded); err != nil {
			return err
		}
	}
	return nil
}
