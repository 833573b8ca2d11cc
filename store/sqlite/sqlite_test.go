package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlstore"
	"github.com/bidrail/bidrail/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "bidrail.db")
		return func() store.Store { return open(t, Config{Path: path}) }
	})
}

// open opens a store that logs to the test.
func open(t testing.TB, config Config) *Store {
	t.Helper()
	config.Logger = hclog.New(&hclog.LoggerOptions{Name: "store", Output: t.Output(), Level: hclog.Warn})
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shut(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// record is a decision with one finding and an input of about 2 KiB, as a real one.
func record(name string) store.DecisionRecord {
	r, err := store.NewDecisionRecord(&policy.Decision{
		ID: "dec_" + name, ChangeID: name, Automation: "bidder", Kind: policy.KindBid, Verdict: policy.Allow,
		Target:   policy.Target{Platform: "google_ads", Account: "123-456", Campaign: "c1", EntityType: "keyword", EntityID: name},
		Before:   policy.MoneyValue(1_000_000, "EUR"),
		After:    policy.MoneyValue(1_200_000, "EUR"),
		Findings: []policy.Finding{{Rule: "bid.step", Effect: policy.Warn, Message: "the bid rises from 1.00 EUR to 1.20 EUR, +20%"}},
		Revision: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", DecidedAt: time.UnixMicro(1_770_000_000_000_000),
	}, []byte(strings.Repeat(`{"change":{"target":{"platform":"google_ads"}}}`, 43)))
	if err != nil {
		panic(err) // a decision without floats always encodes
	}
	return r
}

func insert(ctx context.Context, s store.Store, records ...store.DecisionRecord) error {
	return s.Update(ctx, func(tx store.Tx) error { return tx.InsertDecisions(records) })
}

// What the promises rest on, as SQLite itself reports it, on the connections that are used.
func TestPragmas(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db"), Readers: 2})
	defer shut(t, s)
	first, second := <-s.readers, <-s.readers
	defer func() { s.readers <- first; s.readers <- second }()
	for name, want := range map[string][2]string{ // on the writer, on a reader
		"journal_mode": {"wal", "wal"},
		"synchronous":  {"2", "2"}, // FULL
		"busy_timeout": {"5000", "5000"},
		"foreign_keys": {"1", "1"},
		"query_only":   {"0", "1"},
	} {
		for i, connection := range []*sqlstore.Connection{s.writer.connection, first, second} {
			if got := pragma(t, connection, name); got != want[min(i, 1)] {
				t.Errorf("connection %d: %s is %s, want %s", i, name, got, want[min(i, 1)])
			}
		}
	}
	err := first.Exec(t.Context(), "INSERT INTO revisions (digest, loaded_at, size, archive) VALUES ('x', 0, 0, x'')")
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("writing on a reader: got error %v, want that it is read-only", err)
	}
	err = s.writer.connection.Exec(t.Context(), "INSERT INTO findings (rule, seq) VALUES ('x', 12345)")
	if err == nil || dialect.Conflict(err) {
		t.Errorf("a finding without its decision: got error %v, want a refusal that is no conflict", err)
	}
}

func TestPragmasOff(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db"), Synchronous: "OFF"})
	defer shut(t, s)
	if got := pragma(t, s.writer.connection, "synchronous"); got != "0" {
		t.Errorf("synchronous is %s, want 0", got)
	}
	_, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "bidrail.db"), Synchronous: "NORMAL"})
	if !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("NORMAL: got error %v, want %v", err, policy.ErrInvalid)
	}
}

func pragma(t *testing.T, connection *sqlstore.Connection, name string) (value string) {
	t.Helper()
	if err := connection.Query(t.Context(), func(rows *sql.Rows) error { return rows.Scan(&value) }, "PRAGMA "+name); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestCheckVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"3.51.3": true, "3.51.10": true, "3.52.0": true, "3.54.1": true, "4.0.0": true,
		"3.51.2": false, "3.9.9": false, "3.50.99": false, "2.99.99": false, "": false, "three": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("checkVersion(%q): got error %v", version, err)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	s := open(t, Config{Path: filepath.Join(folder, "bidrail.db")})
	// Another file in the same folder is the same folder still.
	_, err := Open(t.Context(), Config{Path: filepath.Join(folder, "other.db")})
	want := fmt.Sprintf("data folder %s is in use by another Bidrail server (process %d)", folder, os.Getpid())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("second open: got error %v, want %q", err, want)
	}
	// The refused one has not disturbed the first.
	if err := insert(t.Context(), s, record("a")); err != nil {
		t.Error(err)
	}
	shut(t, s)
	shut(t, open(t, Config{Path: filepath.Join(folder, "bidrail.db")}))
}

