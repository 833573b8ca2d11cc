// Package calendar knows when nothing may be raised (freezes) and when more than usual may (promos), and which values were promised to
// be put back. It is pure: what is open follows from the entries, a time, and the time zone of the target's account. Start with [Decode].
//
// # Times in doubt
//
// A time of the wall clock is not always one instant. Where the clock is set forward it is none, where it is set back it is two, and of
// an account whose time zone nobody knows it may be any within 26 hours. Such a time has an earlier and a later reading. A freeze begins
// at the earlier and ends at the later one, a promo the other way round: whatever is in doubt is frozen, and is no promo.
package calendar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Calendar is the freezes and promos of one revision, or of the registry. It grows with [Calendar.AddEntry] and is not changed while it is
// asked. The zero Calendar is empty.
type Calendar struct {
	windows []*window
	// Where each window is found, by position: those of one account, and those of all.
	ofAccount map[string][]int
	ofAll     []int
}

// Scope says which targets an entry concerns. An empty field concerns all.
type Scope struct {
	Platform string            `json:"platform,omitempty"`
	Account  string            `json:"account,omitempty"`
	Channel  string            `json:"channel,omitempty"`
	Campaign string            `json:"campaign,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

// Decode reads data.calendar. The error is a policy.ErrRevision and names the entry and what it lacks.
func Decode(document any) (*Calendar, error) {
	calendar := &Calendar{}
	entries, err := DecodeEntries(document)
	for i := 0; i < len(entries) && err == nil; i++ {
		err = calendar.add(entries[i], time.Time{})
	}
	if err != nil {
		return nil, fmt.Errorf("%w: data.calendar: %s", policy.ErrRevision, strings.TrimPrefix(err.Error(), policy.ErrInvalid.Error()+": "))
	}
	return calendar, nil
}

// AddEntry adds an entry as the registry keeps it: {"freeze": {...}} or {"promo": {...}}, in the same words as data.calendar. It has been
// there since a time: no freeze has stopped anything before somebody declared it.
func (c *Calendar) AddEntry(id string, body []byte, since time.Time) error {
	entry, err := DecodeEntry(id, body)
	if err != nil {
		return err
	}
	return c.add(entry, since)
}

func (c *Calendar) add(entry Entry, since time.Time) error {
	w, err := entry.compile()
	if err != nil {
		return err
	}
	w.since = since
	c.insert(w)
	return nil
}

func (c *Calendar) insert(w *window) {
	at := len(c.windows)
	c.windows = append(c.windows, w)
	account := w.entry.Scope.Account
	if account == "" {
		c.ofAll = append(c.ofAll, at)
		return
	}
	if c.ofAccount == nil {
		c.ofAccount = map[string][]int{}
	}
	c.ofAccount[account] = append(c.ofAccount[account], at)
}

// Join is the calendar with all entries of the others.
func Join(calendars ...*Calendar) *Calendar {
	joined := &Calendar{}
	for _, each := range calendars {
		for _, w := range each.windows {
			joined.insert(w)
		}
	}
	return joined
}

// Entries is what is in the calendar, in the order in which it was added.
func (c *Calendar) Entries() []Entry {
	entries := make([]Entry, len(c.windows))
	for i, w := range c.windows {
		entries[i] = w.entry
	}
	return entries
}

// Has reports whether there is an entry with an id.
func (c *Calendar) Has(id string) bool {
	return slices.ContainsFunc(c.windows, func(w *window) bool { return w.entry.ID == id })
}

// Holds reports whether the target is in the scope.
func (s *Scope) Holds(target *policy.Target) bool { return s.holds(target, false) }

// MayHold is Holds where what the target leaves open counts as being in the scope: leaving out the
// channel must not be a way around a freeze of it.
func (s *Scope) MayHold(target *policy.Target) bool { return s.holds(target, true) }

func (s *Scope) holds(target *policy.Target, open bool) bool {
	within := func(wanted, has string) bool { return wanted == "" || wanted == has || has == "" && open }
	if !within(s.Platform, target.Platform) || !within(s.Account, target.Account) || !within(s.Channel, target.Channel) || !within(s.Campaign, target.Campaign) {
		return false
	}
	for key, label := range s.Labels {
		if held, ok := target.Labels[key]; !ok || held != label {
			return false
		}
	}
	return true
}

// concerning calls do for every window that may concern a target, in the order in which they were added.
func (c *Calendar) concerning(target *policy.Target, do func(*window)) {
	if target.Account == "" { // it may be any
		for _, w := range c.windows {
			do(w)
		}
		return
	}
	own, all := c.ofAccount[target.Account], c.ofAll
	for len(own) > 0 || len(all) > 0 {
		from := &all
		if len(all) == 0 || len(own) > 0 && own[0] < all[0] {
			from = &own
		}
		do(c.windows[(*from)[0]])
		*from = (*from)[1:]
	}
}

// Open returns what is open for a target now, or when a change takes effect: a freeze at any time from now until then, a promo at the
// time of effect. An until that is zero or past means now. The zone is that of the target's account; nil: nobody knows it. Until is when
// the present occurrence is over, or the first one on the way; where several touch, the last of them.
func (c *Calendar) Open(target *policy.Target, zone *time.Location, now, until time.Time) (freezes []policy.OpenFreeze, promos []policy.OpenPromo) {
	if until.Before(now) {
		until = now
	}
	from, to := now.Unix(), until.Unix()
	c.concerning(target, func(w *window) {
		switch {
		case w.entry.Kind == Promo:
			if w.entry.Scope.Holds(target) {
				if found, open := w.first(zone, to, to, narrow); open {
					promos = append(promos, policy.OpenPromo{ID: w.entry.ID, Until: instant(found.end), RaisePPM: w.entry.RaisePPM})
				}
			}
		case w.entry.Scope.MayHold(target):
			if found, open := w.first(zone, from, to, wide); open {
				freezes = append(freezes, policy.OpenFreeze{ID: w.entry.ID, Reason: w.reason(zone), Effect: w.effect, Until: instant(found.end)})
			}
		}
	})
	return freezes, promos
}

// Stop is a freeze that is open and lets nobody finish what was allowed before it.
type Stop struct {
	ID     string
	Reason string
	Since  time.Time // when it began, or was put into the registry if that was later
	Until  time.Time
}

// Stops returns the freezes that are open for a target and say in_flight: stop.
func (c *Calendar) Stops(target *policy.Target, zone *time.Location, now time.Time) (stops []Stop) {
	c.concerning(target, func(w *window) {
		if w.entry.Kind != Freeze || w.entry.InFlight != InFlightStop || !w.entry.Scope.MayHold(target) {
			return
		}
		if found, open := w.first(zone, now.Unix(), now.Unix(), wide); open {
			stop := Stop{ID: w.entry.ID, Reason: w.reason(zone), Since: instant(found.start), Until: instant(found.end)}
			if w.since.After(stop.Since) {
				stop.Since = w.since
			}
			stops = append(stops, stop)
		}
	})
	return stops
}

// reason is why, for those who are stopped.
func (w *window) reason(zone *time.Location) string {
	if zone != nil || w.zone != nil || !w.onWall() {
		return w.entry.Reason
	}
	const unknown = "the time zone of the account is not known (data.accounts), so it is frozen while it may be"
	if w.entry.Reason == "" {
		return unknown
	}
	return w.entry.Reason + "; " + unknown
}

// Times is when an entry is open.
type Times struct {
	Open  bool
	Until time.Time // of one that is open: when the present occurrence is over
	Next  time.Time // when the next occurrence begins; zero: there is none
}

// Over reports whether it is not open and never will be again.
func (t Times) Over() bool { return !t.Open && t.Next.IsZero() }

// Times says when an entry is open, as of a time. An entry without a time zone is taken to be open while it is in any zone, whichever
// kind it is; with a zone, it is that of an account.
func (e Entry) Times(zone *time.Location, now time.Time) (Times, error) {
	w, err := e.compile()
	if err != nil {
		return Times{}, err
	}
	readings := wide
	if e.Kind == Promo && (zone != nil || w.zone != nil) {
		readings = narrow
	}
	var times Times
	from := now.Unix()
	if found, open := w.first(zone, from, from, readings); open {
		times.Open, times.Until = true, instant(found.end)
		from = found.end
	}
	const ages = 100 * farthest * day // what is once may be later than any recurrence begins
	if next, there := w.first(zone, from, from+ages, readings); there {
		times.Next = instant(next.start)
	}
	return times, nil
}

// lastInstant is the last that the API and JSON can say.
var lastInstant = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC).Unix()

// instant is a time, held at the last one that can be said: an end of 9999-12-31T23:59 by some clock on the wall is later.
func instant(seconds int64) time.Time { return time.Unix(min(seconds, lastInstant), 0).UTC() }

// strictly decodes JSON in which nothing is unknown.
func strictly(encoded []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
