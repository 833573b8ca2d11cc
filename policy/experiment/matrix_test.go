package experiment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/rego"
)

// The columns of the matrix. A holdout of audiences and a lift study are one column of it, and answer alike.
var columns = []string{"ab", "ab_sync", "geo_holdout", "audience_holdout", "lift", "incrementality"}

// What a cell answers. safe is ok, and ends the test.
const (
	ok   = "ok"
	warn = "warn"
	ask  = "approve"
	no   = "block"
	stop = "ok, and aborts"
)

// all is one answer in every column.
func all(answer string) []string { return slices.Repeat([]string{answer}, len(columns)) }

// row is one row of the matrix: an edit, and its answers in the order of the columns.
type row struct {
	name string
	want []string
	edit edit
}

// edit is one change, and what lands with it.
type edit struct {
	change policy.Change
	legs   []policy.Change // the others of its atomic group
	facts  map[string]policy.Value
	test   func(*Experiment)
}

func usd(dollars int64) policy.Value { return policy.MoneyValue(dollars*1_000_000, "USD") }

// on is an edit of a field of a campaign, in regions and to audiences that no test measures.
func on(campaign string, kind policy.Kind, before, after policy.Value, edits ...func(*edit)) edit {
	e := edit{change: policy.Change{ID: "change-" + campaign, Kind: kind, Before: before, After: after, Reason: policy.Reason{Code: "pacing"},
		Target: policy.Target{Platform: "google_ads", Account: "example", Campaign: campaign, EntityType: "campaign", EntityID: campaign,
			CampaignName: "SEA-US-BRAND-SPRING-SALES-202603", Geos: []string{"FR"}, Audiences: []string{"others"}}}}
	for _, each := range edits {
		each(&e)
	}
	return e
}

func emergency(reason string) func(*edit) {
	return func(e *edit) { e.change.Reason.Code = reason }
}

// together lands the same on the other arm.
func together(campaign string) func(*edit) {
	return func(e *edit) {
		leg := e.change
		leg.ID, leg.Target.Campaign, leg.Target.EntityID = "change-"+campaign, campaign, campaign
		e.legs = append(e.legs, leg)
	}
}

// from takes an amount from another campaign's budget.
func from(campaign string) func(*edit) {
	return func(e *edit) {
		leg := e.change
		leg.ID, leg.Target.Campaign, leg.Target.EntityID = "change-"+campaign, campaign, campaign
		leg.Before, leg.After = usd(100), usd(90)
		e.legs = append(e.legs, leg)
	}
}

func spends(share int64) func(*edit) {
	return func(e *edit) {
		e.facts = map[string]policy.Value{"test_geo_spend_share": policy.RatioValue(share * 10_000)}
	}
}

func silently(e *edit)    { e.change.Target.Geos, e.change.Target.Audiences = nil, nil }
func nationally(e *edit)  { e.change.Target.Geos = []string{"DE-BY", "FR"} }
func toAll(e *edit)       { e.change.Target.Audiences = []string{"shown", "others"} }
func touchesGeo(e *edit)  { e.change.Geos = []string{"DE-BE"} }
func touchesList(e *edit) { e.change.Audiences = []string{"held"} }
func forPromo(e *edit)    { e.change.PromoID = "easter" }
func forSeason(e *edit)   { e.change.Reason.Code = "seasonality" }
func treats(t *Experiment) {
	t.Envelope = []Envelope{{Kind: policy.KindDailyBudget, Most: usd(150)}, {Kind: policy.KindBid, SharePPM: 200_000}}
}

func enveloped(e *edit) { e.test = treats }

