package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func moment(text string) *timestamppb.Timestamp {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return timestamppb.New(at)
}

// fullReport has everything that a report can have, and names that would harm a terminal or a spreadsheet.
func fullReport() *bidrailv1.ApprovalsReport {
	report := &bidrailv1.ApprovalsReport{
		From: moment("2026-02-01 00:00:00"), Until: moment("2026-03-01 00:00:00"), Now: moment("2026-03-02 15:00:00"),
		Opened: 48, Escalated: 3, Agreed: 40, Capped: 5, CappedShare: 125_000, MeanReduction: 333_333,
		FirstSeen: &bidrailv1.DurationSpread{Count: 47, Median: 42, P90: 600, Max: 3_661}, FirstReview: &bidrailv1.DurationSpread{Count: 45, Median: 65, P90: 7_200, Max: 14_399},
		Decision: &bidrailv1.DurationSpread{Count: 44, Median: 130, P90: 9_000, Max: 266_400}, Redemption: &bidrailv1.DurationSpread{Count: 38, Median: 133, P90: 9_005, Max: 10_000},
		Claim: &bidrailv1.DurationSpread{},
		Reviewers: []*bidrailv1.ReviewerReport{
			{Person: "=HYPERLINK(\"http://example.test\",\"ana\")", Approvals: 31, Reviews: 31, Approved: 30, ApprovedShare: 967_741, Dwells: 30, MedianDwell: 2, RubberStamp: true},
			{Person: "ben\x1b[31m", Approvals: 14, Reviews: 14, Approved: 10, ApprovedShare: 714_285},
			{Person: "cai, of finance", Approvals: 1},
		},
		Rules: []*bidrailv1.EscalatingRule{
			{Rule: "budget.step_up", Escalations: 36, PerWeekThousandths: 9_000, Approved: 35, Capped: 1, ApprovedShare: 972_222, CappedShare: 27_777, Noisy: true},
			{Rule: "bid.ceiling", Escalations: 1, PerWeekThousandths: 250, Rejected: 1, RejectedShare: 1_000_000},
		},
		Unused: []*bidrailv1.UnusedApproval{
			{ApprovalId: "apr_2", Automation: "pacer", State: bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED, ApprovedAt: moment("2026-02-27 09:30:00"), ExpiresAt: moment("2026-02-27 10:00:00")},
			{ApprovalId: "apr_1", Automation: "bidder", State: bidrailv1.ApprovalState_APPROVAL_STATE_LAPSED, ApprovedAt: moment("2026-02-03 11:00:00"), ExpiresAt: moment("2026-02-03 11:30:00")},
		},
		UnusedCount: 5,
		Overrides: &bidrailv1.OverridesReport{Made: 4, Used: 3, Reviewed: 1, Justified: 1, OverdueCount: 13, Overdue: []*bidrailv1.OverdueReview{
			{OverrideId: "ovr_1", Actor: "dora", Automation: "pacer", ChangeId: " -1+1\ttwice", MadeAt: moment("2026-02-20 08:00:00"), DueAt: moment("2026-02-23 08:00:00")},
			{OverrideId: "ovr_2", Actor: "dora", Automation: "pacer", ChangeId: "c-2", MadeAt: moment("2026-02-21 08:00:00"), DueAt: moment("2026-02-24 08:00:00")},
		}},
	}
	counts := map[bidrailv1.ApprovalState]int64{
		bidrailv1.ApprovalState_APPROVAL_STATE_PENDING: 1, bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED: 34, bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED: 5,
		bidrailv1.ApprovalState_APPROVAL_STATE_REJECTED: 4, bidrailv1.ApprovalState_APPROVAL_STATE_EXPIRED: 3, bidrailv1.ApprovalState_APPROVAL_STATE_LAPSED: 1,
	}
	for state := bidrailv1.ApprovalState_APPROVAL_STATE_PENDING; state <= bidrailv1.ApprovalState_APPROVAL_STATE_REVOKED; state++ {
		report.States = append(report.States, &bidrailv1.ApprovalStateShare{State: state, Count: counts[state], Share: counts[state] * 1_000_000 / 48})
	}
	return report
}

// emptyReport is of a period in which nothing was opened.
func emptyReport() *bidrailv1.ApprovalsReport {
	full := fullReport()
	return &bidrailv1.ApprovalsReport{From: full.GetFrom(), Until: full.GetUntil(), Now: full.GetNow(), Overrides: &bidrailv1.OverridesReport{}}
}

