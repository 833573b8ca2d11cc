package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type reportCommand struct {
	Approvals reportApprovalsCommand `cmd:"" help:"Show what became of approvals: how long they took, who reviewed them, which rules ask for nothing, which overrides nobody has looked at: --as me:auditor."`
}

type reportApprovalsCommand struct {
	connection
	From   string `help:"Count what was opened then or later: a date, which begins at midnight UTC, or a time such as 2026-03-01T09:00:00Z. Without it, 30 days before the end." placeholder:"WHEN"`
	Until  string `help:"Count what was opened before then, written in the same way; March is --from 2026-03-01 --until 2026-04-01. Without it, now." placeholder:"WHEN"`
	Output string `short:"o" help:"text, csv (section,name,measure,value,unit: one number or text a row) or json. Shares are in parts per million there, times in seconds." enum:"text,csv,json" default:"text"`
}

func (c *reportApprovalsCommand) Run(ctx context.Context, env environment) error {
	request := &bidrailv1.ReportApprovalsRequest{}
	var err error
	if request.From, err = parseWhen("from", c.From); err != nil {
		return err
	}
	if request.Until, err = parseWhen("until", c.Until); err != nil {
		return err
	}
	var report *bidrailv1.ApprovalsReport
	err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		report, err = bidrailv1.NewReportServiceClient(conn).ReportApprovals(ctx, request)
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch c.Output {
	case "json":
		return printJSON(out, report)
	case "csv":
		return printReportCSV(out, report)
	}
	return printReport(out, report)
}

// parseWhen reads a date or a time; nil for none.
func parseWhen(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return timestamppb.New(at), nil
		}
	}
	return nil, fmt.Errorf("--%s %q: write a date such as 2026-03-01, or a time such as 2026-03-01T09:00:00Z", flag, text)
}

// printReport shows a report as a page: first what somebody should look at.
func printReport(out screen, r *bidrailv1.ApprovalsReport) error {
	fmt.Fprintf(out, "%s opened from %s until %s, as of %s\n\n", plural(int(r.GetOpened()), "approval"), timeText(r.GetFrom()), timeText(r.GetUntil()), timeText(r.GetNow()))
	printFlags(out, r)
	for _, print := range []func(screen, *bidrailv1.ApprovalsReport) error{printStates, printTimes, printReviewers, printEscalating, printUnused} {
		if err := print(out, r); err != nil {
			return err
		}
	}
	o := r.GetOverrides()
	_, err := fmt.Fprintf(out, "\n%s made, %d used, %d looked at afterwards, %d of them found justified\n", plural(int(o.GetMade()), "override"), o.GetUsed(), o.GetReviewed(), o.GetJustified())
	return err
}

// shownOverdue is how many overdue overrides the page names.
const shownOverdue = 10

func printFlags(out screen, r *bidrailv1.ApprovalsReport) {
	flags := 0
	flag := func(format string, arguments ...any) {
		if flags++; flags == 1 {
			fmt.Fprintln(out, "look at this first:")
		}
		fmt.Fprintln(out, out.colour(yellow, "- "+fmt.Sprintf(format, arguments...)))
	}
	overdue := r.GetOverrides().GetOverdue()
	shown := overdue[:min(len(overdue), shownOverdue)]
	for _, each := range shown {
		flag("override %s, which %s made for change %s of %s: somebody else should have looked at it by %s",
			clean(each.GetOverrideId()), clean(each.GetActor()), clean(each.GetChangeId()), clean(each.GetAutomation()), timeText(each.GetDueAt()))
	}
	if more := r.GetOverrides().GetOverdueCount() - int64(len(shown)); more > 0 {
		flag("%d more like that; -o csv lists up to 200", more)
	}
	for _, each := range r.GetReviewers() {
		if each.GetRubberStamp() {
			flag("%s said yes in %s of %d reviews, with the page open for %s in the median: is there time to look?",
				clean(each.GetPerson()), shareText(each.GetApprovedShare()), each.GetReviews(), secondsText(each.GetMedianDwell()))
		}
	}
	for _, each := range r.GetRules() {
		if each.GetNoisy() {
			flag("%s asked for people %d times, and %s were agreed to as they were: does it have to ask?",
				clean(each.GetRule()), each.GetEscalations(), shareText(each.GetApprovedShare()))
		}
	}
	if flags == 0 {
		fmt.Fprintln(out, "nothing stands out: no overdue look at an override, no reviewer in a hurry, no rule that asks for nothing")
	}
}

func printStates(out screen, r *bidrailv1.ApprovalsReport) error {
	if r.GetOpened() == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nwhat became of them:")
	var rows [][]string
	for _, each := range r.GetStates() {
		rows = append(rows, []string{reportStateName(each.GetState()), fmt.Sprint(each.GetCount()), shareText(each.GetShare())})
	}
	if err := out.table([]string{"STATE", "APPROVALS", "SHARE"}, rows); err != nil {
		return err
	}
	fmt.Fprintf(out, "people agreed to %d, to %d of them (%s) only up to a cap", r.GetAgreed(), r.GetCapped(), shareText(r.GetCappedShare()))
	if r.GetCapped() > 0 {
		fmt.Fprintf(out, ", which took %s off the move on average", shareText(r.GetMeanReduction()))
	}
	_, err := fmt.Fprintf(out, "\n%d had to wait until more people were let in\n", r.GetEscalated())
	return err
}