// matrix is domain.md, section 8, cell by cell: what contaminates.
func matrix() []row {
	const base, trial, outside = "101", "102", "500"
	text, flag := policy.TextValue, policy.FlagValue
	pause := func(campaign string, edits ...func(*edit)) edit {
		return on(campaign, policy.KindStatus, text("ENABLED"), text("PAUSED"), edits...)
	}
	rows := []row{
		// Bid, target or strategy on one arm.
		{"bid on the base", []string{no, ok, ask, ask, ask, ask}, on(base, policy.KindBid, usd(1), usd(2))},
		{"bid on the trial", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindBid, usd(1), usd(2))},
		{"target on the base", []string{no, ok, ask, ask, ask, ask}, on(base, policy.KindTargetCPA, usd(10), usd(11))},
		{"target on the trial", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindTargetROAS, policy.RatioValue(4_000_000), policy.RatioValue(3_000_000))},
		{"strategy on the base", []string{no, ok, ask, ask, ask, ask}, on(base, policy.KindBidStrategy, text("MANUAL_CPC"), text("TARGET_CPA"))},
		{"strategy on the trial", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindBidStrategy, text("MANUAL_CPC"), text("TARGET_CPA"))},
		{"a bid that the envelope lets act", []string{ok, ok, ok, ok, ok, ok}, on(trial, policy.KindBid, usd(10), usd(12), enveloped)},
		{"a bid beyond the envelope", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindBid, usd(10), usd(13), enveloped)},
		{"a bid that is taken away", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindBid, usd(10), policy.AbsentValue(), enveloped)},
		{"a first bid", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindBid, policy.AbsentValue(), usd(10), enveloped)},
		{"a field without an envelope", []string{no, no, ask, ask, ask, ask}, on(trial, policy.KindTargetCPA, usd(10), usd(11), enveloped)},
		{"the envelope is not the control's", []string{no, ok, ask, ask, ask, ask}, on(base, policy.KindBid, usd(10), usd(12), enveloped)},

		// Same edit on both arms, one atomic group.
		{"bid on both arms", []string{ask, ok, ask, ask, ask, ask}, on(base, policy.KindBid, usd(1), usd(2), together(trial))},
		{"strategy on both arms", []string{ask, ok, ask, ask, ask, ask}, on(trial, policy.KindBidStrategy, text("MANUAL_CPC"), text("TARGET_CPA"), together(base))},

		// Budget on one arm or cell, unless it is the treatment, within the registered amount.
		{"budget of an arm", all(no), on(trial, policy.KindDailyBudget, usd(100), usd(110))},
		{"budget of the account", all(no), on(trial, policy.KindAccountBudget, usd(100), usd(110))},
		{"budget of the control", all(no), on(base, policy.KindDailyBudget, usd(110), usd(100))},
		{"budget of the treatment, within the amount", []string{no, no, no, no, no, ok}, on(trial, policy.KindDailyBudget, usd(100), usd(150), enveloped)},
		{"budget of the treatment, beyond the amount", all(no), on(trial, policy.KindDailyBudget, usd(100), usd(151), enveloped)},
		{"budget of the treatment, without an end", all(no), on(trial, policy.KindDailyBudget, usd(100), policy.UnlimitedValue(), enveloped)},
		{"budget of the control within the amount", all(no), on(base, policy.KindDailyBudget, usd(100), usd(150), enveloped)},

		// Budget transfer with one leg inside.
		{"a transfer out of the test", all(no), on(outside, policy.KindDailyBudget, usd(100), usd(110), from(trial))},
		{"a transfer into the test", all(no), on(trial, policy.KindDailyBudget, usd(100), usd(110), from(outside))},

		// National or unrelated campaign, other channel, same geos: A if > x % of spend in those geos.
		{"same geos, a large share", []string{ok, ok, ask, warn, warn, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), nationally, spends(6))},
		{"same geos, a small share", []string{ok, ok, ok, warn, warn, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), nationally, spends(5))},
		{"same geos, nobody knows the share", []string{ok, ok, ask, warn, warn, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), nationally)},
		{"same audiences", []string{ok, ok, ask, warn, warn, ask}, on(outside, policy.KindBid, usd(1), usd(2), toAll)},
		{"no geos or audiences are said", []string{ok, ok, ask, warn, warn, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), silently)},
		{"no geos or audiences are said, a small share", []string{ok, ok, ok, warn, warn, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), silently, spends(5))},
		{"other geos and audiences", all(ok), on(outside, policy.KindDailyBudget, usd(100), usd(110))},

		// Geo targeting touching holdout geos. Where the matrix has no such case, the target is only near the test.
		{"geo targeting touches the holdout", []string{ok, ok, no, warn, warn, no}, on(outside, policy.KindTargeting, policy.AbsentValue(), flag(true), touchesGeo, spends(1))},
		{"geo exclusion touches the holdout", []string{ok, ok, no, warn, warn, no}, on(outside, policy.KindTargetingExclusion, policy.AbsentValue(), flag(true), touchesGeo, spends(1))},
		{"geo targeting of an arm touches the holdout", []string{ask, ok, no, ask, ask, no}, on(trial, policy.KindTargeting, policy.AbsentValue(), flag(true), touchesGeo)},

		// Audience include or exclude touching a holdout list.
		{"an include touches the holdout list", []string{warn, warn, warn, no, no, warn}, on(trial, policy.KindTargeting, policy.AbsentValue(), flag(true), touchesList)},
		{"an exclude touches the holdout list", []string{warn, warn, warn, no, no, warn}, on(trial, policy.KindTargetingExclusion, policy.AbsentValue(), flag(true), touchesList)},
		{"an include elsewhere touches the holdout list", []string{warn, warn, warn, no, no, warn}, on(outside, policy.KindTargeting, policy.AbsentValue(), flag(true), touchesList)},

		// Pause or enable an arm: B (except safety).
		{"an arm is paused", all(no), pause(trial)},
		{"an arm is enabled", all(no), on(base, policy.KindStatus, text("PAUSED"), text("ENABLED"))},

		// Split %, dates, early end. A peek changes nothing, so nobody asks.
		{"the split", all(no), on(trial, policy.KindExperimentControl, policy.RatioValue(500_000), policy.RatioValue(700_000))},
		{"the dates", all(no), on(trial, policy.KindFlightDates, text("2026-04-01"), text("2026-03-10"))},
		{"an early end", all(no), on(trial, policy.KindExperimentControl, text("ENABLED"), text("HALTED"))},

		// Promo or seasonality adjustment overlapping.
		{"a promo", []string{warn, warn, ask, ask, ask, ask}, on(outside, policy.KindDailyBudget, usd(100), usd(110), nationally, spends(1), forPromo)},
		{"a season", []string{warn, warn, ask, ask, ask, ask}, on(outside, policy.KindBid, usd(1), usd(2), nationally, spends(1), forSeason)},
		{"a promo on the base", []string{no, warn, ask, ask, ask, ask}, on(base, policy.KindBid, usd(1), usd(2), forPromo)},

		// Negative keyword or exclusion on one side.
		{"a negative keyword on one side", []string{ask, ok, ask, warn, warn, warn}, on(trial, policy.KindTargetingExclusion, policy.AbsentValue(), text("free"))},

		// Beyond the published rows.
		{"targeting that does not say where", []string{ask, ok, ask, ask, ask, ask}, on(trial, policy.KindTargeting, policy.AbsentValue(), flag(true))},
		{"targeting that does not say where, outside", all(ask), on(outside, policy.KindTargeting, policy.AbsentValue(), flag(true))},
		{"a name", all(ok), on(trial, policy.KindName, text("A"), text("B"))},
	}
	for _, reason := range []string{"safety_stop", "tracking_down", "overspend", "legal"} {
		rows = append(rows,
			row{"safety stop: " + reason, all(stop), pause(trial, emergency(reason))},
			row{"a reduction: " + reason, all(warn), on(trial, policy.KindDailyBudget, usd(100), usd(50), emergency(reason))},
			row{"a rise is none: " + reason, all(no), on(trial, policy.KindDailyBudget, usd(50), usd(100), emergency(reason))})
	}
	return rows
}

