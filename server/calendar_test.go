package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// hours is a freeze that blocks, from some hours after the clock of tests starts to some others.
func hours(id string, from, to int) calendar.Entry {
	write := func(hour int) string {
		return servertest.Start.Add(time.Duration(hour) * time.Hour).UTC().Format(time.RFC3339)
	}
	return calendar.Entry{ID: id, Kind: calendar.Freeze, Effect: "block", Reason: "hands off", Starts: write(from), Ends: write(to)}
}

func putEntry(t *testing.T, s *servertest.Server, entry calendar.Entry, version int64) server.CalendarEntry {
	t.Helper()
	put, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, entry, version, "a test")
	if err != nil {
		t.Fatal(err)
	}
	return put
}

func listing(t *testing.T, s *servertest.Server, ended bool) server.Listing {
	t.Helper()
	all, err := s.Core.Calendar(t.Context(), s.Auditor.Principal, ended)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// fresh is a change of a value that was read just now.
func fresh(s *servertest.Server, change *bidrailv1.Change) *bidrailv1.Change {
	change.BeforeObservedAt = timestamppb.New(s.Clock.Now())
	return change
}

const ofTheRevision = `
freezes:
  - {id: declared, effect: approve, every: {weekdays: [sunday]}, scope: {account: nobody}}
promos: []
`

func TestTheCalendarIsEdited(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{"calendar/data.yaml": ofTheRevision})))
	first := putEntry(t, s, hours("incident", -1, 1), 0)
	if first.Version != 1 || !first.Open || first.FromRevision() || first.ChangedBy != s.Governance.Principal.Subject || !first.Until.Equal(servertest.Start.Add(time.Hour).Truncate(time.Second)) {
		t.Errorf("got %+v", first)
	}
	longer := putEntry(t, s, hours("incident", -1, 2), 1)
	past := putEntry(t, s, hours("past", -3, -2), 0)
	sale := putEntry(t, s, calendar.Entry{ID: "a-sale", Kind: calendar.Promo, RaisePPM: 500_000, Starts: "2100-01-01T00:00", Ends: "2100-01-02T00:00"}, 0)
	if longer.Version != 2 || past.Version != 1 || sale.Version != 1 || !past.Over() || sale.Next.IsZero() {
		t.Errorf("got %+v, %+v and %+v", longer, past, sale)
	}

	ids := func(ended bool) (text string) {
		for _, entry := range listing(t, s, ended).Entries {
			text += fmt.Sprintf("%s %s %d %v;", entry.Kind, entry.ID, entry.Version, entry.FromRevision())
		}
		return text
	}
	if got, want := ids(false), "freeze declared 0 true;freeze incident 2 false;promo a-sale 1 false;"; got != want {
		t.Errorf("listed: %s, want %s", got, want)
	}
	if got, want := ids(true), "freeze declared 0 true;freeze incident 2 false;freeze past 1 false;promo a-sale 1 false;"; got != want {
		t.Errorf("listed with what is over: %s, want %s", got, want)
	}

	for name, edit := range map[string]struct {
		do   func() error
		want error
		says string
	}{
		"a version that it is not at": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, hours("incident", -1, 3), 1, "")
			return err
		}, policy.ErrPrecondition, "incident is at version 2 by now, of "},
		"a new one that is there": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, hours("incident", -1, 3), 0, "")
			return err
		}, policy.ErrPrecondition, "incident is at version 2"},
		"one that is not there": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, hours("other", -1, 3), 1, "")
			return err
		}, policy.ErrPrecondition, "there is no other by now; add it as version 0"},
		"one of the revision": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, hours("declared", -1, 3), 0, "")
			return err
		}, policy.ErrPrecondition, "declared is declared in the active policy revision (calendar/data.yaml); edit it there"},
		"one that is wrong": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, calendar.Entry{ID: "a", Kind: calendar.Freeze, Effect: "warn"}, 0, "")
			return err
		}, policy.ErrInvalid, `entry: a: effect is "warn"; it is approve or block`},
		"an id that is none": {func() error {
			_, err := s.Core.PutCalendarEntry(t.Context(), s.Governance.Principal, hours("Black Friday", 1, 2), 0, "")
			return err
		}, policy.ErrInvalid, `the id is "Black Friday"`},
		"remove one of the revision": {func() error {
			_, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "declared", "r")
			return err
		}, policy.ErrPrecondition, "take it out there"},
		"remove what is not there": {func() error {
			_, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "other", "r")
			return err
		}, policy.ErrNotFound, "the calendar has no entry other"},
		"remove without a reason": {func() error {
			_, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "incident", " ")
			return err
		}, policy.ErrInvalid, "reason: is empty"},
	} {
		if err := edit.do(); !errors.Is(err, edit.want) || !strings.Contains(err.Error(), edit.says) {
			t.Errorf("%s: got %v, want %s", name, err, edit.says)
		}
	}

	removed, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "incident", "it is over")
	if err != nil || removed.Version != 3 || removed.Open {
		t.Errorf("removed: %+v, %v", removed, err)
	}
	if _, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "incident", "again"); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("removed again: %v", err)
	}
	if again := putEntry(t, s, hours("incident", -1, 1), 0); again.Version != 4 {
		t.Errorf("put again it is at version %d", again.Version)
	}
	err = s.Store.View(t.Context(), func(r store.Reader) error {
		events, err := r.Events(audit.Calendar, "incident")
		if len(events) != 4 || events[2].Subject != s.Governance.Principal.Subject || !strings.Contains(string(events[2].Record), `"removed":true`) {
			t.Errorf("the record has %v", events)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What is put is in effect at once, by the clock on the wall of the account, and what is removed is not.
func TestTheRegistryFreezes(t *testing.T) {
	s := servertest.New(t)
	newYork, err := time.LoadLocation("America/New_York") // the zone of the shipped account
	if err != nil {
		t.Fatal(err)
	}
	wall := func(hour int) string {
		return servertest.Start.In(newYork).Add(time.Duration(hour) * time.Hour).Format("2006-01-02T15:04")
	}
	number := 0
	want := func(name string, to int64, verdict policy.Verdict) {
		t.Helper()
		number++
		got := decide(t, s, fresh(s, servertest.Bid(fmt.Sprint(number), 100, to)))[0].Decision
		if got.Verdict != verdict {
			t.Errorf("%s: %v, want %v; %+v", name, got.Verdict, verdict, got.Findings)
		}
	}
	want("before", 110, policy.Allow)
	putEntry(t, s, calendar.Entry{ID: "local", Kind: calendar.Freeze, Effect: "block", Starts: wall(-1), Ends: wall(1), Scope: calendar.Scope{Account: "example"}}, 0)
	want("a rise", 110, policy.Block)
	want("a cut", 90, policy.Allow)
	putEntry(t, s, calendar.Entry{ID: "local", Kind: calendar.Freeze, Effect: "approve", Starts: wall(-1), Ends: wall(1)}, 1)
	want("a rise, with a person", 110, policy.RequireApproval)
	putEntry(t, s, calendar.Entry{ID: "local", Kind: calendar.Freeze, Effect: "block", Starts: wall(1), Ends: wall(2)}, 2)
	want("in an hour", 110, policy.Allow)
	s.Clock.Advance(time.Hour)
	want("now", 110, policy.Block)
	if _, err := s.Core.RemoveCalendarEntry(t.Context(), s.Governance.Principal, "local", "done"); err != nil {
		t.Fatal(err)
	}
	want("removed", 110, policy.Allow)
}

// A permit from before a freeze that stops what is under way is of no use while it is open, but for a cut; afterwards it is.
func TestAFreezeStopsPermits(t *testing.T) {
	s := servertest.New(t, servertest.WithPermitLife(4*time.Hour), servertest.WithReportWithin(9*time.Hour))
	claimed := func(name string, result server.Result, want error) {
		t.Helper()
		got, err := s.Core.Claim(t.Context(), s.Automation.Principal, result.Token, "attempt-"+name)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if want != nil {
			if now := permitNow(t, s, result.Permit.ID); got.State == permit.Claimed || now.State != permit.Issued || now.Version != 1 {
				t.Errorf("%s: it is %s, version %d", name, now.State, now.Version)
			}
		}
	}
	rise := allowed(t, s, servertest.Bid("rise", 100, 110))
	cut := allowed(t, s, servertest.Bid("cut", 110, 100))
	out := allowed(t, s, servertest.Bid("out", 100, 110))
	mixed := allowed(t, s, servertest.InGroup("shift", servertest.Budget("down", "101", 10000, 9000), servertest.Budget("up", "102", 10000, 11000))...)
	claim(t, s, out)

	s.Clock.Advance(time.Minute)
	stop := hours("incident", -1, 2) // it began before the permits were given out, and was declared after
	stop.InFlight = calendar.InFlightStop
	putEntry(t, s, stop, 0)
	claimed("rise", rise, policy.ErrPrecondition)
	claimed("mixed", mixed, policy.ErrPrecondition)
	claimed("cut", cut, nil)
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, out.Token, "attempt-1"); err != nil {
		t.Errorf("what was claimed before is not answered again: %v", err)
	}
	_, err := s.Core.Claim(t.Context(), s.Automation.Principal, rise.Token, "says")
	if until := servertest.Start.Add(2 * time.Hour).UTC().Format(time.RFC3339); err == nil || !strings.Contains(err.Error(), "the freeze incident, which is open until "+until) || !strings.Contains(err.Error(), "(hands off)") {
		t.Errorf("it says: %v", err)
	}

	finish := stop
	finish.InFlight = calendar.InFlightFinish
	putEntry(t, s, finish, 1)
	claimed("finish", mixed, nil)
	putEntry(t, s, stop, 2)
	claimed("stopped again", rise, policy.ErrPrecondition)
	s.Clock.Advance(2 * time.Hour)
	claimed("over", rise, nil)
}

// Whom people let through while the freeze is open is not stopped by it.
func TestAFreezeDoesNotStopWhatPeopleAllowInIt(t *testing.T) {
	s := company(t)
	stop := hours("incident", -1, 2)
	stop.InFlight, stop.Effect = calendar.InFlightStop, "approve"
	putEntry(t, s, stop, 0)
	s.Clock.Advance(time.Second)
	a := agreedTo(t, s, servertest.Bid("b", 100, 110))
	got, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Error(err)
	}
}

// The revision's own freezes stop permits too, from when the revision is active.
func TestAFreezeOfTheRevisionStopsPermits(t *testing.T) {
	s := servertest.New(t)
	rise := allowed(t, s, servertest.Bid("rise", 100, 110))
	s.Clock.Advance(time.Second)
	entry := hours("incident", -1, 2)
	activate(t, s, servertest.Load(t, servertest.Pack(t, map[string]string{"calendar/data.yaml": fmt.Sprintf(
		"freezes:\n  - {id: incident, effect: block, in_flight: stop, starts: %q, ends: %q}\n", entry.Starts, entry.Ends)})))
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, rise.Token, "attempt-1"); !errors.Is(err, policy.ErrPrecondition) || !strings.Contains(err.Error(), "freeze incident") {
		t.Errorf("got %v", err)
	}
}

