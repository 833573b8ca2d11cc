package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlstore"
)

// Decisions from before they were found by their entity are found by it too, and keep their keys. One that is damaged does
// not keep the server from starting.
func TestDecisionsFromBeforeApprovals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bidrail.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	before := fstest.MapFS{}
	for _, name := range []string{"0001_decisions.sql", "0002_auditlog.sql", "0003_ledger.sql"} {
		script, err := fs.ReadFile(migrations, "migrations/"+name)
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: script}
	}
	_, err = sqlstore.Migrate(t.Context(), db, &dialect, before)
	old, damaged := record("old"), record("damaged")
	damaged.Encoded = []byte{0xff, 0}
	for _, r := range []store.DecisionRecord{old, damaged} {
		d := r.Decision
		_, insertErr := db.ExecContext(t.Context(), "INSERT INTO decisions (id, automation, change_id, verdict, kind, platform, account, campaign, batch_id, decided_at, revision, record)"+
			" VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", d.ID, d.Automation, d.ChangeID, d.Verdict, d.Kind, d.Target.Platform, d.Target.Account, d.Target.Campaign, d.BatchID,
			d.DecidedAt.UnixMicro(), d.Revision, r.Encoded)
		err = errors.Join(err, insertErr)
	}
	if err := errors.Join(err, db.Close(), os.Chmod(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	defer shut(t, s)
	err = s.View(t.Context(), func(r store.Reader) error {
		for _, filter := range []store.DecisionFilter{{EntityID: "old"}, {EntityType: "keyword", EntityID: "old"}, {EntityType: "keyword"}} {
			page, err := r.ListDecisions(filter, store.Page{})
			if err != nil || len(page.Records) != 1 || page.Records[0].Decision.ID != "dec_old" {
				t.Errorf("%+v: got %d decisions, error %v; want the old one", filter, len(page.Records), err)
			}
		}
		got, err := r.DecisionByKey(old.Key())
		if err == nil && got.Decision.ID != "dec_old" {
			t.Errorf("by its key: got %s", got.Decision.ID)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := insert(t.Context(), s, record("old")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("its key again: got error %v, want a conflict", err)
	}
}
