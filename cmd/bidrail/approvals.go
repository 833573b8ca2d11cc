package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type approvalsCommand struct {
	List           approvalsListCommand           `cmd:"" help:"List approvals, the last opened first: --mine for those that wait for you."`
	Show           approvalsShowCommand           `cmd:"" help:"Show one approval on one page: what is asked, why, what it means, and how to answer."`
	Approve        approvalsApproveCommand        `cmd:"" help:"Say yes to all of it."`
	Cap            approvalsCapCommand            `cmd:"" help:"Say yes up to a value."`
	Reject         approvalsRejectCommand         `cmd:"" help:"Say no. The automation cannot ask for the same again for some time."`
	RequestChanges approvalsRequestChangesCommand `cmd:"" help:"Say no to this and ask for something like it."`
	Comment        approvalsCommentCommand        `cmd:"" help:"Leave something to read. It counts for nothing."`
	Retract        approvalsRetractCommand        `cmd:"" help:"Take back what you said, while others are still asked."`
	Bulk           approvalsBulkCommand           `cmd:"" help:"Say the same of several approvals that want people for the same rules."`
	Watch          approvalsWatchCommand          `cmd:"" help:"Follow what happens to approvals."`
	Withdraw       approvalsWithdrawCommand       `cmd:"" help:"Take a proposal back, as its automation, whoever it acts for, or an owner."`
	Revoke         approvalsRevokeCommand         `cmd:"" help:"Take a yes back that was not used yet, with the permit that is out for it."`
}

