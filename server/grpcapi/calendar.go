package grpcapi

import (
	"context"
	"time"

	"github.com/bidrail/bidrail/policy/calendar"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

func (r *registry) PutCalendarEntry(ctx context.Context, request *bidrailv1.PutCalendarEntryRequest) (*bidrailv1.CalendarEntry, error) {
	put, err := r.server.PutCalendarEntry(ctx, principalOf(ctx), CalendarEntry(request.GetEntry()), request.GetVersion(), request.GetReason())
	if err != nil {
		return nil, err
	}
	return CalendarEntryMessage(put), nil
}

func (r *registry) RemoveCalendarEntry(ctx context.Context, request *bidrailv1.RemoveCalendarEntryRequest) (*bidrailv1.CalendarEntry, error) {
	removed, err := r.server.RemoveCalendarEntry(ctx, principalOf(ctx), request.GetEntryId(), request.GetReason())
	if err != nil {
		return nil, err
	}
	return CalendarEntryMessage(removed), nil
}

func (r *registry) ListCalendar(ctx context.Context, request *bidrailv1.ListCalendarRequest) (*bidrailv1.ListCalendarResponse, error) {
	listing, err := r.server.Calendar(ctx, principalOf(ctx), request.GetIncludeEnded())
	if err != nil {
		return nil, err
	}
	response := &bidrailv1.ListCalendarResponse{}
	for _, entry := range listing.Entries {
		response.Entries = append(response.Entries, CalendarEntryMessage(entry))
	}
	for _, revert := range listing.Reverts {
		response.Reverts = append(response.Reverts, revertMessage(revert, listing.At))
	}
	return response, nil
}

// CalendarEntry reads an entry, which must have passed [Validator.Validate]. What is output only is left out.
func CalendarEntry(m *bidrailv1.CalendarEntry) calendar.Entry {
	entry := calendar.Entry{ID: m.GetEntryId(), Kind: calendar.Freeze, Reason: m.GetAbout(), Starts: m.GetStarts(), Ends: m.GetEnds(), TimeZone: m.GetTimeZone(),
		Effect: m.GetEffect(), RaisePPM: m.GetRaisePpm(), Scope: calendar.Scope{Platform: m.GetScope().GetPlatform(), Account: m.GetScope().GetAccount(),
			Channel: m.GetScope().GetChannel(), Campaign: m.GetScope().GetCampaign(), Labels: m.GetScope().GetLabels()}}
	if m.GetKind() == bidrailv1.CalendarKind_CALENDAR_KIND_PROMO {
		entry.Kind = calendar.Promo
	}
	switch m.GetInFlight() {
	case bidrailv1.InFlight_IN_FLIGHT_FINISH:
		entry.InFlight = calendar.InFlightFinish
	case bidrailv1.InFlight_IN_FLIGHT_STOP:
		entry.InFlight = calendar.InFlightStop
	}
	if every := m.GetEvery(); every != nil {
		entry.Every = &calendar.Recurrence{Weekdays: every.GetWeekdays(), MonthDays: numbers[int](every.GetMonthDays()), Months: numbers[int](every.GetMonths()),
			From: every.GetFrom(), Until: every.GetUntil()}
	}
	return entry
}

func numbers[To, From int | int32](of []From) []To {
	var all []To
	for _, number := range of {
		all = append(all, To(number))
	}
	return all
}

// CalendarEntryMessage writes an entry for the API.
func CalendarEntryMessage(e server.CalendarEntry) *bidrailv1.CalendarEntry {
	m := &bidrailv1.CalendarEntry{EntryId: e.ID, Kind: bidrailv1.CalendarKind_CALENDAR_KIND_FREEZE, About: e.Reason, Starts: e.Starts, Ends: e.Ends, TimeZone: e.TimeZone,
		Effect: e.Effect, RaisePpm: e.RaisePPM, Version: e.Version, ChangedBy: e.ChangedBy, ChangedAt: stampOf(e.ChangedAt), FromRevision: e.FromRevision(),
		Open: e.Open, Until: stampOf(e.Until), Next: stampOf(e.Next)}
	if e.Kind == calendar.Promo {
		m.Kind = bidrailv1.CalendarKind_CALENDAR_KIND_PROMO
	}
	switch e.InFlight {
	case calendar.InFlightFinish:
		m.InFlight = bidrailv1.InFlight_IN_FLIGHT_FINISH
	case calendar.InFlightStop:
		m.InFlight = bidrailv1.InFlight_IN_FLIGHT_STOP
	}
	if every := e.Every; every != nil {
		m.Every = &bidrailv1.Recurrence{Weekdays: every.Weekdays, MonthDays: numbers[int32](every.MonthDays), Months: numbers[int32](every.Months), From: every.From, Until: every.Until}
	}
	if s := e.Scope; s.Platform != "" || s.Account != "" || s.Channel != "" || s.Campaign != "" || len(s.Labels) > 0 {
		m.Scope = &bidrailv1.CalendarScope{Platform: s.Platform, Account: s.Account, Channel: s.Channel, Campaign: s.Campaign, Labels: s.Labels}
	}
	return m
}

func revertMessage(r calendar.Revert, now time.Time) *bidrailv1.Revert {
	open := r.Open()
	return &bidrailv1.Revert{DecisionId: open.DecisionID, PromoId: open.PromoID, Kind: bidrailv1.Kind(r.Kind), Target: targetMessage(r.Target),
		Baseline: ValueMessage(open.Baseline), DueAt: stampOf(open.Due), Overdue: !now.Before(open.Due)}
}
