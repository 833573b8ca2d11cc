package main

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type delegationsCommand struct {
	Create delegationsCreateCommand `cmd:"" help:"Let somebody review in your place for a time."`
	List   delegationsListCommand   `cmd:"" help:"List the delegations that hold, or all."`
	End    delegationsEndCommand    `cmd:"" help:"End one before its time, as either of the two."`
}

type delegationsCreateCommand struct {
	connection
	To     string        `arg:"" help:"Who stands in for you."`
	Group  []string      `help:"Only for these groups. Default: all that you are in." placeholder:"NAME"`
	Reason string        `help:"Why." required:"" placeholder:"TEXT"`
	Starts time.Time     `help:"From when. Default: now." placeholder:"TIME"`
	Lasts  time.Duration `help:"For how long from then, such as 72h; at most 90 days." required:"" placeholder:"DURATION"`
	Output string        `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *delegationsCreateCommand) Run(ctx context.Context, env environment) error {
	if c.Starts.IsZero() {
		c.Starts = time.Now()
	}
	var created *bidrailv1.Delegation
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		created, err = bidrailv1.NewExceptionServiceClient(conn).CreateDelegation(ctx, &bidrailv1.CreateDelegationRequest{
			To: c.To, Groups: c.Group, Reason: c.Reason, Starts: timestamppb.New(c.Starts), Ends: timestamppb.New(c.Starts.Add(c.Lasts)),
		})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, created, delegationText(created, time.Now()))
}

type delegationsListCommand struct {
	connection
	All    bool   `help:"All that there ever were, not only those that hold."`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *delegationsListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListDelegationsResponse{}
	var err error
	all.Delegations, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (delegations []*bidrailv1.Delegation, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewExceptionServiceClient(conn).ListDelegations(ctx, &bidrailv1.ListDelegationsRequest{PageSize: size, PageToken: token, All: c.All})
			delegations, next = page.GetDelegations(), page.GetNextPageToken()
			return err
		})
		return delegations, next, err
	})
	if err != nil {
		return err
	}
	texts := mapped(all.GetDelegations(), func(delegation *bidrailv1.Delegation) string { return delegationText(delegation, time.Now()) })
	return printList(env, c.Output, "no delegations match", all, texts, all.GetNextPageToken())
}

type delegationsEndCommand struct {
	connection
	ID     string `arg:"" help:"The delegation's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *delegationsEndCommand) Run(ctx context.Context, env environment) error {
	var ended *bidrailv1.Delegation
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		ended, err = bidrailv1.NewExceptionServiceClient(conn).EndDelegation(ctx, &bidrailv1.EndDelegationRequest{DelegationId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, ended, delegationText(ended, time.Now()))
}

// delegationText is a delegation for people.
func delegationText(d *bidrailv1.Delegation, now time.Time) string {
	var text noun
	text.line("delegation", clean(d.GetDelegationId()))
	groups := "all groups of " + d.GetFrom()
	if len(d.GetGroups()) > 0 {
		groups = strings.Join(d.GetGroups(), ", ")
	}
	text.line("lets", clean(d.GetTo()+" review for "+d.GetFrom()+", with "+groups))
	text.line("holds", "from "+timeText(d.GetStarts())+" to "+timeText(d.GetEnds())+" ("+relative(d.GetEnds().AsTime(), now)+")")
	text.line("why", clean(d.GetReason()))
	if d.GetEndedAt() != nil {
		text.line("ended", clean(timeText(d.GetEndedAt())+" by "+d.GetEndedBy()))
	}
	return text.String()
}
