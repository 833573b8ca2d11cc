package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/limits"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/keys"
)

type permitCommand struct {
	Claim  permitClaimCommand  `cmd:"" help:"Use a permit up, right before the change is made."`
	Report permitReportCommand `cmd:"" help:"Say what became of the changes of a permit."`
	List   permitListCommand   `cmd:"" help:"List permits, the last issued first: --as me:auditor."`
	Show   permitShowCommand   `cmd:"" help:"Show one permit whole."`
	Verify permitVerifyCommand `cmd:"" help:"Verify a signed permit and say what it is for: exit 0 it can be used now, 2 it is genuine but not now or not there, 3 it is not genuine, 1 it could not be verified."`
}

type permitClaimCommand struct {
	connection
	Token   string `arg:"" help:"The permit's token, as bidrail check -o json shows it; - reads standard input."`
	ClaimID string `help:"Names this attempt to make the change. A claim whose answer got lost is repeated with the same one. Default: made up." placeholder:"ID"`
	Output  string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown by bidrail permit claim --help.
func (permitClaimCommand) Help() string {
	return "Exit 0: make exactly the change that was allowed, now, and then report what became of it. " +
		"Anything else: do not make it. A permit is claimed once, by the automation that it was given to, before it expires."
}

func (c *permitClaimCommand) Run(ctx context.Context, env environment) error {
	token, err := c.token(env)
	if err != nil {
		return err
	}
	if c.ClaimID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		c.ClaimID = "cli-" + id.String()
	}
	var claimed *bidrailv1.Permit
	err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		response, err := bidrailv1.NewGuardrailServiceClient(conn).Claim(ctx, &bidrailv1.ClaimRequest{Token: token, ClaimId: c.ClaimID})
		claimed = response.GetPermit()
		return err
	})
	if code := status.Code(err); (code == codes.Unavailable || code == codes.DeadlineExceeded) && !neverSent(err) {
		// The claim may have been taken: only who repeats it under its own name will hear so.
		fmt.Fprintf(env.stderr, "nobody knows whether the claim was taken; repeat it with: --claim-id %s\n", c.ClaimID)
	}
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, claimed)
	}
	var page strings.Builder
	fmt.Fprintf(&page, "%s %s: make this change now, once\n", out.colour(green, "claimed"), clean(claimed.GetPermitId()))
	for _, change := range claimed.GetChanges() {
		fmt.Fprintf(&page, "  %s\n", permittedText(change))
	}
	fmt.Fprintf(&page, "then say what became of it, by %s:\n  bidrail permit report %s --outcome applied\n", timeText(claimed.GetReportBy()), clean(claimed.GetPermitId()))
	_, err = io.WriteString(out, page.String())
	return err
}

// token is what was given, or the only word on standard input. A check has none where the change was not allowed, and none any more
// where its permit was used.
func (c *permitClaimCommand) token(env environment) (string, error) {
	token := c.Token
	if token == "-" {
		read, err := io.ReadAll(io.LimitReader(env.stdin, keys.MaxToken+2)) // and the end of its line
		if err != nil {
			return "", err
		}
		token = string(read)
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", errors.New("there is no token: its permit was claimed or has expired; ask again with a new change_id")
	}
	return token, nil
}

