package calendar

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // so that no machine skips the tests of daylight saving

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
)

// turns are times at which clocks are set, each with a few days around it.
var turns = []struct{ zone, at string }{
	{"Europe/Berlin", "2026-03-29T01:00:00Z"},
	{"Europe/Berlin", "2026-10-25T01:00:00Z"},
	{"America/New_York", "2026-03-08T07:00:00Z"},
	{"America/New_York", "2026-11-01T06:00:00Z"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, // by half an hour
	{"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z"}, // at midnight: that day has none
	{"America/Sao_Paulo", "2018-02-18T02:00:00Z"}, // and this one two
	{"Pacific/Apia", "2011-12-30T10:00:00Z"},      // a day that there was not
	{"Asia/Kolkata", "2026-05-01T00:00:00Z"},      // none is set
}

// walls is what the clock on the wall shows, minute by minute, around a turn.
type walls struct {
	zone  *time.Location
	about int64             // the turn
	shown map[int64][]int64 // what it shows, and when it does
}

const around = 12 * day

var wallsOf = sync.OnceValue(func() []walls {
	var all []walls
	for _, turn := range turns {
		zone, err := time.LoadLocation(turn.zone)
		if err != nil {
			panic(err)
		}
		w := walls{zone, at(turn.at).Unix(), map[int64][]int64{}}
		for t := w.about - around; t < w.about+around; t += 60 {
			wall := w.shows(t)
			w.shown[wall] = append(w.shown[wall], t)
		}
		all = append(all, w)
	}
	return all
})

func (w *walls) shows(t int64) int64 {
	shown := time.Unix(t, 0).In(w.zone)
	return time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), 0, 0, time.UTC).Unix()
}

// read is the two readings, found by looking at every minute.
func (w *walls) read(wall int64) (earlier, later int64) {
	if when := w.shown[wall]; when != nil {
		return slices.Min(when), slices.Max(when)
	}
	for t := w.about - around; t < w.about+around; t += 60 {
		before, after := w.shows(t-60), w.shows(t)
		if before < wall && wall < after { // set forward over it
			one, other := t-60+wall-before, t-(after-wall)
			return min(one, other), max(one, other)
		}
	}
	panic(fmt.Sprint("the wall never shows ", time.Unix(wall, 0).UTC()))
}

// example is an entry with its occurrences on the wall, one a day, written out.
type example struct {
	entry Entry
	walls []span
}

const onWall = "2006-01-02T15:04"

// draw makes up an entry around a day of the wall.
func draw(t *rapid.T, kind Kind, about int64, shortest int64) example {
	entry := Entry{ID: "a", Kind: kind}
	if kind == Freeze {
		entry.Effect = "block"
	}
	minute := func(name string, least, most int64) int64 {
		if rapid.IntRange(0, 2).Draw(t, name+" on the hour or half") > 0 {
			return rapid.Int64Range((least+29)/30, most/30).Draw(t, name+" half hours") * 30
		}
		return rapid.Int64Range(least, most).Draw(t, name)
	}
	midnight := floorDay(about) * day
	starts := midnight + 60*minute("starts", -3*24*60, 2*24*60)
	ends := starts + max(shortest, 60*minute("lasts", 1, 4*24*60))
	write := func(wall int64) string { return time.Unix(wall, 0).UTC().Format(onWall) }
	if rapid.Bool().Draw(t, "once") {
		entry.Starts, entry.Ends = write(starts), write(ends)
		return example{entry, []span{{starts, ends}}}
	}
	every := &Recurrence{}
	from := 60 * minute("from", 0, 24*60-1)
	until := 60 * minute("until", 0, 24*60-1)
	if rapid.Bool().Draw(t, "all day") {
		until = from
	}
	if length := (until - from + day) % day; length != 0 && length < shortest {
		until = (from + shortest) % day
	}
	every.From, every.Until = write(from)[11:], write(until)[11:]
	every.Weekdays = rapid.SliceOfNDistinct(rapid.SampledFrom(weekdays), 0, 6, rapid.ID).Draw(t, "weekdays")
	if rapid.Bool().Draw(t, "by the month") {
		every.MonthDays = rapid.SliceOfNDistinct(rapid.OneOf(rapid.IntRange(1, 31), rapid.IntRange(-31, -1)), 1, 25, rapid.ID).Draw(t, "days")
	}
	bounded := rapid.Bool().Draw(t, "bounded")
	if bounded || len(every.Weekdays) == 0 {
		starts, ends = starts-2*day, ends+3*day
		entry.Starts, entry.Ends, bounded = write(starts), write(ends), true
	}
	entry.Every = every
	var spans []span
	for number := floorDay(about) - 8; number <= floorDay(about)+8; number++ {
		date := time.Unix(number*day, 0).UTC()
		last := date.AddDate(0, 1, -date.Day()).Day()
		if len(every.Weekdays) > 0 && !slices.Contains(every.Weekdays, weekdays[date.Weekday()]) ||
			len(every.MonthDays) > 0 && !slices.Contains(every.MonthDays, date.Day()) && !slices.Contains(every.MonthDays, date.Day()-last-1) {
			continue
		}
		s := span{number*day + from, number*day + until}
		if s.end <= s.start {
			s.end += day
		}
		if n := len(spans); n > 0 && spans[n-1].end == s.start {
			spans[n-1].end = s.end
		} else {
			spans = append(spans, s)
		}
	}
	var clipped []span
	for _, s := range spans {
		if bounded {
			s.start, s.end = max(s.start, starts), min(s.end, ends)
		}
		if s.start < s.end {
			clipped = append(clipped, s)
		}
	}
	return example{entry, clipped}
}

