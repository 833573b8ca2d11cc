package calendar

import (
	"encoding/json"
	"errors"
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

const entries = `{
	"freezes": [
		{"id": "black-friday", "reason": "set by hand", "effect": "approve", "starts": "2026-11-26T00:00:00Z", "ends": "2026-12-01T00:00:00Z", "scope": {"channel": "search"}},
		{"id": "everywhere", "effect": "block", "starts": "2026-11-27T00:00:00+01:00", "ends": "2026-11-28T00:00:00Z"}
	],
	"promos": [{"id": "spring", "starts": "2026-03-20T00:00:00Z", "ends": "2026-03-27T00:00:00Z", "scope": {"labels": {"brand": "shoes"}}}]
}`

func at(text string) time.Time {
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return when
}

func TestWhatIsOpenFollowsFromTimeAndTarget(t *testing.T) {
	calendar, err := Decode(document(t, entries))
	if err != nil {
		t.Fatal(err)
	}
	shoes := policy.Target{Channel: "search", Labels: map[string]string{"brand": "shoes", "market": "de"}}
	for _, test := range []struct {
		name   string
		target policy.Target
		now    string
		want   []string
	}{
		{"before it starts", shoes, "2026-11-25T23:59:59.999999999Z", nil},
		{"as it starts", shoes, "2026-11-26T00:00:00Z", []string{"black-friday"}},
		{"as the other starts, in its own zone", shoes, "2026-11-26T23:00:00Z", []string{"black-friday", "everywhere"}},
		{"a moment before that", shoes, "2026-11-26T22:59:59.999999999Z", []string{"black-friday"}},
		{"as the other ends", shoes, "2026-11-28T00:00:00Z", []string{"black-friday"}},
		{"a moment before it ends", shoes, "2026-11-30T23:59:59.999999999Z", []string{"black-friday"}},
		{"as it ends", shoes, "2026-12-01T00:00:00Z", nil},
		{"out of its scope", policy.Target{Channel: "social"}, "2026-11-27T12:00:00Z", []string{"everywhere"}},
		{"nothing is known of the target", policy.Target{}, "2026-11-27T12:00:00Z", []string{"black-friday", "everywhere"}},
		{"a promo as it starts", shoes, "2026-03-20T00:00:00Z", []string{"spring"}},
		{"a promo as it ends", shoes, "2026-03-27T00:00:00Z", nil},
		{"a promo of another brand", policy.Target{Channel: "search", Labels: map[string]string{"brand": "hats"}}, "2026-03-21T00:00:00Z", nil},
	} {
		freezes, promos := calendar.Open(test.target, at(test.now), time.Time{})
		var got []string
		for _, freeze := range freezes {
			got = append(got, freeze.ID)
		}
		for _, promo := range promos {
			got = append(got, promo.ID)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestOpenFreezeSaysWhyUntilWhenAndWhatItAsks(t *testing.T) {
	calendar, err := Decode(document(t, entries))
	if err != nil {
		t.Fatal(err)
	}
	freezes, _ := calendar.Open(policy.Target{Channel: "search"}, at("2026-11-27T12:00:00Z"), time.Time{})
	want := []policy.OpenFreeze{
		{ID: "black-friday", Reason: "set by hand", Effect: policy.Approve, Until: at("2026-12-01T00:00:00Z")},
		{ID: "everywhere", Effect: policy.Blocks, Until: at("2026-11-28T00:00:00Z")},
	}
	if diff := cmp.Diff(want, freezes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScopeHoldsWhenAllItNamesIsSo(t *testing.T) {
	target := policy.Target{Platform: "meta", Account: "1", Channel: "social", Campaign: "2", Labels: map[string]string{"a": "b", "empty": ""}}
	for _, test := range []struct {
		name  string
		scope Scope
		want  bool
	}{
		{"everything", Scope{}, true},
		{"platform", Scope{Platform: "meta"}, true},
		{"another platform", Scope{Platform: "tiktok"}, false},
		{"account", Scope{Account: "1"}, true},
		{"another account", Scope{Account: "2"}, false},
		{"channel", Scope{Channel: "social"}, true},
		{"another channel", Scope{Channel: "search"}, false},
		{"campaign", Scope{Campaign: "2"}, true},
		{"another campaign", Scope{Campaign: "1"}, false},
		{"all but one", Scope{Platform: "meta", Account: "1", Channel: "social", Campaign: "3"}, false},
		{"label", Scope{Labels: map[string]string{"a": "b"}}, true},
		{"another label", Scope{Labels: map[string]string{"a": "c"}}, false},
		{"a label that it does not have", Scope{Labels: map[string]string{"a": "b", "c": "d"}}, false},
	} {
		if got := test.scope.Holds(target); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestCalendarsThatCannotBeReadAreRefused(t *testing.T) {
	const promo = `"starts": "2026-03-20T00:00:00Z", "ends": "2026-03-27T00:00:00Z"`
	for _, test := range []struct{ name, text, want string }{
		{"no object", `[]`, "data.calendar: "},
		{"a key that there is not", `{"freeze": []}`, `unknown field "freeze"`},
		{"a key that there is not, in an entry", `{"promos": [{"id": "a", "scopes": {}, ` + promo + `}]}`, `unknown field "scopes"`},
		{"a scope that there is not", `{"promos": [{"id": "a", "scope": {"ad_group": "1"}, ` + promo + `}]}`, `unknown field "ad_group"`},
		{"no id", `{"promos": [{` + promo + `}]}`, "data.calendar: a promo has no id"},
		{"an id twice", `{"promos": [{"id": "a", ` + promo + `}], "freezes": [{"id": "a", "effect": "block", ` + promo + `}]}`, "the id a is used twice"},
		{"no start", `{"promos": [{"id": "a", "ends": "2026-03-27T00:00:00Z"}]}`, "data.calendar: a: starts and ends must be times such as 2026-11-26T00:00:00Z"},
		{"no end", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00:00Z"}]}`, "data.calendar: a: starts and ends must be times"},
		{"an end at the start", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00:00Z", "ends": "2026-03-27T00:00:00Z"}]}`, "the end after the start"},
		{"a day", `{"promos": [{"id": "a", "starts": "2026-03-27", "ends": "2026-03-28"}]}`, "data.calendar: "},
		{"no effect", `{"freezes": [{"id": "a", ` + promo + `}]}`, `data.calendar: a: effect is ""; it is approve or block`},
		{"an effect that there is not", `{"freezes": [{"id": "a", "effect": "warn", ` + promo + `}]}`, `data.calendar: a: effect is "warn"; it is approve or block`},
		{"a label that is a number", `{"promos": [{"id": "a", "scope": {"labels": {"a": 1}}, ` + promo + `}]}`, "data.calendar: "},
	} {
		calendar, err := Decode(document(t, test.text))
		if !errors.Is(err, policy.ErrRevision) || calendar != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

func TestNoCalendarIsAnEmptyOne(t *testing.T) {
	calendar, err := Decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if freezes, promos := calendar.Open(policy.Target{}, time.Now(), time.Time{}); len(freezes)+len(promos) > 0 {
		t.Errorf("open: %v, %v", freezes, promos)
	}
}

// Leaving out the channel is no way around a freeze of it, and no way into a promo.
func TestWhatATargetLeavesOpen(t *testing.T) {
	start, end := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	search := Scope{Channel: "search"}
	c := &Calendar{
		Freezes: []Freeze{{ID: "freeze", Effect: "block", Starts: start, Ends: end, Scope: search}},
		Promos:  []Promo{{ID: "promo", Starts: start, Ends: end, Scope: search}},
	}
	for _, test := range []struct {
		channel        string
		frozen, promos int
	}{{"search", 1, 1}, {"", 1, 0}, {"social", 0, 0}} {
		freezes, promos := c.Open(policy.Target{Channel: test.channel}, start, time.Time{})
		if len(freezes) != test.frozen || len(promos) != test.promos {
			t.Errorf("channel %q: got %d freezes and %d promos, want %d and %d", test.channel, len(freezes), len(promos), test.frozen, test.promos)
		}
	}
}

// A change that takes effect later meets the freeze that holds then, and those on the way.
func TestLaterEffect(t *testing.T) {
	start, end := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	c := &Calendar{Freezes: []Freeze{{ID: "freeze", Effect: "block", Starts: start, Ends: end}}}
	now := start.Add(-7 * 24 * time.Hour)
	for _, test := range []struct {
		until time.Time
		want  int
	}{{time.Time{}, 0}, {start.Add(-time.Second), 0}, {start, 1}, {start.Add(time.Hour), 1}, {end.Add(time.Hour), 1}} {
		if freezes, _ := c.Open(policy.Target{}, now, test.until); len(freezes) != test.want {
			t.Errorf("until %v: got %d freezes, want %d", test.until, len(freezes), test.want)
		}
	}
}
