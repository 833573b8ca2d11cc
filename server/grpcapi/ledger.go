package grpcapi

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// ledgers serves LedgerService.
type ledgers struct {
	bidrailv1.UnimplementedLedgerServiceServer
	server *server.Server
}

// shownHolds is how many holds are shown to who does not say.
const shownHolds = 50

func (l *ledgers) GetLedger(ctx context.Context, request *bidrailv1.GetLedgerRequest) (*bidrailv1.Ledger, error) {
	scope, err := scopeOf(request.GetScope())
	if err != nil {
		return nil, err
	}
	shown, err := l.server.Ledger(ctx, principalOf(ctx), scope, cmp.Or(int(request.GetHolds()), shownHolds))
	if err != nil {
		return nil, err
	}
	return LedgerMessage(shown), nil
}

// LedgerMessage writes what has moved in a scope for the API.
func LedgerMessage(shown *server.Ledger) *bidrailv1.Ledger {
	message := &bidrailv1.Ledger{Scope: shown.Scope.String(), Now: stampOf(shown.Now), MoreHolds: shown.MoreHolds}
	for _, each := range shown.Windows {
		message.Windows = append(message.Windows, windowMessage(each))
	}
	for _, hold := range shown.Holds {
		message.Holds = append(message.Holds, holdMessage(hold))
	}
	for _, headroom := range shown.Headroom {
		message.Headroom = append(message.Headroom, headroomMessage(headroom))
	}
	return message
}

func windowMessage(each server.LedgerWindow) *bidrailv1.LedgerWindow {
	w := &each.Window
	return &bidrailv1.LedgerWindow{
		Window: each.Name.Name, Seconds: int64(time.Duration(each.Name.Length) / time.Second), Kind: bidrailv1.Kind(each.Unit.Kind), Currency: each.Unit.Currency,
		Raised: w.Raised, Lowered: w.Lowered, NetRise: w.NetRise, Moved: w.Moved, Count: w.Count, Open: w.Open, Reversals: w.Reversals,
		HeldRaised: w.HeldRaised, HeldLowered: w.HeldLowered,
	}
}

func holdMessage(hold ledger.Hold) *bidrailv1.Hold {
	message := &bidrailv1.Hold{DecisionId: hold.ID, Kind: bidrailv1.Kind(hold.Movement.Unit.Kind), Amount: ValueMessage(amountOf(&hold.Movement)),
		Direction: hold.Movement.Direction.String(), PlacedAt: stampOf(hold.PlacedAt)}
	for _, scope := range hold.Scopes() {
		if scope.Kind == ledger.Field {
			message.Field = scope.String()
		}
	}
	return message
}

// amountOf is how far a movement moves its field; Missing when it has no amount.
func amountOf(m *ledger.Movement) policy.Value {
	switch {
	case m.Unbounded:
		return policy.UnlimitedValue()
	case m.Unit.Currency != "":
		return policy.MoneyValue(m.Amount, m.Unit.Currency)
	case m.Amount != 0:
		return policy.RatioValue(m.Amount)
	}
	return policy.Value{}
}

func headroomMessage(h server.Headroom) *bidrailv1.Headroom {
	message := &bidrailv1.Headroom{Rule: h.Cap.Name, Measure: h.Cap.Measure.String(), Window: h.Window, Limit: amountText(&h.Cap, h.Cap.Limit), Source: h.Source}
	for _, kind := range h.Cap.Kinds {
		message.Kinds = append(message.Kinds, bidrailv1.Kind(kind))
	}
	if h.Problem != nil {
		message.Problem = h.Problem.Error()
		return message
	}
	message.Used, message.Left = amountText(&h.Cap, h.Used), amountText(&h.Cap, h.Left)
	return message
}

// amountText writes an amount for people, in what the cap is in.
func amountText(limit *ledger.Cap, amount int64) string {
	switch {
	case amount == math.MaxInt64: // where sums stop
		return "more than can be written"
	case limit.Measure == ledger.Count || limit.Measure == ledger.Reversals:
		return strconv.FormatInt(amount, 10)
	case limit.Currency != "":
		return policy.FormatMoney(amount, limit.Currency)
	}
	return policy.FormatRatio(amount)
}
