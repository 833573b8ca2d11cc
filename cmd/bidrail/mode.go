package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type modeCommand struct {
	Set  modeSetCommand  `cmd:"" help:"Halt a scope, let it only reduce, or let it go on. In effect when it returns."`
	List modeListCommand `cmd:"" help:"List the modes of all scopes that were ever switched."`
}

type modeSetCommand struct {
	connection
	Scope  string `arg:"" help:"organisation, account/PLATFORM/ID, campaign/PLATFORM/ACCOUNT/ID, automation/SUBJECT and so on; slashes within an id are written %2F."`
	Mode   string `arg:"" help:"active: what the rules allow. reduce_only: only changes that lower risk. halted: nothing." enum:"active,reduce_only,halted"`
	Reason string `help:"Why, for those who are stopped by it." required:"" placeholder:"TEXT"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *modeSetCommand) Run(ctx context.Context, env environment) error {
	var set *bidrailv1.ScopeMode
	began := time.Now()
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		set, err = bidrailv1.NewRegistryServiceClient(conn).SetMode(ctx, &bidrailv1.SetModeRequest{
			Scope: c.Scope, Mode: bidrailv1.Mode(bidrailv1.Mode_value["MODE_"+strings.ToUpper(c.Mode)]), Reason: c.Reason,
		})
		return err
	})
	took := time.Since(began)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		err = printJSON(out, set)
	} else {
		_, err = fmt.Fprintf(out, "%s is %s, in effect %.3f s after you asked: %s.\n"+
			"Permits in it that were not claimed are unusable now; whoever holds one asks again with a new change_id.\n"+
			"What was claimed before that may still be made: bidrail permit list --state claimed shows it.\n",
			clean(set.GetScope()), modeText(out, set.GetMode()), took.Seconds(), modeMeaning(set.GetMode()))
	}
	if err != nil {
		return err
	}
	c.warn(ctx, env, set.GetScope())
	return nil
}

// warn says when nothing has ever moved in the scope: its id may be mistyped, and then nothing was stopped. The mode is switched
// by then, whatever comes of asking.
func (c *modeSetCommand) warn(ctx context.Context, env environment, scope string) {
	var shown *bidrailv1.Ledger
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		shown, err = bidrailv1.NewLedgerServiceClient(conn).GetLedger(ctx, &bidrailv1.GetLedgerRequest{Scope: scope, Holds: 1})
		return err
	})
	switch {
	case err != nil:
		fmt.Fprintf(env.stderr, "the mode is switched; whether anything ever moved in the scope is not known: %s\n", describe(err))
	case neverMoved(shown):
		fmt.Fprintf(env.stderr, "%s (bidrail ledger show %s)\n", nothingMoved(scope), clean(scope))
	}
}

type modeListCommand struct {
	connection
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *modeListCommand) Run(ctx context.Context, env environment) error {
	var response *bidrailv1.ListModesResponse
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		response, err = bidrailv1.NewRegistryServiceClient(conn).ListModes(ctx, &bidrailv1.ListModesRequest{})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, response)
	}
	if len(response.GetModes()) == 0 {
		_, err := fmt.Fprintln(out, "every scope is active: no mode was ever switched")
		return err
	}
	var rows [][]string
	for _, set := range response.GetModes() {
		rows = append(rows, []string{clean(set.GetScope()), modeText(out, set.GetMode()), timeCell(set.GetAt()), clean(set.GetBy()), clean(set.GetReason())})
	}
	if err := out.table([]string{"SCOPE", "MODE", "SINCE (UTC)", "BY", "WHY"}, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nevery other scope is active; where scopes overlap the strictest mode holds")
	return err
}

func modeText(out screen, mode bidrailv1.Mode) string {
	name := strings.ToLower(strings.TrimPrefix(mode.String(), "MODE_"))
	switch mode {
	case bidrailv1.Mode_MODE_ACTIVE:
		return out.colour(green, name)
	case bidrailv1.Mode_MODE_REDUCE_ONLY:
		return out.colour(yellow, name)
	default:
		return out.colour(red, name)
	}
}

func modeMeaning(mode bidrailv1.Mode) string {
	switch mode {
	case bidrailv1.Mode_MODE_ACTIVE:
		return "what the rules allow is allowed, unless another scope of the change says otherwise"
	case bidrailv1.Mode_MODE_REDUCE_ONLY:
		return "only changes that lower risk are allowed"
	default:
		return "nothing is allowed, not even a cut"
	}
}

// timeCell is a time in a column that says UTC; "" for none.
func timeCell(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return at.AsTime().Format(time.DateTime)
}

// timeText is a time for people; "" for none.
func timeText(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return timeCell(at) + " UTC"
}