type approvalsListCommand struct {
	connection
	Mine       bool          `help:"Only those that you can review now."`
	State      string        `help:"Only these: pending, approved, approved_capped, rejected, changes_requested, expired, withdrawn, superseded, invalidated, lapsed or revoked." enum:",pending,approved,approved_capped,rejected,changes_requested,expired,withdrawn,superseded,invalidated,lapsed,revoked" default:""`
	Open       bool          `help:"Only those whose end is still open."`
	Automation string        `help:"Only what this automation proposed." placeholder:"SUBJECT"`
	Platform   string        `help:"Only this platform." placeholder:"NAME"`
	Account    string        `help:"Only this account." placeholder:"ID"`
	Rule       string        `help:"Only those that want people for what this rule says." placeholder:"ID"`
	Group      []string      `help:"Only those whose open stage asks one of these groups." placeholder:"NAME"`
	Since      time.Duration `help:"Only the last so long, such as 24h." placeholder:"DURATION"`
	Limit      int           `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output     string        `short:"o" help:"table, json, ndjson, or bulk: the lines that approvals bulk reads, for those that wait." enum:"table,json,ndjson,bulk" default:"table"`
}

func (c *approvalsListCommand) Run(ctx context.Context, env environment) error {
	all, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch c.Output {
	case "json":
		return printJSON(out, all)
	case "ndjson":
		for _, approval := range all.GetApprovals() {
			if err := printLine(out, approval); err != nil {
				return err
			}
		}
		return nil
	case "bulk":
		err = printBulk(out, all.GetApprovals())
	default:
		err = printApprovals(out, all.GetApprovals(), time.Now())
	}
	if err == nil && all.GetNextPageToken() != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return err
}

// fetch reads as many pages as it takes.
func (c *approvalsListCommand) fetch(ctx context.Context) (*bidrailv1.ListApprovalsResponse, error) {
	request := &bidrailv1.ListApprovalsRequest{Mine: c.Mine, State: approvalState(c.State), Open: c.Open, Automation: c.Automation, Platform: c.Platform,
		Account: c.Account, Rule: c.Rule, Groups: c.Group}
	if c.Since > 0 {
		request.Since = timestamppb.New(time.Now().Add(-c.Since))
	}
	all := &bidrailv1.ListApprovalsResponse{}
	var err error
	all.Approvals, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (approvals []*bidrailv1.Approval, next string, err error) {
		request.PageSize, request.PageToken = size, token
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewApprovalServiceClient(conn).ListApprovals(ctx, request)
			approvals, next = page.GetApprovals(), page.GetNextPageToken()
			return err
		})
		return approvals, next, err
	})
	return all, err
}

// fetchPages reads pages until there are limit records, or all when it is 0, and returns where the next page begins.
func fetchPages[Record any](limit int, fetch func(size int32, token string) ([]Record, string, error)) (all []Record, next string, err error) {
	for {
		size := int32(1000)
		if limit > 0 {
			size = int32(min(limit-len(all), 1000))
		}
		var page []Record
		if page, next, err = fetch(size, next); err != nil {
			return nil, "", err
		}
		all = append(all, page...)
		if next == "" || limit > 0 && len(all) >= limit {
			return all, next, nil
		}
	}
}

func printApprovals(out screen, approvals []*bidrailv1.Approval, now time.Time) error {
	if len(approvals) == 0 {
		_, err := fmt.Fprintln(out, "no approvals match")
		return err
	}
	var rows [][]string
	for _, a := range approvals {
		until := ""
		if a.GetDueAt() != nil {
			until = relative(endOf(a), now)
		}
		rows = append(rows, []string{clean(a.GetApprovalId()), approvalStateText(out, a.GetState()), until, clean(a.GetAutomation()), askedFor(a), waitsFor(a)})
	}
	return out.table([]string{"APPROVAL", "STATE", "ENDS", "AUTOMATION", "WHAT", "FOR"}, rows)
}

// printBulk writes what approvals bulk reads.
func printBulk(out screen, approvals []*bidrailv1.Approval) error {
	lines := csv.NewWriter(out)
	for _, a := range approvals {
		if a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
			continue
		}
		if err := lines.Write([]string{a.GetApprovalId(), strconv.FormatInt(a.GetRequirementVersion(), 10), a.GetDigest(), openStage(a).GetName()}); err != nil {
			return err
		}
	}
	lines.Flush()
	return lines.Error()
}

// approvalState reads a state as the command line writes it; "" is any.
func approvalState(name string) bidrailv1.ApprovalState {
	return bidrailv1.ApprovalState(bidrailv1.ApprovalState_value["APPROVAL_STATE_"+strings.ToUpper(name)])
}

func approvalStateName(state bidrailv1.ApprovalState) string {
	return strings.TrimPrefix(state.String(), "APPROVAL_STATE_")
}

func approvalStateText(out screen, state bidrailv1.ApprovalState) string {
	switch state {
	case bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
		return out.colour(yellow, approvalStateName(state))
	case bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED, bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED:
		return out.colour(green, approvalStateName(state))
	}
	return out.colour(red, approvalStateName(state))
}

// approves reports whether a state is a yes.
func approves(state bidrailv1.ApprovalState) bool {
	return state == bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED || state == bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED
}

// approvalMeaning says what has become of an approval, and what its automation can do.
func approvalMeaning(a *bidrailv1.Approval) string {
	switch a.GetState() {
	case bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
		return "it waits for people"
	case bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED, bidrailv1.ApprovalState_APPROVAL_STATE_APPROVED_CAPPED:
		extent := "people have agreed to all of it"
		if a.GetCap() != nil {
			extent = "people have agreed to " + clean(valueText(a.GetCap())) + " and no further"
			if len(a.GetChanges()) > 1 {
				extent += " for " + clean(a.GetCappedChangeId())
			}
		}
		switch {
		case a.GetGrant() != nil:
			return extent + "; it is granted"
		case a.GetClaimedAt() != nil:
			return extent + ", and it was used"
		case a.GetPermitId() != "":
			return extent + ", and permit " + clean(a.GetPermitId()) + " is out for it"
		}
		return extent + "; its automation redeems it by " + timeText(a.GetExpiresAt())
	case bidrailv1.ApprovalState_APPROVAL_STATE_REJECTED:
		return "people have said no, and the automation cannot ask for the same again for some time"
	case bidrailv1.ApprovalState_APPROVAL_STATE_CHANGES_REQUESTED:
		return "people want something else: send another change, with this one as its parent_id"
	case bidrailv1.ApprovalState_APPROVAL_STATE_EXPIRED:
		return "too few people answered in time, which is a no"
	case bidrailv1.ApprovalState_APPROVAL_STATE_WITHDRAWN:
		return "it is no longer wanted"
	case bidrailv1.ApprovalState_APPROVAL_STATE_SUPERSEDED:
		return "a newer change of the same field was proposed: " + clean(a.GetSupersededBy())
	case bidrailv1.ApprovalState_APPROVAL_STATE_INVALIDATED:
		return "the rules were asked again and block it now"
	case bidrailv1.ApprovalState_APPROVAL_STATE_LAPSED:
		return "people agreed, and nobody used it in time"
	case bidrailv1.ApprovalState_APPROVAL_STATE_REVOKED:
		return "the yes was taken back"
	}
	return "this program is older than the server and does not know the state"
}

// askedFor is what an approval is for, on one line.
func askedFor(a *bidrailv1.Approval) string {
	if grant := a.GetGrant(); grant != nil {
		return clean(fmt.Sprintf("grant: %s within %s", kindName(grant.GetKind()), grant.GetScope()))
	}
	if len(a.GetChanges()) == 0 {
		return ""
	}
	text := changeText(a.GetChanges()[0])
	if more := len(a.GetChanges()) - 1; more > 0 {
		text += fmt.Sprintf(" (+%d more)", more)
	}
	return text
}

func changeText(change *bidrailv1.ApprovalChange) string {
	return fmt.Sprintf("%s: %s %s", targetName(change.GetTarget()), kindName(change.GetKind()), moveText(change.GetBefore(), change.GetAfter()))
}

// moveText is from where to where, and how much that is.
func moveText(before, after *bidrailv1.Value) string {
	return move(&bidrailv1.Decision{Before: before, After: after})
}

// waitsFor is whom an approval asks now, or why it ended.
func waitsFor(a *bidrailv1.Approval) string {
	if a.GetState() == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		return clean(openStage(a).GetName() + ": " + strings.Join(asks(a), ", "))
	}
	return clean(a.GetReason())
}

// openStage is the stage that is open; in another state than PENDING, the last that was.
func openStage(a *bidrailv1.Approval) *bidrailv1.Stage {
	if at := int(a.GetOpenStage()); at >= 0 && at < len(a.GetStages()) {
		return a.GetStages()[at]
	}
	return nil
}

// asks is the groups whose people may approve now.
func asks(a *bidrailv1.Approval) []string {
	stage := openStage(a)
	var groups []string
	for _, seat := range stage.GetSeats() {
		groups = append(groups, seat.GetGroup())
	}
	for _, count := range stage.GetCounts() {
		groups = append(groups, count.GetGroups()...)
	}
	groups = append(groups, standIns(a)...)
	slices.Sort(groups)
	return slices.Compact(groups)
}

// standIns is the groups that the open tiers have let in.
func standIns(a *bidrailv1.Approval) []string {
	var groups []string
	tiers := openStage(a).GetTiers()
	for _, tier := range tiers[:min(int(a.GetOpenTiers()), len(tiers))] {
		groups = append(groups, tier.GetGroups()...)
	}
	return groups
}

// endOf is when an approval ends if nobody does anything: that of its open stage where it is earlier.
func endOf(a *bidrailv1.Approval) time.Time {
	switch {
	case a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
		return a.GetDueAt().AsTime()
	case openStage(a).GetDeadline() != nil:
		if own := a.GetOpenSince().AsTime().Add(openStage(a).GetDeadline().AsDuration()); own.Before(a.GetDeadline().AsTime()) {
			return own
		}
	}
	return a.GetDeadline().AsTime()
}
