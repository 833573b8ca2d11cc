package calendar

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

var noon = at("2026-11-26T12:00:00Z")

func usd(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }

// until is a change that is to be taken back after some days; 0: it is not.
func until(before, after policy.Value, days int) *policy.Change {
	change := &policy.Change{Kind: policy.KindDailyBudget, Before: before, After: after, PromoID: "sale"}
	if days > 0 {
		change.RevertAt = noon.AddDate(0, 0, days)
	}
	return change
}

func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// story is what happens to one field.
type story struct {
	t *testing.T
	r Revert
}

func (s *story) allow(id string, change *policy.Change, minute int) {
	if next, promised := s.r.Promise(change, change.Before, id, minutes(minute)); promised {
		s.r = next
	}
}

func (s *story) apply(id string, value policy.Value, asked, minute int) {
	s.r, _ = s.r.Apply(id, value, minutes(asked), minutes(minute))
}

func (s *story) drop(id string) { s.r, _ = s.r.Drop(id) }

// want checks what is to be put back, and who has promised it.
func (s *story) want(name string, baseline policy.Value, days int, promises ...string) {
	s.t.Helper()
	var ids []string
	for _, promise := range s.r.Promises {
		ids = append(ids, promise.DecisionID)
	}
	if strings.Join(ids, " ") != strings.Join(promises, " ") {
		s.t.Fatalf("%s: promised by %v, want %v", name, ids, promises)
	}
	if len(ids) == 0 {
		return
	}
	if open := s.r.Open(); open.Baseline != baseline || !open.Due.Equal(noon.AddDate(0, 0, days)) || open.PromoID != "sale" {
		s.t.Errorf("%s: got %+v, want %v in %d days", name, open, baseline, days)
	}
}

func TestPromises(t *testing.T) {
	for name, tell := range map[string]func(*story){
		"a rise, and back": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.want("allowed", usd(100), 3, "up")
			s.apply("up", usd(150), 0, 1)
			s.want("made", usd(100), 3, "up")
			s.allow("down", until(usd(150), usd(100), 0), 2)
			s.want("back is allowed", usd(100), 3, "up")
			s.apply("down", usd(100), 2, 3)
			s.want("back", usd(0), 0)
		},
		"a rise that is not made": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.drop("other")
			s.want("another is not", usd(100), 3, "up")
			s.drop("up")
			s.want("it is not", usd(0), 0)
		},
		"nothing is promised": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 0), 0)
			s.want("a rise that stays", usd(0), 0)
			s.allow("down", until(usd(150), usd(100), 3), 0)
			s.want("a cut for a time", usd(0), 0)
			s.allow("same", until(usd(150), usd(150), 3), 0)
			s.want("no move", usd(0), 0)
		},
		"a rise on top of another keeps the baseline and takes the later day": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.apply("up", usd(150), 0, 1)
			s.allow("more", until(usd(150), usd(200), 5), 2)
			s.want("more", usd(100), 5, "up", "more")
			s.apply("more", usd(200), 2, 3)
			s.allow("short", until(usd(200), usd(210), 1), 4)
			s.want("a shorter one", usd(100), 5, "up", "more", "short")
			s.allow("part", until(usd(210), usd(150), 0), 5)
			s.apply("part", usd(150), 5, 6)
			s.want("not back", usd(100), 5, "up", "more", "short")
			s.drop("short")
			s.allow("down", until(usd(150), usd(90), 0), 7)
			s.apply("down", usd(90), 7, 8)
			s.want("below", usd(0), 0)
			s.allow("again", until(usd(90), usd(120), 3), 9)
			s.want("it begins anew", usd(90), 3, "again")
		},
		"the later day was never made": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.allow("more", until(usd(150), usd(200), 5), 1)
			s.drop("more")
			s.want("the first day again", usd(100), 3, "up")
		},
		"a lower value before is a lower baseline": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.allow("more", until(usd(80), usd(200), 2), 1)
			s.want("lower", usd(80), 3, "up", "more")
		},
		"back before the rise was made": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.allow("down", until(usd(150), usd(100), 0), 1)
			s.apply("down", usd(100), 1, 2)
			s.want("the rise may come yet", usd(100), 3, "up")
			s.apply("up", usd(150), 0, 3)
			s.want("it came", usd(100), 3, "up")
			s.apply("down", usd(100), 1, 4)
			s.want("which of both was last nobody knows", usd(100), 3, "up")
			s.apply("down2", usd(100), 5, 6)
			s.want("now it is known", usd(0), 0)
		},
		"made in no part": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.apply("up", usd(100), 0, 1)
			s.want("it has what it had", usd(0), 0)
		},
		"another currency is no way back": func(s *story) {
			s.allow("up", until(usd(100), usd(150), 3), 0)
			s.apply("up", usd(150), 0, 1)
			s.apply("down", policy.MoneyValue(1, "JPY"), 2, 3)
			s.want("nobody can compare them", usd(100), 3, "up")
		},
	} {
		t.Run(name, func(t *testing.T) { tell(&story{t: t}) })
	}
}

