package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
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
		{"a decision that was never logged", "INSERT INTO decisions SELECT 1000, 'x', automation, 'x', verdict, kind, platform, account, campaign, batch_id, decided_at, revision, record, leaf_seq, redemption, entity_type, entity_id FROM decisions WHERE seq = 71",
			count, audit.Missing, "there are 151 decisions and 0 events, of which 150 were logged", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tampered(t, file, test.script)
			defer shut(t, s)
			wantBreak(t, s, test.index, test.reason, test.says)
			err := insert(t.Context(), s, record("next"))
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

// tampered opens a copy of a file in which somebody has changed something.
func tampered(t *testing.T, file []byte, script string) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bidrail.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), script)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return open(t, Config{Path: path, Synchronous: "OFF"})
}

// wantBreak verifies the log and demands that it is broken there; at -1, that reading it fails.
func wantBreak(t *testing.T, s store.Store, index int64, reason audit.Reason, says string) {
	t.Helper()
	report, err := verifyLog(t, s)
	broken, found := errors.AsType[*audit.Break](err)
	switch {
	case err == nil:
		t.Errorf("nothing is wrong with the log of %d leaves", report.Tree.Size())
	case found != (index >= 0) || found && (broken.Index != index || broken.Reason != reason) || !strings.Contains(err.Error(), says):
		t.Errorf("got error %v, want leaf %d: %s: %q", err, index, reason, says)
	}
}

// The same of what happened to permits and modes. Nobody gets a permit a second time, or a scope out of
// its mode, without the log showing it.
func TestTamperingWithEvents(t *testing.T) {
	template := filepath.Join(t.TempDir(), "bidrail.db")
	s := open(t, Config{Path: template, Synchronous: "OFF"})
	given := make([]permit.Permit, 3)
	for n := range given {
		_, _, given[n] = allowed(n)
		given[n].IssuedAt, given[n].ChangedAt = time.UnixMicro(1_770_000_000_000_000), time.UnixMicro(1_770_000_000_000_000)
		given[n].ExpiresAt = given[n].IssuedAt.Add(time.Minute)
	}
	claim := given[0].Claim("claim", "bidder", mode.Standing{}, time.Minute, given[0].IssuedAt).Permit
	applied := claim.Tell(permit.Report{Outcome: permit.Applied}, "bidder", claim.ChangedAt).Permit
	other := given[1].Claim("claim", "bidder", mode.Standing{}, time.Minute, given[1].IssuedAt).Permit
	account := ledger.AccountScope("google_ads", "1")
	for _, update := range []func(store.Tx) error{
		func(tx store.Tx) error { return tx.InsertDecisions([]store.DecisionRecord{record("a")}) }, // leaf 0
		func(tx store.Tx) error { return tx.InsertPermits(given) },
		func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{claim}) }, // leaf 1
		func(tx store.Tx) error {
			return tx.SetMode(mode.Setting{Scope: account, Mode: policy.ModeReduceOnly, Epoch: 1, Reason: "r", By: "ops", At: claim.ChangedAt}) // leaf 2
		},
		func(tx store.Tx) error {
			return tx.SetMode(mode.Setting{Scope: account, Mode: policy.ModeHalted, Epoch: 2, Reason: "r", By: "ops", At: claim.ChangedAt}) // leaf 3
		},
		func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{applied, other}) }, // leaves 4 and 5
	} {
		if err := s.Update(t.Context(), update); err != nil {
			t.Fatal(err)
		}
	}
	if size := wholeLog(t, s); size != 6 {
		t.Fatalf("the log has %d leaves, want 6", size)
	}
	shut(t, s)
	file, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	first, third := given[0].ID, given[2].ID
	for _, test := range []struct {
		name, script string
		index        int64
		reason       audit.Reason
		says         string
	}{
		{"the record of a step", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'APPLIED', 'FAILED') AS BLOB) WHERE kind = 'permit' AND version = 3", 4, audit.Altered, "the record of permit " + first + "#3"},
		{"a step gone", "DELETE FROM events WHERE kind = 'permit' AND version = 3", 4, audit.Missing, "the record of permit " + first + "#3 is not there"},
		{"the first step gone", "DELETE FROM events WHERE leaf_seq = 1", 1, audit.Missing, "the record of permit " + first + "#2 is not there"},
		{"a step of another permit", "UPDATE events SET object = '" + third + "' WHERE leaf_seq = 1", 1, audit.Missing, "the record of permit " + first + "#2 is not there"},
		{"two steps exchanged", "UPDATE events SET version = 9 WHERE leaf_seq = 1; UPDATE events SET version = 2 WHERE leaf_seq = 4; UPDATE events SET version = 3 WHERE leaf_seq = 1", 1, audit.Altered, "the record of permit " + first + "#2"},
		{"a step that was never logged", "INSERT INTO events SELECT 1000, kind, '" + third + "', version, at, subject, record, leaf_seq FROM events WHERE leaf_seq = 1", 6, audit.Missing, "there are 1 decisions and 6 events, of which 6 were logged"},
		{"the setting of a mode", "UPDATE events SET record = CAST(replace(CAST(record AS TEXT), 'halted', 'active') AS BLOB) WHERE leaf_seq = 3", 3, audit.Altered, "the record of mode account/google_ads/1#2"},
		{"a mode back as it was", "DELETE FROM events WHERE leaf_seq = 3", 3, audit.Missing, "the record of mode account/google_ads/1#2 is not there"},
		{"a mode of another scope", "UPDATE events SET object = 'account/google_ads/2' WHERE leaf_seq = 3", 3, audit.Missing, "the record of mode account/google_ads/1#2 is not there"},
		{"a decision instead of a step", "DELETE FROM events WHERE leaf_seq = 5; INSERT INTO decisions SELECT 1000, 'x', automation, 'x', verdict, kind, platform, account, campaign, batch_id, decided_at, revision, record, leaf_seq, redemption, entity_type, entity_id FROM decisions", 5, audit.Missing, "#2 is not there"},
		{"a permit as it was issued", "UPDATE permits SET version = 1, state = 1 WHERE id = '" + first + "'", 6, audit.Altered, "permit " + first + " is not at the version"},
		{"a permit a step ahead", "UPDATE permits SET version = 2, state = 2 WHERE id = '" + third + "'", 6, audit.Altered, "permit " + third + " is not at the version"},
		{"two permits exchanged", "UPDATE permits SET version = CASE id WHEN '" + first + "' THEN 1 WHEN '" + third + "' THEN 3 ELSE version END", 6, audit.Altered, "is not at the version"},
		{"a permit gone", "DELETE FROM permits WHERE id = '" + first + "'", 6, audit.Altered, "permit " + first + " is not at the version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tampered(t, file, test.script)
			defer shut(t, s)
			wantBreak(t, s, test.index, test.reason, test.says)
		})
	}
}

