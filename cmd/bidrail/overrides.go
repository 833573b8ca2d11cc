package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type overridesCommand struct {
	Create overridesCreateCommand `cmd:"" help:"Break the glass: let one exact change through that rules block, in your name. Takes the role break_glass."`
	List   overridesListCommand   `cmd:"" help:"List the overrides that nobody has looked at yet, or all."`
	Review overridesReviewCommand `cmd:"" help:"Say what you found, as somebody else than who broke the glass."`
}

type overridesCreateCommand struct {
	connection
	Decision string        `arg:"" help:"The decision that blocked it, as bidrail decisions list shows it."`
	Reason   string        `help:"Why; somebody else will hold you to it." required:"" placeholder:"TEXT"`
	Ticket   string        `help:"Where the emergency is written down." required:"" placeholder:"ID"`
	Life     time.Duration `help:"How long it can be redeemed, up to an hour." default:"15m"`
	Digest   string        `help:"The digest of the change, or of its group, that you saw. Without it the decision is shown now, and you are asked." placeholder:"DIGEST"`
	Yes      bool          `short:"y" help:"Do not ask: what is shown now is what you mean."`
	Output   string        `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *overridesCreateCommand) Run(ctx context.Context, env environment) error {
	if c.Digest == "" {
		if err := c.show(ctx, env); err != nil {
			return err
		}
	}
	var created *bidrailv1.Override
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		created, err = bidrailv1.NewExceptionServiceClient(conn).CreateOverride(ctx, &bidrailv1.CreateOverrideRequest{
			DecisionId: c.Decision, Digest: c.Digest, Reason: c.Reason, Ticket: c.Ticket, Life: durationpb.New(c.Life),
		})
		return err
	})
	if err != nil {
		return err
	}
	if c.Output != "json" {
		fmt.Fprintf(env.stderr, "%s redeems it: bidrail redeem %s --file CHANGES\n", clean(created.GetAutomation()), shellWord(created.GetOverrideId()))
	}
	return printOne(env, c.Output, created, overrideText(created, time.Now()))
}

// show shows what is about to be let through, and asks.
func (c *overridesCreateCommand) show(ctx context.Context, env environment) error {
	var decision *bidrailv1.Decision
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		decision, err = bidrailv1.NewGuardrailServiceClient(conn).GetDecision(ctx, &bidrailv1.GetDecisionRequest{DecisionId: c.Decision})
		return err
	})
	if err != nil {
		return fmt.Errorf("%w\n  Who may not read decisions names the change with --digest", err)
	}
	if err := printDecision(newScreen(env.stderr, env), decision); err != nil {
		return err
	}
	if group := decision.GetAtomicGroupId(); group != "" {
		if _, err := io.WriteString(env.stderr, clean("and with it all legs of the group "+group)+"\n"); err != nil {
			return err
		}
	}
	c.Digest = cmp.Or(decision.GetGroupDigest(), decision.GetChangeDigest())
	return confirm(env, c.Yes, "let through what is shown above, in your name", ", or --digest of what you saw")
}

type overridesListCommand struct {
	connection
	All    bool   `help:"All that there ever were."`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *overridesListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListOverridesResponse{}
	var err error
	all.Overrides, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (overrides []*bidrailv1.Override, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewExceptionServiceClient(conn).ListOverrides(ctx, &bidrailv1.ListOverridesRequest{PageSize: size, PageToken: token, All: c.All})
			overrides, next = page.GetOverrides(), page.GetNextPageToken()
			return err
		})
		return overrides, next, err
	})
	if err != nil {
		return err
	}
	texts := mapped(all.GetOverrides(), func(override *bidrailv1.Override) string { return overrideText(override, time.Now()) })
	return printList(env, c.Output, "no overrides match", all, texts, all.GetNextPageToken())
}

type overridesReviewCommand struct {
	connection
	ID          string `arg:"" help:"The override's id."`
	Justified   bool   `help:"It was right to break the glass." xor:"found"`
	Unjustified bool   `help:"It was not." xor:"found"`
	Finding     string `help:"What you found." required:"" placeholder:"TEXT"`
	Output      string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *overridesReviewCommand) Run(ctx context.Context, env environment) error {
	if c.Justified == c.Unjustified {
		return errors.New("say --justified or --unjustified: it is said once, and stands")
	}
	var reviewed *bidrailv1.Override
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		reviewed, err = bidrailv1.NewExceptionServiceClient(conn).ReviewOverride(ctx, &bidrailv1.ReviewOverrideRequest{OverrideId: c.ID, Justified: c.Justified, Finding: c.Finding})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, reviewed, overrideText(reviewed, time.Now()))
}

// overrideText is an override for people.
func overrideText(o *bidrailv1.Override, now time.Time) string {
	var text noun
	text.line("override", clean(o.GetOverrideId()))
	text.line("for", clean("change "+o.GetChangeId()+" of "+o.GetAutomation()))
	text.line("digest", clean(o.GetDigest()))
	text.line("by", clean(o.GetActor()+" as "+o.GetRole()+", "+timeText(o.GetAt())))
	text.line("why", clean(o.GetReason()+" ("+o.GetTicket()+")"))
	switch {
	case o.GetUsedAt() != nil:
		text.line("used", timeText(o.GetUsedAt()))
	default:
		text.line("good", "until "+timeText(o.GetExpiresAt())+", "+relative(o.GetExpiresAt().AsTime(), now))
	}
	switch {
	case o.GetReviewedAt() != nil && o.GetJustified():
		text.line("found", clean("justified, by "+o.GetReviewedBy()+": "+o.GetFinding()))
	case o.GetReviewedAt() != nil:
		text.line("found", clean("not justified, by "+o.GetReviewedBy()+": "+o.GetFinding()))
	case o.GetUsedAt() != nil && !now.Before(o.GetReviewDue().AsTime()):
		text.line("review", "overdue since "+timeText(o.GetReviewDue()))
	default:
		text.line("review", "due by "+timeText(o.GetReviewDue())+", if it is used")
	}
	return text.String()
}
