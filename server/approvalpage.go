package server

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// ApprovalPage is an approval with all that somebody needs to decide on it, as of one moment.
type ApprovalPage struct {
	Approval approval.Approval
	Now      time.Time // the store's
	Reviews  []approval.Review
	Legs     []ApprovalLeg
	// Exposure is what the scopes of the changes have moved lately, and would have if it is approved.
	Exposure []Exposure
	// Others is the approvals that are open on the same fields, whoever asks for them.
	Others []approval.Approval
	// Permit is the one that is out, or was claimed; zero: there is none.
	Permit permit.Permit
	// Place is the caller's own.
	Place Place
}

// ApprovalLeg is one change of an approval.
type ApprovalLeg struct {
	Decision *policy.Decision
	Change   *policy.Change // with its facts
	// PerDay is how much more money can be spent in a day, less when it is negative, in whole micros rounded away from
	// zero; Missing: the kind does not say.
	PerDay policy.Value
	// History is the last decisions on the same entity before, the newest first.
	History []*policy.Decision
}

// Exposure is what one scope has moved within the last 24 hours, and would move, in the unit of the first change: micros of
// its currency, or ppm where there is none. It is of the kinds whose amounts add up with that change's, and of no other.
type Exposure struct {
	Scope    ledger.Scope
	Currency string
	Raised   int64 // posted and held
	Lowered  int64
	Asked    int64  // what this approval would raise on top
	Waiting  int64  // what other open approvals would
	More     bool   // there are more open approvals than were added up
	Problem  string // the sums are not known, for this reason
}

// Place is whether somebody can review an approval now.
type Place struct {
	Approve bool
	Reject  bool
	Why     string   // they can do neither: why not
	For     []string // in whose place they can approve it
}

// How much of what was before, and of what else waits, a page shows.
const (
	pageHistory = 10
	pageWaiting = 200
)

// GetApproval returns an approval with all that it takes to decide on it. Who may not see it is told the same as when
// there is none.
func (s *Server) GetApproval(ctx context.Context, principal policy.Principal, id string) (page ApprovalPage, err error) {
	if err := s.admit(principal, opReadApprovals); err != nil {
		return ApprovalPage{}, err
	}
	active := s.policy.Load()
	err = s.store.View(ctx, func(r store.Reader) error {
		page = ApprovalPage{Now: r.Now()}
		found, err := r.Approvals([]string{id})
		if err != nil {
			return err
		}
		a, there := found[id]
		if !there || !mayReadApproval(principal, &a) {
			return noApproval(id, principal)
		}
		page.Approval = a
		if page.Reviews, err = r.Reviews(id); err != nil {
			return err
		}
		if a.PermitID != "" {
			permits, err := r.Permits([]string{a.PermitID})
			if err != nil {
				return err
			}
			page.Permit = permits[a.PermitID]
		}
		delegations, err := r.Delegations(principal.Subject, page.Now)
		if err != nil {
			return err
		}
		concerned := active.withStakes(a)
		page.Place = placeOf(&concerned, principal.Subject, approval.Known{Reviews: page.Reviews, People: active.person, Delegations: delegations}, page.Now)
		if a.Grant != nil {
			return nil
		}
		return page.readLegs(r, active, seesAll(principal))
	})
	return page, err
}

// readLegs reads what the changes are, what was before them and what else there is. What others do is for those who see
// all of it.
func (p *ApprovalPage) readLegs(r store.Reader, active *Policy, all bool) error {
	encoded, err := r.ApprovalChanges(p.Approval.ID)
	if err != nil {
		return err
	}
	changes, err := decodeChanges(encoded, &p.Approval)
	if err != nil {
		return err
	}
	var fields []ledger.Scope
	for _, leg := range p.Approval.Legs {
		shown := ApprovalLeg{PerDay: perDay(leg.Kind, leg.Before, leg.After)}
		if at := slices.IndexFunc(changes, func(change *policy.Change) bool { return change.ID == leg.ChangeID }); at >= 0 {
			shown.Change = changes[at]
		}
		record, err := r.Decision(leg.DecisionID)
		if err != nil && !errors.Is(err, policy.ErrNotFound) {
			return err
		}
		shown.Decision = record.Decision
		if shown.History, err = history(r, leg, p.Approval.Automation, all); err != nil {
			return err
		}
		p.Legs = append(p.Legs, shown)
		fields = append(fields, ledger.FieldScope(leg.Target.Key(), leg.Kind))
	}
	if !all {
		return nil
	}
	open, err := r.OpenApprovals("", fields)
	if err != nil {
		return err
	}
	p.Others = slices.DeleteFunc(open, func(other approval.Approval) bool { return other.ID == p.Approval.ID })
	return p.readExposure(r, active)
}

