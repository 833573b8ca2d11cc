package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type decisionsCommand struct {
	List decisionsListCommand `cmd:"" help:"List decisions, newest first. An automation sees its own; an auditor sees all: --as me:auditor."`
	Show decisionsShowCommand `cmd:"" help:"Show one decision whole."`
}

type decisionsListCommand struct {
	connection
	Verdict    string        `help:"Only these: allow, approval or block." enum:",allow,approval,block" default:""`
	Platform   string        `help:"Only this platform." placeholder:"NAME"`
	Account    string        `help:"Only this account." placeholder:"ID"`
	Campaign   string        `help:"Only this campaign." placeholder:"ID"`
	Automation string        `help:"Only what this automation asked for." placeholder:"SUBJECT"`
	Rule       string        `help:"Only decisions with a finding of this rule." placeholder:"ID"`
	Kind       string        `help:"Only changes of this kind, such as daily_budget." placeholder:"KIND"`
	Batch      string        `help:"Only changes of this batch." placeholder:"ID"`
	Since      time.Duration `help:"Only the last so long, such as 24h." placeholder:"DURATION"`
	Limit      int           `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output     string        `short:"o" help:"table, json or ndjson." enum:"table,json,ndjson" default:"table"`
}

func (c *decisionsListCommand) Run(ctx context.Context, env environment) error {
	request, err := c.request(time.Now())
	if err != nil {
		return err
	}
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	guardrail := bidrailv1.NewGuardrailServiceClient(conn)
	out := newScreen(env.stdout, env)
	all := &bidrailv1.ListDecisionsResponse{}
	for remaining := c.Limit; ; {
		request.PageSize = 1000
		if c.Limit > 0 {
			request.PageSize = int32(min(remaining, 1000))
		}
		callCtx, cancel, err := c.call(ctx)
		if err != nil {
			return err
		}
		page, err := guardrail.ListDecisions(callCtx, request)
		cancel()
		if err != nil {
			return err
		}
		if c.Output == "ndjson" {
			for _, decision := range page.GetDecisions() {
				if err := printLine(out, decision); err != nil {
					return err
				}
			}
		} else {
			all.Decisions = append(all.Decisions, page.GetDecisions()...)
		}
		remaining -= len(page.GetDecisions())
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" || c.Limit > 0 && remaining <= 0 {
			all.NextPageToken = request.PageToken
			break
		}
	}
	switch c.Output {
	case "json":
		return printJSON(out, all)
	case "ndjson":
		return nil
	}
	if len(all.GetDecisions()) == 0 {
		_, err := fmt.Fprintln(out, "no decisions match")
		return err
	}
	var rows [][]string
	for _, decision := range all.GetDecisions() {
		row := decisionRow(out, decision)
		rows = append(rows, append([]string{decision.GetDecidedAt().AsTime().Format("2006-01-02 15:04:05"), decision.GetDecisionId()}, row...))
	}
	if err := out.table([]string{"DECIDED (UTC)", "DECISION", "VERDICT", "CHANGE", "KIND", "TARGET", "FROM → TO", "WHY"}, rows); err != nil {
		return err
	}
	if all.GetNextPageToken() != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return nil
}

func (c *decisionsListCommand) request(now time.Time) (*bidrailv1.ListDecisionsRequest, error) {
	request := &bidrailv1.ListDecisionsRequest{
		Platform: c.Platform, Account: c.Account, Campaign: c.Campaign, Automation: c.Automation, Rule: c.Rule, BatchId: c.Batch,
	}
	switch c.Verdict {
	case "allow":
		request.Verdict = bidrailv1.Verdict_VERDICT_ALLOW
	case "approval":
		request.Verdict = bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL
	case "block":
		request.Verdict = bidrailv1.Verdict_VERDICT_BLOCK
	}
	if c.Kind != "" {
		kind, err := policy.ParseKind(strings.ToLower(strings.TrimPrefix(c.Kind, "KIND_")))
		if err != nil {
			return nil, err
		}
		request.Kind = bidrailv1.Kind(kind)
	}
	if c.Since > 0 {
		request.Since = timestamppb.New(now.Add(-c.Since))
	}
	return request, nil
}

type decisionsShowCommand struct {
	connection
	ID     string `arg:"" help:"The decision's id."`
	Input  bool   `help:"Show the exact document the rules saw as well."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *decisionsShowCommand) Run(ctx context.Context, env environment) error {
	var decision *bidrailv1.Decision
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		decision, err = bidrailv1.NewGuardrailServiceClient(conn).GetDecision(ctx, &bidrailv1.GetDecisionRequest{DecisionId: c.ID, IncludeInput: c.Input})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, decision)
	}
	return printDecision(out, decision)
}

