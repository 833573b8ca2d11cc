package experiment

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

// model is a test as people would keep it on a sheet of paper: which of its states it can be in, and what they may do there.
type model struct{ draft, aborted, concluded bool }

func (m model) state(e Experiment, now time.Time) string {
	switch {
	case m.aborted:
		return Aborted
	case m.concluded:
		return Concluded
	case m.draft:
		return Draft
	case !e.BaselineStarts.IsZero() && now.Before(e.BaselineStarts), e.BaselineStarts.IsZero() && now.Before(e.Starts):
		return Scheduled
	case now.Before(e.Starts):
		return Baseline
	case now.Before(e.Ends):
		return Running
	case !e.CooldownEnds.IsZero() && now.Before(e.CooldownEnds):
		return Cooldown
	}
	return Analysis
}

// TestMachine does anything at any time and holds what comes of it against the model.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := at("2026-03-01T00:00:00Z")
		day := func(name string, from, to int) time.Time {
			return at("2026-03-01T00:00:00Z").Add(time.Duration(rapid.IntRange(from, to).Draw(t, name)) * 12 * time.Hour)
		}
		dated := func() Experiment {
			e := Experiment{ID: "spring", Type: "ab", Owner: "growth", Starts: day("starts", -20, 60)}
			e.Ends = e.Starts.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "length")) * 12 * time.Hour)
			if rapid.Bool().Draw(t, "baseline") {
				e.BaselineStarts = e.Starts.Add(-36 * time.Hour)
			}
			if rapid.Bool().Draw(t, "cooldown") {
				e.CooldownEnds = e.Ends.Add(48 * time.Hour)
			}
			e.Arms = []Arm{{Name: "base", Control: true, Campaigns: []string{"101"}}, {Name: "trial", Campaigns: []string{rapid.SampledFrom([]string{"102", "103"}).Draw(t, "trial")}}}
			if rapid.Bool().Draw(t, "draft") {
				e.State = Draft
			}
			return e
		}
		e := dated()
		m := model{draft: e.State == Draft}
		do := func(name string, may bool, next Experiment, err error) bool {
			if (err == nil) != may {
				t.Fatalf("%s in %s: %v, want it to be let: %v", name, m.state(e, now), err, may)
			}
			if err != nil {
				if !errors.Is(err, policy.ErrPrecondition) || !cmp.Equal(next, e) {
					t.Fatalf("%s: error %v, and the test is\n%s", name, err, cmp.Diff(e, next))
				}
				return false
			}
			if _, err := next.Encode(); err != nil {
				t.Fatalf("%s: what came of it cannot be written: %v", name, err)
			}
			e = next
			return true
		}
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "hours")) * 6 * time.Hour) },
			"start": func(t *rapid.T) {
				next, err := e.Start(now, false)
				if do("start", m.state(e, now) == Draft && e.Ends.After(now), next, err) {
					m.draft = false
				}
			},
			"start now": func(t *rapid.T) {
				planned := e
				next, err := e.Start(now, true)
				if do("start now", m.state(e, now) == Draft && e.Ends.After(now), next, err) {
					m.draft = false
					if got := m.state(e, now); got != Running || !e.Ends.Equal(planned.Ends) {
						t.Fatalf("started now it is %s until %v", got, e.Ends)
					}
				}
			},
			"abort": func(t *rapid.T) {
				state := m.state(e, now)
				next, err := e.Abort(now)
				if do("abort", state != Aborted && state != Concluded, next, err) {
					m.aborted = true
				}
			},
			"conclude": func(t *rapid.T) {
				next, err := e.Conclude(now)
				if do("conclude", m.state(e, now) == Analysis, next, err) {
					m.concluded = true
				}
			},
			"edit anything": func(t *rapid.T) {
				state, asked := m.state(e, now), dated()
				next, err := e.Edit(asked, now)
				open := state == Draft || state == Scheduled
				same := cmp.Equal(asked, e)
				if do("edit", open || same && state != Aborted && state != Concluded && asked.State != Draft, next, err) {
					m.draft = asked.State == Draft
				}
			},
			"edit what stays open": func(t *rapid.T) {
				state, asked := m.state(e, now), e
				asked.Name, asked.Owner, asked.Hypothesis = rapid.StringMatching("[a-z]*").Draw(t, "name"), rapid.StringMatching("[a-z]+").Draw(t, "owner"), "more sales"
				next, err := e.Edit(asked, now)
				do("edit", state != Aborted && state != Concluded, next, err)
			},
			"": func(t *rapid.T) {
				if got, want := e.StateAt(now), m.state(e, now); got != want {
					t.Fatalf("at %v it is %s, want %s", now, got, want)
				}
				change := &policy.Change{Target: policy.Target{Campaign: "101"}}
				holds := false
				for _, p := range NewIndex([]Experiment{e}).Touching(change, now) {
					holds = holds || p.Holds()
				}
				from, until := e.period()
				want := !m.draft && !m.aborted && !m.concluded && !now.Before(from) && now.Before(until)
				if holds != want {
					t.Fatalf("at %v, in %s, it holds its members: %v", now, m.state(e, now), holds)
				}
			},
		})
	})
}

