package sqlstore_test

import (
	"database/sql"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlstore"
)

// The same of approvals, and of what people have said ahead of changes.
func TestQueryPlansOfApprovals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bidrail.db")
	fill(t, path, 1)
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
	const (
		itsRecord = "SEARCH e USING INDEX events_object (object=? AND kind=? AND version=?) LEFT-JOIN"
		sorted    = "USE TEMP B-TREE FOR ORDER BY"
	)
	check("64 approvals", sqlstore.QueryApprovals(64), make([]any, 64), "SEARCH a USING INDEX approvals_id (id=?)", itsRecord)
	check("open approvals of 9 fields", sqlstore.QueryOpenApprovals(9), make([]any, 11),
		"SEARCH a USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1", "SEARCH f USING COVERING INDEX approval_fields_field (field=?)", itsRecord)
	check("due approvals", sqlstore.QueryDueApprovals, []any{0, 10}, "SEARCH a USING INDEX approvals_due (due_at<?)", itsRecord)
	check("changes", sqlstore.QueryApprovalChanges, []any{"x"},
		"SEARCH a USING COVERING INDEX approvals_id (id=?)", "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)")
	check("update an approval", sqlstore.ChangeApproval, make([]any, 6), "SEARCH approvals USING INDEX approvals_id (id=?)")
	check("forget whom it asks", sqlstore.ForgetAsks, []any{1}, "SEARCH approval_asks USING PRIMARY KEY (seq=?)")
	check("forget its fields", sqlstore.ForgetFields, []any{1}, "SEARCH approval_fields USING PRIMARY KEY (seq=?)")
	check("reviews", sqlstore.QueryReviews, []any{"x"}, "SEARCH r USING INDEX reviews_nonce (approval_id=?)", itsRecord, sorted) // a few
	check("steps", sqlstore.QueryApprovalEvents, []any{0, 10}, "SEARCH events USING INDEX events_approvals (leaf_seq>?)")
	check("the last step", sqlstore.QueryLastApprovalEvent, nil, "SCAN events USING COVERING INDEX events_approvals")

	check("an exception", sqlstore.QueryException, []any{"x", "grant"}, "SEARCH x USING INDEX exceptions_id (id=? AND kind=?)", itsRecord)
	check("grants of one", sqlstore.QueryWhoseHold, []any{"grant", "bidder", 0, 0},
		"SEARCH x USING INDEX exceptions_whose (kind=? AND whose=? AND ends>?)", itsRecord)
	check("suppressions of 64 fields", sqlstore.QuerySuppressions(64), make([]any, 67),
		"SEARCH x USING INDEX exceptions_field (field=? AND whose=? AND ends>?)", itsRecord)
	check("exceptions", sqlstore.QueryExceptions, make([]any, 3),
		"CO-ROUTINE x", "SEARCH exceptions USING INDEX exceptions_kind (kind=? AND rowid<?)", "SCAN x", itsRecord)
	check("exceptions that hold", sqlstore.QueryWhatHolds, make([]any, 5),
		"CO-ROUTINE x", "SEARCH exceptions USING INDEX exceptions_ends (kind=? AND ends>?)", sorted, "SCAN x", itsRecord)
	check("update an exception", sqlstore.ChangeException, make([]any, 6), "SEARCH exceptions USING INDEX exceptions_id (id=? AND kind=?)")

	check("deliveries", sqlstore.QueryAllDeliveries, []any{0, 10}, "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid<?)")
	check("deliveries by state", sqlstore.QueryDeliveriesByState, []any{"waiting", 0, 10},
		"SEARCH deliveries USING INDEX deliveries_state (state=? AND rowid<?)")
	check("due deliveries", sqlstore.QueryDueDeliveries, []any{0, 10}, "SEARCH deliveries USING INDEX deliveries_due (state=? AND due_at<?)")
	check("lease", sqlstore.LeaseDelivery, make([]any, 5), "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)")
	check("settle", sqlstore.SettleDelivery, make([]any, 6), "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)")
	check("prune", sqlstore.PruneDeliveries, make([]any, 2),
		"SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1", "SEARCH deliveries USING INDEX deliveries_ended (changed_at<?)")

	const (
		itsRow    = "SEARCH a USING INTEGER PRIMARY KEY (rowid=?)"
		once      = "CORRELATED SCALAR SUBQUERY 1"
		inAccount = "SEARCH y EXISTS USING PRIMARY KEY (account=? AND created_at=? AND seq=?)"
		inBoth    = "SEARCH y EXISTS USING COVERING INDEX approval_accounts_platform (platform=? AND created_at=? AND seq=? AND account=?)"
		on        = "SEARCH y EXISTS USING COVERING INDEX approval_accounts_platform (platform=? AND created_at=? AND seq=?)"
		byRule    = "SEARCH z EXISTS USING PRIMARY KEY (rule=? AND created_at=? AND seq=?)"
	)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		filter store.ApprovalFilter
		count  []string   // each index that there is a choice of
		list   [][]string // how it is read, without the records
	}{
		{store.ApprovalFilter{}, []string{"SCAN a USING COVERING INDEX approvals_created_at"}, [][]string{{"SCAN a USING INDEX approvals_created_at"}}},
		{
			store.ApprovalFilter{Since: at, Until: at}, []string{"SEARCH a USING COVERING INDEX approvals_created_at (created_at>? AND created_at<?)"},
			[][]string{{"SEARCH a USING INDEX approvals_created_at (created_at>? AND created_at<?)"}},
		},
		{store.ApprovalFilter{Open: true}, []string{"SCAN a USING COVERING INDEX approvals_open"}, [][]string{{"SCAN a USING INDEX approvals_open"}}},
		{
			store.ApprovalFilter{Open: true, Asks: []string{"growth"}}, []string{"SEARCH a USING COVERING INDEX approvals_state (state=?)"},
			[][]string{{
				"SEARCH a USING INDEX approvals_state (state=?)", "LIST SUBQUERY 1", "SEARCH k USING COVERING INDEX approval_asks_asked (asked=?)", "CREATE BLOOM FILTER",
			}},
		},
		{
			store.ApprovalFilter{State: approval.Rejected, Account: "a7"},
			[]string{"SEARCH a USING COVERING INDEX approvals_state (state=?)", "SEARCH x USING PRIMARY KEY (account=?)"},
			[][]string{
				{"SEARCH a USING INDEX approvals_state (state=?)", inAccount},
				{"SEARCH x USING PRIMARY KEY (account=?)", once, "SEARCH y USING PRIMARY KEY (account=? AND created_at=? AND seq=? AND platform<?)", itsRow},
			},
		},
		{
			store.ApprovalFilter{State: approval.Rejected, Account: "a7", Platform: "meta", Since: at},
			[]string{"SEARCH a USING COVERING INDEX approvals_state (state=? AND created_at>?)", "SEARCH x USING PRIMARY KEY (account=? AND created_at>?)"},
			[][]string{
				{"SEARCH a USING INDEX approvals_state (state=? AND created_at>?)", inBoth},
				{"SEARCH x USING PRIMARY KEY (account=? AND created_at>?)", itsRow},
			},
		},
		{
			store.ApprovalFilter{Rule: "r", Platform: "meta", Automation: "bidder"},
			[]string{
				"SEARCH x USING PRIMARY KEY (rule=?)", "SEARCH a USING COVERING INDEX approvals_automation (automation=?)",
				"SEARCH x USING COVERING INDEX approval_accounts_platform (platform=?)",
			},
			[][]string{
				{"SEARCH x USING PRIMARY KEY (rule=?)", itsRow, on},
				{"SEARCH a USING INDEX approvals_automation (automation=?)", on, byRule},
				{
					"SEARCH x USING COVERING INDEX approval_accounts_platform (platform=?)", once,
					"SEARCH y USING COVERING INDEX approval_accounts_platform (platform=? AND created_at=? AND seq=? AND account<?)", itsRow, byRule,
				},
			},
		},
	} {
		count, list := sqlstore.ApprovalQueries(test.filter, math.MaxInt64, 50)
		if len(count) != len(test.count) {
			t.Errorf("%+v leaves a choice of %d indexes, want %d", test.filter, len(count), len(test.count))
			continue
		}
		for i := range count {
			check("count", count[i].Text, count[i].Arguments, "CO-ROUTINE entries", test.count[i], "SCAN entries")
			check("list", list[i].Text, list[i].Arguments, append(test.list[i], itsRecord)...)
		}
	}
	// Later pages begin at their place in the index.
	_, list := sqlstore.ApprovalQueries(store.ApprovalFilter{State: approval.Pending}, 7, 50)
	check("next page", list[0].Text, list[0].Arguments, "SEARCH a USING INDEX approvals_state (state=? AND created_at<?)",
		"SCALAR SUBQUERY 1", "SEARCH approvals USING INTEGER PRIMARY KEY (rowid=?)", "REUSE SUBQUERY 1", itsRecord)
}
