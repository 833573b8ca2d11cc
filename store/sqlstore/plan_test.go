package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
	"github.com/bidrail/bidrail/store/sqlstore"
)

// Among many decisions, nothing is found by reading all of them, and no list is sorted. A machine
// may be slow for other reasons, so this asks the database for its plans and takes no time.
func TestQueryPlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bidrail.db")
	fill(t, path, manyDecisions)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()

	check := func(name, query string, arguments []any, want ...string) {
		t.Helper()
		if got := plan(t, db, query, arguments); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\ngot the plan\n\t%s\nwant\n\t%s", name, query, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	check("by id", sqlstore.QueryByID, []any{"x"},
		"SEARCH decisions USING INDEX decisions_id (id=?)")
	check("by key", sqlstore.QueryByKey, []any{"x", "y"},
		"SEARCH decisions USING INDEX decisions_key (change_id=? AND automation=?)")
	check("by 64 keys", sqlstore.QueryByKeys(64), make([]any, 65),
		"SEARCH decisions USING INDEX decisions_key (change_id=? AND automation=?)")
	check("input", sqlstore.QueryInput, []any{"x"},
		"SEARCH decisions USING COVERING INDEX decisions_id (id=?)", "SEARCH inputs USING INTEGER PRIMARY KEY (rowid=?)")
	check("leaf of a decision", sqlstore.QueryDecisionLeaf, []any{"x"},
		"SEARCH decisions USING INDEX decisions_id (id=?)", "SEARCH log_leaves USING INTEGER PRIMARY KEY (rowid=?)")
	check("leaves", sqlstore.QueryLeaves, []any{0, 64},
		"SEARCH log_leaves USING INTEGER PRIMARY KEY (rowid>?)")
	check("what 64 leaves stand for", sqlstore.QueryLogged(64), make([]any, 64),
		"SEARCH decisions USING INDEX decisions_id (id=?)", "SEARCH inputs USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN")
	check("64 hashes", sqlstore.QueryHashes(64), make([]any, 64),
		"SEARCH log_hashes USING INTEGER PRIMARY KEY (rowid=?)")

	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const (
		byRule    = "SEARCH f USING PRIMARY KEY (rule=?)"
		itsRecord = "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)"
		subquery  = "SCALAR SUBQUERY 1"
		second    = "SCALAR SUBQUERY 2"
		since     = "SEARCH decisions USING COVERING INDEX decisions_decided_at (decided_at>?)"
		until     = "SEARCH decisions USING COVERING INDEX decisions_decided_at (decided_at<?)"
		sorted    = "USE TEMP B-TREE FOR ORDER BY"
	)
	for _, test := range []struct {
		filter store.DecisionFilter
		want   []string
	}{
		// Without a word to go by, decisions are read from the newest on until a page is full.
		{store.DecisionFilter{}, []string{"SCAN d"}},
		{store.DecisionFilter{Platform: "meta"}, []string{"SCAN d"}},
		{store.DecisionFilter{Kind: policy.KindBid}, []string{"SCAN d"}},
		{store.DecisionFilter{Verdict: policy.Block}, []string{"SEARCH d USING INDEX decisions_verdict (verdict=?)"}},
		{store.DecisionFilter{Automation: "bidder"}, []string{"SEARCH d USING INDEX decisions_automation (automation=?)"}},
		{store.DecisionFilter{Account: "a7"}, []string{"SEARCH d USING INDEX decisions_account (account=?)"}},
		{store.DecisionFilter{Campaign: "c7"}, []string{"SEARCH d USING INDEX decisions_campaign (campaign=?)"}},
		{store.DecisionFilter{BatchID: "b7"}, []string{"SEARCH d USING INDEX decisions_batch (batch_id=?)"}},
		{store.DecisionFilter{Rule: "rule.7"}, []string{byRule, itsRecord}},
		{store.DecisionFilter{ChangeID: "change-7"}, []string{"SEARCH d USING INDEX decisions_key (change_id=?)", sorted}},
		// The word that fits the fewest leads.
		{store.DecisionFilter{Account: "a7", Verdict: policy.Block}, []string{"SEARCH d USING INDEX decisions_account (account=?)"}},
		{store.DecisionFilter{Account: "a7", Automation: "bidder"}, []string{"SEARCH d USING INDEX decisions_account (account=?)"}},
		{store.DecisionFilter{Account: "a7", Campaign: "c7"}, []string{"SEARCH d USING INDEX decisions_campaign (campaign=?)"}},
		{store.DecisionFilter{Rule: "rule.7", Account: "a7", Verdict: policy.Block}, []string{byRule, itsRecord}},
		{
			store.DecisionFilter{BatchID: "b7", Rule: "rule.7"},
			[]string{"SEARCH d USING INDEX decisions_batch (batch_id=?)", "SEARCH f EXISTS USING PRIMARY KEY (rule=? AND seq=?)"},
		},
		{store.DecisionFilter{ChangeID: "change-7", Account: "a7"}, []string{"SEARCH d USING INDEX decisions_key (change_id=?)", sorted}},
		{store.DecisionFilter{ChangeID: "change-7", Since: at}, []string{"SEARCH d USING INDEX decisions_key (change_id=?)", subquery, since, sorted}},
		// Times bound the part of an index that is read.
		{store.DecisionFilter{Since: at}, []string{"SEARCH d USING INTEGER PRIMARY KEY (rowid>?)", subquery, since}},
		{store.DecisionFilter{Until: at}, []string{"SEARCH d USING INTEGER PRIMARY KEY (rowid<?)", subquery, until}},
		{
			store.DecisionFilter{Account: "a7", Since: at, Until: at.Add(time.Hour)},
			[]string{"SEARCH d USING INDEX decisions_account (account=? AND rowid>? AND rowid<?)", second, until, subquery, since},
		},
		{
			store.DecisionFilter{Rule: "rule.7", Since: at},
			[]string{"SEARCH f USING PRIMARY KEY (rule=? AND seq>?)", subquery, since, itsRecord},
		},
	} {
		query, arguments, err := sqlstore.ListQuery(test.filter, "", 50)
		if err != nil {
			t.Fatal(err)
		}
		check("list", query, arguments, test.want...)
	}
	// Later pages begin at their place in the index.
	query, arguments, err := sqlstore.ListQuery(store.DecisionFilter{Account: "a7"}, store.CursorAt(manyDecisions/2), 50)
	if err != nil {
		t.Fatal(err)
	}
	check("next page", query, arguments, "SEARCH d USING INDEX decisions_account (account=? AND rowid<?)")
}

func plan(t *testing.T, db *sql.DB, query string, arguments []any) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var (
			id, parent, unused int
			step               string
		)
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// fill makes a store with count decisions, in SQL: through the store it would take most of a minute
// under the race detector.
func fill(t *testing.T, path string, count int) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), fmt.Sprintf(`
		BEGIN;
		WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < %d)
		INSERT INTO decisions (id, automation, change_id, verdict, kind, platform, account, campaign, batch_id, decided_at, revision, record)
			SELECT 'dec_' || value, 'bidder', 'change-' || value, 1 + value %% 3, 1, 'meta', 'a' || value %% 50, 'c' || value %% 500,
				'b' || value / 1000, 1770000000000000 + value * 1000, '', x'7b7d' FROM numbers;
		INSERT INTO findings (rule, seq) SELECT 'rule.' || seq %% 10, seq FROM decisions;
		COMMIT`, count))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