type permitReportCommand struct {
	connection
	ID        string            `arg:"" help:"The permit's id."`
	Outcome   string            `help:"applied: all of it was made. partial: some of it was, see --applied. failed: nothing was, or the permit is given back unused. unknown: nobody knows yet." enum:"applied,partial,failed,unknown" required:"" placeholder:"OUTCOME"`
	Applied   map[string]string `help:"With partial: the value that a change's field has now, such as b-1=1.50 USD. Once for each change of which something was made; one that is left out was not." placeholder:"CHANGE=VALUE" mapsep:"none"`
	ClaimID   string            `help:"Only for this claim: a permit that was claimed under another one stays as it is." name:"claim-id" placeholder:"ID"`
	Reference string            `help:"Whatever helps to find the change on the platform, such as its id there." placeholder:"TEXT"`
	Note      string            `help:"For people." placeholder:"TEXT"`
	Output    string            `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *permitReportCommand) Run(ctx context.Context, env environment) error {
	var reported *bidrailv1.Permit
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		guardrail := bidrailv1.NewGuardrailServiceClient(conn)
		request := &bidrailv1.ReportRequest{PermitId: c.ID, Outcome: permitState(c.Outcome), ClaimId: c.ClaimID, Reference: c.Reference, Note: c.Note}
		if len(c.Applied) > 0 {
			// How a value is written depends on the field.
			permit, err := guardrail.GetPermit(ctx, &bidrailv1.GetPermitRequest{PermitId: c.ID})
			if err != nil {
				return err
			}
			if request.Applied, err = c.applied(permit); err != nil {
				return err
			}
		}
		response, err := guardrail.Report(ctx, request)
		reported = response.GetPermit()
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, reported)
	}
	_, err = fmt.Fprintf(out, "%s is %s: %s\n", clean(reported.GetPermitId()), stateName(reported.GetState()), stateMeaning(reported.GetState()))
	return err
}

// applied reads the values of a partial outcome, in the order of the permit's changes.
func (c *permitReportCommand) applied(permit *bidrailv1.Permit) ([]*bidrailv1.AppliedValue, error) {
	var parts []*bidrailv1.AppliedValue
	unknown := maps.Clone(c.Applied)
	var problems []error
	for _, change := range permit.GetChanges() {
		id := change.GetChangeId()
		text, found := c.Applied[id]
		if !found {
			continue
		}
		delete(unknown, id)
		value, err := parseApplied(grpcapi.Value(change.GetAfter()), text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--applied %s: %w", id, err))
			continue
		}
		parts = append(parts, &bidrailv1.AppliedValue{ChangeId: id, Value: grpcapi.ValueMessage(value)})
	}
	for _, id := range slices.Sorted(maps.Keys(unknown)) {
		problems = append(problems, fmt.Errorf("--applied %s: the permit is not for that change; bidrail permit show %s lists those it is for", id, permit.GetPermitId()))
	}
	return parts, errors.Join(problems...)
}

// parseApplied reads the value that a field has now, of which it was to have another. It rounds nothing and guesses nothing.
func parseApplied(wanted policy.Value, text string) (policy.Value, error) {
	switch {
	case text == wanted.String():
		return wanted, nil
	case wanted.Form == policy.Text:
		return policy.TextValue(text), nil
	case text == policy.UnlimitedValue().String():
		return policy.UnlimitedValue(), nil
	case strings.HasSuffix(text, "%"):
		ratio, err := limits.ParseValue(limits.Ratio, text)
		return policy.RatioValue(ratio.Amount), err
	default:
		money, err := limits.ParseValue(limits.Money, text)
		return policy.MoneyValue(money.Amount, money.Currency), err
	}
}

type permitListCommand struct {
	connection
	State  string `help:"Only these: issued, claimed, applied, partial, failed, unknown, expired or revoked." enum:",issued,claimed,applied,partial,failed,unknown,expired,revoked" default:""`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"table, json or ndjson." enum:"table,json,ndjson" default:"table"`
}

