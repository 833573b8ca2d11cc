package grpcapi_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

func TestCalendar(t *testing.T) {
	s := servertest.New(t)
	freeze := &bidrailv1.CalendarEntry{EntryId: "nights", Kind: bidrailv1.CalendarKind_CALENDAR_KIND_FREEZE, About: "nobody is there", TimeZone: "America/New_York",
		Every:  &bidrailv1.Recurrence{Weekdays: []string{"monday", "tuesday"}, MonthDays: []int32{2, -1}, Months: []int32{3, 6}, From: "09:00", Until: "08:00"},
		Scope:  &bidrailv1.CalendarScope{Platform: "google_ads", Account: "example", Channel: "search", Campaign: "101", Labels: map[string]string{"brand": "shoes"}},
		Starts: "2026-01-01T00:00", Ends: "2027-01-01T00:00:00Z", Effect: "block", InFlight: bidrailv1.InFlight_IN_FLIGHT_STOP}
	promo := &bidrailv1.CalendarEntry{EntryId: "sale", Kind: bidrailv1.CalendarKind_CALENDAR_KIND_PROMO, Starts: "2026-03-10T00:00", Ends: "2026-03-11T00:00",
		RaisePpm: 500_000}
	put := func(entry *bidrailv1.CalendarEntry, version int64) (*bidrailv1.CalendarEntry, error) {
		return s.Governance.Registry.PutCalendarEntry(t.Context(), &bidrailv1.PutCalendarEntryRequest{Entry: entry, Version: version, Reason: "r"})
	}
	want := proto.Clone(freeze).(*bidrailv1.CalendarEntry)
	want.Version, want.ChangedBy, want.ChangedAt = 1, s.Governance.Principal.Subject, timestamppb.New(s.Clock.Now())
	want.Open, want.Until = true, timestamppb.New(time.Date(2026, 3, 3, 13, 0, 0, 0, time.UTC)) // Monday the 2nd, from 9 on the wall
	want.Next = timestamppb.New(time.Date(2026, 3, 31, 13, 0, 0, 0, time.UTC))                  // Tuesday the 31st
	got, err := put(freeze, 0)
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := put(promo, 0); err != nil {
		t.Fatal(err)
	}
	// Sent back as it was read, it is the same one.
	if again, err := put(got, 1); err != nil || again.GetVersion() != 2 {
		t.Errorf("got %v, %v", again, err)
	}
	_, err = put(freeze, 1)
	wantCode(t, err, codes.FailedPrecondition, "PRECONDITION")
	wrong := proto.Clone(promo).(*bidrailv1.CalendarEntry)
	wrong.Starts = "yesterday"
	_, err = put(wrong, 1)
	wantCode(t, err, codes.InvalidArgument, "INVALID")
	_, err = put(nil, 0)
	wantCode(t, err, codes.InvalidArgument, "INVALID")
	_, err = s.Admin.Registry.PutCalendarEntry(t.Context(), &bidrailv1.PutCalendarEntryRequest{Entry: promo, Version: 1})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")

	rise := servertest.Bid("up", 100, 110)
	rise.Target.EntityId, rise.PromoId, rise.RevertAt = "k-1", "sale", timestamppb.New(s.Clock.Now().Add(time.Hour))
	rise.Target.Campaign = "102" // no freeze is there
	if decided, err := s.Automation.Guardrail.Check(t.Context(), &bidrailv1.CheckRequest{Changes: []*bidrailv1.Change{rise}}); err != nil ||
		decided.GetDecisions()[0].GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
		t.Fatalf("got %v, %v", decided, err)
	}
	list := func(ended bool) *bidrailv1.ListCalendarResponse {
		t.Helper()
		listed, err := s.Automation.Registry.ListCalendar(t.Context(), &bidrailv1.ListCalendarRequest{IncludeEnded: ended})
		if err != nil {
			t.Fatal(err)
		}
		return listed
	}
	listed := list(false)
	if len(listed.GetEntries()) != 2 || len(listed.GetReverts()) != 1 || listed.GetReverts()[0].GetOverdue() {
		t.Fatalf("got %v", listed)
	}
	s.Clock.Advance(time.Hour)
	revert := list(false).GetReverts()[0]
	if !revert.GetOverdue() || revert.GetTarget().GetEntityId() != "k-1" || revert.GetPromoId() != "sale" || revert.GetDecisionId() == "" ||
		!proto.Equal(revert.GetBaseline(), servertest.Cents(100)) || !revert.GetDueAt().AsTime().Equal(rise.GetRevertAt().AsTime()) {
		t.Errorf("got %v", revert)
	}
	s.Clock.Advance(30 * 24 * time.Hour)
	if entries := list(false).GetEntries(); len(entries) != 1 || entries[0].GetEntryId() != "nights" {
		t.Errorf("when the sale is over: %v", entries)
	}
	if entries := list(true).GetEntries(); len(entries) != 2 {
		t.Errorf("with what is over: %v", entries)
	}

	removed, err := s.Governance.Registry.RemoveCalendarEntry(t.Context(), &bidrailv1.RemoveCalendarEntryRequest{EntryId: "nights", Reason: "r"})
	if err != nil || removed.GetVersion() != 3 || removed.GetOpen() {
		t.Errorf("removed: %v, %v", removed, err)
	}
	_, err = s.Governance.Registry.RemoveCalendarEntry(t.Context(), &bidrailv1.RemoveCalendarEntryRequest{EntryId: "nights", Reason: "r"})
	wantCode(t, err, codes.NotFound, "NOT_FOUND")
}
