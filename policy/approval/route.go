package approval

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/limits"
)

// Routes is who is asked about which changes, beyond what the rules themselves say. It is data of a revision
// (data.routes):
//
//	waits: 4h                       # how long an approval waits for people
//	lives: 30m                      # how long their yes is good
//	suppress: 24h                   # how long a rejection keeps the same move away; 0s: not at all
//	default: [{name: review, any_of: [{group: approvers}]}]
//	grants: [{name: leads, any_of: [{group: leads}], quorum: 2}]
//	routes:
//	  - name: large budgets
//	    kinds: [daily_budget]       # each list: any of these; empty: whatever it is
//	    platforms: []
//	    accounts: []
//	    channels: []
//	    markets: []                 # the target's label "market"
//	    rules: []                   # only when one of these rules asks for people
//	    above: "10000.00 USD"       # only when the change moves more than that
//	    stages: [{name: finance, any_of: [{group: finance}]}]
//
// Every route that matches adds its stages. Stages are written as in [Ask]. The default is for what neither a rule nor a
// route says anything about, and for grants where they have no stages of their own.
type Routes struct {
	waits, lives, suppress Wait
	fallback               Requirement
	grants                 Requirement
	routes                 []route
}

// DefaultSuppress is how long a rejection keeps the same move away, where nobody says otherwise.
const DefaultSuppress = Wait(24 * time.Hour)

// DefaultGroup is the group that is asked where nobody says whom to ask.
const DefaultGroup = "approvers"

type route struct {
	name        string
	record      routeRecord
	above       policy.Value // Missing: however far
	requirement Requirement
}

type routeRecord struct {
	Name      string          `json:"name"`
	Kinds     []policy.Kind   `json:"kinds"`
	Platforms []string        `json:"platforms"`
	Accounts  []string        `json:"accounts"`
	Channels  []string        `json:"channels"`
	Markets   []string        `json:"markets"`
	Rules     []string        `json:"rules"`
	Above     string          `json:"above"`
	Stages    json.RawMessage `json:"stages"`
}

// DecodeRoutes reads data.routes; nil is the defaults. The error says everything that is wrong with it, and where.
func DecodeRoutes(document any) (*Routes, error) {
	record := struct {
		Waits    Wait              `json:"waits"`
		Lives    Wait              `json:"lives"`
		Suppress Wait              `json:"suppress"`
		Default  json.RawMessage   `json:"default"`
		Grants   json.RawMessage   `json:"grants"`
		Routes   []json.RawMessage `json:"routes"`
	}{Waits: DefaultWaits, Lives: DefaultLives, Suppress: DefaultSuppress}
	if err := decodeStrictly(document, &record); err != nil {
		return nil, fmt.Errorf("%w: routes/data.yaml: %v", policy.ErrInvalid, err)
	}
	r := &Routes{waits: record.Waits, lives: record.Lives, suppress: record.Suppress}
	r.fallback = Requirement{{Name: "review", Counts: []Count{{[]string{DefaultGroup}, 1}}, DenyQuorum: 1}}
	var problems problems
	if r.waits == 0 || r.lives == 0 {
		problems.at("waits and lives").check([]error{errors.New("an approval waits for some time, and lives for some; leave them out for the defaults")})
	}
	if said(record.Default) {
		var err error
		if r.fallback, err = decodeStages(record.Default); err != nil {
			problems.at("default").check([]error{err})
		}
	}
	r.grants = r.fallback
	if said(record.Grants) {
		var err error
		if r.grants, err = decodeStages(record.Grants); err != nil {
			problems.at("grants").check([]error{err})
		}
	}
	for i, encoded := range record.Routes {
		problems.at("routes[%d]", i).check(r.addRoute(encoded))
	}
	if err := problems.err("routes/data.yaml"); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Routes) addRoute(encoded []byte) []error {
	var record routeRecord
	if err := decodeStrictly(json.RawMessage(encoded), &record); err != nil {
		return []error{err}
	}
	if record.Name == "" {
		return []error{errors.New("it has no name: what is it called when people ask why they were?")}
	}
	var wrong []error
	refuse := func(format string, arguments ...any) {
		wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{record.Name}, arguments...)...))
	}
	if slices.ContainsFunc(r.routes, func(other route) bool { return other.name == record.Name }) {
		refuse("there is another route of this name")
	}
	for _, names := range [][]string{record.Platforms, record.Accounts, record.Channels, record.Markets, record.Rules} {
		if slices.Contains(names, "") {
			refuse("a list has an empty name in it, which would match what has no name")
		}
	}
	if slices.Contains(record.Kinds, policy.KindUnknown) {
		refuse("kinds has an empty name in it")
	}
	added := route{name: record.Name, record: record}
	if record.Above != "" {
		amount, err := limits.ParseValue(limits.Money, record.Above)
		switch {
		case err != nil:
			refuse("above: %v", err)
		case amount.Unlimited:
			refuse("above: nothing is above unlimited, so the route would never be taken; leave it out")
		default:
			added.above = policy.MoneyValue(amount.Amount, amount.Currency)
		}
	}
	var err error
	if added.requirement, err = decodeStages(record.Stages); err != nil {
		refuse("stages: %w", err)
	}
	r.routes = append(r.routes, added)
	return wrong
}

