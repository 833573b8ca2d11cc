// Package experiment knows the registered tests: how far each has come at a time, what people may do to one, and which of them a change
// touches. It is pure: what holds at a time follows from the records and that time. Start with [Decode] and [Index.Touching].
package experiment

import (
	"cmp"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Experiment is one registered test. It does not change once decoded: whatever is done to it gives another one.
type Experiment struct {
	ID             string
	Name           string
	Type           string // ab, geo_holdout, audience_holdout, lift or incrementality
	Platform       string // empty: members are found by their ids alone, on every platform
	Account        string // empty: in every
	Owner          string // the group or person that answers for it
	Hypothesis     string
	Metric         string
	BaselineStarts time.Time // zero: no baseline period
	Starts         time.Time
	Ends           time.Time
	CooldownEnds   time.Time     // zero: no cooldown
	PurchaseCycle  time.Duration // zero: not known
	State          string        // draft, aborted or concluded; empty: what the dates say
	Sync           bool
	FrozenFields   []policy.Kind // nil: all that steers delivery or spend; see Frozen
	Envelope       []Envelope    // sorted by kind
	Arms           []Arm         // sorted by name
}

// Arm is one side of a test and what belongs to it. What belongs to it by any of the five does.
type Arm struct {
	Name      string
	Control   bool
	SplitPPM  int64 // 0: not given
	Campaigns []string
	AdGroups  []string
	Labels    map[string]string // all of them must be on the target; none: labels do not decide
	Geos      []string          // a target that shows ads in these regions, and in no others
	Audiences []string          // likewise
}

// Envelope lets changes of one kind through in the arms that are not the control.
type Envelope struct {
	Kind     policy.Kind
	SharePPM int64        // by at most this share of the value before; 0: none is given
	Most     policy.Value // to at most this value; Missing: none is given
}

// States of a test. Draft, concluded and aborted are what people have said; the others follow from the dates.
const (
	Draft     = "draft"
	Scheduled = "scheduled"
	Baseline  = "baseline"
	Running   = "running"
	Cooldown  = "cooldown"
	Analysis  = "analysis"
	Concluded = "concluded"
	Aborted   = "aborted"
)

// minimumWindow is the shortest that a test can run and prove something, as GeoLift has it.
const minimumWindow = 15 * 24 * time.Hour

// defaultFrozen is what a test holds still unless it says otherwise: everything that steers
// delivery or spend.
var defaultFrozen = []policy.Kind{
	policy.KindBid, policy.KindDefaultBid, policy.KindBidModifier, policy.KindBidLimit,
	policy.KindTargetCPA, policy.KindTargetROAS, policy.KindBidStrategy,
	policy.KindDailyBudget, policy.KindMonthlyBudget, policy.KindLifetimeBudget, policy.KindBudgetType,
	policy.KindSharedBudget, policy.KindAccountBudget, policy.KindBudgetRule, policy.KindPacing, policy.KindStatus,
	policy.KindFlightDates, policy.KindExperimentControl, policy.KindTargetingExclusion, policy.KindTargeting, policy.KindConversionGoal,
}

// Frozen is the kinds of change that the test holds still.
func (e *Experiment) Frozen() []policy.Kind {
	if e.FrozenFields == nil {
		return defaultFrozen
	}
	return e.FrozenFields
}

// StateAt is the state at a time. Both ends of a period are taken half-open: a test that ends at
// midnight no longer runs at midnight.
func (e *Experiment) StateAt(now time.Time) string {
	switch {
	case e.State != "":
		return e.State
	case now.Before(e.Starts):
		if !e.BaselineStarts.IsZero() && !now.Before(e.BaselineStarts) {
			return Baseline
		}
		return Scheduled
	case now.Before(e.Ends):
		return Running
	case now.Before(e.CooldownEnds):
		return Cooldown
	default:
		return Analysis
	}
}

// Ended reports whether people have ended the test, so that nothing becomes of it any more.
func (e *Experiment) Ended() bool { return e.State == Aborted || e.State == Concluded }

// MinimumEnds is the time before which ending the test would prove nothing: 15 days or one purchase cycle after the start,
// whichever is later.
func (e *Experiment) MinimumEnds() time.Time {
	return e.Starts.Add(max(minimumWindow, e.PurchaseCycle))
}

// period is when the test holds anything still.
func (e *Experiment) period() (from, until time.Time) {
	from, until = e.Starts, e.Ends
	if !e.BaselineStarts.IsZero() {
		from = e.BaselineStarts
	}
	if e.CooldownEnds.After(until) {
		until = e.CooldownEnds
	}
	return from, until
}

func live(state string) bool { return policy.Participation{State: state}.Live() }

// participation is the test in a state, without what is in its arms.
func (e *Experiment) participation(state string) policy.Participation {
	p := policy.Participation{ID: e.ID, Name: cmp.Or(e.Name, e.ID), // findings say which test by its name
		Type: e.Type, State: state, Owner: e.Owner, Sync: e.Sync,
		Starts: e.Starts, Ends: e.Ends, MinimumEnds: e.MinimumEnds()}
	for _, kind := range e.Frozen() {
		p.FrozenFields = append(p.FrozenFields, kind.String())
	}
	for _, each := range e.Arms {
		p.Arms = append(p.Arms, policy.Arm{Name: each.Name, Control: each.Control, SplitPPM: each.SplitPPM})
	}
	for _, each := range e.Envelope {
		p.Envelope = append(p.Envelope, policy.Envelope{Kind: each.Kind.String(), SharePPM: each.SharePPM, Most: each.Most})
	}
	return p
}

// byPlace reports whether the test goes by regions and audiences only.
func (e *Experiment) byPlace() bool {
	return !slices.ContainsFunc(e.Arms, func(arm Arm) bool { return len(arm.Campaigns)+len(arm.AdGroups)+len(arm.Labels) > 0 })
}
