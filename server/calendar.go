package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/store"
)

// CalendarEntry is an entry of the calendar, whoever keeps it.
type CalendarEntry struct {
	calendar.Entry
	calendar.Times        // as of when it was asked for
	Version        int64  // 0: it is declared in the revision
	ChangedBy      string // likewise empty
	ChangedAt      time.Time
}

// FromRevision reports whether the entry is declared in the revision, and so is edited there.
func (e CalendarEntry) FromRevision() bool { return e.Version == 0 }

// Listing is the calendar and what is to be put back, as of a time.
type Listing struct {
	At      time.Time
	Entries []CalendarEntry   // freezes, then promos, each by id
	Reverts []calendar.Revert // those due first first
}

// PutCalendarEntry adds an entry or edits one. Version is the one that the caller has seen; 0: there was none.
func (s *Server) PutCalendarEntry(ctx context.Context, principal policy.Principal, entry calendar.Entry, version int64, reason string) (CalendarEntry, error) {
	if err := s.admit(principal, opEditCalendar); err != nil {
		return CalendarEntry{}, err
	}
	if err := entry.Validate(); err != nil {
		return CalendarEntry{}, &FieldError{"entry", strings.TrimPrefix(err.Error(), policy.ErrInvalid.Error()+": ")}
	}
	body, err := entry.Encode()
	if err != nil {
		return CalendarEntry{}, err
	}
	if active := s.policy.Load(); active != nil && active.calendar.Has(entry.ID) {
		return CalendarEntry{}, fmt.Errorf("%w: %s is declared in the active policy revision (calendar/data.yaml); edit it there, or choose another id", policy.ErrPrecondition, entry.ID)
	}
	put := func(newest registry.Entry, there bool) (registry.Entry, error) {
		switch {
		case there && !newest.Removed && newest.Version != version:
			return registry.Entry{}, fmt.Errorf("%w: %s is at version %d by now, of %s, and not at %d; read it again", policy.ErrPrecondition, entry.ID, newest.Version, newest.By, version)
		case (!there || newest.Removed) && version != 0 && newest.Version != version:
			return registry.Entry{}, fmt.Errorf("%w: there is no %s by now; add it as version 0", policy.ErrPrecondition, entry.ID)
		}
		return registry.Entry{Body: body, Reason: reason}, nil
	}
	kept, err := s.editCalendar(ctx, principal, entry.ID, put)
	if err != nil {
		return CalendarEntry{}, err
	}
	return listedEntry(entry, &kept, kept.At)
}

// RemoveCalendarEntry takes an entry away. Its versions stay on the record.
func (s *Server) RemoveCalendarEntry(ctx context.Context, principal policy.Principal, id, reason string) (CalendarEntry, error) {
	if err := s.admit(principal, opEditCalendar); err != nil {
		return CalendarEntry{}, err
	}
	if strings.TrimSpace(reason) == "" {
		return CalendarEntry{}, &FieldError{"reason", "is empty; say why the entry is taken away"}
	}
	active := s.policy.Load()
	remove := func(newest registry.Entry, there bool) (registry.Entry, error) {
		switch {
		case there && !newest.Removed:
			return registry.Entry{Body: newest.Body, Reason: reason, Removed: true}, nil
		case active != nil && active.calendar.Has(id):
			return registry.Entry{}, fmt.Errorf("%w: %s is declared in the active policy revision (calendar/data.yaml); take it out there", policy.ErrPrecondition, id)
		}
		return registry.Entry{}, fmt.Errorf("%w: the calendar has no entry %s", policy.ErrNotFound, id)
	}
	kept, err := s.editCalendar(ctx, principal, id, remove)
	if err != nil {
		return CalendarEntry{}, err
	}
	entry, err := calendar.DecodeEntry(kept.ID, kept.Body)
	if err != nil {
		return CalendarEntry{}, err
	}
	return listedEntry(entry, &kept, kept.At)
}

// editCalendar puts the next version of an entry, which is made of the newest one.
func (s *Server) editCalendar(ctx context.Context, principal policy.Principal, id string, next func(newest registry.Entry, there bool) (registry.Entry, error)) (registry.Entry, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout)
	defer cancel()
	var edited registry.Entry
	edit := func(tx store.Tx) error {
		records, err := s.readRegistry(tx)
		if err != nil {
			return err
		}
		var newest registry.Entry
		at := slices.IndexFunc(records.entries, func(each registry.Entry) bool { return each.Kind == registry.Calendar && each.ID == id })
		if at >= 0 {
			newest = records.entries[at]
		}
		if edited, err = next(newest, at >= 0); err != nil {
			return err
		}
		edited.Kind, edited.ID, edited.Version, edited.At, edited.By = registry.Calendar, id, newest.Version+1, tx.Now(), principal.Subject
		return tx.PutEntry(edited)
	}
	err := s.store.Update(ctx, edit)
	for attempt := 1; errors.Is(err, store.ErrConflict) && attempt < maxAttempts; attempt++ {
		err = s.store.Update(ctx, edit)
	}
	switch {
	case errors.Is(err, policy.ErrInvalid), errors.Is(err, policy.ErrPrecondition), errors.Is(err, policy.ErrNotFound):
		return registry.Entry{}, err
	case err != nil:
		s.logger.Error("the calendar was not edited", "entry", id, "error", err)
		s.noticeHalt(err)
		return registry.Entry{}, fmt.Errorf("%w: the calendar entry %s was not edited: %w", policy.ErrUnavailable, id, err)
	}
	s.logger.Warn("calendar edited", "entry", id, "version", edited.Version, "removed", edited.Removed, "by", edited.By, "reason", edited.Reason)
	return edited, nil
}