// said reports whether a part of a document is there.
func said(encoded json.RawMessage) bool { return len(encoded) > 0 && string(encoded) != "null" }

// decodeStages reads the stages that somebody asks for. To ask for none is an error.
func decodeStages(encoded json.RawMessage) (Requirement, error) {
	if !said(encoded) {
		encoded = json.RawMessage("[]")
	}
	asks, err := DecodeAsks(encoded)
	if err != nil {
		return nil, err
	}
	return Require(asks...)
}

// Require is whom a finding about a change asks for: the stages of the finding itself and those of every route that
// matches, merged, or the default where there are none of either. The error says what of the finding cannot be read; then
// nobody could agree to it.
func (r *Routes) Require(change *policy.Change, finding policy.Finding) (Requirement, error) {
	var required Requirement
	if finding.Approval != "" {
		stages, err := decodeStages(json.RawMessage(finding.Approval))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", finding.Rule, err)
		}
		required = stages
	}
	for i := range r.routes {
		if r.routes[i].matches(change, finding.Rule) {
			required = required.Merge(r.routes[i].requirement)
		}
	}
	if len(required) == 0 {
		required = r.fallback
	}
	return required, nil
}

func (r *route) matches(change *policy.Change, rule string) bool {
	target := &change.Target
	if len(r.record.Kinds) > 0 && !slices.Contains(r.record.Kinds, change.Kind) {
		return false
	}
	for _, each := range []struct {
		names []string
		name  string
	}{
		{r.record.Platforms, target.Platform}, {r.record.Accounts, target.Account}, {r.record.Channels, target.Channel},
		{r.record.Markets, target.Labels["market"]}, {r.record.Rules, rule},
	} {
		if len(each.names) > 0 && !slices.Contains(each.names, each.name) {
			return false
		}
	}
	return r.above.Form == policy.Missing || movesMore(change, r.above)
}

// movesMore reports whether a change moves more than an amount of money. One that does not say so in that currency, on
// both sides, may move any amount, and does.
func movesMore(change *policy.Change, amount policy.Value) bool {
	for _, side := range []policy.Value{change.Before, change.After} {
		if side.Form != policy.Money || side.Currency != amount.Currency {
			return true
		}
	}
	move := ledger.MovementOf(change)
	return move.Unbounded || move.Amount > amount.Amount
}

// Grants is who agrees to grants.
func (r *Routes) Grants() Requirement { return r.grants }

// Rules is the ids of the rules that routes name, each once.
func (r *Routes) Rules() []string {
	var rules []string
	for _, route := range r.routes {
		rules = append(rules, route.record.Rules...)
	}
	return sortedSet(rules)
}

// Waits is how long an approval waits for people.
func (r *Routes) Waits() Wait { return r.waits }

// Lives is how long their yes is good.
func (r *Routes) Lives() Wait { return r.lives }

// Suppress is how long a rejection keeps the same move away; 0: not at all.
func (r *Routes) Suppress() Wait { return r.suppress }

// AskedOf is what the findings of a change ask people for, each with whom it asks. What is in shadow, was answered
// already, or only says that another leg is held asks nobody. Who proposes the change makes no difference here: whom it
// keeps from reviewing is told when they are counted. The error says that whom a finding asks for cannot be read; the
// change is not allowed then.
func AskedOf(change *policy.Change, findings []policy.Finding, routes *Routes) ([]Asked, error) {
	var asked []Asked
	for _, finding := range findings {
		if finding.Effect != policy.Approve || finding.Shadow || finding.LiftedBy != "" || finding.Rule == policy.FindingGroup {
			continue
		}
		requirement, err := routes.Require(change, finding)
		if err != nil {
			return nil, err
		}
		asked = append(asked, Asked{Item{Rule: finding.Rule, Field: ledger.FieldScope(change.Target.Key(), change.Kind), Severity: finding.Severity,
			Magnitude: finding.Magnitude, Message: finding.Message, ChangeID: change.ID}, requirement})
	}
	return asked, nil
}