func (c *permitListCommand) Run(ctx context.Context, env environment) error {
	all, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch c.Output {
	case "json":
		return printJSON(out, all)
	case "ndjson":
		for _, permit := range all.GetPermits() {
			if err := printLine(out, permit); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all.GetPermits()) == 0 {
		_, err := fmt.Fprintln(out, "no permits match")
		return err
	}
	var rows [][]string
	for _, permit := range all.GetPermits() {
		state, since := stateName(permit.GetState()), timeCell(permit.GetChangedAt())
		for i, change := range permit.GetChanges() {
			row := []string{since, clean(permit.GetPermitId()), state, clean(permit.GetAutomation()), clean(change.GetChangeId()), permittedText(change)}
			if i > 0 {
				row[0], row[1], row[2], row[3] = "", "", "", ""
			}
			rows = append(rows, row)
		}
	}
	if err := out.table([]string{"SINCE (UTC)", "PERMIT", "STATE", "AUTOMATION", "CHANGE", "FOR"}, rows); err != nil {
		return err
	}
	if all.GetNextPageToken() != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return nil
}

// fetch reads as many pages as it takes.
func (c *permitListCommand) fetch(ctx context.Context) (*bidrailv1.ListPermitsResponse, error) {
	all := &bidrailv1.ListPermitsResponse{}
	request := &bidrailv1.ListPermitsRequest{State: permitState(c.State)}
	for {
		request.PageSize = 1000
		if c.Limit > 0 {
			request.PageSize = int32(min(c.Limit-len(all.GetPermits()), 1000))
		}
		var page *bidrailv1.ListPermitsResponse
		err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
			page, err = bidrailv1.NewGuardrailServiceClient(conn).ListPermits(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		all.Permits = append(all.Permits, page.GetPermits()...)
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" || c.Limit > 0 && len(all.GetPermits()) >= c.Limit {
			all.NextPageToken = request.PageToken
			return all, nil
		}
	}
}

type permitShowCommand struct {
	connection
	ID     string `arg:"" help:"The permit's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *permitShowCommand) Run(ctx context.Context, env environment) error {
	var permit *bidrailv1.Permit
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		permit, err = bidrailv1.NewGuardrailServiceClient(conn).GetPermit(ctx, &bidrailv1.GetPermitRequest{PermitId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, permit)
	}
	return printPermit(out, permit)
}

// printPermit shows one permit as a page.
func printPermit(out screen, p *bidrailv1.Permit) error {
	var page strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&page, "%-12s %s\n", name, text)
		}
	}
	line("permit", clean(p.GetPermitId()))
	line("state", stateName(p.GetState())+": "+stateMeaning(p.GetState()))
	line("since", timeText(p.GetChangedAt()))
	line("because", clean(p.GetReason()))
	line("automation", clean(p.GetAutomation()))
	line("audience", clean(strings.Join(p.GetAudience(), ", ")))
	line("group", clean(p.GetAtomicGroupId()))
	line("issued", timeText(p.GetIssuedAt()))
	line("expires", timeText(p.GetExpiresAt()))
	line("claimed", timeText(p.GetClaimedAt()))
	if p.GetState() == bidrailv1.PermitState_PERMIT_STATE_CLAIMED {
		line("report by", timeText(p.GetReportBy()))
	}
	line("seen", timeText(p.GetObservedAt()))
	line("reference", clean(p.GetReference()))
	line("note", clean(p.GetNote()))
	line("digest", clean(p.GetDigest()))
	for _, change := range p.GetChanges() {
		fmt.Fprintf(&page, "\nchange %s\n  %-10s %s\n  %-10s %s\n", clean(change.GetChangeId()), "to make", permittedText(change), "decision", clean(change.GetDecisionId()))
		at := slices.IndexFunc(p.GetApplied(), func(part *bidrailv1.AppliedValue) bool { return part.GetChangeId() == change.GetChangeId() })
		switch {
		case at >= 0:
			fmt.Fprintf(&page, "  %-10s %s\n", "it is now", clean(valueText(p.GetApplied()[at].GetValue())))
		case len(p.GetApplied()) > 0:
			fmt.Fprintf(&page, "  %-10s\n", "not made")
		}
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// permittedText is what is to be made.
func permittedText(change *bidrailv1.PermittedChange) string {
	return fmt.Sprintf("%s: %s → %s", targetName(change.GetTarget()), kindName(change.GetKind()), clean(valueText(change.GetAfter())))
}

// permitState reads a state as the command line writes it; "" is any.
func permitState(name string) bidrailv1.PermitState {
	return bidrailv1.PermitState(bidrailv1.PermitState_value["PERMIT_STATE_"+strings.ToUpper(name)])
}

func stateName(state bidrailv1.PermitState) string {
	return strings.TrimPrefix(state.String(), "PERMIT_STATE_")
}

// stateMeaning says what a state means for who holds the permit, and for what was held for it.
func stateMeaning(state bidrailv1.PermitState) string {
	switch state {
	case bidrailv1.PermitState_PERMIT_STATE_ISSUED:
		return "it can be claimed until it expires"
	case bidrailv1.PermitState_PERMIT_STATE_CLAIMED:
		return "the change may be made by who claimed it, and is to be reported"
	case bidrailv1.PermitState_PERMIT_STATE_APPLIED:
		return "the change was made; it counts for the limits over time"
	case bidrailv1.PermitState_PERMIT_STATE_PARTIAL:
		return "a part of it was made and counts; the rest was given back"
	case bidrailv1.PermitState_PERMIT_STATE_FAILED:
		return "nothing was made; what was held for it was given back"
	case bidrailv1.PermitState_PERMIT_STATE_UNKNOWN:
		return "nobody knows what became of it, so all of it stays held; report again once somebody has looked"
	case bidrailv1.PermitState_PERMIT_STATE_EXPIRED:
		return "nobody claimed it in time; what was held for it was given back"
	case bidrailv1.PermitState_PERMIT_STATE_REVOKED:
		return "a mode was switched since it was issued; what was held for it was given back"
	}
	return "this program is older than the server and does not know the state"
}

// permitNote is what the table of a check says of a permit.
func permitNote(permit *bidrailv1.Permit, now time.Time) string {
	if permit.GetState() != bidrailv1.PermitState_PERMIT_STATE_ISSUED {
		return clean(fmt.Sprintf("permit %s is %s", permit.GetPermitId(), stateName(permit.GetState())))
	}
	left := permit.GetExpiresAt().AsTime().Sub(now)
	if left <= 0 {
		return clean(fmt.Sprintf("permit %s has expired", permit.GetPermitId()))
	}
	return clean(fmt.Sprintf("permit %s: claim it within %v", permit.GetPermitId(), max(left.Truncate(time.Second), time.Second)))
}