// joined is spans that touch as one, and those that there are.
func joined(spans []span) (result []span) {
	spans = slices.DeleteFunc(spans, func(s span) bool { return s.start >= s.end })
	slices.SortFunc(spans, func(a, b span) int { return int(a.start - b.start) })
	for _, s := range spans {
		if n := len(result); n > 0 && s.start <= result[n-1].end {
			result[n-1].end = max(result[n-1].end, s.end)
		} else {
			result = append(result, s)
		}
	}
	return result
}

// openAt asks the calendar.
func openAt(c *Calendar, zone *time.Location, t int64) (open bool, until int64) {
	freezes, promos := c.Open(&policy.Target{}, zone, time.Unix(t, 0), time.Time{})
	for _, freeze := range freezes {
		return true, freeze.Until.Unix()
	}
	for _, promo := range promos {
		return true, promo.Until.Unix()
	}
	return false, 0
}

// Around every turn of the clock an entry is open when somebody who looks at the wall every minute says so.
func TestOpenAsTheWallSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := wallsOf()[rapid.IntRange(0, len(turns)-1).Draw(t, "turn")]
		kind := rapid.SampledFrom([]Kind{Freeze, Promo}).Draw(t, "kind")
		drawn := draw(t, kind, w.about, 60)
		zone := w.zone
		if rapid.Bool().Draw(t, "in a zone of its own") {
			drawn.entry.TimeZone, zone = w.zone.String(), time.FixedZone("elsewhere", 7*3600)
		}
		var want []span
		for _, s := range drawn.walls {
			startEarlier, startLater := w.read(s.start)
			endEarlier, endLater := w.read(s.end)
			if kind == Freeze {
				want = append(want, span{startEarlier, endLater})
			} else {
				want = append(want, span{startLater, endEarlier})
			}
		}
		want = joined(want)
		c := &Calendar{}
		if err := c.add(drawn.entry, time.Time{}); err != nil {
			t.Fatal(err)
		}
		moments := []int64{}
		for m := w.about - 3*day; m < w.about+3*day; m += 7 * 60 {
			moments = append(moments, m)
		}
		for _, s := range want {
			moments = append(moments, s.start-1, s.start, s.end-1, s.end)
		}
		for _, m := range moments {
			if m < w.about-3*day || m > w.about+3*day {
				continue
			}
			in := slices.IndexFunc(want, func(s span) bool { return s.start <= m && m < s.end })
			open, until := openAt(c, zone, m)
			if open != (in >= 0) {
				t.Fatalf("%+v every %+v at %v: open %v, and the wall says %v", drawn.entry, drawn.entry.Every, time.Unix(m, 0).UTC(), open, in >= 0)
			}
			if open && want[in].end < w.about+4*day && until != want[in].end {
				t.Fatalf("%+v every %+v at %v: until %v, and the wall says %v", drawn.entry, drawn.entry.Every, time.Unix(m, 0).UTC(),
					time.Unix(until, 0).UTC(), time.Unix(want[in].end, 0).UTC())
			}
		}
	})
}

