package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type grantsCommand struct {
	Propose grantsProposeCommand `cmd:"" help:"Ask people for leave ahead: so many changes of one kind, within one scope, for a time."`
	List    grantsListCommand    `cmd:"" help:"List the grants that hold, or all."`
	Revoke  grantsRevokeCommand  `cmd:"" help:"End a grant, at once."`
}

type grantsProposeCommand struct {
	connection
	Automation string        `help:"The automation that it is for." required:"" placeholder:"SUBJECT"`
	Scope      string        `help:"Within which scope, such as campaign/google_ads/123/77; slashes within an id are written %2F." required:"" placeholder:"SCOPE"`
	Kind       string        `help:"For which kind of change, such as daily_budget." required:"" placeholder:"KIND"`
	Rule       []string      `help:"Whose findings it answers. A grant answers no block." required:"" placeholder:"ID"`
	PerChange  string        `help:"How far one change may move, such as '50.00 USD' or 20%. Left out for kinds without amounts." placeholder:"VALUE"`
	Together   string        `help:"How far all of them together may." placeholder:"VALUE"`
	MaxUses    int64         `help:"How many changes." required:"" placeholder:"N"`
	Reason     string        `help:"Why." required:"" placeholder:"TEXT"`
	Starts     time.Time     `help:"From when. Default: now." placeholder:"TIME"`
	Lasts      time.Duration `help:"For how long from then. It is never renewed: what is to go on is another grant." required:"" placeholder:"DURATION"`
	Output     string        `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *grantsProposeCommand) Run(ctx context.Context, env environment) error {
	kind, err := policy.ParseKind(strings.ToLower(strings.TrimPrefix(c.Kind, "KIND_")))
	if err != nil {
		return err
	}
	if c.Starts.IsZero() {
		c.Starts = time.Now()
	}
	request := &bidrailv1.ProposeGrantRequest{Automation: c.Automation, Scope: c.Scope, Kind: bidrailv1.Kind(kind), Rules: c.Rule, MaxUses: c.MaxUses, Reason: c.Reason,
		Starts: timestamppb.New(c.Starts), Ends: timestamppb.New(c.Starts.Add(c.Lasts))}
	for _, each := range []struct {
		flag, text string
		into       **bidrailv1.Value
	}{{"per-change", c.PerChange, &request.PerChange}, {"together", c.Together, &request.Together}} {
		if each.text == "" {
			continue
		}
		value, err := parseApplied(policy.Value{}, each.text)
		if err != nil {
			return fmt.Errorf("--%s: %w", each.flag, err)
		}
		*each.into = grpcapi.ValueMessage(value)
	}
	var opened *bidrailv1.Approval
	err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		opened, err = bidrailv1.NewExceptionServiceClient(conn).ProposeGrant(ctx, request)
		return err
	})
	if err != nil {
		return err
	}
	return printApprovalAfter(newScreen(env.stdout, env), c.Output, opened)
}

type grantsListCommand struct {
	connection
	All    bool   `help:"All that there ever were, not only those that hold."`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *grantsListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListGrantsResponse{}
	var err error
	all.Grants, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (grants []*bidrailv1.Grant, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewExceptionServiceClient(conn).ListGrants(ctx, &bidrailv1.ListGrantsRequest{PageSize: size, PageToken: token, All: c.All})
			grants, next = page.GetGrants(), page.GetNextPageToken()
			return err
		})
		return grants, next, err
	})
	if err != nil {
		return err
	}
	texts := mapped(all.GetGrants(), func(grant *bidrailv1.Grant) string { return grantText(grant, time.Now()) })
	return printList(env, c.Output, "no grants match", all, texts, all.GetNextPageToken())
}

type grantsRevokeCommand struct {
	connection
	ID     string `arg:"" help:"The grant's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *grantsRevokeCommand) Run(ctx context.Context, env environment) error {
	var revoked *bidrailv1.Grant
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		revoked, err = bidrailv1.NewExceptionServiceClient(conn).RevokeGrant(ctx, &bidrailv1.RevokeGrantRequest{GrantId: c.ID})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, revoked, grantText(revoked, time.Now()))
}

// noun writes one record as a few lines: a name and its text on each.
type noun struct{ strings.Builder }

func (n *noun) line(name, text string) {
	if text != "" {
		fmt.Fprintf(n, "%-12s %s\n", name, text)
	}
}

// grantText is a grant for people.
func grantText(g *bidrailv1.Grant, now time.Time) string {
	var text noun
	text.line("grant", clean(g.GetGrantId()))
	text.line("for", clean(fmt.Sprintf("%s of %s, within %s", kindName(g.GetKind()), g.GetAutomation(), g.GetScope())))
	text.line("answers", clean(strings.Join(g.GetRules(), ", ")))
	if g.GetPerChange() != nil {
		text.line("moves", clean(fmt.Sprintf("%s each, %s together, of which %s are used", valueText(g.GetPerChange()), valueText(g.GetTogether()), usedText(g))))
	}
	text.line("uses", fmt.Sprintf("%d of %d", g.GetUses(), g.GetMaxUses()))
	text.line("holds", fmt.Sprintf("from %s to %s (%s)", timeText(g.GetStarts()), timeText(g.GetEnds()), relative(g.GetEnds().AsTime(), now)))
	text.line("why", clean(g.GetReason()))
	text.line("approval", clean(g.GetApprovalId()))
	if g.GetRevokedAt() != nil {
		text.line("revoked", clean(timeText(g.GetRevokedAt())+" by "+g.GetRevokedBy()))
	}
	return text.String()
}

func usedText(g *bidrailv1.Grant) string {
	unit := grpcapi.Value(g.GetTogether())
	unit.Amount = g.GetUsed()
	return unit.String()
}

// printOne writes one record, whole or for people.
func printOne(env environment, output string, message proto.Message, text string) error {
	out := newScreen(env.stdout, env)
	if output == "json" {
		return printJSON(out, message)
	}
	_, err := io.WriteString(out, text)
	return err
}

// printList writes records, whole or for people, with an empty line between them.
func printList(env environment, output, none string, message proto.Message, texts []string, next string) error {
	if len(texts) == 0 {
		texts = []string{none + "\n"}
	}
	if err := printOne(env, output, message, strings.Join(texts, "\n")); err != nil {
		return err
	}
	if next != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return nil
}

func mapped[From, To any](all []From, of func(From) To) []To {
	var result []To
	for _, each := range all {
		result = append(result, of(each))
	}
	return result
}
