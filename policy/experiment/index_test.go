package experiment

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

// touched is what a change touches, as test/arm or test/relation.
func touched(experiments []Experiment, change policy.Change, now time.Time) []string {
	var found []string
	for _, p := range NewIndex(experiments).Touching(&change, now) {
		if p.Relation == policy.Member {
			found = append(found, p.ID+"/"+p.Arm)
		} else {
			found = append(found, p.ID+" "+string(p.Relation))
		}
	}
	return found
}

const memberships = `{
	"campaigns": {"type": "ab", "owner": "growth", "platform": "google_ads", "account": "1", "starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z",
		"arms": {"base": {"campaigns": ["101"], "control": true}, "trial": {"campaigns": ["102"], "ad_groups": ["301"], "labels": {"region": "north", "market": "de"}}}},
	"geos": {"type": "geo_holdout", "owner": "science", "platform": "google_ads", "starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z",
		"arms": {"held": {"geos": ["DE-BE", "DE-BB"], "control": true}, "shown": {"geos": ["DE-BY", "DE-BW"]}}},
	"mixed": {"type": "geo_holdout", "owner": "science", "platform": "meta", "starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z",
		"arms": {"held": {"geos": ["DE-BE"], "control": true}, "shown": {"geos": ["DE-BY"], "campaigns": ["900"]}}},
	"people": {"type": "audience_holdout", "owner": "crm", "platform": "tiktok", "starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z",
		"arms": {"held": {"audiences": ["a-1"], "control": true}, "shown": {"audiences": ["a-2"]}}}
}`

