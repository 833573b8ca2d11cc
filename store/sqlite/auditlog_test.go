package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

// wholeLog verifies the log and returns how many leaves it has.
func wholeLog(t *testing.T, s store.Store) int64 {
	t.Helper()
	report, err := verifyLog(t, s)
	if err != nil {
		t.Errorf("the log does not hold: %v", err)
	}
	return report.Tree.Size()
}

func verifyLog(t *testing.T, s store.Store) (report audit.Report, err error) {
	t.Helper()
	err = s.View(t.Context(), func(r store.Reader) (err error) {
		report, err = store.VerifyLog(r)
		return err
	})
	return report, err
}

// Whatever is changed in the file without Bidrail, verifying finds it and says where; and where it
// would make the log go on wrong, nothing more is decided.
func TestTampering(t *testing.T) {
	const count, at = 150, 70
	template := filepath.Join(t.TempDir(), "bidrail.db")
	s := open(t, Config{Path: template, Synchronous: "OFF"})
	var records []store.DecisionRecord
	for n := range count {
		records = append(records, record(fmt.Sprintf("%04d", n)))
	}
	records[80].Input = nil
	if err := errors.Join(insert(t.Context(), s, records[:at]...), insert(t.Context(), s, records[at:]...)); err != nil {
		t.Fatal(err)
	}
	if size := wholeLog(t, s); size != count {
		t.Fatalf("the log has %d leaves, want %d", size, count)
	}
	var earlier tlog.Hash
	err := s.View(t.Context(), func(r store.Reader) (err error) { earlier, err = audit.RootAt(100, r); return err })
	if err != nil {
		t.Fatal(err)
	}
	shut(t, s)
	file, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}

	leafHash, nodeHash := tlog.StoredHashIndex(0, at), tlog.StoredHashIndex(6, 1) // over leaves 64 to 127
	for _, test := range []struct {
		name, script string
		index        int64 // -1: reading fails
		reason       audit.Reason
		says         string
		refuses      bool // to go on
	}{
		{"a leaf", "UPDATE log_leaves SET leaf = CAST(replace(CAST(leaf AS TEXT), 'google_ads', 'goggle_ads') AS BLOB) WHERE seq = 70", at, audit.Altered, "its hash is", false},
		{"a leaf that is none", "UPDATE log_leaves SET leaf = x'00' WHERE seq = 70", at, audit.Altered, "expected", false},
		{"a record", "UPDATE decisions SET record = CAST(CAST(record AS TEXT) || ' ' AS BLOB) WHERE id = 'dec_0070'", at, audit.Altered, "the record of decision dec_0070", false},
		{"an input", "UPDATE inputs SET input = x'7b7d' WHERE seq = 71", at, audit.Altered, "the input of decision dec_0070", false},
		{"an input gone", "DELETE FROM inputs WHERE seq = 71", at, audit.Missing, "the input of decision dec_0070 is not there", false},
		{"an input where there was none", "INSERT INTO inputs VALUES (81, x'7b7d')", 80, audit.Altered, "decision dec_0080 was logged without input", false},
		{"a decision gone", "DELETE FROM findings WHERE seq = 71; DELETE FROM inputs WHERE seq = 71; DELETE FROM decisions WHERE seq = 71", at, audit.Missing, "the record of decision dec_0070 is not there", false},
		{"a decision under another id", "UPDATE decisions SET id = 'x' WHERE id = 'dec_0070'", at, audit.Missing, "the record of decision dec_0070 is not there", false},
		{"two decisions exchanged", "UPDATE decisions SET id = 'x' WHERE seq = 71; UPDATE decisions SET id = 'dec_0070' WHERE seq = 72; UPDATE decisions SET id = 'dec_0071' WHERE seq = 71", at, audit.Altered, "the record of decision dec_0070", false},
		{"a leaf gone", "DELETE FROM log_leaves WHERE seq = 70", at, audit.Missing, "says that it is leaf 71", false},
		{"a leaf far away", "UPDATE log_leaves SET seq = 4611686018427387904 WHERE seq = 70", at, audit.Reordered, "says that it is leaf 71", false},
		{"two leaves exchanged", "UPDATE log_leaves SET seq = -1 WHERE seq = 70; UPDATE log_leaves SET seq = 70 WHERE seq = 71; UPDATE log_leaves SET seq = 71 WHERE seq = -1", at, audit.Reordered, "says that it is leaf 71", false},
		{"the last leaf gone", "DELETE FROM log_leaves WHERE seq = 149", 149, audit.Truncated, "says that there are 150", false},
		{"the hash of a leaf", fmt.Sprintf("UPDATE log_hashes SET hash = zeroblob(32) WHERE idx = %d", leafHash), at, audit.Altered, "stored is", false},
		{"half a hash", fmt.Sprintf("UPDATE log_hashes SET hash = substr(hash, 1, 16) WHERE idx = %d", leafHash), at, audit.Altered, "stored is", false},
		{"a hash over leaves", fmt.Sprintf("UPDATE log_hashes SET hash = zeroblob(32) WHERE idx = %d", nodeHash), 127, audit.Altered, "the hash over leaves 64 to 127", false},
		{"a hash that the next root needs", fmt.Sprintf("UPDATE log_hashes SET hash = zeroblob(32) WHERE idx = %d", tlog.StoredHashIndex(7, 0)), 127, audit.Altered, "the hash over leaves 0 to 127", true},
		{"a hash gone", fmt.Sprintf("DELETE FROM log_hashes WHERE idx = %d", tlog.StoredHashIndex(7, 0)), -1, "", fmt.Sprintf("hash %d of the log", tlog.StoredHashIndex(7, 0)), true},
		{"a hash behind the end", fmt.Sprintf("INSERT INTO log_hashes VALUES (%d, zeroblob(32))", tlog.StoredHashCount(count)), count, audit.Altered, "hashes behind the end", true},
		{"the root", "UPDATE log_head SET root = zeroblob(32)", count, audit.Altered, "the leaves are right, but not the head", true},
		{"the size", "UPDATE log_head SET size = 151", count, audit.Truncated, "says that there are 151", true},
		{"the head of earlier", fmt.Sprintf("UPDATE log_head SET size = 100, root = x'%x'", earlier[:]), 100, audit.Altered, "there are 150 leaves", true},
		{"no head", "DELETE FROM log_head", -1, "", "it has no head", true},
		{"a decision that was never logged", "INSERT INTO decisions SELECT 1000, 'x', automation, 'x', verdict, kind, platform, account, campaign, batch_id, decided_at, revision, record, leaf_seq FROM decisions WHERE seq = 71",
			count, audit.Missing, "there are 151 decisions, of which 150 were logged", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bidrail.db")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.ExecContext(t.Context(), test.script)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			s := open(t, Config{Path: path, Synchronous: "OFF"})
			defer shut(t, s)

			report, err := verifyLog(t, s)
			broken, found := errors.AsType[*audit.Break](err)
			switch {
			case err == nil:
				t.Errorf("nothing is wrong with the log of %d leaves", report.Tree.Size())
			case found != (test.index >= 0) || found && (broken.Index != test.index || broken.Reason != test.reason) || !strings.Contains(err.Error(), test.says):
				t.Errorf("got error %v, want leaf %d: %s: %q", err, test.index, test.reason, test.says)
			}
			err = insert(t.Context(), s, record("next"))
			if !test.refuses {
				if err != nil {
					t.Errorf("going on: got error %v", err)
				}
				return
			}
			if !errors.Is(err, policy.ErrUnavailable) || errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "the log of decisions is damaged") {
				t.Errorf("going on: got error %v, want that the log is damaged", err)
			}
			err = s.View(t.Context(), func(r store.Reader) error { _, err := r.Decision("dec_next"); return err })
			if !errors.Is(err, policy.ErrNotFound) {
				t.Errorf("the refused decision: got error %v, want %v", err, policy.ErrNotFound)
			}
		})
	}
}

// A leaf is handed out for the decision it is of, and no other.
func TestLeafOfAnother(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db")})
	defer shut(t, s)
	if err := insert(t.Context(), s, record("a"), record("b")); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.connection.Exec(t.Context(), "UPDATE decisions SET leaf_seq = 0"); err != nil {
		t.Fatal(err)
	}
	err := s.View(t.Context(), func(r store.Reader) error { _, err := r.DecisionLeaf("dec_b"); return err })
	if !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("got error %v, want that the log is damaged", err)
	}
}

// The database itself refuses a decision whose leaf is not there.
func TestDecisionNeedsItsLeaf(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db")})
	defer shut(t, s)
	if err := insert(t.Context(), s, record("a")); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.connection.Exec(t.Context(), "UPDATE decisions SET leaf_seq = 1"); err == nil {
		t.Error("a decision has a leaf that is not there")
	}
	if err := s.writer.connection.Exec(t.Context(), "DELETE FROM log_leaves"); err == nil {
		t.Error("the leaf of a decision could be deleted")
	}
}
