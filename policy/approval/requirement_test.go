package approval

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var groupNames = []string{"a", "b", "c", "d"}

func drawGroups(t *rapid.T, label string, least int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(groupNames), least, 3, rapid.ID[string]).Draw(t, label)
}

// drawRequirement is what a finding might ask for. Few names and groups, so that parts meet.
func drawRequirement(t *rapid.T, label string) Requirement {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"one", "two", "three"}), 1, 3, rapid.ID[string]).Draw(t, label)
	asks := make([]Ask, len(names))
	for i, name := range names {
		ask := Ask{Name: name, Quorum: rapid.IntRange(0, 3).Draw(t, "quorum"), DenyQuorum: rapid.IntRange(1, 3).Draw(t, "deny"),
			Distinct: rapid.Bool().Draw(t, "distinct"), Deadline: Wait(rapid.IntRange(0, 3).Draw(t, "deadline")) * Wait(time.Hour)}
		for _, group := range drawGroups(t, "any of", 1) {
			ask.AnyOf = append(ask.AnyOf, Pool{Group: group, Min: rapid.IntRange(0, 2).Draw(t, "min")})
		}
		ask.AllOf = drawGroups(t, "all of", 0)
		for range rapid.IntRange(0, 2).Draw(t, "tiers") {
			ask.Tiers = append(ask.Tiers, Tier{After: Wait(rapid.IntRange(1, 3).Draw(t, "after")) * Wait(time.Hour),
				Groups: drawGroups(t, "let in", 0), Notify: drawGroups(t, "told", 0)})
		}
		asks[i] = ask
	}
	return require(asks...)
}

func drawVoters(t *rapid.T) []voter {
	voters := make([]voter, rapid.IntRange(0, 6).Draw(t, "people"))
	for i := range voters {
		voters[i] = voter{person: fmt.Sprint(i), groups: drawGroups(t, "groups", 0)}
	}
	return voters
}

func (r Requirement) named(name string) (Stage, bool) {
	at := slices.IndexFunc(r, func(stage Stage) bool { return stage.Name == name })
	if at < 0 {
		return Stage{}, false
	}
	return r[at], true
}

// tiersAt is how many tiers are open after a time.
func (s *Stage) tiersAt(after Wait) int {
	open := 0
	for _, tier := range s.Tiers {
		if tier.After <= after {
			open++
		}
	}
	return open
}

func (s *Stage) denied(voters []voter, tiers int) bool {
	denying := 0
	for _, v := range voters {
		if meet(v.groups, s.deniers(tiers)) {
			denying++
		}
	}
	return denying >= s.DenyQuorum
}

var whatever = cmpopts.EquateEmpty()

func TestMergingDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRequirement(t, "a"), drawRequirement(t, "b")
		if diff := cmp.Diff(a.Merge(b), b.Merge(a), whatever); diff != "" {
			t.Fatalf("(-a,b +b,a):\n%s", diff)
		}
	})
}

func TestMergingDoesNotDependOnGrouping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawRequirement(t, "a"), drawRequirement(t, "b"), drawRequirement(t, "c")
		if diff := cmp.Diff(a.Merge(b).Merge(c), a.Merge(b.Merge(c)), whatever); diff != "" {
			t.Fatalf("(-(a,b),c +a,(b,c)):\n%s", diff)
		}
	})
}

func TestMergingTheSameAgainAddsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRequirement(t, "a"), drawRequirement(t, "b")
		if diff := cmp.Diff(a, a.Merge(a), whatever); diff != "" {
			t.Fatalf("(-a +a,a):\n%s", diff)
		}
		if diff := cmp.Diff(a.Merge(b), a.Merge(b).Merge(a), whatever); diff != "" {
			t.Fatalf("(-a,b +a,b,a):\n%s", diff)
		}
	})
}