// Where nobody knows the zone, a freeze is open where it would be in any zone, and a promo where it would be in all.
func TestOpenInAnyZoneOrAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		about := at("2026-06-10T00:00:00Z").Unix()
		kind := rapid.SampledFrom([]Kind{Freeze, Promo}).Draw(t, "kind")
		drawn := draw(t, kind, about, 15*60)
		c := &Calendar{}
		if err := c.add(drawn.entry, time.Time{}); err != nil {
			t.Fatal(err)
		}
		for m := about - 3*day; m < about+3*day; m += 37 * 60 {
			some, all := false, true
			for offset := -12 * hour; offset <= 14*hour; offset += 60 {
				open := slices.ContainsFunc(drawn.walls, func(s span) bool { return s.start <= m+offset && m+offset < s.end })
				some, all = some || open, all && open
			}
			want := some
			if kind == Promo {
				want = all
			}
			if open, _ := openAt(c, nil, m); open != want {
				t.Fatalf("%+v every %+v at %v: open %v, want %v", drawn.entry, drawn.entry.Every, time.Unix(m, 0).UTC(), open, want)
			}
		}
	})
}

// Days that people know.
func TestDaysOnTheWall(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	weekend := Entry{ID: "weekend", Kind: Freeze, Effect: "approve", Every: &Recurrence{Weekdays: []string{"saturday", "sunday"}}}
	night := Entry{ID: "night", Kind: Freeze, Effect: "approve", Every: &Recurrence{From: "18:00", Until: "08:00"}}
	closing := Entry{ID: "closing", Kind: Freeze, Effect: "block", Every: &Recurrence{MonthDays: []int{-1}, Months: []int{2, 3}, From: "22:00"}}
	sale := Entry{ID: "sale", Kind: Promo, RaisePPM: 500_000, Starts: "2026-11-27T00:00", Ends: "2026-11-30T00:00"}
	for _, test := range []struct {
		name  string
		entry Entry
		zone  *time.Location
		now   string
		until string // "": it is not open
	}{
		{"Friday night", weekend, berlin, "2026-03-27T22:59:59Z", ""},
		{"Saturday begins", weekend, berlin, "2026-03-27T23:00:00Z", "2026-03-29T22:00:00Z"}, // and Sunday has 23 hours
		{"Sunday ends", weekend, berlin, "2026-03-29T22:00:00Z", ""},
		{"the weekend of nobody knows where", weekend, nil, "2026-03-27T10:00:00Z", "2026-03-30T12:00:00Z"},
		{"at six", night, berlin, "2026-03-28T17:00:00Z", "2026-03-29T06:00:00Z"},
		{"past eight", night, berlin, "2026-03-29T06:00:00Z", ""},
		{"the last of February", closing, berlin, "2028-02-29T21:00:00Z", "2028-02-29T23:00:00Z"},
		{"not the last", closing, berlin, "2028-02-28T21:00:00Z", ""},
		{"the last of April", closing, berlin, "2028-04-30T21:00:00Z", ""},
		{"the sale", sale, berlin, "2026-11-26T23:00:00Z", "2026-11-29T23:00:00Z"},
		{"the sale where it is the same day everywhere", sale, nil, "2026-11-27T12:00:00Z", "2026-11-29T10:00:00Z"},
		{"the sale where it is not", sale, nil, "2026-11-27T11:59:59Z", ""},
	} {
		c := &Calendar{}
		if err := c.add(test.entry, time.Time{}); err != nil {
			t.Fatal(err)
		}
		open, until := openAt(c, test.zone, at(test.now).Unix())
		if open != (test.until != "") || open && instant(until) != at(test.until) {
			t.Errorf("%s: open %v until %v, want %q", test.name, open, instant(until), test.until)
		}
	}
}

