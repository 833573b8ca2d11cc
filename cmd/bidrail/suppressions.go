package main

import (
	"context"
	"time"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type suppressionsCommand struct {
	List  suppressionsListCommand  `cmd:"" help:"List the rejected moves that automations cannot ask for again for now, or all there were."`
	Clear suppressionsClearCommand `cmd:"" help:"Let a rejected move be asked for again."`
}

type suppressionsListCommand struct {
	connection
	All    bool   `help:"All that there ever were, not only those that hold."`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *suppressionsListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListSuppressionsResponse{}
	var err error
	all.Suppressions, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (suppressions []*bidrailv1.Suppression, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewExceptionServiceClient(conn).ListSuppressions(ctx, &bidrailv1.ListSuppressionsRequest{PageSize: size, PageToken: token, All: c.All})
			suppressions, next = page.GetSuppressions(), page.GetNextPageToken()
			return err
		})
		return suppressions, next, err
	})
	if err != nil {
		return err
	}
	texts := mapped(all.GetSuppressions(), func(suppression *bidrailv1.Suppression) string { return suppressionText(suppression, time.Now()) })
	return printList(env, c.Output, "no suppressions match", all, texts, all.GetNextPageToken())
}

type suppressionsClearCommand struct {
	connection
	ID     string `arg:"" help:"The suppression's id."`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *suppressionsClearCommand) Run(ctx context.Context, env environment) error {
	var cleared *bidrailv1.Suppression
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		cleared, err = bidrailv1.NewExceptionServiceClient(conn).ClearSuppression(ctx, &bidrailv1.ClearSuppressionRequest{SuppressionId: c.ID, Reason: c.Reason})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, cleared, suppressionText(cleared, time.Now()))
}

// suppressionText is a suppression for people.
func suppressionText(s *bidrailv1.Suppression, now time.Time) string {
	var text noun
	text.line("suppression", clean(s.GetSuppressionId()))
	text.line("keeps", clean(s.GetAutomation())+" from "+kindName(s.GetKind())+" of "+targetName(s.GetTarget())+": "+moveText(s.GetBefore(), s.GetAfter())+", and further")
	text.line("why", clean(s.GetReason()+" ("+s.GetApprovalId()+" was rejected "+timeText(s.GetAt())+")"))
	text.line("until", timeText(s.GetUntil())+", "+relative(s.GetUntil().AsTime(), now))
	if s.GetClearedAt() != nil {
		text.line("cleared", clean(timeText(s.GetClearedAt())+" by "+s.GetClearedBy()+": "+s.GetClearedFor()))
	}
	return text.String()
}
