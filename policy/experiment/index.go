package experiment

import (
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Index finds the tests that a change touches without looking at those of other accounts, or at those of other campaigns and ad groups.
// It does not change once made.
type Index struct {
	experiments []Experiment        // without those that people have ended
	members     map[unit][]member   // by what is in an arm by its id
	open        map[account][]int   // of each account, the tests that labels, regions or audiences decide about
	geos        []map[string]string // of each of these tests, the arm that a region is in
	audiences   []map[string]string
}

// account is where a test is; empty parts are anywhere.
type account struct{ platform, account string }

// unit is a campaign or an ad group.
type unit struct {
	account
	level, id string
}

// member is an arm of a test, by their places.
type member struct{ experiment, arm int }

// NewIndex makes an index of tests. Participations come in their order.
func NewIndex(experiments []Experiment) *Index {
	x := &Index{members: map[unit][]member{}, open: map[account][]int{}}
	for _, each := range experiments {
		if !each.Ended() {
			x.add(each)
		}
	}
	return x
}

func (x *Index) add(e Experiment) {
	at, where := len(x.experiments), account{e.Platform, e.Account}
	geos, audiences := map[string]string{}, map[string]string{}
	open := false
	for i, arm := range e.Arms {
		for _, id := range arm.Campaigns {
			x.put(unit{where, "campaign", id}, member{at, i})
		}
		for _, id := range arm.AdGroups {
			x.put(unit{where, "ad_group", id}, member{at, i})
		}
		for _, id := range arm.Geos {
			geos[id] = arm.Name
		}
		for _, id := range arm.Audiences {
			audiences[id] = arm.Name
		}
		open = open || len(arm.Labels)+len(arm.Geos)+len(arm.Audiences) > 0
	}
	if open {
		x.open[where] = append(x.open[where], at)
	}
	x.experiments, x.geos, x.audiences = append(x.experiments, e), append(x.geos, geos), append(x.audiences, audiences)
}

func (x *Index) put(at unit, is member) {
	if at.id != "" && !slices.Contains(x.members[at], is) {
		x.members[at] = append(x.members[at], is)
	}
}

// Touching returns the participations of a change's target: one for each arm of each test that holds it, or one for a test that it
// touches in another way, in the order of the tests. Their state is that of now or, where that one is live and the present one is
// not, of the time at which the change takes effect. Tests that people have ended are left out.
//
// Of the campaigns of an arm, which may be thousands, there are only those that the change is in, and those of campaigns, which are those that
// the other legs of its group are in.
func (x *Index) Touching(change *policy.Change, now time.Time, campaigns ...string) []policy.Participation {
	if len(x.experiments) == 0 { // as in most places
		return nil
	}
	target := &change.Target
	found := map[int][]int{} // the arms of each test
	for _, where := range places(target) {
		for _, at := range units(target, where) {
			for _, is := range x.members[at] {
				found[is.experiment] = append(found[is.experiment], is.arm)
			}
		}
		for _, i := range x.open[where] {
			arms := found[i]
			for j := range x.experiments[i].Arms {
				if arm := &x.experiments[i].Arms[j]; arm.labelled(target) || x.within(i, arm.Name, target) {
					arms = append(arms, j)
				}
			}
			found[i] = arms
		}
	}
	campaigns = slices.Compact(slices.Sorted(slices.Values(append([]string{target.Campaign}, campaigns...))))
	var touching []policy.Participation
	for _, i := range slices.Sorted(maps.Keys(found)) {
		e := &x.experiments[i]
		p := e.participation(e.stateOf(change, now))
		for j := range p.Arms {
			p.Arms[j].Campaigns = x.among(campaigns, member{i, j})
		}
		p.HoldoutGeos, p.HoldoutAudiences = heldOut(e, x.geos[i], change.Geos), heldOut(e, x.audiences[i], change.Audiences)
		arms := slices.Compact(slices.Sorted(slices.Values(found[i])))
		for _, j := range arms {
			p.Relation, p.Arm = policy.Member, e.Arms[j].Name
			touching = append(touching, p)
		}
		if len(arms) > 0 {
			continue
		}
		if relation := x.relation(i, change); relation != "" {
			p.Relation = relation
			touching = append(touching, p)
		}
	}
	return touching
}

// among is which of the campaigns are in an arm by their ids.
func (x *Index) among(campaigns []string, arm member) (found []string) {
	e := &x.experiments[arm.experiment]
	for _, id := range campaigns {
		if slices.Contains(x.members[unit{account{e.Platform, e.Account}, "campaign", id}], arm) {
			found = append(found, id)
		}
	}
	return found
}

// stateOf is the state that a change meets.
func (e *Experiment) stateOf(change *policy.Change, now time.Time) string {
	state := e.StateAt(now)
	if then := e.StateAt(change.EffectiveAt); change.EffectiveAt.After(now) && !live(state) && live(then) {
		return then
	}
	return state
}

// places is where a test can be that a target is in.
func places(target *policy.Target) []account {
	return []account{{target.Platform, target.Account}, {target.Platform, ""}, {}}
}

// units is what a target is, or is in.
func units(target *policy.Target, where account) []unit {
	found := make([]unit, 0, 3)
	if target.Campaign != "" {
		found = append(found, unit{where, "campaign", target.Campaign})
	}
	if target.AdGroup != "" {
		found = append(found, unit{where, "ad_group", target.AdGroup})
	}
	if target.EntityType == "campaign" || target.EntityType == "ad_group" {
		found = append(found, unit{where, target.EntityType, target.EntityID})
	}
	return found
}

// labelled reports whether the target has all labels of the arm, which has some.
func (a *Arm) labelled(target *policy.Target) bool {
	for key, label := range a.Labels {
		if held, ok := target.Labels[key]; !ok || held != label {
			return false
		}
	}
	return len(a.Labels) > 0
}

// within reports whether the target shows ads in the arm's regions only, or to its audiences only.
func (x *Index) within(i int, arm string, target *policy.Target) bool {
	return allIn(x.geos[i], arm, target.Geos) || allIn(x.audiences[i], arm, target.Audiences)
}

func allIn(arms map[string]string, arm string, ids []string) bool {
	return len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return arms[id] != arm })
}

