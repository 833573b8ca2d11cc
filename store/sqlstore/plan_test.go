package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
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
	check("by key", sqlstore.QueryByKey, []any{"x", "y", ""},
		"SEARCH decisions USING INDEX decisions_key (change_id=? AND automation=? AND redemption=?)")
	check("by 64 keys", sqlstore.QueryByKeys(64), make([]any, 66),
		"SEARCH decisions USING INDEX decisions_key (change_id=? AND automation=? AND redemption=?)")
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

	const (
		itsEvent   = "SEARCH e USING INDEX events_object (object=? AND kind=? AND version=?) LEFT-JOIN"
		itsPermits = "SEARCH p USING INDEX permits_id (id=?)"
	)
	check("heads of 512 tallies", sqlstore.QueryHeads(512), make([]any, 512),
		"SCAN 512-ROW VALUES CLAUSE", "SEARCH t USING PRIMARY KEY (scope=?)")
	check("64 older tallies", sqlstore.QueryOlder(64), make([]any, 64),
		"SEARCH tallies_older USING PRIMARY KEY (scope=?)")
	check("a hold", sqlstore.QueryHolds(1), make([]any, 1),
		"SEARCH holds USING PRIMARY KEY (id=?)")
	check("64 holds", sqlstore.QueryHolds(64), make([]any, 64),
		"SEARCH holds USING PRIMARY KEY (id=?)")
	check("open holds", sqlstore.QueryOpenHolds, []any{10},
		"SCAN holds USING INDEX holds_held")
	check("later open holds", sqlstore.QueryLaterHold, []any{"x", 10},
		"SEARCH holds USING INDEX holds_held (placed_at>?)", "SCALAR SUBQUERY 1", "SEARCH holds USING PRIMARY KEY (id=?)", "REUSE SUBQUERY 1")
	check("resolve a hold", sqlstore.ChangeHold, make([]any, 3),
		"SEARCH holds USING PRIMARY KEY (id=?)")
	check("64 permits", sqlstore.QueryPermits(64), make([]any, 64), itsPermits, itsEvent)
	check("due permits", sqlstore.QueryDuePermits, []any{0, 10},
		"SEARCH p USING INDEX permits_due (due_at<?)", itsEvent)
	check("permits", sqlstore.QueryAllPermits, []any{0, 10},
		"SEARCH p USING INTEGER PRIMARY KEY (rowid<?)", itsEvent)
	check("permits by state", sqlstore.QueryPermitsByState, []any{0, 0, 10},
		"SEARCH p USING INDEX permits_state (state=? AND rowid<?)", itsEvent)
	check("update a permit", sqlstore.ChangePermit, make([]any, 5),
		"SEARCH permits USING INDEX permits_id (id=?)")
	check("stray permits", sqlstore.QueryStrayPermits, nil,
		"COMPOUND QUERY", "LEFT-MOST SUBQUERY", "SCAN p", "CORRELATED SCALAR SUBQUERY 1", "SEARCH e USING COVERING INDEX events_object (object=? AND kind=?)", "UNION ALL", "SCAN e USING COVERING INDEX events_object", "CORRELATED SCALAR SUBQUERY 3", "SEARCH p USING COVERING INDEX permits_id (id=?)")
	check("events", sqlstore.QueryEvents, []any{"x", "y"},
		"SEARCH events USING INDEX events_object (object=? AND kind=?)")
	check("what 64 leaves of events stand for", sqlstore.QueryLoggedEvents(64), make([]any, 192),
		"SEARCH events USING INDEX events_object (object=? AND kind=? AND version=?)", "LIST SUBQUERY 4", "SCAN 64-ROW VALUES CLAUSE")
	check("epoch", sqlstore.QueryEpoch, nil,
		"SCAN events USING COVERING INDEX events_epoch")
	check("modes", sqlstore.QueryModes, nil,
		"SCAN e USING INDEX events_epoch", "CORRELATED SCALAR SUBQUERY 1", "SEARCH later USING COVERING INDEX events_object (object=? AND kind=? AND version>?)")
	check("64 reverts", sqlstore.QueryReverts(64), make([]any, 64),
		"SEARCH reverts USING PRIMARY KEY (field=?)")
	check("reverts", sqlstore.QueryListReverts, []any{0, "", 10},
		"SEARCH reverts USING INDEX reverts_due ((due_at,field)>(?,?))")
	check("remove a revert", sqlstore.RemoveRevert, []any{"x"},
		"SEARCH reverts USING PRIMARY KEY (field=?)")
	check("epoch of the registry", sqlstore.QueryRegistryEpoch, nil,
		"SCAN events USING INDEX events_registry")
	check("the registry", sqlstore.QueryRegistryEntries, nil,
		"SCAN e USING INDEX events_registry", "CORRELATED SCALAR SUBQUERY 1", "SEARCH later USING COVERING INDEX events_object (object=? AND kind=? AND version>?)", "USE TEMP B-TREE FOR ORDER BY")
	check("the newest version", sqlstore.QueryLastVersion, []any{"x", "experiment"},
		"SEARCH events USING COVERING INDEX events_object (object=? AND kind=?)")

	check("facts of 512 entities", sqlstore.QueryFacts(512), make([]any, 512),
		"SCAN 512-ROW VALUES CLAUSE", "SEARCH f USING PRIMARY KEY (entity=?)")
	check("a list of facts", sqlstore.QueryFactList, []any{"a", "b", "c", 10},
		"SEARCH facts USING PRIMARY KEY ((entity,name)>(?,?) AND entity<?)")
	check("a list of facts of a name", sqlstore.QueryFactsNamed, []any{"x", "a", "c", 10},
		"SEARCH facts USING INDEX facts_name (name=? AND entity>? AND entity<?)")

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
		{store.DecisionFilter{EntityType: "keyword"}, []string{"SCAN d"}},
		{store.DecisionFilter{EntityID: "e7"}, []string{"SEARCH d USING INDEX decisions_entity (entity_id=?)"}},
		{store.DecisionFilter{Campaign: "c7"}, []string{"SEARCH d USING INDEX decisions_campaign (campaign=?)"}},
		{store.DecisionFilter{BatchID: "b7"}, []string{"SEARCH d USING INDEX decisions_batch (batch_id=?)"}},
		{store.DecisionFilter{Rule: "rule.7"}, []string{byRule, itsRecord}},
		{store.DecisionFilter{ChangeID: "change-7"}, []string{"SEARCH d USING INDEX decisions_key (change_id=?)", sorted}},
		// The word that fits the fewest leads.
		{store.DecisionFilter{Account: "a7", Verdict: policy.Block}, []string{"SEARCH d USING INDEX decisions_account (account=?)"}},
		{store.DecisionFilter{Account: "a7", Automation: "bidder"}, []string{"SEARCH d USING INDEX decisions_account (account=?)"}},
		{
			store.DecisionFilter{Platform: "meta", Account: "a7", Campaign: "c7", EntityType: "keyword", EntityID: "e7"},
			[]string{"SEARCH d USING INDEX decisions_entity (entity_id=?)"},
		},
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
		query, arguments := sqlstore.ListQuery(test.filter, math.MaxInt64, 50)
		check("list", query, arguments, test.want...)
	}
	// Later pages begin at their place in the index.
	query, arguments := sqlstore.ListQuery(store.DecisionFilter{Account: "a7"}, manyDecisions/2, 50)
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
