package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type ledgerCommand struct {
	Show ledgerShowCommand `cmd:"" help:"Show what has moved in a scope lately, what is held, and what the limits over time have left: --as me:auditor."`
}

type ledgerShowCommand struct {
	connection
	Scope  string `arg:"" help:"organisation, account/PLATFORM/ID, campaign/PLATFORM/ACCOUNT/ID, automation/SUBJECT, field/PLATFORM/ACCOUNT/TYPE/ID/KIND and so on; slashes within an id are written %2F."`
	Holds  int32  `help:"Show at most so many open holds." default:"50"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *ledgerShowCommand) Run(ctx context.Context, env environment) error {
	var shown *bidrailv1.Ledger
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		shown, err = bidrailv1.NewLedgerServiceClient(conn).GetLedger(ctx, &bidrailv1.GetLedgerRequest{Scope: c.Scope, Holds: c.Holds})
		return err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, shown)
	}
	return printLedger(out, shown)
}

func printLedger(out screen, shown *bidrailv1.Ledger) error {
	fmt.Fprintf(out, "%s up to %s\n\n", clean(shown.GetScope()), timeText(shown.GetNow()))
	switch {
	case neverMoved(shown):
		fmt.Fprintln(out, nothingMoved(shown.GetScope()))
	case !hasMoved(shown):
		fmt.Fprintln(out, "nothing has moved in it lately")
	default:
		if err := printWindows(out, shown.GetWindows()); err != nil {
			return err
		}
	}
	if len(shown.GetHolds()) > 0 {
		fmt.Fprintf(out, "\nheld until their permits are settled:\n")
		var rows [][]string
		for _, hold := range shown.GetHolds() {
			rows = append(rows, []string{timeCell(hold.GetPlacedAt()), clean(hold.GetDecisionId()), clean(hold.GetField()), hold.GetDirection(), valueText(hold.GetAmount())})
		}
		if err := out.table([]string{"SINCE (UTC)", "DECISION", "FIELD", "DIRECTION", "AMOUNT"}, rows); err != nil {
			return err
		}
		if shown.GetMoreHolds() {
			fmt.Fprintln(out, "and more; --holds 1000 shows up to so many")
		}
	}
	if len(shown.GetHeadroom()) == 0 {
		if !hasMoved(shown) {
			return nil // what has not moved has used nothing
		}
		_, err := fmt.Fprintf(out, "\nno rule holds what moved here to a sum; %s\n", driftNote)
		return err
	}
	fmt.Fprintf(out, "\nlimits over time:\n")
	var rows [][]string
	for _, headroom := range shown.GetHeadroom() {
		left, note := clean(headroom.GetLeft()), clean(headroom.GetSource())
		if headroom.GetProblem() != "" {
			left, note = "?", clean(headroom.GetProblem())
		}
		rows = append(rows, []string{clean(headroom.GetRule()), kindNames(headroom.GetKinds()), headroom.GetMeasure(), clean(headroom.GetWindow()), headroom.GetUsed(), headroom.GetLimit(), left, note})
	}
	if err := out.table([]string{"LIMIT OF", "KIND", "MEASURE", "WINDOW", "USED", "LIMIT", "LEFT", "SOURCE"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", driftNote)
	return err
}

// driftNote is for who looks for the headroom of bid.drift.
const driftNote = "rules of drift look at values and not at sums, so they show no headroom"

// nothingMoved is said of a scope in which nothing ever has: it is new, or written as no change writes it.
func nothingMoved(scope string) string {
	said := fmt.Sprintf("nothing has moved in %s so far", clean(scope))
	if !strings.Contains(scope, "/") {
		return said // without ids there is nothing to mistype
	}
	return said + ": make sure it is written as its changes write it"
}

// neverMoved reports whether the ledger has not even old sums of the scope.
func neverMoved(shown *bidrailv1.Ledger) bool { return len(shown.GetWindows()) == 0 }

func hasMoved(shown *bidrailv1.Ledger) bool {
	for _, window := range shown.GetWindows() {
		if window.GetCount() > 0 {
			return true
		}
	}
	return false
}

// printWindows leaves out the kinds in which nothing has moved for as long as windows reach.
func printWindows(out screen, windows []*bidrailv1.LedgerWindow) error {
	type unit struct {
		kind     bidrailv1.Kind
		currency string
	}
	live := map[unit]bool{}
	for _, window := range windows {
		if window.GetCount() > 0 {
			live[unit{window.GetKind(), window.GetCurrency()}] = true
		}
	}
	var rows [][]string
	for _, window := range windows {
		if !live[unit{window.GetKind(), window.GetCurrency()}] {
			continue
		}
		amount := func(amount int64) string { return windowAmount(window, amount) }
		rows = append(rows, []string{kindName(window.GetKind()), window.GetCurrency(), clean(window.GetWindow()), amount(window.GetRaised()), amount(window.GetLowered()),
			amount(window.GetNetRise()), amount(window.GetMoved()), fmt.Sprint(window.GetCount()), fmt.Sprint(window.GetOpen())})
	}
	return out.table([]string{"KIND", "CURRENCY", "WINDOW", "RAISED", "LOWERED", "NET", "MOVED", "CHANGES", "OPEN"}, rows)
}

// windowAmount writes an amount of a window; its currency stands in a column of its own.
func windowAmount(window *bidrailv1.LedgerWindow, amount int64) string {
	if window.GetCurrency() == "" {
		return policy.FormatRatio(amount)
	}
	return strings.TrimSuffix(policy.FormatMoney(amount, window.GetCurrency()), " "+window.GetCurrency())
}
