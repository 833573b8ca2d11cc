package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/store"
)

// These make the test binary a process of its own, with the store there: one that writes until it
// is killed, and one that writes until a disk fails.
const (
	killVariable = "BIDRAIL_TEST_WRITE_UNTIL_KILLED"
	failVariable = "BIDRAIL_TEST_WRITE_UNTIL_SYNC_FAILS"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(killVariable); path != "" {
		writeUntilKilled(path)
	}
	if path := os.Getenv(failVariable); path != "" {
		writeUntilSyncFails(path)
	}
	os.Exit(m.Run())
}

// Whatever moment the process is killed at, all it has acknowledged is there afterwards, whatever is
// there is whole, and the log has exactly that.
func TestKill(t *testing.T) {
	const cycles = 20
	path := filepath.Join(t.TempDir(), "bidrail.db")
	var acknowledged []string
	for cycle := range cycles {
		acknowledged = append(acknowledged, killed(t, path, cycle)...)
		s := open(t, Config{Path: path})
		if size := wholeLog(t, s); size < int64(len(acknowledged)) {
			t.Errorf("cycle %d: the log has %d leaves, fewer than the %d that were acknowledged", cycle, size, len(acknowledged))
		}
		shut(t, s)
	}
	t.Logf("%d acknowledged in %d cycles", len(acknowledged), cycles)
	if len(acknowledged) < cycles {
		t.Fatalf("only %d updates were acknowledged, too few to say anything", len(acknowledged))
	}

	s := open(t, Config{Path: path})
	defer shut(t, s)
	keys := make([]store.DecisionKey, len(acknowledged))
	for i, name := range acknowledged {
		keys[i] = store.DecisionKey{Automation: "bidder", ChangeID: name}
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		found, err := r.DecisionsByKeys(keys)
		for _, key := range keys {
			if string(found[key].Encoded) != string(record(key.ChangeID).Encoded) {
				t.Errorf("decision %s was acknowledged and is not there as it was", key.ChangeID)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	connection := s.writer.connection
	for query, want := range map[string]string{
		"PRAGMA integrity_check":                                                     "ok",
		"SELECT count(*) FROM pragma_foreign_key_check":                              "0",
		"SELECT count(*) - (SELECT size FROM log_head) FROM decisions":               "0",
		"SELECT count(*) - (SELECT size FROM log_head) FROM log_leaves":              "0",
		"SELECT count(*) FROM decisions WHERE leaf_seq IS NULL":                      "0",
		"SELECT count(DISTINCT leaf_seq) - count(*) FROM decisions":                  "0",
		"SELECT count(*) FROM decisions WHERE seq NOT IN (SELECT seq FROM inputs)":   "0",
		"SELECT count(*) FROM decisions WHERE seq NOT IN (SELECT seq FROM findings)": "0",
		"SELECT count(DISTINCT change_id) - count(*) FROM decisions":                 "0",
	} {
		err := connection.Query(t.Context(), func(rows *sql.Rows) error {
			var got string
			if err := rows.Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", query, got, want)
			}
			return nil
		}, query)
		if err != nil {
			t.Error(err)
		}
	}
}

// killed starts a writing process, kills it after a short while and returns what it acknowledged.
func killed(t *testing.T, path string, cycle int) (acknowledged []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), killVariable+"="+path)
	command.Stderr = t.Output()
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if !lines.Scan() || lines.Text() != "open" {
		t.Fatalf("cycle %d: the process did not open the store: %q", cycle, lines.Text())
	}
	time.AfterFunc(time.Duration(rand.Int64N(int64(60*time.Millisecond))), func() { _ = command.Process.Kill() })
	for lines.Scan() {
		// A line that the kill cut short is no acknowledgement.
		if name, whole := strings.CutSuffix(lines.Text(), "."); whole {
			acknowledged = append(acknowledged, name)
		}
	}
	_ = command.Wait() // killed, as it says
	return acknowledged
}

// writeUntilKilled is the process. It names itself in the keys, so that no two use the same.
func writeUntilKilled(path string) {
	s, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("open")
	for writer := range 8 {
		go func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), writer, n)
				if err := insert(context.Background(), s, record(name)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(name + ".") // one write: whole lines, whoever else writes
			}
		}()
	}
	select {}
}

// After a failed sync the operating system may have dropped what it could not write, and the next
// sync succeeds: nothing may be acknowledged any more. strace makes one sync fail.
func TestSyncFailure(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	path := filepath.Join(t.TempDir(), "bidrail.db")
	command := exec.CommandContext(t.Context(), strace, "-f", "-q", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
		"-e", "inject=fsync,fdatasync:error=EIO:when=40+10", os.Args[0])
	command.Env = append(os.Environ(), failVariable+"="+path)
	output, err := command.CombinedOutput()
	if strings.Contains(string(output), "ptrace") {
		t.Skipf("strace may not trace here: %s", output)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(lines) < 10 || lines[len(lines)-1] != "halted" {
		t.Fatalf("got output %q, want some names and that the store has halted", lines)
	}
	s := open(t, Config{Path: path})
	defer shut(t, s)
	err = s.View(t.Context(), func(r store.Reader) error {
		for _, name := range lines[:len(lines)-1] {
			if _, err := r.Decision("dec_" + name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := insert(t.Context(), s, record("after")); err != nil {
		t.Error(err)
	}
	wholeLog(t, s)
}

// writeUntilSyncFails is the process. It prints what was acknowledged, and "halted" if the store
// then behaves as it must.
func writeUntilSyncFails(path string) {
	ctx := context.Background()
	s, err := Open(ctx, Config{Path: path})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		name := fmt.Sprint("sync-", n)
		if err = insert(ctx, s, record(name)); err != nil {
			break
		}
		fmt.Println(name)
	}
	again := insert(ctx, s, record("again"))
	read := s.View(ctx, func(r store.Reader) error { _, err := r.Decision("dec_sync-0"); return err })
	if errors.Is(err, store.ErrUnknownOutcome) && errors.Is(again, store.ErrHalted) && read == nil {
		fmt.Println("halted")
	} else {
		fmt.Printf("the first error is %v, the second %v, reading gives %v\n", err, again, read)
	}
	os.Exit(0)
}