// inColumn is the test of a column, which has begun ten days before noon.
func inColumn(column string, noon time.Time) Experiment {
	const day = 24 * time.Hour
	e := Experiment{ID: "spring", Name: "Spring", Type: strings.TrimSuffix(column, "_sync"), Sync: column == "ab_sync", Owner: "growth", Platform: "google_ads", Account: "example",
		BaselineStarts: noon.Add(-20 * day), Starts: noon.Add(-10 * day), Ends: noon.Add(10 * day), CooldownEnds: noon.Add(20 * day),
		Arms: []Arm{
			{Name: "base", Control: true, Campaigns: []string{"101"}, Geos: []string{"DE-BE"}, Audiences: []string{"held"}},
			{Name: "trial", Campaigns: []string{"102"}, Geos: []string{"DE-BY"}, Audiences: []string{"shown"}}}}
	e.FrozenFields = append(slices.Clone(defaultFrozen), policy.KindName)
	return e
}

var shipped = sync.OnceValues(func() (*policy.Engine, error) {
	revision, err := policy.ReadRevision(rego.Files(), "shipped")
	if err != nil {
		return nil, err
	}
	return policy.Compile(context.Background(), revision, policy.Options{SkipTests: true, Deadline: 30 * time.Second})
})

// judged is what the experiment rules say, and whether it ends the test.
func judged(t *testing.T, engine *policy.Engine, experiments []Experiment, e edit, now time.Time) (string, []policy.Finding) {
	t.Helper()
	index := NewIndex(experiments)
	change := e.change
	change.BeforeObservedAt = now
	var campaigns []string
	for i := range e.legs {
		campaigns = append(campaigns, e.legs[i].Target.Campaign)
	}
	request := &policy.Request{Change: &change, Principal: policy.Principal{Subject: "pacer", Roles: []policy.Role{policy.RoleAutomation}},
		Batch: policy.Batch{ID: "batch-1", Size: 1}, Now: now, Experiments: index.Touching(&change, now, campaigns...), Facts: map[string]policy.Fact{}}
	for name, value := range e.facts {
		request.Facts[name] = policy.Fact{Value: value, ObservedAt: now, Source: "connector"}
	}
	if len(e.legs) > 0 {
		change.AtomicGroupID = "group-1"
		for _, each := range append([]policy.Change{change}, e.legs...) {
			leg := policy.Leg{Change: &each}
			for _, p := range index.Touching(&each, now) {
				if p.Holds() {
					leg.Experiments = append(leg.Experiments, p.ID)
				}
			}
			request.Group = append(request.Group, leg)
		}
	}
	verdict, aborts := ok, false
	var findings []policy.Finding
	for _, finding := range engine.Evaluate(t.Context(), request).Findings {
		if finding.Rule == policy.FindingUndetermined && strings.Contains(finding.Message, "experiment.") {
			t.Errorf("undetermined: %s", finding.Message)
		}
		if !strings.HasPrefix(finding.Rule, "experiment.") {
			continue
		}
		findings = append(findings, finding)
		if strict := []string{warn, ask, no}[finding.Effect-policy.Warn]; slices.Index([]string{ok, warn, ask, no}, strict) > slices.Index([]string{ok, warn, ask, no}, verdict) {
			verdict = strict
		}
		aborts = aborts || finding.Contaminates.Aborts
	}
	if aborts && verdict == warn {
		verdict = stop
	}
	return verdict, findings
}

