package experiment

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func document(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func decoded(t *testing.T, text string) []Experiment {
	t.Helper()
	experiments, err := Decode(document(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return experiments
}

func at(text string) time.Time {
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return when
}

const registered = `{
	"spring": {
		"name": "Spring headlines", "type": "ab", "owner": "growth", "sync": true, "frozen_fields": ["bid", "status"],
		"baseline_starts": "2026-02-23T00:00:00Z", "starts": "2026-03-02T00:00:00Z", "ends": "2026-03-23T00:00:00Z", "cooldown_ends": "2026-03-30T00:00:00Z",
		"arms": {"trial": {"campaigns": ["102"]}, "base": {"campaigns": ["101"], "control": true}}
	},
	"holdout": {
		"type": "geo_holdout", "owner": "science", "starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z",
		"arms": {"north": {"labels": {"region": "north", "market": "de"}}, "groups": {"ad_groups": ["301"]}}
	}
}`

func TestDecodeSortsAndFillsIn(t *testing.T) {
	experiments := decoded(t, registered)
	want := Experiment{ID: "spring", Name: "Spring headlines", Type: "ab", Owner: "growth", Sync: true,
		BaselineStarts: at("2026-02-23T00:00:00Z"), Starts: at("2026-03-02T00:00:00Z"), Ends: at("2026-03-23T00:00:00Z"), CooldownEnds: at("2026-03-30T00:00:00Z"),
		FrozenFields: []policy.Kind{policy.KindBid, policy.KindStatus},
		Arms:         []Arm{{Name: "base", Control: true, Campaigns: []string{"101"}}, {Name: "trial", Campaigns: []string{"102"}}}}
	if len(experiments) != 2 || experiments[0].ID != "holdout" {
		t.Fatalf("got %+v", experiments)
	}
	if diff := cmp.Diff(want, experiments[1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	frozen := experiments[0].Frozen()
	if !slices.Contains(frozen, policy.KindDailyBudget) || slices.Contains(frozen, policy.KindName) {
		t.Errorf("without frozen_fields are frozen: %v", frozen)
	}
	none := strings.Replace(registered, `["bid", "status"]`, `[]`, 1)
	if frozen := decoded(t, none)[1].Frozen(); len(frozen) != 0 {
		t.Errorf("an empty list freezes %v", frozen)
	}
}

func TestRegistersThatCannotBeReadAreRefused(t *testing.T) {
	for _, test := range []struct{ name, from, to, want string }{
		{"a key that there is not", `"sync": true`, `"synced": true`, `unknown field "synced"`},
		{"a kind that there is not", `["bid", "status"]`, `["bids"]`, `no kind is called "bids"`},
		{"no type", `"type": "ab", `, ``, `data.experiments.spring: type is ""; it is ab, geo_holdout, audience_holdout, lift or incrementality`},
		{"a type that there is not", `"ab"`, `"abc"`, `data.experiments.spring: type is "abc"`},
		{"a state that follows from the dates", `"type": "ab"`, `"type": "ab", "state": "running"`, `data.experiments.spring: state is "running"; dates decide the state`},
		{"no owner", `"owner": "growth", `, ``, "data.experiments.spring: owner is missing: who answers for the test?"},
		{"no start", `"starts": "2026-03-02T00:00:00Z", `, ``, "data.experiments.spring: starts and ends must be times"},
		{"no end", `"ends": "2026-03-23T00:00:00Z", `, ``, "the end after the start"},
		{"an end at the start", `"ends": "2026-03-23T00:00:00Z"`, `"ends": "2026-03-02T00:00:00Z"`, "the end after the start"},
		{"a day", `"2026-03-23T00:00:00Z"`, `"2026-03-23"`, "data.experiments.spring: 2026-03-23 is no time; write 2026-03-02T00:00:00Z"},
		{"a baseline that does not come before", `"2026-02-23T00:00:00Z"`, `"2026-03-02T00:00:00Z"`, "baseline_starts must be before starts"},
		{"a cooldown that ends before the test", `"2026-03-30T00:00:00Z"`, `"2026-03-22T00:00:00Z"`, "cooldown_ends must not be before ends"},
		{"no arms", `"arms": {"trial": {"campaigns": ["102"]}, "base": {"campaigns": ["101"], "control": true}}`, `"arms": {}`, "there are no arms, so it would touch nothing"},
		{"an arm with nothing in it", `"trial": {"campaigns": ["102"]}`, `"trial": {}`, "the arm trial has no campaigns, ad_groups, labels, geos or audiences"},
		{"a campaign that is a number", `["102"]`, `[102]`, "data.experiments.spring: arms.campaigns cannot be a number; write it in quotes"},
	} {
		text := strings.Replace(registered, test.from, test.to, 1)
		if text == registered {
			t.Fatalf("%s: the register has no %s", test.name, test.from)
		}
		experiments, err := Decode(document(t, text))
		if !errors.Is(err, policy.ErrRevision) || experiments != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := Decode(document(t, `[]`)); !errors.Is(err, policy.ErrRevision) {
		t.Errorf("a list: %v", err)
	}
	if experiments, err := Decode(nil); err != nil || len(experiments) > 0 {
		t.Errorf("no register: %v, %v", experiments, err)
	}
}

func TestStateFollowsFromTheDates(t *testing.T) {
	whole := decoded(t, registered)[1]
	bare := whole
	bare.BaselineStarts, bare.CooldownEnds = time.Time{}, time.Time{}
	for _, test := range []struct{ now, whole, bare string }{
		{"2026-02-22T23:59:59.999999999Z", "scheduled", "scheduled"},
		{"2026-02-23T00:00:00Z", "baseline", "scheduled"},
		{"2026-03-01T23:59:59.999999999Z", "baseline", "scheduled"},
		{"2026-03-02T00:00:00Z", "running", "running"},
		{"2026-03-02T01:00:00+01:00", "running", "running"},
		{"2026-03-02T00:59:59+01:00", "baseline", "scheduled"},
		{"2026-03-22T23:59:59.999999999Z", "running", "running"},
		{"2026-03-23T00:00:00Z", "cooldown", "analysis"},
		{"2026-03-29T23:59:59.999999999Z", "cooldown", "analysis"},
		{"2026-03-30T00:00:00Z", "analysis", "analysis"},
	} {
		if got := whole.StateAt(at(test.now)); got != test.whole {
			t.Errorf("at %s: %s, want %s", test.now, got, test.whole)
		}
		if got := bare.StateAt(at(test.now)); got != test.bare {
			t.Errorf("at %s, without baseline and cooldown: %s, want %s", test.now, got, test.bare)
		}
		for _, state := range []string{"draft", "aborted", "concluded"} {
			set := whole
			set.State = state
			if got := set.StateAt(at(test.now)); got != state {
				t.Errorf("at %s: %s although it was set to %s", test.now, got, state)
			}
		}
	}
}
