package approval

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

// Grant is an agreement given ahead, for a time: changes of one kind within one scope need nobody for what the named
// rules say, up to so much each, so much together, and so many of them. It never says yes to a BLOCK. Its end is fixed
// when it is made and nothing moves it: a grant that is to go on is another grant, with another approval.
//
// What was used is not given back when a permit dies, so that a grant never lets through more than it says.
type Grant struct {
	ID         string       `json:"grant_id"`
	ApprovalID string       `json:"approval_id"` // that of the people who agreed to it
	Automation string       `json:"automation"`
	Scope      ledger.Scope `json:"scope"`
	Kind       policy.Kind  `json:"kind"`
	Rules      []string     `json:"rules"`      // whose findings it answers
	PerChange  policy.Value `json:"per_change"` // how far one change may move; Missing where the kind has no amounts
	Together   policy.Value `json:"together"`   // how far all of them may
	MaxUses    int64        `json:"max_uses"`
	Reason     string       `json:"reason"`
	Starts     time.Time    `json:"starts"`
	Ends       time.Time    `json:"ends"`

	Version   int64     `json:"version"` // 1 when it was made, and one more with every use
	Uses      int64     `json:"uses"`
	Used      int64     `json:"used"` // in the unit of Together
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	RevokedBy string    `json:"revoked_by,omitempty"`
}

// LongestGrant is how long a grant can be where the operator does not say.
const LongestGrant = 7 * 24 * time.Hour

// Validate says what is wrong with a grant that somebody asks for.
func (g *Grant) Validate(longest time.Duration) error {
	invalid := func(format string, arguments ...any) error {
		return fmt.Errorf("%w: grant %s: %s", policy.ErrInvalid, g.ID, fmt.Sprintf(format, arguments...))
	}
	amount := func(v policy.Value) bool { return (v.Form == policy.Money || v.Form == policy.Ratio) && v.Amount > 0 }
	switch {
	case g.ID == "" || g.ApprovalID == "" || g.Automation == "":
		return invalid("it has no id, no automation, or no approval: people agree to a grant as they agree to a change")
	case !g.Kind.Known() || g.Scope.Kind == 0:
		return invalid("it is for one kind of change, within one scope")
	case len(g.Rules) == 0 || slices.Contains(g.Rules, ""):
		return invalid("name the rules that it answers; a grant is not a way around all of them")
	case g.MaxUses < 1:
		return invalid("say how often it can be used")
	case g.Reason == "" || len(g.Reason) > MaxText:
		return invalid("say why, in at most %d bytes", MaxText)
	case g.Starts.IsZero() || !g.Ends.After(g.Starts):
		return invalid("it starts, and ends later")
	case g.Ends.Sub(g.Starts) > longest:
		return invalid("it would last %v, more than %v; make it shorter and another when it ends", g.Ends.Sub(g.Starts), longest)
	case g.PerChange.Form != policy.Missing && !amount(g.PerChange), g.Together.Form != policy.Missing && !amount(g.Together):
		return invalid("its caps are amounts above zero")
	case g.PerChange.Form == policy.Missing && hasAmounts(g.Kind):
		return invalid("%s has amounts: say how far one change may move it, and all together", g.Kind)
	case g.PerChange.Form != g.Together.Form || g.PerChange.Currency != g.Together.Currency || g.PerChange.Amount > g.Together.Amount:
		return invalid("what one change may move is in the unit of what all may move, and no more than that")
	}
	return nil
}

// hasAmounts reports whether values of the kind are money or ratios.
func hasAmounts(kind policy.Kind) bool {
	switch kind {
	case policy.KindBid, policy.KindDefaultBid, policy.KindBidModifier, policy.KindBidLimit, policy.KindTargetCPA, policy.KindTargetROAS,
		policy.KindDailyBudget, policy.KindMonthlyBudget, policy.KindLifetimeBudget, policy.KindSharedBudget, policy.KindAccountBudget:
		return true
	}
	return false
}

// Encode is the stored form of the grant.
func (g Grant) Encode() ([]byte, error) { return json.Marshal(g) }

// DecodeGrant reads what [Grant.Encode] wrote.
func DecodeGrant(encoded []byte) (Grant, error) { return decode[Grant](encoded, "a grant") }

// Active reports whether the grant holds at a time.
func (g *Grant) Active(now time.Time) bool {
	return !now.Before(g.Starts) && now.Before(g.Ends) && g.RevokedAt.IsZero()
}

// Use counts one change against the grant and returns the grant as it is then, or says why the change is not covered.
// The findings are all that rules say of the change; what is in shadow or only warns needs no answer.
func (g Grant) Use(change *policy.Change, automation string, findings []policy.Finding, now time.Time) (Grant, error) {
	refuse := func(kind error, format string, arguments ...any) (Grant, error) {
		return g, fmt.Errorf("%w: grant %s: %s", kind, g.ID, fmt.Sprintf(format, arguments...))
	}
	switch {
	case automation != g.Automation:
		return refuse(policy.ErrForbidden, "it is another automation's")
	case !g.Active(now):
		return refuse(policy.ErrPrecondition, "it holds from %s to %s", g.Starts.Format(time.RFC3339), g.Ends.Format(time.RFC3339))
	case change.Kind != g.Kind || !slices.Contains(ledger.ScopesOf(change, automation), g.Scope):
		return refuse(policy.ErrPrecondition, "it is for %s within %s", g.Kind, g.Scope)
	}
	for _, finding := range findings {
		switch {
		case finding.Shadow || finding.Effect == policy.Warn:
		case finding.Effect != policy.Approve:
			return refuse(policy.ErrPrecondition, "%s blocks, and a grant answers no block", finding.Rule)
		case !slices.Contains(g.Rules, finding.Rule):
			return refuse(policy.ErrPrecondition, "it does not answer %s", finding.Rule)
		}
	}
	move := ledger.MovementOf(change)
	unit := change.After
	if unit.Form != policy.Money && unit.Form != policy.Ratio {
		unit = change.Before
	}
	switch amounts := unit.Form == policy.Money || unit.Form == policy.Ratio; {
	case move.Unbounded:
		return refuse(policy.ErrExhausted, "the change has no bounds")
	case amounts && (unit.Form != g.PerChange.Form || unit.Currency != g.PerChange.Currency):
		return refuse(policy.ErrPrecondition, "its caps are in another unit than the change")
	case !amounts && g.PerChange.Form != policy.Missing:
		return refuse(policy.ErrPrecondition, "the change has no amount to hold against its caps")
	case amounts && move.Amount > g.PerChange.Amount:
		return refuse(policy.ErrExhausted, "one change may move %v", g.PerChange)
	case g.Uses >= g.MaxUses:
		return refuse(policy.ErrExhausted, "it was used %d times, which is all", g.Uses)
	case amounts && (g.Used > math.MaxInt64-move.Amount || g.Used+move.Amount > g.Together.Amount):
		return refuse(policy.ErrExhausted, "all changes together may move %v", g.Together)
	case amounts:
		g.Used += move.Amount
	}
	g.Uses++
	g.Version++
	return g, nil
}

// Revoke ends the grant. To revoke it again changes nothing.
func (g Grant) Revoke(by string, now time.Time) Grant {
	if g.RevokedAt.IsZero() {
		g.RevokedAt, g.RevokedBy = now, by
		g.Version++
	}
	return g
}