// reportTime is one of the times that are measured from when an approval is opened.
type reportTime struct {
	name, words string // in the CSV and on the page
	spread      *bidrailv1.DurationSpread
}

func reportTimes(r *bidrailv1.ApprovalsReport) []reportTime {
	return []reportTime{
		{"first_seen", "shown to a reviewer", r.GetFirstSeen()}, {"first_review", "first review", r.GetFirstReview()},
		{"decision", "decision", r.GetDecision()}, {"redemption", "redemption", r.GetRedemption()}, {"claim", "claim", r.GetClaim()},
	}
}

func printTimes(out screen, r *bidrailv1.ApprovalsReport) error {
	if r.GetOpened() == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nhow long it took from when they were opened:")
	var rows [][]string
	for _, each := range reportTimes(r) {
		row := []string{each.words, fmt.Sprint(each.spread.GetCount()), "", "", ""}
		if each.spread.GetCount() > 0 {
			row[2], row[3], row[4] = secondsText(each.spread.GetMedian()), secondsText(each.spread.GetP90()), secondsText(each.spread.GetMax())
		}
		rows = append(rows, row)
	}
	return out.table([]string{"UNTIL", "APPROVALS", "MEDIAN", "90%", "LONGEST"}, rows)
}

func printReviewers(out screen, r *bidrailv1.ApprovalsReport) error {
	if len(r.GetReviewers()) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nwho reviewed them:")
	var rows [][]string
	for _, each := range r.GetReviewers() {
		row := []string{clean(each.GetPerson()), fmt.Sprint(each.GetApprovals()), fmt.Sprint(each.GetReviews()), "", ""}
		if each.GetReviews() > 0 {
			row[3] = shareText(each.GetApprovedShare())
		}
		if each.GetDwells() > 0 {
			row[4] = secondsText(each.GetMedianDwell())
		}
		rows = append(rows, row)
	}
	return out.table([]string{"REVIEWER", "APPROVALS", "REVIEWS", "YES", "PAGE OPEN (MEDIAN)"}, rows)
}

func printEscalating(out screen, r *bidrailv1.ApprovalsReport) error {
	if len(r.GetRules()) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nwhich rules asked for people:")
	var rows [][]string
	for _, each := range r.GetRules() {
		rows = append(rows, []string{clean(each.GetRule()), fmt.Sprint(each.GetEscalations()), perWeekText(each.GetPerWeekThousandths()),
			shareText(each.GetApprovedShare()), shareText(each.GetCappedShare()), shareText(each.GetRejectedShare())})
	}
	return out.table([]string{"RULE", "APPROVALS", "A WEEK", "AGREED AS IT WAS", "UP TO A CAP", "REJECTED"}, rows)
}

func printUnused(out screen, r *bidrailv1.ApprovalsReport) error {
	if len(r.GetUnused()) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nagreed to and not used:")
	var rows [][]string
	for _, each := range r.GetUnused() {
		rows = append(rows, []string{timeCell(each.GetApprovedAt()), clean(each.GetApprovalId()), reportStateName(each.GetState()), clean(each.GetAutomation()), timeCell(each.GetExpiresAt())})
	}
	if err := out.table([]string{"AGREED (UTC)", "APPROVAL", "STATE", "AUTOMATION", "GOOD UNTIL (UTC)"}, rows); err != nil {
		return err
	}
	if more := r.GetUnusedCount() - int64(len(r.GetUnused())); more > 0 {
		_, err := fmt.Fprintf(out, "and %d more, agreed to before; a shorter period shows them\n", more)
		return err
	}
	return nil
}

// reportStateName is a state for people; PENDING is what is open.
func reportStateName(state bidrailv1.ApprovalState) string {
	if state == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		return "open"
	}
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(state.String(), "APPROVAL_STATE_"), "_", " "))
}

// shareText writes ppm as a percentage, rounded to a tenth.
func shareText(ppm int64) string { return policy.FormatRatio((ppm + 500) / 1000 * 1000) }

// perWeekText writes thousandths, rounded to a tenth.
func perWeekText(thousandths int64) string {
	tenths := (thousandths + 50) / 100
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// secondsText writes a time in its two largest units.
func secondsText(seconds int64) string {
	units := []struct {
		name    string
		seconds int64
	}{{"d", 86_400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, unit := range units[:len(units)-1] {
		if seconds < unit.seconds {
			continue
		}
		next := units[i+1]
		text := fmt.Sprintf("%d %s", seconds/unit.seconds, unit.name)
		if rest := seconds % unit.seconds / next.seconds; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, next.name)
		}
		return text
	}
	return fmt.Sprintf("%d s", seconds)
}
