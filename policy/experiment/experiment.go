// Package experiment knows the registered tests and which of them touch a target. It is pure: what
// holds at a time follows from the records and that time. Start with [Decode] and [Touching].
package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Experiment is one registered test.
type Experiment struct {
	ID             string
	Name           string
	Type           string    // ab, geo_holdout, audience_holdout, lift or incrementality
	BaselineStarts time.Time // zero: no baseline period
	Starts         time.Time
	Ends           time.Time
	CooldownEnds   time.Time // zero: no cooldown
	State          string    // draft, aborted or concluded; empty: what the dates say
	Owner          string
	Sync           bool
	FrozenFields   []policy.Kind
	Arms           []Arm // sorted by name
}

// Arm is one side of a test and what belongs to it.
type Arm struct {
	Name      string
	Control   bool
	Campaigns []string
	AdGroups  []string
	Labels    map[string]string // all of them must be on the target; none: labels do not decide
}

// defaultFrozen is what a test holds still unless it says otherwise: everything that steers
// delivery or spend.
var defaultFrozen = []policy.Kind{
	policy.KindBid, policy.KindDefaultBid, policy.KindBidModifier, policy.KindBidLimit,
	policy.KindTargetCPA, policy.KindTargetROAS, policy.KindBidStrategy,
	policy.KindDailyBudget, policy.KindMonthlyBudget, policy.KindLifetimeBudget, policy.KindBudgetType,
	policy.KindSharedBudget, policy.KindBudgetRule, policy.KindPacing, policy.KindStatus,
	policy.KindFlightDates, policy.KindExperimentControl, policy.KindTargetingExclusion, policy.KindTargeting, policy.KindConversionGoal,
}

// record is an experiment as data.experiments writes it.
type record struct {
	Name           string               `json:"name"`
	Type           string               `json:"type"`
	BaselineStarts time.Time            `json:"baseline_starts"`
	Starts         time.Time            `json:"starts"`
	Ends           time.Time            `json:"ends"`
	CooldownEnds   time.Time            `json:"cooldown_ends"`
	State          string               `json:"state"`
	Owner          string               `json:"owner"`
	Sync           bool                 `json:"sync"`
	FrozenFields   []policy.Kind        `json:"frozen_fields"`
	Arms           map[string]armRecord `json:"arms"`
}

type armRecord struct {
	Control   bool              `json:"control"`
	Campaigns []string          `json:"campaigns"`
	AdGroups  []string          `json:"ad_groups"`
	Labels    map[string]string `json:"labels"`
}

// Decode reads data.experiments, sorted by id. The error names the experiment and what it lacks.
func Decode(document any) ([]Experiment, error) {
	if document == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%w: data.experiments: %v", policy.ErrRevision, err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	var records map[string]record
	if err := decoder.Decode(&records); err != nil {
		return nil, fmt.Errorf("%w: data.experiments: %v", policy.ErrRevision, err)
	}
	var experiments []Experiment
	for _, id := range slices.Sorted(maps.Keys(records)) {
		each, err := records[id].experiment(id)
		if err != nil {
			return nil, fmt.Errorf("%w: data.experiments.%s: %v", policy.ErrRevision, id, err)
		}
		experiments = append(experiments, each)
	}
	return experiments, nil
}

// DecodeEntry reads one experiment as the registry keeps it, in the same words as data.experiments.
func DecodeEntry(id string, body []byte) (Experiment, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var r record
	if err := decoder.Decode(&r); err != nil {
		return Experiment{}, fmt.Errorf("%w: experiment %s: %v", policy.ErrInvalid, id, err)
	}
	each, err := r.experiment(id)
	if err != nil {
		return Experiment{}, fmt.Errorf("%w: experiment %s: %v", policy.ErrInvalid, id, err)
	}
	return each, nil
}

