package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

func TestAuditVerify(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "bidrail.db")
	verify := func(data string, wantCode int, wantOut, wantErr string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"audit", "verify", "--data", data}, environment{stdout: &stdout, stderr: &stderr})
		if code != wantCode || !regexp.MustCompile(wantOut).Match(stdout.Bytes()) || !regexp.MustCompile(wantErr).Match(stderr.Bytes()) {
			t.Errorf("got exit %d\n%s%s\nwant exit %d, %s and %s", code, &stdout, &stderr, wantCode, wantOut, wantErr)
		}
	}
	missing := filepath.Join(folder, "elsewhere")
	verify(missing, 1, "^$", "there is no record in .*elsewhere; name the folder")
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that was not there: got error %v, want that it is still not", err)
	}

	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = records.Update(t.Context(), func(tx store.Tx) error {
		for n := range 3 {
			record, err := store.NewDecisionRecord(&policy.Decision{
				ID: fmt.Sprint("dec_", n), ChangeID: fmt.Sprint("change-", n), Automation: "pacer", Verdict: policy.Allow, DecidedAt: time.UnixMicro(1_770_000_000_000_000),
			}, []byte(`{"now":1}`))
			if err == nil {
				err = tx.InsertDecisions([]store.DecisionRecord{record})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	verify(folder, 1, "^$", "is in use by another Bidrail server")
	if err := records.Close(); err != nil {
		t.Fatal(err)
	}
	verify(folder, 0, `^ok every decision with what its rules saw, every step of permits, approvals and exceptions, every review, every switch of a mode, every edit of tests and of the calendar and everything that disturbed a test is as it was logged\nleaves 3\nroot   [A-Za-z0-9+/]{43}=\n$`, "^$")

	tamper := func(script string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), script)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	tamper("UPDATE inputs SET input = x'7b7d' WHERE seq = 3")
	verify(folder, 1, `^FAIL the log is broken at leaf 2: altered: .*the input of decision dec_2 has the digest`, "^$")
	tamper("DELETE FROM log_leaves WHERE seq = 1")
	verify(folder, 1, `^FAIL the log is broken at leaf 1: missing: `, "^$")
	tamper("DELETE FROM log_hashes")
	verify(folder, 1, "^$", "hash 0 of the log: not found")
}
