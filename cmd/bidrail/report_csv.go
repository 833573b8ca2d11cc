package main

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// reportTable is a report as one table, for spreadsheets: one value in a row. Programs may count on the names and on the
// order of the rows; new ones come with new names.
type reportTable struct{ rows [][]string }

// The units of values. A value that is not known is empty.
const (
	unitCount       = "count"
	unitShare       = "ppm"
	unitSeconds     = "seconds"
	unitTime        = "time" // RFC 3339, in UTC
	unitThousandths = "thousandths"
	unitFlag        = "flag" // yes or no
	unitText        = "text"
)

// printReportCSV writes a report as section,name,measure,value,unit.
func printReportCSV(w io.Writer, r *bidrailv1.ApprovalsReport) error {
	table := &reportTable{}
	table.add("section", "name", "measure", "value", "unit")
	table.moment("period", "", "from", r.GetFrom())
	table.moment("period", "", "until", r.GetUntil())
	table.moment("period", "", "now", r.GetNow())
	table.number("approvals", "", "opened", r.GetOpened(), unitCount)
	table.number("approvals", "", "escalated", r.GetEscalated(), unitCount)
	table.number("approvals", "", "agreed", r.GetAgreed(), unitCount)
	table.number("approvals", "", "capped", r.GetCapped(), unitCount)
	table.number("approvals", "", "capped_share", r.GetCappedShare(), unitShare)
	table.known("approvals", "", "mean_reduction", r.GetMeanReduction(), unitShare, r.GetCapped() > 0)
	table.number("approvals", "", "unused", r.GetUnusedCount(), unitCount)
	for _, each := range r.GetStates() {
		name := strings.TrimPrefix(each.GetState().String(), "APPROVAL_STATE_")
		table.number("state", name, "approvals", each.GetCount(), unitCount)
		table.number("state", name, "share", each.GetShare(), unitShare)
	}
	for _, each := range reportTimes(r) {
		known := each.spread.GetCount() > 0
		table.number("time", each.name, "approvals", each.spread.GetCount(), unitCount)
		table.known("time", each.name, "median", each.spread.GetMedian(), unitSeconds, known)
		table.known("time", each.name, "p90", each.spread.GetP90(), unitSeconds, known)
		table.known("time", each.name, "max", each.spread.GetMax(), unitSeconds, known)
	}
	for _, each := range r.GetReviewers() {
		name := each.GetPerson()
		table.number("reviewer", name, "approvals", each.GetApprovals(), unitCount)
		table.number("reviewer", name, "reviews", each.GetReviews(), unitCount)
		table.number("reviewer", name, "approved", each.GetApproved(), unitCount)
		table.known("reviewer", name, "approved_share", each.GetApprovedShare(), unitShare, each.GetReviews() > 0)
		table.number("reviewer", name, "dwells", each.GetDwells(), unitCount)
		table.known("reviewer", name, "median_dwell", each.GetMedianDwell(), unitSeconds, each.GetDwells() > 0)
		table.flag("reviewer", name, "rubber_stamp", each.GetRubberStamp())
	}
	for _, each := range r.GetRules() {
		name := each.GetRule()
		table.number("rule", name, "escalations", each.GetEscalations(), unitCount)
		table.number("rule", name, "per_week", each.GetPerWeekThousandths(), unitThousandths)
		table.number("rule", name, "approved", each.GetApproved(), unitCount)
		table.number("rule", name, "capped", each.GetCapped(), unitCount)
		table.number("rule", name, "rejected", each.GetRejected(), unitCount)
		table.number("rule", name, "approved_share", each.GetApprovedShare(), unitShare)
		table.number("rule", name, "capped_share", each.GetCappedShare(), unitShare)
		table.number("rule", name, "rejected_share", each.GetRejectedShare(), unitShare)
		table.flag("rule", name, "noisy", each.GetNoisy())
	}
	for _, each := range r.GetUnused() {
		name := each.GetApprovalId()
		table.text("unused", name, "automation", each.GetAutomation())
		table.text("unused", name, "state", strings.TrimPrefix(each.GetState().String(), "APPROVAL_STATE_"))
		table.moment("unused", name, "approved_at", each.GetApprovedAt())
		table.moment("unused", name, "expires_at", each.GetExpiresAt())
	}
	overrides := r.GetOverrides()
	table.number("overrides", "", "made", overrides.GetMade(), unitCount)
	table.number("overrides", "", "used", overrides.GetUsed(), unitCount)
	table.number("overrides", "", "reviewed", overrides.GetReviewed(), unitCount)
	table.number("overrides", "", "justified", overrides.GetJustified(), unitCount)
	table.number("overrides", "", "overdue", overrides.GetOverdueCount(), unitCount)
	for _, each := range overrides.GetOverdue() {
		name := each.GetOverrideId()
		table.text("overdue", name, "actor", each.GetActor())
		table.text("overdue", name, "automation", each.GetAutomation())
		table.text("overdue", name, "change_id", each.GetChangeId())
		table.moment("overdue", name, "made_at", each.GetMadeAt())
		table.moment("overdue", name, "due_at", each.GetDueAt())
	}
	return csv.NewWriter(w).WriteAll(table.rows)
}

func (t *reportTable) add(section, name, measure, value, unit string) {
	t.rows = append(t.rows, []string{section, inert(name), measure, inert(value), unit})
}

func (t *reportTable) number(section, name, measure string, value int64, unit string) {
	t.add(section, name, measure, strconv.FormatInt(value, 10), unit)
}

func (t *reportTable) known(section, name, measure string, value int64, unit string, known bool) {
	if !known {
		t.add(section, name, measure, "", unit)
		return
	}
	t.number(section, name, measure, value, unit)
}

func (t *reportTable) flag(section, name, measure string, value bool) {
	t.add(section, name, measure, map[bool]string{true: "yes", false: "no"}[value], unitFlag)
}

func (t *reportTable) moment(section, name, measure string, at *timestamppb.Timestamp) {
	text := ""
	if at != nil {
		text = at.AsTime().Format(time.RFC3339Nano)
	}
	t.add(section, name, measure, text, unitTime)
}

func (t *reportTable) text(section, name, measure, text string) {
	t.add(section, name, measure, text, unitText)
}

// inert makes text from outside safe for a spreadsheet, which takes what begins like a formula for one: an apostrophe in
// front makes it text.
func inert(text string) string {
	text = clean(text)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " \u00a0\u3000\ufeff"))
	if strings.ContainsRune("=+-@|%＝＋－＠", first) {
		return "'" + text
	}
	return text
}