// listedEntry is an entry as it is listed; kept is nil for one of the revision.
func listedEntry(entry calendar.Entry, kept *registry.Entry, at time.Time) (CalendarEntry, error) {
	times, err := entry.Times(nil, at)
	result := CalendarEntry{Entry: entry, Times: times}
	if kept != nil {
		result.Version, result.ChangedBy, result.ChangedAt = kept.Version, kept.By, kept.At
		if kept.Removed {
			result.Times = calendar.Times{}
		}
	}
	return result, err
}

// Calendar is what the revision and the registry have between them, without what is over unless it is asked for, and what is to be put
// back.
func (s *Server) Calendar(ctx context.Context, principal policy.Principal, ended bool) (Listing, error) {
	if err := s.admit(principal, opReadCalendar); err != nil {
		return Listing{}, err
	}
	listing := Listing{At: s.now()}
	records := noRecords
	if s.store != nil {
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			listing.At, listing.Reverts = r.Now(), nil
			if records, err = s.readRegistry(r); err != nil {
				return err
			}
			var place store.RevertPlace
			for {
				page, err := r.ListReverts(place, store.MaxPage)
				listing.Reverts = append(listing.Reverts, page...)
				if err != nil || len(page) < store.MaxPage {
					return err
				}
				place = store.PlaceOf(page[len(page)-1])
			}
		})
		if err != nil {
			return Listing{}, err
		}
	}
	add := func(entry calendar.Entry, kept *registry.Entry) error {
		each, err := listedEntry(entry, kept, listing.At)
		if err == nil && (ended || !each.Over()) {
			listing.Entries = append(listing.Entries, each)
		}
		return err
	}
	if active := s.policy.Load(); active != nil {
		for _, entry := range active.calendar.Entries() {
			if err := add(entry, nil); err != nil {
				return Listing{}, err
			}
		}
	}
	for i, entry := range records.entries {
		if entry.Kind != registry.Calendar || entry.Removed {
			continue
		}
		decoded, err := calendar.DecodeEntry(entry.ID, entry.Body)
		if err == nil {
			err = add(decoded, &records.entries[i])
		}
		if err != nil {
			return Listing{}, err
		}
	}
	slices.SortStableFunc(listing.Entries, func(a, b CalendarEntry) int {
		if a.Kind != b.Kind { // freeze comes before promo
			return strings.Compare(string(a.Kind), string(b.Kind))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return listing, nil
}

// stopped says which freeze keeps a permit from being claimed, if one does: one that is open by now, was not when the rules were asked, and
// lets nobody finish. Cuts pass. The permit stays as it is.
func (s *Server) stopped(r store.Reader, given permit.Permit, at time.Time) (refusal, err error) {
	records, err := s.readRegistry(r)
	if err != nil {
		return nil, err
	}
	active := s.policy.Load()
	for _, leg := range given.Legs {
		if leg.Direction == policy.Cut || leg.Direction == policy.Same {
			continue
		}
		var zone *time.Location
		var stops []calendar.Stop
		if active != nil {
			zone = active.Engine.Zone(leg.Target.Platform, leg.Target.Account)
			for _, stop := range active.calendar.Stops(&leg.Target, zone, at) {
				if active.loadedAt.After(stop.Since) {
					stop.Since = active.loadedAt // the freeze may be newer than the revision that gave the permit out
				}
				stops = append(stops, stop)
			}
		}
		stops = append(stops, records.calendar.Stops(&leg.Target, zone, at)...)
		if len(stops) == 0 {
			continue
		}
		// A permit is given out a while after the rules were asked, seconds in a large batch. What began in between they have not seen.
		decided, err := r.Decision(leg.DecisionID)
		if err != nil {
			return nil, err
		}
		for _, stop := range stops {
			if decided.Decision.DecidedAt.Before(stop.Since) {
				return fmt.Errorf("%w: permit %s was decided before the freeze %s, which is open until %s and stops what is under way%s; only reductions can be claimed until then",
					policy.ErrPrecondition, given.ID, stop.ID, stop.Until.Format(time.RFC3339), because(stop.Reason)), nil
			}
		}
	}
	return nil, nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