func TestWhatIsMergedIsNeverWeakerThanAPart(t *testing.T) {
	met, denied := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRequirement(t, "a"), drawRequirement(t, "b")
		merged := a.Merge(b)
		voters := drawVoters(t)
		after := Wait(rapid.IntRange(0, 4).Draw(t, "after")) * Wait(time.Hour)
		for _, stage := range slices.Concat(a, b) {
			whole, found := merged.named(stage.Name)
			if !found {
				t.Fatalf("stage %s is gone", stage.Name)
			}
			if err := whole.validate(); err != nil {
				t.Fatal(err)
			}
			tiers, wholeTiers := stage.tiersAt(after), whole.tiersAt(after)
			if whole.met(voters, wholeTiers) {
				met++
				if !stage.met(voters, tiers) {
					t.Fatalf("after %v %v meet the whole and not the part\npart  %+v\nwhole %+v", after, voters, stage, whole)
				}
			}
			if stage.denied(voters, tiers) {
				denied++
				if !whole.denied(voters, wholeTiers) {
					t.Fatalf("after %v %v deny the part and not the whole\npart  %+v\nwhole %+v", after, voters, stage, whole)
				}
			}
			if stage.Distinct && !whole.Distinct || whole.Order < stage.Order || whole.time(DefaultWaits) > stage.time(DefaultWaits) {
				t.Fatalf("part  %+v\nwhole %+v", stage, whole)
			}
		}
	})
	if met == 0 || denied == 0 {
		t.Errorf("met %d, denied %d: the test has become too narrow", met, denied)
	}
}

func TestHowStagesMerge(t *testing.T) {
	hours := func(n int) Wait { return Wait(n) * Wait(time.Hour) }
	a := require(Ask{Name: "s", AnyOf: []Pool{{"a", 1}, {"b", 0}}, Quorum: 2, DenyQuorum: 2, Deadline: hours(4), Tiers: []Tier{
		{hours(1), []string{"both"}, []string{"told"}}, {hours(2), []string{"one"}, nil}}})
	b := require(Ask{Name: "s", AnyOf: []Pool{{"a", 2}}, AllOf: []string{"c"}, DenyQuorum: 3, Deadline: hours(3), Distinct: true, Tiers: []Tier{
		{hours(3), []string{"both"}, nil}}})
	want := Requirement{{Name: "s", Seats: []Seat{{"a", 2}, {"c", 1}}, Counts: []Count{{[]string{"a", "b"}, 2}, {[]string{"a", "c"}, 1}},
		DenyQuorum: 2, Distinct: true, Deadline: hours(3), Tiers: []Tier{
			{hours(1), nil, []string{"both", "told"}}, // told as early as either says
			{hours(2), nil, []string{"one"}},          // told, and not let in: b does not
			{hours(3), []string{"both"}, nil},         // let in as late as either says
		}}}
	if diff := cmp.Diff(want, a.Merge(b), whatever); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ordered := require(Ask{Name: "x", AnyOf: anyOf("a")}, Ask{Name: "b", AnyOf: anyOf("a")}).Merge(require(Ask{Name: "b", AnyOf: anyOf("a")}, Ask{Name: "c", AnyOf: anyOf("a")}))
	if got := fmt.Sprint(mapped(ordered, func(s Stage) string { return s.Name })); got != "[x b c]" {
		t.Errorf("got the order %s", got)
	}
}