func TestWhatIsEditedWhileATestIsOn(t *testing.T) {
	running := decoded(t, registered)[1]
	for _, test := range []struct {
		field string
		edit  func(*Experiment)
		may   bool
	}{
		{"name", func(e *Experiment) { e.Name = "x" }, true},
		{"owner", func(e *Experiment) { e.Owner = "x" }, true},
		{"hypothesis", func(e *Experiment) { e.Hypothesis = "x" }, true},
		{"type", func(e *Experiment) { e.Type, e.Sync = "lift", false }, false},
		{"platform", func(e *Experiment) { e.Platform = "meta" }, false},
		{"account", func(e *Experiment) { e.Account = "1" }, false},
		{"metric", func(e *Experiment) { e.Metric = "clicks" }, false},
		{"baseline_starts", func(e *Experiment) { e.BaselineStarts = time.Time{} }, false},
		{"starts", func(e *Experiment) { e.Starts = e.Starts.Add(time.Hour) }, false},
		{"ends", func(e *Experiment) { e.Ends = e.Ends.Add(time.Hour) }, false},
		{"cooldown_ends", func(e *Experiment) { e.CooldownEnds = time.Time{} }, false},
		{"purchase_cycle", func(e *Experiment) { e.PurchaseCycle = time.Hour }, false},
		{"sync", func(e *Experiment) { e.Sync = false }, false},
		{"frozen_fields", func(e *Experiment) { e.FrozenFields = []policy.Kind{} }, false},
		{"envelope", func(e *Experiment) { e.Envelope = []Envelope{{Kind: policy.KindBid, SharePPM: 1}} }, false},
		{"arms.trial", func(e *Experiment) {
			e.Arms = []Arm{e.Arms[0], {Name: "trial", Campaigns: []string{"102", "103"}}}
		}, false},
		{"arms.more", func(e *Experiment) { e.Arms = append(e.Arms[:2:2], Arm{Name: "more", Campaigns: []string{"104"}}) }, false},
		{"state", func(e *Experiment) { e.State = Draft }, false},
	} {
		next := running
		test.edit(&next)
		for _, when := range []string{"2026-02-25T00:00:00Z", "2026-03-10T00:00:00Z", "2026-03-25T00:00:00Z", "2026-05-01T00:00:00Z"} {
			_, err := running.Edit(next, at(when))
			if (err == nil) != test.may || err != nil && test.field != "state" && !strings.Contains(err.Error(), test.field) {
				t.Errorf("%s at %s: %v, want it to be let: %v, or named", test.field, when, err, test.may)
			}
		}
		if _, err := running.Edit(next, at("2026-02-01T00:00:00Z")); err != nil {
			t.Errorf("%s before anything is held still: %v", test.field, err)
		}
	}
	reordered := running
	reordered.Arms = []Arm{running.Arms[0], running.Arms[1]}
	reordered.Arms[0].Campaigns = []string{"101", "101"}
	if differences := running.Differences(&reordered); differences != nil {
		t.Errorf("the same members differ: %+v", differences)
	}
}

