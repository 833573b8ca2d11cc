package sqlstore

import (
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// ListDecisions is described in store.DecisionReader.
func (r *reader) ListDecisions(filter store.DecisionFilter, page store.Page) (store.DecisionPage, error) {
	limit, before, err := bounds("decisions", page)
	if err != nil {
		return store.DecisionPage{}, err
	}
	query, arguments := listQuery(filter, before, limit)
	var (
		listed store.DecisionPage
		last   int64
	)
	err = r.query("list decisions", func(rows *sql.Rows) error {
		// One more than asked for, to know whether there is a next page.
		if len(listed.Records) == limit {
			listed.Next = store.CursorAt(last)
			return nil
		}
		var record store.DecisionRecord
		if err := scanDecision(rows, &record, &last); err != nil {
			return err
		}
		listed.Records = append(listed.Records, record)
		return nil
	}, query, arguments...)
	if err != nil {
		return store.DecisionPage{}, err
	}
	return listed, nil
}

// bounds is how many records a page has, and which sequence they are before.
func bounds(what string, page store.Page) (limit int, before int64, err error) {
	limit, before = page.Limit, math.MaxInt64
	switch {
	case limit == 0:
		limit = store.DefaultPage
	case limit < 0 || limit > store.MaxPage:
		return 0, 0, fmt.Errorf("%w: a page has 1 to %d %s, not %d", policy.ErrInvalid, store.MaxPage, what, limit)
	}
	if page.After != "" {
		before, err = page.After.Sequence()
	}
	return limit, before, err
}

// listQuery is the query of one page and one record more.
//
// A list must stop reading once its page is full, so its rows have to come out of an index in
// their final order. Which index is not left to the planner, which knows nothing of the data: of
// the words that are set, the one that tends to fit the fewest decisions leads, and the others are
// only compared.
func listQuery(filter store.DecisionFilter, before int64, limit int) (string, []any) {
	q := listing{from: "decisions d", sequence: "d.seq"}
	// Of each automation one decision and those of what was redeemed for it, so these few may be sorted.
	q.word("d.change_id", filter.ChangeID, "")
	// An index of only those that have a batch is eligible where its own condition is repeated.
	q.word("d.batch_id", filter.BatchID, " AND d.batch_id <> ''")
	switch {
	case filter.Rule == "":
	case q.led:
		q.where("EXISTS (SELECT 1 FROM findings f WHERE f.rule = ? AND f.seq = d.seq)", filter.Rule)
	default:
		q.from, q.sequence = "findings f JOIN decisions d ON d.seq = f.seq", "f.seq"
		q.word("f.rule", filter.Rule, "")
	}
	q.word("d.entity_id", filter.EntityID, "")
	q.word("d.campaign", filter.Campaign, " AND d.campaign <> ''")
	q.word("d.account", filter.Account, "")
	q.word("d.automation", filter.Automation, "")
	q.number("d.verdict", int64(filter.Verdict))
	// These have no index: most values are shared by many decisions, and so are soon met.
	q.word("d.platform", filter.Platform, "")
	q.word("d.entity_type", filter.EntityType, "")
	q.number("d.kind", int64(filter.Kind))

	// A time alone would leave a list that runs out, or begins far back, reading every row to
	// compare it. The first and the last row it can concern are known to the index on decided_at;
	// the + 0 keeps the planner from looking for the least seq by reading rows in that order.
	if !filter.Since.IsZero() {
		since := microseconds(filter.Since)
		q.where("d.decided_at + 0 >= ?", since)
		q.where(q.sequence+" >= (SELECT min(seq + 0) FROM decisions WHERE decided_at >= ?)", since)
	}
	if !filter.Until.IsZero() {
		until := microseconds(filter.Until)
		q.where("d.decided_at + 0 < ?", until)
		q.where(q.sequence+" <= (SELECT max(seq + 0) FROM decisions WHERE decided_at < ?)", until)
	}
	if before < math.MaxInt64 {
		q.where(q.sequence+" < ?", before)
	}
	return "SELECT " + q.sequence + ", d.record FROM " + q.from + q.text() + " ORDER BY " + q.sequence + " DESC LIMIT ?", append(q.arguments, limit+1)
}

// listing is a list query being written.
type listing struct {
	from, sequence string
	conditions     []string
	arguments      []any
	led            bool // some condition uses an index already
}

// text is the conditions as a statement has them.
func (q *listing) text() string {
	if len(q.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.conditions, " AND ")
}

func (q *listing) where(condition string, arguments ...any) {
	q.conditions, q.arguments = append(q.conditions, condition), append(q.arguments, arguments...)
}

// word adds a condition on a text column, if value is set. The first such condition may use an
// index; a column in an expression cannot. leading is added to the first.
func (q *listing) word(column, value, leading string) {
	switch {
	case value == "":
	case q.led:
		q.where(column+" || '' = ?", value)
	default:
		q.where(column+" = ?"+leading, value)
		q.led = true
	}
}

// number is the same as word, for a column of numbers.
func (q *listing) number(column string, value int64) {
	switch {
	case value == 0:
	case q.led:
		q.where(column+" + 0 = ?", value)
	default:
		q.where(column+" = ?", value)
		q.led = true
	}
}

// microseconds is how times are stored. A part of a microsecond counts as a whole one, so that
// comparing with a stored time, which has none, means the same as comparing with the time itself.
func microseconds(t time.Time) int64 {
	stored := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		stored++
	}
	return stored
}