// What is on the disk is nobody else's business, and the folder may be called anything.
func TestFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "a b?mode=memory#%41;ü'\"")
	path := filepath.Join(folder, "bid?rail&_query_only=1.db")
	s := open(t, Config{Path: path})
	if err := insert(t.Context(), s, record("a")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(folder): os.ModeDir | 0o700, folder: os.ModeDir | 0o700,
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Join(folder, lockName): 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	shut(t, s)
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log after closing: got error %v, want that it is gone", err)
	}
	s = open(t, Config{Path: path})
	defer shut(t, s)
	if err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Decision("dec_a"); return err }); err != nil {
		t.Error(err)
	}
}

func TestOpenRefused(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, []byte("this is not a database, it only takes up the place of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, want string }{
		"no path":                 {"", "needs the path of its database file"},
		"a file for a folder":     {filepath.Join(inTheWay, "bidrail.db"), "data folder " + inTheWay + " cannot be written"},
		"something else's file":   {inTheWay, "file is not a database"},
		"a folder where the file": {filepath.Dir(inTheWay) + "/.", "open"},
	} {
		s, err := Open(t.Context(), Config{Path: test.path})
		if err == nil {
			shut(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, test.want)
		}
	}
	// A failed open has given up its lock.
	shut(t, open(t, Config{Path: filepath.Join(filepath.Dir(inTheWay), "bidrail.db")}))
}

// Under concurrency many updates share one commit; alone, each has its own.
func TestGroupCommit(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db")})
	defer shut(t, s)
	const alone = 5
	for n := range alone {
		if err := insert(t.Context(), s, record(fmt.Sprint("alone", n))); err != nil {
			t.Fatal(err)
		}
	}
	if updates, commits := s.writer.updates.Load(), s.writer.commits.Load(); updates != alone || commits != alone {
		t.Errorf("one at a time: got %d updates in %d commits, want %d in %[3]d", updates, commits, alone)
	}
	const callers, each = 64, 10
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := range each {
				if err := insert(t.Context(), s, record(fmt.Sprint(caller, "-", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	updates, commits := s.writer.updates.Load()-alone, s.writer.commits.Load()-alone
	t.Logf("%d updates in %d commits", updates, commits)
	if updates != callers*each || commits > updates/2 {
		t.Errorf("%d at a time: got %d updates in %d commits, want %d in far fewer", callers, updates, commits, callers*each)
	}
}

// A full disk refuses what does not fit, loses nothing else, and is no reason to stop.
func TestFull(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db")})
	defer shut(t, s)
	if err := insert(t.Context(), s, record("before")); err != nil {
		t.Fatal(err)
	}
	pages := func(limit int) {
		t.Helper()
		if err := s.writer.connection.Exec(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", limit)); err != nil {
			t.Fatal(err)
		}
	}
	pages(100) // 400 KiB
	var group sync.WaitGroup
	results := make([]error, 64)
	for n := range results {
		group.Go(func() {
			big := record(fmt.Sprint("during", n))
			if n%4 == 0 {
				big.Input = make([]byte, 1<<20)
			}
			results[n] = s.Update(t.Context(), func(tx store.Tx) error {
				if tx.InsertDecisions([]store.DecisionRecord{big}) == nil && n%4 == 0 {
					t.Error("a megabyte fitted into less")
				}
				return nil // a failure does not need to be reported to count
			})
		})
	}
	group.Wait()
	pages(1 << 30)
	if err := insert(t.Context(), s, record("after")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	failed := 0
	for n, result := range results {
		if result != nil {
			failed++
			if !errors.Is(result, policy.ErrUnavailable) || errors.Is(result, store.ErrUnknownOutcome) {
				t.Errorf("without room: got error %v, want %v and a known outcome", result, policy.ErrUnavailable)
			}
		}
		err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Decision(fmt.Sprint("dec_during", n)); return err })
		if (err == nil) != (result == nil) {
			t.Errorf("update %d: got error %v, but looking for the decision %v", n, result, err)
		}
	}
	wholeLog(t, s)
	if failed < 16 {
		t.Errorf("%d updates failed, want at least those that were too large", failed)
	}
}

func TestClockDoesNotGoBack(t *testing.T) {
	at := time.Date(2026, 10, 25, 0, 59, 59, 999_999_999, time.UTC)
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "bidrail.db"), Now: func() time.Time { return at }})
	defer shut(t, s)
	now := func() (now time.Time) {
		err := s.Update(t.Context(), func(tx store.Tx) error { now = tx.Now(); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	first := now()
	if want := at.Truncate(time.Microsecond); !first.Equal(want) {
		t.Errorf("got %v, want %v", first, want)
	}
	at = at.Add(-time.Hour)
	if got := now(); !got.Equal(first) {
		t.Errorf("an hour back: got %v, want %v", got, first)
	}
	at = at.Add(2 * time.Hour)
	if got := now(); !got.After(first) {
		t.Errorf("an hour on: got %v, want later than %v", got, first)
	}
}