// heldOut is what of the ids is the control's.
func heldOut(e *Experiment, arms map[string]string, ids []string) []string {
	var found []string
	for _, id := range ids {
		if name, there := arms[id]; there && !slices.Contains(found, id) &&
			slices.ContainsFunc(e.Arms, func(arm Arm) bool { return arm.Control && arm.Name == name }) {
			found = append(found, id)
		}
	}
	return found
}

// relation is how a change has to do with a test that its target is in no arm of; "": not at all. What it adds or takes away counts
// like what the target has.
func (x *Index) relation(i int, change *policy.Change) policy.Relation {
	geos, audiences := x.geos[i], x.audiences[i]
	shares := func(arms map[string]string, lists ...[]string) bool {
		return slices.ContainsFunc(slices.Concat(lists...), func(id string) bool { return arms[id] != "" })
	}
	if shares(geos, change.Geos, change.Target.Geos) || shares(audiences, change.Audiences, change.Target.Audiences) {
		return policy.Reach
	}
	silent := len(geos) > 0 && len(change.Target.Geos) == 0 || len(audiences) > 0 && len(change.Target.Audiences) == 0
	switch {
	case silent && x.experiments[i].byPlace():
		return policy.Unclear
	case silent && x.experiments[i].Type != "ab":
		return policy.Reach // it is in no arm by its ids, and may well show ads where the test measures
	}
	if change.Kind == policy.KindTargeting && len(change.Geos)+len(change.Audiences) == 0 && len(geos)+len(audiences) > 0 {
		return policy.Unclear // wherever the target was, it may be in the test afterwards
	}
	return ""
}