// What is back depends on the kind: less ROAS is more spending, and where no modifier is set 100% holds.
func TestBack(t *testing.T) {
	for _, test := range []struct {
		kind            policy.Kind
		baseline, value policy.Value
		want            bool
	}{
		{policy.KindDailyBudget, usd(100), usd(100), true},
		{policy.KindDailyBudget, usd(100), usd(99), true},
		{policy.KindDailyBudget, usd(100), usd(101), false},
		{policy.KindDailyBudget, usd(100), policy.UnlimitedValue(), false},
		{policy.KindDailyBudget, policy.UnlimitedValue(), usd(1_000_000), true},
		{policy.KindDailyBudget, usd(100), policy.AbsentValue(), false},
		{policy.KindDailyBudget, policy.AbsentValue(), policy.AbsentValue(), true},
		{policy.KindDailyBudget, policy.AbsentValue(), usd(1), false},
		{policy.KindDailyBudget, usd(100), policy.Value{}, false},
		{policy.KindTargetROAS, policy.RatioValue(4_000_000), policy.RatioValue(4_100_000), true},
		{policy.KindTargetROAS, policy.RatioValue(4_000_000), policy.RatioValue(3_900_000), false},
		{policy.KindBidModifier, policy.AbsentValue(), policy.RatioValue(1_000_000), true},
		{policy.KindBidModifier, policy.AbsentValue(), policy.RatioValue(1_100_000), false},
		{policy.KindBidModifier, policy.RatioValue(1_200_000), policy.AbsentValue(), true},
		{policy.KindStatus, policy.TextValue("PAUSED"), policy.TextValue("ENABLED"), false},
		{policy.KindStatus, policy.TextValue("ENABLED"), policy.TextValue("PAUSED"), true},
		{policy.KindBidStrategy, policy.TextValue("MANUAL"), policy.TextValue("AUTO"), false},
		{policy.KindBidStrategy, policy.TextValue("MANUAL"), policy.TextValue("MANUAL"), true},
	} {
		r := Revert{Kind: test.kind, Baseline: test.baseline}
		if got := r.back(test.value); got != test.want {
			t.Errorf("%v: from %v to %v: got %v", test.kind, test.baseline, test.value, got)
		}
	}
}

func TestRevertsAreReadAsTheyWereWritten(t *testing.T) {
	want := Revert{Target: policy.Target{Platform: "meta", Account: "1", EntityType: "campaign", EntityID: "7"}, Kind: policy.KindTargetROAS,
		Baseline: policy.RatioValue(4_000_000), Promises: []Promise{{"dec_1", "sale", noon.AddDate(0, 0, 1), noon, time.Time{}}, {"dec_2", "", noon, noon, noon}}}
	encoded, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeRevert(encoded)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// asked is a change of the one field that is allowed and not reported on.
type asked struct {
	id       string
	change   *policy.Change
	promised bool
	at       time.Time
	applied  bool // on the platform, of which the service hears later
}

// Whatever is under way at once, and in whatever order it lands and is reported: as long as a rise for a time has landed and nothing at or
// below the baseline has landed after it, it is to be put back, and the baseline does not move up. Once all is quiet, putting the value back
// ends it.
func TestNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			r      Revert
			open   []*asked
			raised = map[string]bool{} // rises for a time that have landed and were not put back since
			now    = noon
			number int
		)
		value := usd(100)
		ask := func(after policy.Value, days int) *asked {
			number++
			a := &asked{id: "dec_" + strings.Repeat("i", number), change: until(value, after, days), at: now}
			if next, promised := r.Promise(a.change, a.change.Before, a.id, now); promised {
				r, a.promised = next, true
			}
			open = append(open, a)
			return a
		}
		land := func(a *asked) {
			if a.applied {
				return
			}
			a.applied, value = true, a.change.After
			if len(r.Promises) > 0 && r.back(value) {
				clear(raised)
			}
			if a.promised {
				raised[a.id] = true
			}
		}
		pick := func(t *rapid.T, applied bool) *asked {
			var some []*asked
			for _, a := range open {
				if a.applied == applied {
					some = append(some, a)
				}
			}
			if len(some) == 0 {
				t.Skip("there is none")
			}
			return rapid.SampledFrom(some).Draw(t, "which")
		}
		end := func(a *asked) { open = slices.DeleteFunc(open, func(each *asked) bool { return each == a }) }
		tell := func(a *asked) {
			r, _ = r.Apply(a.id, a.change.After, a.at, now)
			end(a)
		}
		last := policy.Value{}
		t.Repeat(map[string]func(*rapid.T){
			"ask": func(t *rapid.T) {
				ask(usd(rapid.Int64Range(80, 140).Draw(t, "to")), rapid.IntRange(0, 5).Draw(t, "days"))
			},
			"ask for what was there": func(t *rapid.T) { ask(usd(100), 0) },
			"land":                   func(t *rapid.T) { land(pick(t, false)) },
			"report":                 func(t *rapid.T) { tell(pick(t, true)) },
			"give back": func(t *rapid.T) {
				a := pick(t, false)
				r, _ = r.Drop(a.id)
				end(a)
			},
			"all is quiet": func(t *rapid.T) {
				for len(open) > 0 {
					now = now.Add(time.Second)
					land(open[0])
					tell(open[0])
				}
				if len(r.Promises) > 0 {
					now = now.Add(time.Second)
					back := ask(r.Baseline, 0)
					land(back)
					tell(back)
				}
				if len(r.Promises) > 0 {
					t.Fatalf("it was put back, and %+v is still promised", r.Promises)
				}
			},
			"": func(t *rapid.T) {
				now = now.Add(time.Second)
				if len(raised) > 0 && len(r.Promises) == 0 {
					t.Fatalf("%v have landed and are forgotten", raised)
				}
				if len(r.Promises) == 0 {
					last = policy.Value{}
					return
				}
				if last != (policy.Value{}) && direction(r.Kind, last, r.Baseline) == policy.Rise {
					t.Fatalf("the baseline went from %v to %v", last, r.Baseline)
				}
				last = r.Baseline
			},
		})
	})
}
