package experiment

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/limits"
)

// What people do to a test. Each takes the test and a time, and returns the test as it is then, or why not, as a policy.ErrPrecondition.
// The dates do the rest:
//
//	draft ──start──► scheduled ► baseline ► running ► cooldown ► analysis ──conclude──► concluded
//	  └───────────────┴───────────┴──────────┴─────────┴───────────┴──────────abort──► aborted

// Start ends a draft: from now on the dates of the test hold or, at once, it begins now whatever date was planned.
func (e Experiment) Start(now time.Time, atOnce bool) (Experiment, error) {
	switch state := e.StateAt(now); {
	case state == Scheduled:
		return e, refuse(&e, "it is scheduled, and only a draft can be started; its dates start it, and can still be edited")
	case e.State != Draft:
		return e, refuse(&e, "it is %s, and only a draft can be started", state)
	}
	if !e.Ends.After(now) {
		return e, refuse(&e, "it would be over: its end was %s; put it with other dates first", e.Ends.UTC().Format(time.RFC3339))
	}
	if atOnce {
		e.Starts = now
		if !e.BaselineStarts.Before(now) { // there is no time left for one
			e.BaselineStarts = time.Time{}
		}
	}
	e.State = ""
	return e, nil
}

// Abort stops the test for good.
func (e Experiment) Abort(now time.Time) (Experiment, error) {
	if e.Ended() {
		return e, refuse(&e, "it has ended already: it is %s", e.State)
	}
	e.State = Aborted
	return e, nil
}

// Conclude ends a test that is being evaluated.
func (e Experiment) Conclude(now time.Time) (Experiment, error) {
	if state := e.StateAt(now); state != Analysis {
		return e, refuse(&e, "it is %s, and only what is in analysis can be concluded; to stop it early, abort it", state)
	}
	e.State = Concluded
	return e, nil
}

// Edit replaces the test by next, as far as that is still open. Before anything is held still all of it is; from then on what the test
// measures with is not, and only who answers for it, its name and what it is meant to show are.
func (e Experiment) Edit(next Experiment, now time.Time) (Experiment, error) {
	state := e.StateAt(now)
	switch {
	case e.Ended():
		return e, refuse(&e, "it has ended, and is %s; register another one", state)
	case next.State != "" && next.State != Draft:
		return e, refuse(&e, "an edit does not make it %s; abort or conclude it", next.State)
	case state == Draft || state == Scheduled:
		return next, nil
	case next.State == Draft:
		return e, refuse(&e, "it is %s and does not become a draft again; leave the state out", state)
	}
	var locked []string
	for _, difference := range e.Differences(&next) {
		if !slices.Contains([]string{"name", "owner", "hypothesis"}, difference.Field) {
			locked = append(locked, difference.Field)
		}
	}
	if len(locked) > 0 {
		return e, refuse(&e, "it is %s, so %s cannot be edited any more; name, owner and hypothesis can", state, strings.Join(locked, ", "))
	}
	return next, nil
}

func refuse(e *Experiment, format string, arguments ...any) error {
	return fmt.Errorf("%w: experiment %s: %s", policy.ErrPrecondition, e.ID, fmt.Sprintf(format, arguments...))
}

// Difference is one field that two versions of a test do not have in common, in the words of the record; "" is left out.
type Difference struct{ Field, From, To string }

// Differences is what next has otherwise, in the order in which a record is written.
func (e *Experiment) Differences(next *Experiment) []Difference {
	var found []Difference
	from, to := e.fields(), next.fields()
	for i := range from {
		if from[i].To != to[i].To {
			found = append(found, Difference{from[i].Field, from[i].To, to[i].To})
		}
	}
	own, others := armsByName(e.Arms), armsByName(next.Arms)
	for _, name := range slices.Sorted(maps.Keys(joined(own, others))) {
		a, b := own[name], others[name]
		if !reflect.DeepEqual(a.canonical(), b.canonical()) {
			found = append(found, Difference{"arms." + name, armText(own, name), armText(others, name)})
		}
	}
	return found
}

// fields is everything but the arms, as text.
func (e *Experiment) fields() []Difference {
	var frozen, envelope []string
	for _, kind := range slices.Sorted(slices.Values(e.FrozenFields)) {
		frozen = append(frozen, kind.String())
	}
	frozenText := strings.Join(frozen, ", ")
	if e.FrozenFields != nil && len(frozen) == 0 {
		frozenText = "nothing"
	}
	for _, each := range e.Envelope {
		text := each.Kind.String()
		if each.SharePPM > 0 {
			text += " by " + ratioText(each.SharePPM)
		}
		if each.Most.Form != policy.Missing {
			text += " up to " + each.Most.String()
		}
		envelope = append(envelope, text)
	}
	cycle, sync := "", ""
	if e.PurchaseCycle > 0 {
		cycle = limits.Value{Type: limits.Duration, Amount: int64(e.PurchaseCycle / time.Second)}.String()
	}
	if e.Sync {
		sync = "true"
	}
	return []Difference{
		{"name", "", e.Name}, {"type", "", e.Type}, {"platform", "", e.Platform}, {"account", "", e.Account}, {"owner", "", e.Owner},
		{"hypothesis", "", e.Hypothesis}, {"metric", "", e.Metric}, {"baseline_starts", "", dateText(e.BaselineStarts)}, {"starts", "", dateText(e.Starts)},
		{"ends", "", dateText(e.Ends)}, {"cooldown_ends", "", dateText(e.CooldownEnds)}, {"purchase_cycle", "", cycle}, {"state", "", e.State}, {"sync", "", sync},
		{"frozen_fields", "", frozenText}, {"envelope", "", strings.Join(envelope, "; ")},
	}
}

func dateText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func armsByName(arms []Arm) map[string]Arm {
	named := make(map[string]Arm, len(arms))
	for _, arm := range arms {
		named[arm.Name] = arm
	}
	return named
}

func joined(a, b map[string]Arm) map[string]Arm {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// canonical is the arm whatever the order in which its members are written.
func (a Arm) canonical() Arm {
	sorted := func(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }
	a.Campaigns, a.AdGroups, a.Geos, a.Audiences = sorted(a.Campaigns), sorted(a.AdGroups), sorted(a.Geos), sorted(a.Audiences)
	if len(a.Labels) == 0 {
		a.Labels = nil
	}
	return a
}

func armText(arms map[string]Arm, name string) string {
	arm, there := arms[name]
	if !there {
		return ""
	}
	arm = arm.canonical()
	var parts []string
	if arm.Control {
		parts = append(parts, "control")
	}
	if arm.SplitPPM > 0 {
		parts = append(parts, ratioText(arm.SplitPPM))
	}
	for _, each := range []struct {
		what string
		ids  []string
	}{{"campaigns", arm.Campaigns}, {"ad groups", arm.AdGroups}, {"geos", arm.Geos}, {"audiences", arm.Audiences}} {
		if len(each.ids) > 0 {
			parts = append(parts, each.what+" "+strings.Join(each.ids, " "))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(arm.Labels)) {
		parts = append(parts, key+"="+arm.Labels[key])
	}
	return strings.Join(parts, ", ")
}