// printDecision shows one decision as a page.
func printDecision(out screen, d *bidrailv1.Decision) error {
	var page strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&page, "%-12s %s\n", name, text)
		}
	}
	line("verdict", out.verdict(d.GetVerdict()))
	line("change", clean(d.GetChangeId()))
	line("kind", kindName(d.GetKind()))
	line("target", targetName(d.GetTarget()))
	line("from → to", move(d))
	line("group", clean(d.GetAtomicGroupId()))
	line("batch", clean(d.GetBatchId()))
	line("automation", clean(d.GetAutomation()))
	if actor := d.GetActor(); actor.GetAutomation() != "" {
		line("it says", clean(strings.TrimSpace(actor.GetAutomation()+" "+actor.GetVersion()+" "+actor.GetRun())))
	}
	line("decided", d.GetDecidedAt().AsTime().Format("2006-01-02 15:04:05.000000 UTC"))
	line("decision", d.GetDecisionId())
	line("revision", d.GetRevision())
	line("digest", d.GetChangeDigest())
	line("permit", permitLine(d.GetPermit()))
	if d.GetReplayed() {
		line("replayed", "yes: decided before, not now")
	}
	if len(d.GetFindings()) == 0 {
		page.WriteString("\nno rule had anything to say\n")
	}
	for _, finding := range d.GetFindings() {
		fmt.Fprintf(&page, "\n%s %s%s\n  %s\n", effectName(out, finding.GetEffect()), finding.GetRule(), shadowMark(finding), clean(finding.GetMessage()))
		for _, detail := range [][2]string{
			{"observed", finding.GetObserved()}, {"limit", finding.GetLimit()},
			{"would pass", valueText(finding.GetMaxPermitted())}, {"source", finding.GetSource()}, {"at", finding.GetLocation()},
		} {
			if detail[1] != "" {
				fmt.Fprintf(&page, "  %-10s %s\n", detail[0], clean(detail[1]))
			}
		}
	}
	if d.GetInputJson() != "" {
		fmt.Fprintf(&page, "\nwhat the rules saw:\n%s\n", clean(d.GetInputJson()))
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// permitLine is the permit of a decision; "" for none.
func permitLine(permit *bidrailv1.Permit) string {
	if permit.GetState() == bidrailv1.PermitState_PERMIT_STATE_UNSPECIFIED { // only its id is at hand
		return clean(permit.GetPermitId())
	}
	return clean(permit.GetPermitId()) + " (" + stateName(permit.GetState()) + ")"
}

func effectName(out screen, effect bidrailv1.Effect) string {
	switch effect {
	case bidrailv1.Effect_EFFECT_WARN:
		return out.colour(dim, "warn   ")
	case bidrailv1.Effect_EFFECT_APPROVE:
		return out.colour(yellow, "approve")
	default:
		return out.colour(red, "block  ")
	}
}

func shadowMark(finding *bidrailv1.Finding) string {
	if finding.GetShadow() {
		return " (in shadow: does not count)"
	}
	if by := finding.GetLiftedBy(); by != "" {
		return " (answered by " + clean(by) + ": does not count)"
	}
	return ""
}

// decisionRow is a decision on one line: verdict, change, kind, target, move, first reason.
func decisionRow(out screen, d *bidrailv1.Decision) []string {
	rows := decisionRows(out, d)
	row := rows[0]
	if more := len(rows) - 1; more > 0 {
		row[len(row)-1] += fmt.Sprintf(" (+%d more)", more)
	}
	return row
}

// decisionRows is a decision with a line for each further finding.
func decisionRows(out screen, d *bidrailv1.Decision) [][]string {
	verdict := out.verdict(d.GetVerdict())
	if d.GetReplayed() {
		verdict += " again"
	}
	rows := [][]string{{verdict, clean(d.GetChangeId()), kindName(d.GetKind()), targetName(d.GetTarget()), move(d), ""}}
	for i, finding := range d.GetFindings() {
		why := finding.GetRule() + ": " + clean(finding.GetMessage())
		if finding.GetShadow() {
			why = "(shadow) " + why
		} else if finding.GetLiftedBy() != "" {
			why = "(answered) " + why
		} else if finding.GetEffect() == bidrailv1.Effect_EFFECT_WARN {
			why = "(warning) " + why
		}
		if i == 0 {
			rows[0][5] = why
			continue
		}
		rows = append(rows, []string{"", "", "", "", "", why})
	}
	return rows
}

func kindName(kind bidrailv1.Kind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}

func targetName(target *bidrailv1.Target) string {
	return clean(fmt.Sprintf("%s/%s %s %s", target.GetPlatform(), target.GetAccount(), target.GetEntityType(), target.GetEntityId()))
}

func move(d *bidrailv1.Decision) string {
	from, to := grpcapi.Value(d.GetBefore()), grpcapi.Value(d.GetAfter())
	text := clean(from.String() + " → " + to.String())
	if from.Form == to.Form && from.Currency == to.Currency && (from.Form == policy.Money || from.Form == policy.Ratio) && from.Amount != to.Amount {
		text += " (" + policy.FormatChange(from.Amount, to.Amount) + ")"
	}
	return text
}

func valueText(value *bidrailv1.Value) string {
	if value == nil {
		return ""
	}
	return grpcapi.Value(value).String()
}

func printJSON(w io.Writer, message proto.Message) error {
	encoded, err := protojson.MarshalOptions{UseProtoNames: true, Multiline: true}.Marshal(message)
	if err != nil {
		return err
	}
	_, err = w.Write(append(encoded, '\n'))
	return err
}

func printLine(w io.Writer, message proto.Message) error {
	encoded, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return err
	}
	_, err = w.Write(append(encoded, '\n'))
	return err
}