func TestWhatATargetIsIn(t *testing.T) {
	experiments, now := decoded(t, memberships), at("2026-03-10T00:00:00Z")
	google := func(target policy.Target) policy.Change {
		target.Platform, target.Account = "google_ads", "1"
		if target.Geos == nil {
			target.Geos = []string{"FR"} // so that only ids and labels decide
		}
		return policy.Change{Target: target}
	}
	on := func(platform string, target policy.Target) policy.Change {
		target.Platform, target.Account = platform, "9"
		return policy.Change{Target: target}
	}
	elsewhere := google(policy.Target{Campaign: "101"})
	elsewhere.Target.Account = "2"
	added := google(policy.Target{Campaign: "7"})
	added.Geos = []string{"DE-BE"}
	listed := on("tiktok", policy.Target{Audiences: []string{"a-9"}})
	listed.Audiences = []string{"a-1"}
	for _, test := range []struct {
		name   string
		change policy.Change
		want   []string
	}{
		{"a keyword of the campaign", google(policy.Target{EntityType: "keyword", EntityID: "1", Campaign: "101"}), []string{"campaigns/base"}},
		{"the campaign itself", google(policy.Target{EntityType: "campaign", EntityID: "101"}), []string{"campaigns/base"}},
		{"the same campaign of another account", elsewhere, nil},
		{"the same campaign on another platform", on("amazon", policy.Target{Campaign: "101"}), nil},
		{"another campaign", google(policy.Target{EntityType: "campaign", EntityID: "103"}), nil},
		{"a keyword with the campaign's id", google(policy.Target{EntityType: "keyword", EntityID: "101"}), nil},
		{"no campaign is not the campaign without an id", google(policy.Target{EntityType: "account"}), nil},
		{"a keyword of the ad group", google(policy.Target{EntityType: "keyword", EntityID: "1", AdGroup: "301"}), []string{"campaigns/trial"}},
		{"the ad group itself", google(policy.Target{EntityType: "ad_group", EntityID: "301"}), []string{"campaigns/trial"}},
		{"the campaign with the ad group's id", google(policy.Target{EntityType: "campaign", EntityID: "301"}), nil},
		{"all labels", google(policy.Target{Labels: map[string]string{"region": "north", "market": "de", "more": "x"}}), []string{"campaigns/trial"}},
		{"one label", google(policy.Target{Labels: map[string]string{"region": "north"}}), nil},
		{"another value", google(policy.Target{Labels: map[string]string{"region": "north", "market": "at"}}), nil},
		{"in two arms", google(policy.Target{Campaign: "101", AdGroup: "301"}), []string{"campaigns/base", "campaigns/trial"}},

		{"within an arm's regions", google(policy.Target{Geos: []string{"DE-BW"}}), []string{"geos/shown"}},
		{"in regions of both arms", google(policy.Target{Geos: []string{"DE-BW", "DE-BE"}}), []string{"geos reach"}},
		{"in a region of an arm and another", google(policy.Target{Geos: []string{"DE-BW", "FR"}}), []string{"geos reach"}},
		{"in other regions", google(policy.Target{Geos: []string{"FR"}}), nil},
		{"no regions are said", google(policy.Target{Geos: []string{}}), []string{"geos unclear"}},
		{"a region of an arm is added", added, []string{"geos reach"}},
		{"a campaign of a test that goes by regions too", on("meta", policy.Target{Campaign: "900"}), []string{"mixed/shown"}},
		{"no regions, where ids decide as well", on("meta", policy.Target{Campaign: "901"}), []string{"mixed reach"}},
		{"other regions, where ids decide as well", on("meta", policy.Target{Campaign: "901", Geos: []string{"FR"}}), nil},
		{"its regions, where ids decide as well", on("meta", policy.Target{Campaign: "901", Geos: []string{"DE-BY", "DE-BE"}}), []string{"mixed reach"}},
		{"an audience", on("tiktok", policy.Target{Audiences: []string{"a-2"}}), []string{"people/shown"}},
		{"no audiences are said", on("tiktok", policy.Target{Geos: []string{"DE-BY"}}), []string{"people unclear"}},
		{"other audiences", on("tiktok", policy.Target{Audiences: []string{"a-9"}}), nil},
		{"an audience of an arm is added", listed, []string{"people reach"}},
	} {
		if diff := cmp.Diff(test.want, touched(experiments, test.change, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// What is held out is the control's, of what the change adds or takes away and of nothing else.
func TestWhatOfTheControlAChangeTouches(t *testing.T) {
	experiments, now := decoded(t, memberships), at("2026-03-10T00:00:00Z")
	change := policy.Change{Target: policy.Target{Platform: "google_ads", Geos: []string{"DE-BB", "DE-BY"}}, Geos: []string{"DE-BW", "DE-BE", "DE-BE", "FR"}}
	got := NewIndex(experiments).Touching(&change, now)
	if len(got) != 1 || got[0].Relation != policy.Reach || !cmp.Equal(got[0].HoldoutGeos, []string{"DE-BE"}) || got[0].HoldoutAudiences != nil {
		t.Errorf("got %+v", got)
	}
	list := policy.Change{Target: policy.Target{Platform: "tiktok", Audiences: []string{"a-2"}}, Audiences: []string{"a-1", "a-2"}}
	got = NewIndex(experiments).Touching(&list, now)
	if len(got) != 1 || got[0].Arm != "shown" || !cmp.Equal(got[0].HoldoutAudiences, []string{"a-1"}) || got[0].HoldoutGeos != nil {
		t.Errorf("got %+v", got)
	}
}

func TestAParticipationSaysAllThatRulesSee(t *testing.T) {
	text := `{"spring": {
		"name": "Spring headlines", "type": "ab", "owner": "growth", "sync": true, "frozen_fields": ["bid", "status"], "purchase_cycle": "20d",
		"starts": "2026-03-02T00:00:00Z", "ends": "2026-03-23T00:00:00Z",
		"envelope": [{"kind": "daily_budget", "most": "150.00 USD"}, {"kind": "bid", "share": "20%", "most": "120%"}],
		"arms": {"trial": {"campaigns": ["102"], "split": "40%"}, "base": {"campaigns": ["101"], "control": true, "split": "60%"}}
	}}`
	want := []policy.Participation{{ID: "spring", Name: "Spring headlines", Type: "ab", State: "running", Owner: "growth", Sync: true, Relation: policy.Member, Arm: "trial",
		Starts: at("2026-03-02T00:00:00Z"), Ends: at("2026-03-23T00:00:00Z"), MinimumEnds: at("2026-03-22T00:00:00Z"), FrozenFields: []string{"bid", "status"},
		Envelope: []policy.Envelope{{Kind: "bid", SharePPM: 200_000, Most: policy.RatioValue(1_200_000)}, {Kind: "daily_budget", Most: policy.MoneyValue(150_000_000, "USD")}},
		Arms:     []policy.Arm{{Name: "base", Control: true, Campaigns: []string{"101"}, SplitPPM: 600_000}, {Name: "trial", Campaigns: []string{"102"}, SplitPPM: 400_000}}}}
	change := policy.Change{Target: policy.Target{Campaign: "102"}}
	index := NewIndex(decoded(t, text))
	if diff := cmp.Diff(want, index.Touching(&change, at("2026-03-10T00:00:00Z"), "101", "9", "101")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want[0].Arms[0].Campaigns = nil
	if diff := cmp.Diff(want, index.Touching(&change, at("2026-03-10T00:00:00Z"))); diff != "" {
		t.Errorf("alone (-want +got):\n%s", diff)
	}
	bare := decoded(t, registered)[1]
	bare.Name = ""
	if got := bare.participation(Running).Name; got != bare.ID {
		t.Errorf("findings call the test %s, which has no name, %q", bare.ID, got)
	}
	if got := bare.MinimumEnds(); !got.Equal(at("2026-03-17T00:00:00Z")) {
		t.Errorf("without a purchase cycle the test must run until %v", got)
	}
}

func TestTestsThatPeopleHaveEndedTouchNothing(t *testing.T) {
	for state, want := range map[string]int{"": 1, Draft: 1, Aborted: 0, Concluded: 0} {
		experiments := decoded(t, registered)
		experiments[1].State = state
		if got := touched(experiments, policy.Change{Target: policy.Target{Campaign: "102"}}, at("2026-03-10T00:00:00Z")); len(got) != want {
			t.Errorf("%q: touched by %+v", state, got)
		}
	}
	// A test that has ended by its dates is still told, as analysis: rules decide.
	change := policy.Change{Target: policy.Target{Campaign: "102"}}
	if got := NewIndex(decoded(t, registered)).Touching(&change, at("2027-01-01T00:00:00Z")); len(got) != 1 || got[0].State != Analysis || got[0].Live() {
		t.Errorf("got %+v", got)
	}
}

// A change that takes effect later meets the test that is on by then, and what is on now all the same.
func TestAChangeMeetsTheTestThatIsOnWhenItTakesEffect(t *testing.T) {
	index := NewIndex(decoded(t, registered))
	for _, test := range []struct{ now, effective, want string }{
		{"2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z", Scheduled},
		{"2026-02-01T00:00:00Z", "2026-02-25T00:00:00Z", Baseline},
		{"2026-02-01T00:00:00Z", "2026-03-02T00:00:00Z", Running},
		{"2026-03-10T00:00:00Z", "2026-05-01T00:00:00Z", Running},
		{"2026-05-01T00:00:00Z", "2026-03-10T00:00:00Z", Analysis}, // past: now
	} {
		change := policy.Change{Target: policy.Target{Campaign: "101"}, EffectiveAt: at(test.effective)}
		got := index.Touching(&change, at(test.now))
		if len(got) != 1 || got[0].State != test.want {
			t.Errorf("asked %s, in effect %s: %+v, want %s", test.now, test.effective, got, test.want)
		}
	}
}

// Hundreds of tests of other campaigns are not looked at: what a change costs does not grow with them.
func TestOtherTestsCostNothing(t *testing.T) {
	allocations := func(tests int) float64 {
		var experiments []Experiment
		for i := range tests {
			e := decoded(t, memberships)[0]
			e.ID = fmt.Sprint("test-", i)
			e.Arms = []Arm{{Name: "base", Campaigns: []string{fmt.Sprint("c-", i)}}, {Name: "trial", Campaigns: []string{fmt.Sprint("t-", i)}}}
			experiments = append(experiments, e)
		}
		index, now := NewIndex(experiments), at("2026-03-10T00:00:00Z")
		change := policy.Change{Target: policy.Target{Platform: "google_ads", Account: "1", Campaign: "c-0"}}
		if got := index.Touching(&change, now); len(got) != 1 {
			t.Fatalf("%d tests: touched by %+v", tests, got)
		}
		return testing.AllocsPerRun(100, func() { index.Touching(&change, now) })
	}
	if one, many := allocations(1), allocations(500); many > one {
		t.Errorf("one test takes %v allocations and 500 take %v", one, many)
	}
}