// TestMatrix judges every cell with the shipped rules, over the real index, in each state in which a test holds something still. Whatever
// a cell does not simply let pass names the test, so that it is recorded should it be allowed all the same. Before the start and after the
// end every cell is ok.
func TestMatrix(t *testing.T) {
	engine, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	noon := at("2026-03-02T12:00:00Z")
	const day = 24 * time.Hour
	for _, row := range matrix() {
		for i, column := range columns {
			e := inColumn(column, noon)
			if row.edit.test != nil {
				row.edit.test(&e)
			}
			for state, now := range map[string]time.Time{Baseline: noon.Add(-15 * day), Running: noon, Cooldown: noon.Add(15 * day)} {
				if got := e.StateAt(now); got != state {
					t.Fatalf("it is %s, want %s", got, state)
				}
				want := row.want[i]
				if got, findings := judged(t, engine, []Experiment{e}, row.edit, now); got != want {
					t.Errorf("%s, %s, %s: %s, want %s; %+v", row.name, column, state, got, want, findings)
				} else if want != ok && !strings.HasPrefix(row.name, "a transfer out") &&
					!slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Contaminates.Experiment == "spring" }) {
					t.Errorf("%s, %s, %s: no finding says which test it spoils: %+v", row.name, column, state, findings)
				}
			}
		}
	}
}