func TestDifferencesAreToldFieldByField(t *testing.T) {
	old := decoded(t, registered)[1]
	next := old
	next.Owner, next.Ends, next.FrozenFields = "science", at("2026-03-25T00:00:00Z"), nil
	next.Envelope = []Envelope{{Kind: policy.KindBid, SharePPM: 200_000, Most: policy.MoneyValue(2_000_000, "USD")}}
	next.Arms = []Arm{{Name: "base", Control: true, SplitPPM: 500_000, Campaigns: []string{"103", "101"}, Labels: map[string]string{"a": "b"}}}
	want := []Difference{
		{"owner", "growth", "science"},
		{"ends", "2026-03-23T00:00:00Z", "2026-03-25T00:00:00Z"},
		{"frozen_fields", "bid, status", ""},
		{"envelope", "", "bid by 20% up to 2.00 USD"},
		{"arms.base", "control, campaigns 101", "control, 50%, campaigns 101 103, a=b"},
		{"arms.trial", "campaigns 102", ""},
	}
	if diff := cmp.Diff(want, old.Differences(&next)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOverlap(t *testing.T) {
	base := func(edit func(*Experiment)) Experiment {
		e := Experiment{ID: "spring", Owner: "growth", Type: "ab", Platform: "google_ads", Account: "1", Starts: at("2026-03-01T00:00:00Z"), Ends: at("2026-04-01T00:00:00Z"),
			Arms: []Arm{{Name: "a", Campaigns: []string{"101"}, AdGroups: []string{"201"}, Geos: []string{"DE-BY"}, Audiences: []string{"a-1"}, Labels: map[string]string{"region": "north"}}}}
		edit(&e)
		return e
	}
	only := func(arm Arm) func(*Experiment) { return func(e *Experiment) { e.ID, e.Arms = "summer", []Arm{arm} } }
	and := func(edits ...func(*Experiment)) func(*Experiment) {
		return func(e *Experiment) {
			for _, edit := range edits {
				edit(e)
			}
		}
	}
	campaign := only(Arm{Name: "x", Campaigns: []string{"7", "101"}})
	spring := base(func(*Experiment) {})
	for _, test := range []struct {
		name string
		edit func(*Experiment)
		want string // "": they do not meet
	}{
		{"a campaign", campaign, "campaign 101 is in the experiment spring of growth too, from 2026-03-01T00:00:00Z to 2026-04-01T00:00:00Z"},
		{"an ad group", only(Arm{Name: "x", AdGroups: []string{"201"}}), "ad group 201 is in"},
		{"a region", only(Arm{Name: "x", Geos: []string{"DE-BY"}}), "geo DE-BY is in"},
		{"an audience", only(Arm{Name: "x", Audiences: []string{"a-1"}}), "audience a-1 is in"},
		{"labels of which one includes the other", only(Arm{Name: "x", Labels: map[string]string{"region": "north", "line": "shoes"}}), "what is labelled [line region] is in"},
		{"other labels", only(Arm{Name: "x", Labels: map[string]string{"region": "south"}}), ""},
		{"an ad group of the campaign's number", only(Arm{Name: "x", AdGroups: []string{"101"}}), ""},
		{"itself", func(*Experiment) {}, ""},
		{"another account", and(campaign, func(e *Experiment) { e.Account = "2" }), ""},
		{"any account", and(campaign, func(e *Experiment) { e.Account = "" }), "campaign 101"},
		{"another platform", and(campaign, func(e *Experiment) { e.Platform = "meta" }), ""},
		{"anywhere", and(campaign, func(e *Experiment) { e.Platform, e.Account = "", "" }), "campaign 101"},
		{"afterwards", and(campaign, func(e *Experiment) { e.Starts, e.Ends = at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z") }), ""},
		{"its baseline reaches back", and(campaign, func(e *Experiment) {
			e.BaselineStarts, e.Starts, e.Ends = at("2026-03-31T23:59:59Z"), at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z")
		}), "campaign 101"},
		{"before", and(campaign, func(e *Experiment) { e.Starts, e.Ends = at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z") }), ""},
		{"its cooldown reaches over", and(campaign, func(e *Experiment) {
			e.Starts, e.Ends, e.CooldownEnds = at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"), at("2026-03-01T00:00:01Z")
		}), "campaign 101"},
		{"a draft", and(campaign, func(e *Experiment) { e.State = Draft }), ""},
	} {
		next := base(test.edit)
		err := next.Overlap([]Experiment{spring})
		if (err != nil) != (test.want != "") || err != nil && (!errors.Is(err, policy.ErrPrecondition) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		for _, state := range []string{Draft, Aborted, Concluded} {
			other := spring
			other.State = state
			if err := next.Overlap([]Experiment{other}); err != nil {
				t.Errorf("%s, and the other is %s: %v", test.name, state, err)
			}
		}
	}
}
