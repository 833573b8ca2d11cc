package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// Ledger is what has moved in one scope, for people.
type Ledger struct {
	Scope     ledger.Scope
	Now       time.Time
	Windows   []LedgerWindow
	Holds     []ledger.Hold // open ones, the oldest first
	MoreHolds bool          // than are shown
	Headroom  []Headroom
}

// LedgerWindow is one rolling sum of one unit.
type LedgerWindow struct {
	Name   ledger.Name
	Unit   ledger.Unit
	Window ledger.Window
}

// Headroom is what a limit over a window has left. Amounts are in the currency of the cap.
type Headroom struct {
	Cap     ledger.Cap
	Window  string // the revision's name for the length, or the length
	Used    int64
	Left    int64
	Problem error // why neither is known
	Source  string
}

// MaxShownHolds is how many holds Ledger shows at most.
const MaxShownHolds = 1000

// Open holds of a scope are looked for among this many at most.
const maxHoldsSearched = 50_000

// Ledger shows the windows, the open holds and the headroom of a scope.
func (s *Server) Ledger(ctx context.Context, principal policy.Principal, scope ledger.Scope, holds int) (*Ledger, error) {
	if err := s.admit(principal, opReadLedger); err != nil {
		return nil, err
	}
	if holds < 0 || holds > MaxShownHolds {
		return nil, &FieldError{"holds", fmt.Sprintf("is %d; ask for at most %d", holds, MaxShownHolds)}
	}
	shown := &Ledger{Scope: scope}
	var sheet ledger.Sheet
	err := s.store.View(ctx, func(r store.Reader) error {
		state, err := r.Sheets([]ledger.Scope{scope})
		if err != nil {
			return err
		}
		sheet, shown.Now = state[scope], r.Now()
		shown.Holds, shown.MoreHolds, err = openHolds(r, scope, holds)
		return err
	})
	if err != nil {
		return nil, err
	}
	active := s.policy.Load()
	names := active.windowNames()
	for _, tally := range sheet {
		for _, name := range names {
			window, err := tally.Window(name.Length, shown.Now)
			if err != nil {
				return nil, err
			}
			shown.Windows = append(shown.Windows, LedgerWindow{name, tally.Unit(), window})
		}
	}
	slices.SortStableFunc(shown.Windows, func(a, b LedgerWindow) int { return int(a.Unit.Kind) - int(b.Unit.Kind) })
	shown.Headroom = s.headroom(active, sheet, scope, shown.Now)
	return shown, nil
}

// openHolds is at most limit open holds of a scope.
func openHolds(r store.LedgerReader, scope ledger.Scope, limit int) (found []ledger.Hold, more bool, err error) {
	const page = 500
	for after, searched := "", 0; searched < maxHoldsSearched; searched += page {
		holds, err := r.OpenHolds(after, page)
		if err != nil {
			return nil, false, err
		}
		for _, hold := range holds {
			if !slices.Contains(hold.Scopes(), scope) {
				continue
			}
			if len(found) == limit {
				return found, true, nil
			}
			found = append(found, hold)
		}
		if len(holds) < page {
			return found, false, nil
		}
		after = holds[len(holds)-1].ID
	}
	return found, true, nil
}

// windowNames is the lengths of the revision, short ones first, or the usual ones when it names none.
func (p *Policy) windowNames() []ledger.Name {
	if p != nil && len(p.names) > 0 {
		return p.names
	}
	var names []ledger.Name
	for _, length := range ledger.DefaultLengths() {
		names = append(names, ledger.Name{Name: length.String(), Length: length})
	}
	return names
}

// headroom is what the caps on a scope have left: the operator's own, and those that rules hold to.
func (s *Server) headroom(active *Policy, sheet ledger.Sheet, scope ledger.Scope, now time.Time) []Headroom {
	var rates ledger.Rates
	var all []Headroom
	if active != nil {
		rates = active.rates
	}
	for _, cap := range ledger.CapsOn(s.caps, []ledger.Scope{scope}) {
		all = append(all, Headroom{Cap: cap, Window: cap.Length.String(), Source: "configuration of the server"})
	}
	if active != nil {
		for _, rule := range active.Engine.Rules() {
			if rule.Cap != nil && rule.Mode != policy.RuleOff && rule.Cap.Scope == scope.Kind.String() {
				all = append(all, active.headroom(rule, sheet, scope)...)
			}
		}
	}
	for i := range all {
		each := &all[i]
		if each.Used, each.Problem = sheet.Used(each.Cap, rates, now); each.Problem == nil {
			each.Left, each.Problem = sheet.Headroom(each.Cap, rates, now)
		}
	}
	return all
}

// headroom is the caps of one rule on a scope, one for each unit that has moved there and that the rule concerns. Limits
// are resolved for what the scope says of a target: one that is set for a channel or a label is not seen here.
func (p *Policy) headroom(rule *policy.Rule, sheet ledger.Sheet, scope ledger.Scope) []Headroom {
	measure, err := ledger.ParseMeasure(rule.Cap.Measure)
	if err != nil {
		return nil // the engine has checked it
	}
	target := targetOf(scope)
	var all []Headroom
	type held struct {
		family policy.Kind // its first
		limit  policy.CapLimit
	}
	seen := map[held]bool{}
	units := map[ledger.Unit]bool{}
	for _, tally := range sheet {
		units[tally.Unit()] = true
	}
	for _, unit := range slices.SortedFunc(maps.Keys(units), compareUnits) {
		limit, found := p.Engine.LimitFor(target, unit.Kind, unit.Currency, rule.Cap.Limit)
		row := held{ledger.Family(unit.Kind)[0], limit}
		if !rule.Concerns(unit.Kind) || !found || limit.Unlimited || seen[row] {
			continue
		}
		seen[row] = true
		cap := ledger.Cap{Name: rule.ID, Scope: scope, Length: p.lengths[rule.Cap.Window], Measure: measure,
			Kinds: ledger.Family(unit.Kind), Limit: limit.Amount, Currency: limit.Currency}
		all = append(all, Headroom{Cap: cap, Window: rule.Cap.Window, Source: limit.Source})
	}
	return all
}

func compareUnits(a, b ledger.Unit) int {
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	switch {
	case a.Currency < b.Currency:
		return -1
	case a.Currency > b.Currency:
		return 1
	}
	return 0
}

// targetOf is what a scope says of the targets in it.
func targetOf(scope ledger.Scope) policy.Target {
	ids := scope.IDs()
	var target policy.Target
	switch scope.Kind {
	case ledger.Automation, ledger.Run, ledger.Organisation:
		return target
	}
	target.Platform, target.Account = ids[0], ids[1]
	switch scope.Kind {
	case ledger.Field:
		target.EntityType, target.EntityID = ids[2], ids[3]
	case ledger.AdGroup:
		target.AdGroup = ids[2]
	case ledger.Campaign:
		target.Campaign = ids[2]
	case ledger.Portfolio:
		target.Portfolio = ids[2]
	case ledger.Channel:
		target.Channel = ids[2]
	}
	return target
}
