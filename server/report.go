package server

import (
	"context"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

// How long the period of a report can be, and how long it is where nobody says.
const (
	LongestReport = 366 * 24 * time.Hour
	DefaultReport = 30 * 24 * time.Hour
)

// A report reads so many approvals or overrides in one View, with their steps and reviews. A longer one would keep the
// database from tidying up behind writers.
const reportPage = 100

// ReportApprovals counts what became of the approvals that were opened in a period, and of the overrides made in it. A zero
// until is now; a zero from is DefaultReport before it. What changes while it reads is counted as it was before or as it is
// after, but once.
func (s *Server) ReportApprovals(ctx context.Context, principal policy.Principal, from, until time.Time) (approval.Summary, error) {
	if err := s.admit(principal, opReadReports); err != nil {
		return approval.Summary{}, err
	}
	var now time.Time
	err := s.store.View(ctx, func(r store.Reader) error {
		now = r.Now()
		return nil
	})
	if err != nil {
		return approval.Summary{}, err
	}
	if until.IsZero() {
		until = now
	}
	if from.IsZero() {
		from = until.Add(-DefaultReport)
	}
	switch {
	case !from.Before(until):
		return approval.Summary{}, &FieldError{"from", fmt.Sprintf("is %s, and the period ends at %s; let it begin before it ends",
			from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))}
	case until.Sub(from) > LongestReport:
		return approval.Summary{}, &FieldError{"from", fmt.Sprintf("is %s, more than %d days before the period ends; ask for less at once",
			from.UTC().Format(time.RFC3339), LongestReport/(24*time.Hour))}
	}
	report := approval.NewReport(from.UTC(), until.UTC(), now)
	if err := s.addApprovals(ctx, report, store.ApprovalFilter{Since: from, Until: until}); err != nil {
		return approval.Summary{}, err
	}
	// Those that are overdue count whenever they were made; of the others only those of the period.
	known := map[string]bool{}
	if err := s.addOverrides(ctx, report, known, now, time.Time{}); err != nil {
		return approval.Summary{}, err
	}
	if err := s.addOverrides(ctx, report, known, time.Time{}, from); err != nil {
		return approval.Summary{}, err
	}
	return report.Summary(), nil
}

// addApprovals adds all that pass the filter, page by page.
func (s *Server) addApprovals(ctx context.Context, report *approval.Report, filter store.ApprovalFilter) error {
	known := map[string]bool{} // one that has moved from a page to another is there twice
	for page := (store.Page{Limit: reportPage}); ; {
		var histories []approval.History
		var next store.Cursor
		err := s.store.View(ctx, func(r store.Reader) error {
			approvals, after, err := r.ListApprovals(filter, page)
			if err != nil {
				return err
			}
			histories, next = make([]approval.History, len(approvals)), after
			for i, a := range approvals {
				if histories[i], err = lifeOf(r, a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, each := range histories {
			if !known[each.Approval.ID] {
				known[each.Approval.ID] = true
				report.Add(each)
			}
		}
		if page.After = next; next == "" {
			return nil
		}
	}
}

// lifeOf is an approval with its versions and its reviews.
func lifeOf(r store.Reader, a approval.Approval) (approval.History, error) {
	events, err := r.Events(audit.Approval, a.ID)
	if err != nil {
		return approval.History{}, err
	}
	steps := make([]approval.Approval, len(events))
	for i, event := range events {
		if steps[i], err = approval.Decode(event.Record); err != nil {
			return approval.History{}, fmt.Errorf("version %d of approval %s: %w", event.Version, a.ID, err)
		}
	}
	reviews, err := r.Reviews(a.ID)
	return approval.History{Approval: a, Steps: steps, Reviews: reviews}, err
}

// addOverrides adds the overrides that hold at a time, or with no time all there are, back to those that were made before
// since. It leaves out those that are known.
func (s *Server) addOverrides(ctx context.Context, report *approval.Report, known map[string]bool, at, since time.Time) error {
	for page := (store.Page{Limit: reportPage}); ; {
		var overrides []approval.Override
		var next store.Cursor
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			overrides, next, err = r.ListOverrides(at, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, override := range overrides { // the last made first
			if override.At.Before(since) {
				return nil
			}
			if !known[override.ID] {
				known[override.ID] = true
				report.AddOverride(override)
			}
		}
		if page.After = next; next == "" {
			return nil
		}
	}
}
