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
		freezes, promos := calendar.Open(&test.target, time.UTC, at(test.now), time.Time{})
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
	freezes, _ := calendar.Open(&policy.Target{Channel: "search"}, time.UTC, at("2026-11-27T12:00:00Z"), time.Time{})
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
		if got := test.scope.Holds(&target); got != test.want {
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
		{"no start", `{"promos": [{"id": "a", "ends": "2026-03-27T00:00:00Z"}]}`, "data.calendar: a: starts and ends must be times such as 2026-11-26T00:00, or say with every when it repeats"},
		{"no end", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00:00Z"}]}`, "data.calendar: a: starts and ends must be times"},
		{"an end at the start", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00:00Z", "ends": "2026-03-27T00:00:00Z"}]}`, "the end after the start"},
		{"a day", `{"promos": [{"id": "a", "starts": "2026-03-27", "ends": "2026-03-28"}]}`, `data.calendar: a: starts is "2026-03-27"; write a time such as`},
		{"no effect", `{"freezes": [{"id": "a", ` + promo + `}]}`, `data.calendar: a: effect is ""; it is approve or block`},
		{"an effect that there is not", `{"freezes": [{"id": "a", "effect": "warn", ` + promo + `}]}`, `data.calendar: a: effect is "warn"; it is approve or block`},
		{"a label that is a number", `{"promos": [{"id": "a", "scope": {"labels": {"a": 1}}, ` + promo + `}]}`, "must be a string"},
		{"no zone", `{"promos": [{"id": "a", "time_zone": "Mars/Olympus", ` + promo + `}]}`, `a: time_zone is "Mars/Olympus"; write an IANA name such as Europe/Berlin`},
		{"the zone of the machine", `{"promos": [{"id": "a", "time_zone": "Local", ` + promo + `}]}`, `a: time_zone is "Local"`},
		{"a fraction of a second", `{"promos": [{"id": "a", "starts": "2026-03-20T00:00:00.5Z", "ends": "2026-03-27T00:00:00Z"}]}`, `a: starts is "2026-03-20T00:00:00.5Z"; write a time such as 2026-11-26T00:00 (by`},
		{"an end before the start in every zone", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00", "ends": "2026-03-26T00:00:00Z"}]}`, "the end after the start"},
		{"an end at the start, on the wall", `{"promos": [{"id": "a", "starts": "2026-03-27T00:00", "ends": "2026-03-27T00:00"}]}`, "the end after the start"},
		{"what a promo does not have", `{"promos": [{"id": "a", "effect": "block", ` + promo + `}]}`, `unknown field "effect"`},
		{"no percentage", `{"promos": [{"id": "a", "raise": "0.5", ` + promo + `}]}`, `a: raise is "0.5"; write a percentage such as 50%`},
		{"a negative one", `{"promos": [{"id": "a", "raise": "-5%", ` + promo + `}]}`, `raise is "-5%"`},
		{"too much", `{"promos": [{"id": "a", "raise": "100001%", ` + promo + `}]}`, `at most 100000%`},
		{"in flight", `{"freezes": [{"id": "a", "effect": "block", "in_flight": "revoke", ` + promo + `}]}`, `a: in_flight is "revoke"; it is finish or stop`},
		{"no weekday", `{"promos": [{"id": "a", "every": {"weekdays": ["fri"]}}]}`, `a: "fri" is no weekday; write monday to sunday`},
		{"no day", `{"promos": [{"id": "a", "every": {"month_days": [0]}}]}`, "a: there is no day 0 of a month"},
		{"no day, from the end", `{"promos": [{"id": "a", "every": {"month_days": [-32]}}]}`, "a: there is no day -32 of a month"},
		{"no month", `{"promos": [{"id": "a", "every": {"months": [13]}}]}`, "a: there is no month 13; write 1 to 12"},
		{"a month in words", `{"promos": [{"id": "a", "every": {"months": ["may"]}}]}`, "must be a whole number"},
		{"a day that there never is", `{"promos": [{"id": "a", "every": {"months": [2], "month_days": [30]}}]}`, "a: every names no day that there is"},
		{"no time of day", `{"promos": [{"id": "a", "every": {"from": "24:00"}}]}`, `a: from is "24:00"; write a time of day such as 18:00`},
		{"nor that", `{"promos": [{"id": "a", "every": {"until": "8"}}]}`, `a: until is "8"; write a time of day such as 18:00`},
		{"always", `{"freezes": [{"id": "a", "effect": "block", "every": {"weekdays": []}}]}`, "a: every is all days, all day long; say when it starts and ends"},
		{"nothing", `{"freezes": [null]}`, "freezes[0] is empty"},
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
	if freezes, promos := calendar.Open(&policy.Target{}, nil, time.Now(), time.Time{}); len(freezes)+len(promos) > 0 {
		t.Errorf("open: %v, %v", freezes, promos)
	}
}

// calendarOf is a calendar as data.calendar has it.
func calendarOf(t *testing.T, text string) *Calendar {
	t.Helper()
	calendar, err := Decode(document(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return calendar
}

// Leaving out the channel is no way around a freeze of it, and no way into a promo.
func TestWhatATargetLeavesOpen(t *testing.T) {
	c := calendarOf(t, `{
		"freezes": [{"id": "freeze", "effect": "block", "starts": "2026-11-26T00:00:00Z", "ends": "2026-12-01T00:00:00Z", "scope": {"channel": "search"}}],
		"promos": [{"id": "promo", "starts": "2026-11-26T00:00:00Z", "ends": "2026-12-01T00:00:00Z", "scope": {"channel": "search"}}]
	}`)
	for _, test := range []struct {
		channel        string
		frozen, promos int
	}{{"search", 1, 1}, {"", 1, 0}, {"social", 0, 0}} {
		freezes, promos := c.Open(&policy.Target{Channel: test.channel}, time.UTC, at("2026-11-26T00:00:00Z"), time.Time{})
		if len(freezes) != test.frozen || len(promos) != test.promos {
			t.Errorf("channel %q: got %d freezes and %d promos, want %d and %d", test.channel, len(freezes), len(promos), test.frozen, test.promos)
		}
	}
}

// A change that takes effect later meets the freeze that holds then, and those on the way.
func TestLaterEffect(t *testing.T) {
	c := calendarOf(t, `{"freezes": [
		{"id": "once", "effect": "block", "starts": "2026-11-26T00:00:00Z", "ends": "2026-12-01T00:00:00Z"},
		{"id": "fridays", "effect": "block", "starts": "2026-11-26T00:00:00Z", "every": {"weekdays": ["friday"]}, "time_zone": "UTC"}
	]}`)
	now := at("2026-11-19T00:00:00Z")
	for _, test := range []struct {
		until string
		want  []string
	}{
		{"2026-11-19T00:00:00Z", nil}, {"2026-11-25T23:59:59Z", nil}, {"2026-11-26T00:00:00Z", []string{"once"}},
		{"2026-11-26T01:00:00Z", []string{"once"}}, {"2026-12-01T01:00:00Z", []string{"once", "fridays"}}, {"2399-12-01T01:00:00Z", []string{"once", "fridays"}},
	} {
		freezes, _ := c.Open(&policy.Target{}, time.UTC, now, at(test.until))
		var got []string
		for _, freeze := range freezes {
			got = append(got, freeze.ID)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("until %v:\n%s", test.until, diff)
		}
	}
	// Until is that of the first on the way.
	if freezes, _ := c.Open(&policy.Target{}, time.UTC, now, at("2027-12-01T01:00:00Z")); !freezes[1].Until.Equal(at("2026-11-28T00:00:00Z")) {
		t.Errorf("the first Friday ends at %v", freezes[1].Until)
	}
}

// Of hundreds of entries, those of other accounts are not even looked at, and the order is the one in which they were written.
func TestEntriesOfAnAccountAndOfAll(t *testing.T) {
	c := &Calendar{}
	for _, each := range []struct{ id, account string }{{"a", "1"}, {"b", ""}, {"c", "2"}, {"d", ""}, {"e", "1"}} {
		entry := Entry{ID: each.id, Kind: Freeze, Effect: "block", Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z", Scope: Scope{Account: each.account}}
		body, err := entry.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddEntry(each.id, body, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for account, want := range map[string]string{"1": "abde", "2": "bcd", "3": "bd", "": "abcde"} {
		freezes, _ := c.Open(&policy.Target{Account: account}, time.UTC, at("2026-11-26T00:00:00Z"), time.Time{})
		got := ""
		for _, freeze := range freezes {
			got += freeze.ID
		}
		if got != want {
			t.Errorf("account %q: got %s, want %s", account, got, want)
		}
	}
	if !c.Has("d") || c.Has("f") || len(c.Entries()) != 5 {
		t.Errorf("it has %v", c.Entries())
	}
}

// Whoever holds a permit for a rise is stopped, from when the freeze began or was declared.
func TestStops(t *testing.T) {
	c := &Calendar{}
	for id, each := range map[string]Entry{
		"incident": {Kind: Freeze, Effect: "block", InFlight: "stop", Reason: "clicks are counted twice", Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z"},
		"finish":   {Kind: Freeze, Effect: "block", InFlight: "finish", Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z"},
		"default":  {Kind: Freeze, Effect: "block", Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z"},
		"promo":    {Kind: Promo, Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z"},
		"social":   {Kind: Freeze, Effect: "block", InFlight: "stop", Starts: "2026-11-26T00:00:00Z", Ends: "2026-11-27T00:00:00Z", Scope: Scope{Channel: "social"}},
	} {
		body, err := each.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddEntry(id, body, at("2026-11-26T10:00:00Z")); err != nil {
			t.Fatal(err)
		}
	}
	target := &policy.Target{Channel: "search"}
	want := []Stop{{ID: "incident", Reason: "clicks are counted twice", Since: at("2026-11-26T10:00:00Z"), Until: at("2026-11-27T00:00:00Z")}}
	if diff := cmp.Diff(want, c.Stops(target, time.UTC, at("2026-11-26T12:00:00Z"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if stops := c.Stops(target, time.UTC, at("2026-11-27T00:00:00Z")); stops != nil {
		t.Errorf("when it is over, %v", stops)
	}

	week := calendarOf(t, `{"freezes": [{"id": "week", "effect": "block", "in_flight": "stop",
		"every": {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"]}}]}`)
	stops := week.Stops(target, time.UTC, at("2026-11-27T23:00:00Z"))
	if len(stops) != 1 || !stops[0].Since.Equal(at("2026-11-23T00:00:00Z")) || !stops[0].Until.Equal(at("2026-11-28T00:00:00Z")) {
		t.Errorf("five days that touch are one occurrence; got %v", stops)
	}
}

// An end that people write for never is one that can be said, whatever the zone.
func TestNeverCanBeSaid(t *testing.T) {
	for _, zone := range []string{"", "America/New_York", "Pacific/Auckland"} {
		entry := Entry{ID: "forever", Kind: Freeze, Effect: "block", Starts: "2026-01-01T00:00", Ends: "9999-12-31T23:59", TimeZone: zone}
		times, err := entry.Times(nil, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
		if err != nil || !times.Open || times.Until.Year() != 9999 {
			t.Errorf("%q: %+v, %v", zone, times, err)
		}
		if _, err := times.Until.MarshalJSON(); err != nil {
			t.Errorf("%q: %v", zone, err)
		}
	}
}
