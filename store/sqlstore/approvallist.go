package sqlstore

import (
	"database/sql"
	"fmt"
	"math"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
)

// ListApprovals is described in store.ApprovalReader.
//
// A list must stop reading once its page is full, so its rows have to come out of an index in their final order, and the
// rest of the filter is only compared. Which index is not left to the planner, which knows nothing of the data. Nor is it
// always the same: in one company the account says nearly everything, in another it is always the same account. So where
// there is a choice, the entries of each index that fit are counted, up to a number at which the others will soon be
// met, and the shortest leads.
func (r *reader) ListApprovals(filter store.ApprovalFilter, page store.Page) (approvals []approval.Approval, next store.Cursor, err error) {
	limit, before, err := bounds("approvals", page)
	if err != nil {
		return nil, "", err
	}
	leads := approvalLeads(filter)
	lead := leads[0]
	if len(leads) > 1 {
		if lead, err = r.shortest(leads, filter); err != nil {
			return nil, "", err
		}
	}
	query, arguments := approvalListQuery(filter, lead, before, limit)
	var last int64
	err = r.query("list approvals", func(rows *sql.Rows) error {
		if len(approvals) == limit {
			next = store.CursorAt(last)
			return nil
		}
		a, sequence, err := scanApproval(rows)
		approvals, last = append(approvals, a), sequence
		return err
	}, query, arguments...)
	if err != nil {
		return nil, "", err
	}
	return approvals, next, nil
}

// approvalLead is an index that a list of approvals can be read by: entries of one value in the order of the list.
type approvalLead struct {
	part      string // of the filter, which need not be compared any more
	table     string
	alias     string
	condition string
	arguments []any
	once      string // lets an approval that has several entries pass at the first
}

// The parts of a filter that have an index.
const (
	partNone       = ""
	partState      = "state"
	partOpen       = "open"
	partAutomation = "automation"
	partAccount    = "account"
	partPlatform   = "platform"
	partRule       = "rule"
)

// approvalLeads is the indexes that the filter leaves a choice of, those that tend to be short first. There is always one.
func approvalLeads(filter store.ApprovalFilter) (leads []approvalLead) {
	add := func(part, table, alias, condition string, arguments ...any) {
		leads = append(leads, approvalLead{part: part, table: table, alias: alias, condition: condition, arguments: arguments})
	}
	switch {
	case filter.State != approval.None:
		add(partState, "approvals", "a", "a.state = ?", int64(filter.State))
	case len(filter.Asks) > 0: // whoever asks waits
		add(partState, "approvals", "a", "a.state = ?", int64(approval.Pending))
	case filter.Open:
		add(partOpen, "approvals", "a", "a.open = 1")
	}
	if filter.Rule != "" {
		add(partRule, "approval_rules", "x", "x.rule = ?", filter.Rule)
	}
	// An approval may be in an account on two platforms, and on a platform in two accounts; it is listed once.
	const first = "NOT EXISTS (SELECT 1 FROM approval_accounts y WHERE y.created_at = x.created_at AND y.seq = x.seq AND "
	switch {
	case filter.Account != "" && filter.Platform != "":
		add(partAccount, "approval_accounts", "x", "x.account = ? AND x.platform || '' = ?", filter.Account, filter.Platform)
	case filter.Account != "":
		add(partAccount, "approval_accounts", "x", "x.account = ?", filter.Account)
		leads[len(leads)-1].once = first + "y.account = x.account AND y.platform < x.platform)"
	}
	if filter.Automation != "" {
		add(partAutomation, "approvals", "a", "a.automation = ?", filter.Automation)
	}
	if filter.Platform != "" && filter.Account == "" {
		add(partPlatform, "approval_accounts", "x", "x.platform = ?", filter.Platform)
		leads[len(leads)-1].once = first + "y.platform = x.platform AND y.account < x.account)"
	}
	if len(leads) == 0 {
		add(partNone, "approvals", "a", "")
	}
	return leads
}

// Where more entries than this fit, one in twenty or so of a hundred thousand does, and a page is full soon.
const manyEntries = 4096