// Times says when an entry is open next, and that one is over.
func TestTimes(t *testing.T) {
	weekend := Entry{ID: "weekend", Kind: Freeze, Effect: "approve", TimeZone: "UTC", Every: &Recurrence{Weekdays: []string{"saturday", "sunday"}}, Ends: "2026-12-07T00:00"}
	leap := Entry{ID: "leap", Kind: Promo, TimeZone: "UTC", Every: &Recurrence{MonthDays: []int{29}, Months: []int{2}}}
	for _, test := range []struct {
		entry Entry
		now   string
		want  Times
	}{
		{weekend, "2026-11-27T12:00:00Z", Times{Next: at("2026-11-28T00:00:00Z")}},
		{weekend, "2026-11-28T12:00:00Z", Times{Open: true, Until: at("2026-11-30T00:00:00Z"), Next: at("2026-12-05T00:00:00Z")}},
		{weekend, "2026-12-05T12:00:00Z", Times{Open: true, Until: at("2026-12-07T00:00:00Z")}},
		{weekend, "2026-12-07T00:00:00Z", Times{}},
		{leap, "2096-03-01T00:00:00Z", Times{Next: at("2104-02-29T00:00:00Z")}},
		{Entry{ID: "a", Kind: Promo, Starts: "2126-11-27T00:00:00Z", Ends: "2126-11-28T00:00:00Z"}, "2026-11-26T09:00:00Z", Times{Next: at("2126-11-27T00:00:00Z")}},
		{Entry{ID: "a", Kind: Promo, Starts: "2026-11-27T00:00", Ends: "2026-11-28T00:00"}, "2026-11-26T09:00:00Z", Times{Next: at("2026-11-26T10:00:00Z")}},
	} {
		got, err := test.entry.Times(nil, at(test.now))
		if err != nil || got != test.want || got.Over() != (test.want == Times{}) {
			t.Errorf("%s at %s: got %+v, %v; want %+v", test.entry.ID, test.now, got, err, test.want)
		}
	}
}

// What is in the registry is read as it was written.
func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	for _, want := range []Entry{
		{ID: "a", Kind: Freeze, Reason: "why", Effect: "block", InFlight: "stop", Starts: "2026-11-26T00:00", TimeZone: "Europe/Berlin",
			Every: &Recurrence{Weekdays: []string{"friday"}, MonthDays: []int{-1}, Months: []int{5}, From: "18:00", Until: "08:00"},
			Scope: Scope{Platform: "meta", Labels: map[string]string{"brand": "shoes"}}},
		{ID: "b", Kind: Promo, RaisePPM: 12_500_100, Starts: "2026-11-26T00:00", Ends: "2026-11-27T00:00:00Z"},
		{ID: "c", Kind: Promo, Starts: "2026-11-26T00:00", Ends: "2026-11-27T00:00:00Z"},
	} {
		body, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEntry(want.ID, body)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", body, err, diff)
		}
	}
	for _, body := range []string{`{}`, `{"freeze": {"effect": "block"}, "promo": {}}`, `[]`, `{"sale": {}}`, `{"promo": {"starts": "2026-11-26T00:00", "ends": "2026-11-25T00:00"}}`} {
		if entry, err := DecodeEntry("a", []byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, entry)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	c := &Calendar{}
	for i := range 400 {
		entry := Entry{ID: fmt.Sprint("e", i), Kind: Freeze, Effect: "block", Every: &Recurrence{Weekdays: []string{"saturday", "sunday"}, From: "18:00", Until: "08:00"}}
		if i%4 > 0 {
			entry = Entry{ID: fmt.Sprint("e", i), Kind: Promo, Starts: fmt.Sprintf("2026-%02d-01T00:00", i%12+1), Ends: fmt.Sprintf("2026-%02d-05T00:00", i%12+1)}
		}
		if i%10 > 0 {
			entry.Scope.Account = fmt.Sprint("account-", i%40)
		}
		if err := c.add(entry, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
	now, target := at("2026-11-26T12:00:00Z"), &policy.Target{Account: "account-7"}
	for b.Loop() {
		c.Open(target, berlin, now, time.Time{})
	}
}