// golden compares with a file of testdata/report, which UPDATE_GOLDEN=1 writes.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "report", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestReportPage(t *testing.T) {
	for name, report := range map[string]*bidrailv1.ApprovalsReport{"full.txt": fullReport(), "empty.txt": emptyReport()} {
		var page bytes.Buffer
		if err := printReport(screen{Writer: &page, width: 120}, report); err != nil {
			t.Fatal(err)
		}
		golden(t, name, page.Bytes())
	}
}

func TestReportCSV(t *testing.T) {
	for name, report := range map[string]*bidrailv1.ApprovalsReport{"full.csv": fullReport(), "empty.csv": emptyReport()} {
		var table bytes.Buffer
		if err := printReportCSV(&table, report); err != nil {
			t.Fatal(err)
		}
		golden(t, name, table.Bytes())
		rows, err := csv.NewReader(&table).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, row := range rows {
			if len(row) != 5 || seen[strings.Join(row[:3], "\x00")] {
				t.Errorf("%s: the row %q is not of five cells, or there twice", name, row)
			}
			seen[strings.Join(row[:3], "\x00")] = true
			for _, cell := range row {
				if strings.ContainsAny(strings.TrimSpace(cell)[:min(1, len(strings.TrimSpace(cell)))], "=+-@") {
					t.Errorf("%s: %q begins like a formula", name, cell)
				}
			}
		}
	}
}

// What JSON says is the whole report. Its spaces differ from build to build, so no golden file has them.
func TestReportJSON(t *testing.T) {
	var document bytes.Buffer
	if err := printJSON(&document, fullReport()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "report", "full.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, document.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, encoded := range map[string][]byte{"golden": content, "printed": document.Bytes()} {
		read := &bidrailv1.ApprovalsReport{}
		if err := protojson.Unmarshal(encoded, read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fullReport(), read, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "ana": "ana", "ana=1": "ana=1", "12": "12", "bid.ceiling": "bid.ceiling", "it's": "it's",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "|cmd": "'|cmd", "%0": "'%0", "＝1": "'＝1", "＠x": "'＠x",
		"\t=1": "' =1", "\r=1": "\uFFFD=1", " \u00a0-1": "' \u00a0-1", "a\nb": "a b", "\x1b[31m": "\uFFFD[31m",
	} {
		if got := inert(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSecondsText(t *testing.T) {
	for seconds, want := range map[int64]string{0: "0 s", 59: "59 s", 60: "1 min", 61: "1 min 1 s", 3599: "59 min 59 s", 3600: "1 h", 3661: "1 h 1 min",
		86_399: "23 h 59 min", 86_400: "1 d", 266_400: "3 d 2 h"} {
		if got := secondsText(seconds); got != want {
			t.Errorf("%d: got %q, want %q", seconds, got, want)
		}
	}
	for thousandths, want := range map[int64]string{0: "0.0", 49: "0.0", 50: "0.1", 250: "0.3", 9_949: "9.9", 9_950: "10.0"} {
		if got := perWeekText(thousandths); got != want {
			t.Errorf("%d: got %q, want %q", thousandths, got, want)
		}
	}
	for ppm, want := range map[int64]string{0: "0%", 499: "0%", 500: "0.1%", 83_333: "8.3%", 999_600: "100%", 1_000_000: "100%"} {
		if got := shareText(ppm); got != want {
			t.Errorf("%d: got %q, want %q", ppm, got, want)
		}
	}
}

func TestParseWhen(t *testing.T) {
	for text, want := range map[string]string{"2026-03-01": "2026-03-01T00:00:00Z", "2026-03-01T09:00:00+01:00": "2026-03-01T08:00:00Z", "2026-03-01T09:00:00.5Z": "2026-03-01T09:00:00.5Z"} {
		if got, err := parseWhen("from", text); err != nil || got.AsTime().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	if got, err := parseWhen("from", ""); got != nil || err != nil {
		t.Errorf("nothing: got %v, %v", got, err)
	}
	for _, text := range []string{"yesterday", "2026-02-30", "2026-03-01 09:00:00", "2026-03-01T09:00:00", "1d"} {
		if got, err := parseWhen("until", text); err == nil || !strings.HasPrefix(err.Error(), "--until \""+text+"\": write a date") {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}