// Redemption asks the rules again, so a freeze that came since people agreed is seen, and ends the yes if it blocks.
func TestAFreezeBetweenApprovalAndRedemption(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	putEntry(t, s, hours("incident", -1, 2), 0)
	if got, err := redeem(t, s, a); reasonOf(err) != approval.NotCovered {
		t.Errorf("got the permit %q, %v", got.Permit.ID, err)
	}
	if now := approvalNow(t, s, a.ID); now.State != approval.Invalidated {
		t.Errorf("it is %s", now.State)
	}
}

// An edit between judging and recording has the change judged anew.
func TestAFreezeIsPutWhileJudging(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		putEntry(t, s, hours("incident", -1, 2), 0)
		return fake.Store.Update(ctx, fn)
	})
	wantVerdicts(t, decide(t, s, servertest.Bid("b", 100, 110)), policy.Block)
}

// A freeze that begins between judging and recording stops the permit as well: the rules have not seen it, however late the permit was
// given out.
func TestAFreezeBeginsWhileJudging(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	stop := hours("incident", 1, 2)
	stop.InFlight = calendar.InFlightStop
	putEntry(t, s, stop, 0)
	s.Clock.Advance(time.Hour - time.Second)
	change := fresh(s, servertest.Bid("b", 100, 110))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		s.Clock.Advance(2 * time.Second)
		return fake.Store.Update(ctx, fn)
	})
	given := allowed(t, s, change)
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, given.Token, "attempt-1"); !errors.Is(err, policy.ErrPrecondition) || !strings.Contains(err.Error(), "freeze incident") {
		t.Errorf("claimed: %v", err)
	}
}