func TestTheMatrixOutsideOfATest(t *testing.T) {
	engine, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	noon := at("2026-03-02T12:00:00Z")
	const day = 24 * time.Hour
	for when, edits := range map[string]func(*Experiment){
		"before the start": func(e *Experiment) { e.BaselineStarts, e.Starts = time.Time{}, noon.Add(day) },
		"in the analysis":  func(e *Experiment) { e.Starts, e.Ends, e.CooldownEnds = noon.Add(-9*day), noon.Add(-day), time.Time{} },
		"a draft":          func(e *Experiment) { e.State = Draft },
		"aborted":          func(e *Experiment) { e.State = Aborted },
	} {
		for _, row := range matrix() {
			for _, column := range columns {
				e := inColumn(column, noon)
				edits(&e)
				if got, findings := judged(t, engine, []Experiment{e}, row.edit, noon); got != ok {
					t.Errorf("%s, %s, %s: %s; %+v", when, row.name, column, got, findings)
				}
			}
		}
	}
}

// Whatever the table of edits judges is held still by a test that does not say what it holds, names left out: they steer nothing.
func TestWhatIsHeldStillUnlessATestSaysOtherwise(t *testing.T) {
	revision, err := policy.ReadRevision(rego.Files(), "shipped")
	if err != nil {
		t.Fatal(err)
	}
	table, _ := revision.Data("contamination").(map[string]any)
	families, _ := table["families"].(map[string]any)
	if len(families) == 0 {
		t.Fatal("the table knows no edits")
	}
	for kind, family := range families {
		held := slices.ContainsFunc((&Experiment{}).Frozen(), func(k policy.Kind) bool { return k.String() == kind })
		if held == (family == "naming") {
			t.Errorf("%s, of the row %s: held still is %t", kind, family, held)
		}
	}
}

// Membership that is not known is for people to judge, whichever type of test it is.
func TestUnclearMembershipIsForPeople(t *testing.T) {
	engine, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	noon := at("2026-03-02T12:00:00Z")
	for _, column := range columns {
		e := inColumn(column, noon)
		e.Arms[0].Campaigns, e.Arms[1].Campaigns = nil, nil
		silent := on("500", policy.KindBid, usd(1), usd(2), func(e *edit) { e.change.Target.Geos, e.change.Target.Audiences = nil, nil })
		got, findings := judged(t, engine, []Experiment{e}, silent, noon)
		if got != ask || len(findings) != 1 || !strings.Contains(findings[0].Message, "may be in it") || !strings.Contains(string(findings[0].Approval), fmt.Sprintf("%q", e.Owner)) {
			t.Errorf("%s: %s, %+v", column, got, findings)
		}
		emergencies := on("500", policy.KindBid, usd(2), usd(1), emergency("legal"), func(e *edit) { e.change.Target.Geos, e.change.Target.Audiences = nil, nil })
		if got, findings := judged(t, engine, []Experiment{e}, emergencies, noon); got != warn {
			t.Errorf("%s, in an emergency: %s, %+v", column, got, findings)
		}
	}
}