// shortest is the lead with the fewest entries.
func (r *reader) shortest(leads []approvalLead, filter store.ApprovalFilter) (best approvalLead, err error) {
	fewest := int64(math.MaxInt64)
	for _, lead := range leads {
		var count int64
		query, arguments := countLeadQuery(lead, filter, min(fewest, manyEntries))
		err := r.query("choose an index", func(rows *sql.Rows) error { return rows.Scan(&count) }, query, arguments...)
		if err != nil {
			return approvalLead{}, err
		}
		if count < fewest {
			best, fewest = lead, count
		}
		if fewest <= int64(store.DefaultPage) {
			break // it cannot get much better
		}
	}
	return best, nil
}

func countLeadQuery(lead approvalLead, filter store.ApprovalFilter, limit int64) (string, []any) {
	q := listing{}
	q.lead(lead)
	q.times(lead, filter)
	return "SELECT count(*) FROM (SELECT 1 FROM " + lead.table + " " + lead.alias + q.text() + " LIMIT ?) AS entries", append(q.arguments, limit)
}

func (q *listing) lead(lead approvalLead) {
	if lead.condition != "" {
		q.where(lead.condition, lead.arguments...)
	}
}

// times bounds the part of the index that is read.
func (q *listing) times(lead approvalLead, filter store.ApprovalFilter) {
	if !filter.Since.IsZero() {
		q.where(lead.alias+".created_at >= ?", microseconds(filter.Since))
	}
	if !filter.Until.IsZero() {
		q.where(lead.alias+".created_at < ?", microseconds(filter.Until))
	}
}

// approvalListQuery is the query of one page and one record more.
func approvalListQuery(filter store.ApprovalFilter, lead approvalLead, before int64, limit int) (string, []any) {
	q := listing{}
	q.lead(lead)
	q.times(lead, filter)
	if before < math.MaxInt64 {
		q.where(fmt.Sprintf("(%[1]s.created_at, %[1]s.seq) < (SELECT created_at, seq FROM approvals WHERE seq = ?)", lead.alias), before)
	}
	if lead.once != "" {
		q.where(lead.once)
	}
	// A column in an expression uses no index.
	if filter.State != approval.None && lead.part != partState {
		q.where("a.state + 0 = ?", int64(filter.State))
	}
	if filter.Open && lead.part != partOpen {
		q.where("a.open + 0 = 1")
	}
	if filter.Automation != "" && lead.part != partAutomation {
		q.where("a.automation || '' = ?", filter.Automation)
	}
	const in = "EXISTS (SELECT 1 FROM approval_accounts y WHERE y.created_at = a.created_at AND y.seq = a.seq AND "
	switch {
	case lead.part == partAccount || lead.part == partPlatform:
	case filter.Account != "" && filter.Platform != "":
		q.where(in+"y.account = ? AND y.platform = ?)", filter.Account, filter.Platform)
	case filter.Account != "":
		q.where(in+"y.account = ?)", filter.Account)
	case filter.Platform != "":
		q.where(in+"y.platform = ?)", filter.Platform)
	}
	if filter.Rule != "" && lead.part != partRule {
		q.where("EXISTS (SELECT 1 FROM approval_rules z WHERE z.rule = ? AND z.created_at = a.created_at AND z.seq = a.seq)", filter.Rule)
	}
	if len(filter.Asks) > 0 {
		// Those that ask anybody are few, so the ones that ask these are found once and kept.
		groups := padded(words(filter.Asks))
		q.where("a.seq + 0 IN (SELECT k.seq FROM approval_asks k WHERE k.asked IN ("+list(len(groups))+"))", groups...)
	}
	from := lead.table + " " + lead.alias
	if lead.alias != "a" {
		from += " JOIN approvals a ON a.seq = " + lead.alias + ".seq"
	}
	return columnsOfApprovals + from + recordsOfApprovals + q.text() +
		fmt.Sprintf(" ORDER BY %[1]s.created_at DESC, %[1]s.seq DESC LIMIT ?", lead.alias), append(q.arguments, limit+1)
}