// Where what is stored contradicts itself nobody is told either, and nothing more is written on top of it.
func TestDamage(t *testing.T) {
	template := filepath.Join(t.TempDir(), "bidrail.db")
	s := open(t, Config{Path: template, Synchronous: "OFF"})
	_, _, given := allowed(1)
	claim := given.Claim("claim", "bidder", mode.Standing{}, time.Minute, given.IssuedAt).Permit
	account := ledger.AccountScope("google_ads", "123-456-7890")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		hold := ledger.NewHold("dec_1", keyword(1), "bidder")
		state, err := tx.Sheets(hold.Scopes())
		for minute := range 40 { // so that there is something apart
			var placed ledger.State
			if err == nil {
				placed, _, err = ledger.Place(state, hold, nil, ledger.Rates{}, time.Now().Add(time.Duration(minute-40)*time.Minute))
			}
			maps.Copy(state, placed)
		}
		if err != nil {
			return err
		}
		_, hold, err = ledger.Place(state, hold, nil, ledger.Rates{}, tx.Now())
		return errors.Join(err, tx.PutTallies([]store.ScopeTally{{Scope: account, Tally: state[account][0]}}), tx.InsertHolds([]ledger.Hold{hold}),
			tx.InsertPermits([]permit.Permit{given}), tx.UpdatePermits([]permit.Permit{claim}),
			tx.SetMode(mode.Setting{Scope: account, Mode: policy.ModeHalted, Epoch: 1, Reason: "r", By: "ops", At: tx.Now()}))
	})
	if err != nil {
		t.Fatal(err)
	}
	shut(t, s)
	file, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	sheets := func(r store.Reader) error { _, err := r.Sheets([]ledger.Scope{account}); return err }
	permits := func(r store.Reader) error { _, err := r.Permits([]string{given.ID}); return err }
	modes := func(r store.Reader) error { _, err := r.Modes(); return err }
	for _, test := range []struct {
		name, script string
		read         func(store.Reader) error
		says         string
	}{
		{"a tally", "UPDATE tallies SET head = x'00'", sheets, "a tally of account/google_ads/123-456-7890 is damaged"},
		{"older buckets", "UPDATE tallies_older SET older = x'00'", sheets, "a tally of account/google_ads/123-456-7890 is damaged"},
		{"older buckets gone", "DELETE FROM tallies_older", sheets, "its older buckets are not there"},
		{"a hold", "UPDATE holds SET hold = x'00'", func(r store.Reader) error { _, err := r.Holds([]string{"dec_1"}); return err }, "a hold is damaged"},
		{"an open hold", "UPDATE holds SET hold = x'00'", func(r store.Reader) error { _, err := r.OpenHolds("", 1); return err }, "a hold is damaged"},
		{"a permit", "UPDATE permits SET issued = x'00', version = 1", permits, "permit " + given.ID + " is damaged"},
		{"a permit without its step", "DELETE FROM events", permits, "permit " + given.ID + " is damaged"},
		{"a permit of another version", "UPDATE events SET version = 3; UPDATE permits SET version = 3", permits, "it is found as version 3"},
		{"a mode", "UPDATE events SET record = x'00'", modes, "the mode of account/google_ads/123-456-7890 is damaged"},
		{"a mode of another scope", "UPDATE events SET object = 'organisation'", modes, "the mode of organisation is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tampered(t, file, test.script)
			defer shut(t, s)
			wantDamage := func(err error) {
				t.Helper()
				if !errors.Is(err, policy.ErrUnavailable) || errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got error %v, want that %s", err, test.says)
				}
			}
			wantDamage(s.View(t.Context(), test.read))
			wantDamage(s.Update(t.Context(), func(tx store.Tx) error {
				_ = test.read(tx)
				return nil
			}))
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