// history is the last decisions on the entity of a leg, but for the leg's own.
func history(r store.Reader, leg permit.Leg, automation string, all bool) ([]*policy.Decision, error) {
	filter := store.DecisionFilter{Platform: leg.Target.Platform, Account: leg.Target.Account, EntityType: leg.Target.EntityType, EntityID: leg.Target.EntityID}
	if !all {
		filter.Automation = automation
	}
	found, err := r.ListDecisions(filter, store.Page{Limit: pageHistory + 1})
	if err != nil {
		return nil, err
	}
	var decisions []*policy.Decision
	for _, record := range found.Records {
		if record.Decision.ID != leg.DecisionID && len(decisions) < pageHistory {
			decisions = append(decisions, record.Decision)
		}
	}
	return decisions, nil
}

// readExposure adds up what the scopes that the changes share with others have moved within a day, and what else waits.
func (p *ApprovalPage) readExposure(r store.Reader, active *Policy) error {
	first := p.Approval.Legs[0]
	day, err := ledger.ParseLength("24h")
	if err != nil {
		return err
	}
	kinds := ledger.Family(first.Kind)
	asked := risesOf(&p.Approval, kinds, first.After.Currency)
	var scopes []ledger.Scope
	for scope := range asked {
		if scope.Kind != ledger.Field && scope.Kind != ledger.Organisation && scope.Kind != ledger.Run {
			scopes = append(scopes, scope)
		}
	}
	slices.SortFunc(scopes, ledger.Scope.Compare)
	state, err := r.Sheets(scopes)
	if err != nil {
		return err
	}
	waiting, next, err := r.ListApprovals(store.ApprovalFilter{Open: true, Platform: first.Target.Platform, Account: first.Target.Account}, store.Page{Limit: pageWaiting})
	if err != nil {
		return err
	}
	var rates ledger.Rates
	if active != nil {
		rates = active.rates
	}
	var others []map[ledger.Scope]int64
	for i := range waiting {
		if waiting[i].ID != p.Approval.ID {
			others = append(others, risesOf(&waiting[i], kinds, first.After.Currency))
		}
	}
	for _, scope := range scopes {
		line := Exposure{Scope: scope, Currency: first.After.Currency, Asked: asked[scope], More: next != ""}
		window, err := state[scope].Sum(kinds, first.After.Currency, rates, day, p.Now)
		if err != nil {
			line.Problem = err.Error()
		}
		line.Raised, line.Lowered = window.Raised, window.Lowered
		for _, other := range others {
			line.Waiting = saturated(line.Waiting, other[scope])
		}
		p.Exposure = append(p.Exposure, line)
	}
	return nil
}

// risesOf is what an approval would raise in each scope: of kinds whose amounts add up, and in one currency.
func risesOf(a *approval.Approval, kinds []policy.Kind, currency string) map[ledger.Scope]int64 {
	rises := map[ledger.Scope]int64{}
	for _, leg := range a.Legs {
		change := &policy.Change{Kind: leg.Kind, Target: leg.Target, Before: leg.Before, After: leg.After}
		movement := ledger.MovementOf(change)
		for _, scope := range ledger.ScopesOf(change, a.Automation) {
			rise := int64(0)
			if slices.Contains(kinds, leg.Kind) && leg.Direction != policy.Cut && leg.After.Currency == currency {
				rise = movement.Amount
			}
			rises[scope] = saturated(rises[scope], rise)
		}
	}
	return rises
}

func saturated(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// daysOf is over how many days the money of a kind is spent. A month is 365/12 days, which Google rounds to 30.4 (Google Ads
// help, answer 10487143) and this does not.
func daysOf(kind policy.Kind) (numerator, denominator int64, known bool) {
	switch kind {
	case policy.KindDailyBudget, policy.KindSharedBudget:
		return 1, 1, true
	case policy.KindMonthlyBudget:
		return 365, 12, true
	}
	return 0, 0, false
}

// perDay is how much more money a change of the kind lets be spent in a day.
func perDay(kind policy.Kind, before, after policy.Value) policy.Value {
	numerator, denominator, known := daysOf(kind)
	if !known || before.Form != policy.Money || after.Form != policy.Money || before.Currency != after.Currency {
		return policy.Value{}
	}
	more := after.Amount - before.Amount
	if (more > 0) != (after.Amount > before.Amount) || more > math.MaxInt64/denominator || more < math.MinInt64/denominator {
		return policy.Value{} // too large to say
	}
	more *= denominator
	rounded := more / numerator
	switch rest := more % numerator; {
	case rest > 0:
		rounded++
	case rest < 0:
		rounded--
	}
	return policy.MoneyValue(rounded, after.Currency)
}