func (r record) experiment(id string) (Experiment, error) {
	e := Experiment{ID: id, Name: r.Name, Type: r.Type, BaselineStarts: r.BaselineStarts, Starts: r.Starts, Ends: r.Ends,
		CooldownEnds: r.CooldownEnds, State: r.State, Owner: r.Owner, Sync: r.Sync, FrozenFields: r.FrozenFields}
	if e.FrozenFields == nil {
		e.FrozenFields = defaultFrozen
	}
	switch {
	case !slices.Contains([]string{"ab", "geo_holdout", "audience_holdout", "lift", "incrementality"}, r.Type):
		return e, fmt.Errorf("type is %q; it is ab, geo_holdout, audience_holdout, lift or incrementality", r.Type)
	case !slices.Contains([]string{"", "draft", "aborted", "concluded"}, r.State):
		return e, fmt.Errorf("state is %q; dates decide the state, and only draft, aborted and concluded can be set", r.State)
	case r.Owner == "":
		return e, fmt.Errorf("owner is missing: who answers for the test?")
	case r.Starts.IsZero() || !r.Ends.After(r.Starts):
		return e, fmt.Errorf("starts and ends must be times such as 2026-03-02T00:00:00Z, the end after the start")
	case !r.BaselineStarts.IsZero() && !r.BaselineStarts.Before(r.Starts):
		return e, fmt.Errorf("baseline_starts must be before starts")
	case !r.CooldownEnds.IsZero() && r.CooldownEnds.Before(r.Ends):
		return e, fmt.Errorf("cooldown_ends must not be before ends")
	case len(r.Arms) == 0:
		return e, fmt.Errorf("there are no arms, so it would touch nothing")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Arms)) {
		arm := r.Arms[name]
		if len(arm.Campaigns)+len(arm.AdGroups)+len(arm.Labels) == 0 {
			return e, fmt.Errorf("the arm %s has no campaigns, ad_groups or labels, so nothing would be in it", name)
		}
		e.Arms = append(e.Arms, Arm{name, arm.Control, arm.Campaigns, arm.AdGroups, arm.Labels})
	}
	return e, nil
}

// StateAt is the state at a time. Both ends of a period are taken half-open: a test that ends at
// midnight no longer runs at midnight.
func (e *Experiment) StateAt(now time.Time) string {
	switch {
	case e.State != "":
		return e.State
	case now.Before(e.Starts):
		if !e.BaselineStarts.IsZero() && !now.Before(e.BaselineStarts) {
			return "baseline"
		}
		return "scheduled"
	case now.Before(e.Ends):
		return "running"
	case now.Before(e.CooldownEnds):
		return "cooldown"
	default:
		return "analysis"
	}
}

// Holds reports whether the target belongs to the arm: by campaign, by ad group, or by having all
// of its labels.
func (a *Arm) Holds(target policy.Target) bool {
	if target.Campaign != "" && slices.Contains(a.Campaigns, target.Campaign) ||
		target.EntityType == "campaign" && slices.Contains(a.Campaigns, target.EntityID) {
		return true
	}
	if target.AdGroup != "" && slices.Contains(a.AdGroups, target.AdGroup) ||
		target.EntityType == "ad_group" && slices.Contains(a.AdGroups, target.EntityID) {
		return true
	}
	for key, label := range a.Labels {
		if held, ok := target.Labels[key]; !ok || held != label {
			return false
		}
	}
	return len(a.Labels) > 0
}

// Touching returns the participations of a target: one for each arm of each test that holds it, in the
// order of the tests. Their state is that of now or, where that one is live and the present one is
// not, of the time until at which a change takes effect (zero or past: now). Tests that are over for
// good are left out.
func Touching(experiments []Experiment, target policy.Target, now, until time.Time) []policy.Participation {
	var touching []policy.Participation
	for i := range experiments {
		e := &experiments[i]
		state := e.StateAt(now)
		if then := e.StateAt(until); until.After(now) && !live(state) && live(then) {
			state = then
		}
		if state == "aborted" || state == "concluded" {
			continue
		}
		for j := range e.Arms {
			if e.Arms[j].Holds(target) {
				touching = append(touching, e.participation(e.Arms[j].Name, state))
			}
		}
	}
	return touching
}

func live(state string) bool { return policy.Participation{State: state}.Live() }

func (e *Experiment) participation(arm, state string) policy.Participation {
	p := policy.Participation{ID: e.ID, Name: e.Name, Type: e.Type, State: state, Owner: e.Owner, Sync: e.Sync, Relation: policy.Member, Arm: arm,
		Starts: e.Starts, Ends: e.Ends, MinimumEnds: e.Starts}
	for _, kind := range e.FrozenFields {
		p.FrozenFields = append(p.FrozenFields, kind.String())
	}
	for _, each := range e.Arms {
		p.Arms = append(p.Arms, policy.Arm{Name: each.Name, Control: each.Control, Campaigns: each.Campaigns})
	}
	return p
}