func TestAsks(t *testing.T) {
	for name, test := range map[string]struct {
		ask  Ask
		want Stage
	}{
		"anybody of a group": {Ask{Name: "s", AnyOf: anyOf("a")},
			Stage{Name: "s", DenyQuorum: 1, Counts: []Count{{[]string{"a"}, 1}}}},
		"two of several groups": {Ask{Name: "s", AnyOf: anyOf("b", "a"), Quorum: 2},
			Stage{Name: "s", DenyQuorum: 1, Counts: []Count{{[]string{"a", "b"}, 2}}}},
		"a peer and a manager": {Ask{Name: "s", AllOf: []string{"peer", "manager"}},
			Stage{Name: "s", DenyQuorum: 1, Seats: []Seat{{"manager", 1}, {"peer", 1}}, Counts: []Count{{[]string{"manager", "peer"}, 1}}}},
		"three people, two of them of a": {Ask{Name: "s", AnyOf: []Pool{{"a", 2}, {"b", 0}}, Quorum: 3, DenyQuorum: 2, Distinct: true, Deadline: Wait(time.Hour)},
			Stage{Name: "s", DenyQuorum: 2, Distinct: true, Deadline: Wait(time.Hour), Seats: []Seat{{"a", 2}}, Counts: []Count{{[]string{"a", "b"}, 3}}}},
		"named twice": {Ask{Name: "s", AnyOf: []Pool{{"a", 1}, {"a", 2}}, AllOf: []string{"a"}},
			Stage{Name: "s", DenyQuorum: 1, Seats: []Seat{{"a", 2}}, Counts: []Count{{[]string{"a"}, 1}}}},
	} {
		if diff := cmp.Diff(Requirement{test.want}, require(test.ask), whatever); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAsksThatMakeNoSense(t *testing.T) {
	a := anyOf("a")
	for name, asks := range map[string][]Ask{
		"no stage":              {},
		"no name":               {{AnyOf: a}},
		"nobody":                {{Name: "s"}},
		"nobody by name":        {{Name: "s", AnyOf: anyOf("")}},
		"a negative quorum":     {{Name: "s", AnyOf: a, Quorum: -1}},
		"a negative min":        {{Name: "s", AnyOf: []Pool{{"a", -1}}}},
		"a quorum of thousands": {{Name: "s", AnyOf: a, Quorum: 1000}},
		"a negative deny":       {{Name: "s", AnyOf: a, DenyQuorum: -1}},
		"a stage twice":         {{Name: "s", AnyOf: a}, {Name: "s", AnyOf: a}},
		"a tier at once":        {{Name: "s", AnyOf: a, Tiers: []Tier{{Groups: []string{"b"}}}}},
		"a negative deadline":   {{Name: "s", AnyOf: a, Deadline: -1}},
	} {
		if requirement, err := Require(asks...); err == nil {
			t.Errorf("%s: got %+v, want an error", name, requirement)
		}
	}
}

func TestDecodeAsks(t *testing.T) {
	got, err := DecodeAsks([]any{map[string]any{"name": "s", "any_of": []any{map[string]any{"group": "a", "min": 2}}, "all_of": []any{"b"}, "quorum": 3,
		"deny_quorum": 2, "distinct_across_stages": true, "deadline": "2h", "tiers": []any{map[string]any{"after": "30m", "groups": []any{"c"}, "notify": []any{"d"}}}}})
	want := []Ask{{Name: "s", AnyOf: []Pool{{"a", 2}}, AllOf: []string{"b"}, Quorum: 3, DenyQuorum: 2, Distinct: true, Deadline: Wait(2 * time.Hour),
		Tiers: []Tier{{Wait(30 * time.Minute), []string{"c"}, []string{"d"}}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, document := range map[string]any{
		"a misspelt quorum": []any{map[string]any{"name": "s", "quorom": 2}},
		"no list":           map[string]any{},
		"half a person":     []any{map[string]any{"name": "s", "quorum": 1.5}},
		"a wrong wait":      []any{map[string]any{"name": "s", "deadline": "tomorrow"}},
		"a negative wait":   []any{map[string]any{"name": "s", "deadline": "-1h"}},
		"no document":       func() {},
	} {
		if asks, err := DecodeAsks(document); err == nil {
			t.Errorf("%s: got %+v, want an error", name, asks)
		}
	}
}

func TestStagesThatTooFewPeopleCanReview(t *testing.T) {
	tiers := []Tier{{After: Wait(time.Hour), Groups: []string{"directors"}}, {After: Wait(2 * time.Hour), Groups: []string{"finance"}}}
	for name, test := range map[string]struct {
		ask    Ask
		opened int
		notify string
		note   string
	}{
		"enough":                     {Ask{AnyOf: anyOf("growth"), Quorum: 3, Tiers: tiers}, 0, "growth", ""},
		"enough with directors":      {Ask{AnyOf: anyOf("growth"), Quorum: 4, Tiers: tiers}, 1, "directors,growth", "others were asked at once: directors"},
		"enough with finance":        {Ask{AnyOf: anyOf("growth"), Quorum: 6, Tiers: tiers}, 2, "directors,finance,growth", "others were asked at once: directors, finance"},
		"enough with the fallback":   {Ask{AnyOf: anyOf("growth"), Quorum: 7, Tiers: tiers}, 3, "directors,fallback,finance,growth", "the fallback was asked at once: fallback"},
		"never enough":               {Ask{AnyOf: anyOf("growth"), Quorum: 8, Tiers: tiers}, 3, "directors,fallback,finance,growth", "it will expire"},
		"a group of nobody":          {Ask{AnyOf: anyOf("empty"), Tiers: tiers}, 1, "directors,empty", "others were asked at once"},
		"a group of machines":        {Ask{AllOf: []string{"growth", "machines"}, Tiers: tiers}, 1, "directors,growth,machines", "others were asked at once"},
		"one person for two seats":   {Ask{AllOf: []string{"directors", "chairs"}}, 3, "chairs,directors,fallback", "the fallback was asked at once"},
		"no tiers, and not enough":   {Ask{AnyOf: anyOf("empty")}, 3, "empty,fallback", "the fallback was asked at once"},
		"seats that both can be had": {Ask{AllOf: []string{"growth", "finance"}}, 0, "finance,growth", ""},
	} {
		people := company()
		people["dora"] = Person{ID: "dora", Human: true, Groups: []string{"directors", "chairs"}}
		people["helper"] = Person{ID: "helper", Groups: []string{"machines"}}
		test.ask.Name = "s"
		step, err := Open(raise(), require(test.ask), people.roster())
		if err != nil {
			t.Fatal(err)
		}
		stage := step.Approval.open()
		if stage.Opened != test.opened || step.Approval.Tier != test.opened || !strings.Contains(stage.Note, test.note) || (test.note == "") != (stage.Note == "") {
			t.Errorf("%s: got %d open of %v, note %q; want %d, %q", name, stage.Opened, stage.Tiers, stage.Note, test.opened, test.note)
		}
		if got := strings.Join(step.Notify, ","); got != test.notify {
			t.Errorf("%s: %s hear of it, want %s", name, got, test.notify)
		}
	}
}

func TestAStageOfNobodyExpiresAndSaysWhy(t *testing.T) {
	people := company()
	delete(people, "zoe")
	step, err := Open(raise(), require(Ask{Name: "s", AnyOf: anyOf("empty")}), people.roster())
	if err != nil {
		t.Fatal(err)
	}
	ended := step.Approval.Apply(Pass{}, step.Approval.Deadline).Approval
	if ended.State != Expired || !strings.Contains(ended.Reason, "too few people can review it") {
		t.Errorf("got %s, %q", ended.State, ended.Reason)
	}
}

func TestAStageHasItsOwnDeadline(t *testing.T) {
	d := opened(t, raise(), require(Ask{Name: "peers", AnyOf: anyOf("growth"), Deadline: Wait(time.Hour)}, Ask{Name: "zz", AnyOf: anyOf("finance"), Deadline: Wait(9 * time.Hour)}))
	d.now = noon.Add(59 * time.Minute)
	d.approve("ana")
	if got, want := d.approval.ends(), noon.Add(4*time.Hour); !got.Equal(want) {
		t.Errorf("a stage with more time than the approval ends at %s, want %s", got, want)
	}
	late := opened(t, raise(), d.approval.Requirement)
	late.now = noon.Add(time.Hour)
	if step := late.apply(late.review("ana", Approve)); outcome(step) != "EXPIRED TIMED_OUT" {
		t.Errorf("got %s", outcome(step))
	}
}
