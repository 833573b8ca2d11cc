package server

import (
	"context"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
)

// ListSuppressions returns one page of those that hold, or of all there ever were, the last made first.
func (s *Server) ListSuppressions(ctx context.Context, principal policy.Principal, all bool, page store.Page) (found []approval.Suppression, next store.Cursor, err error) {
	if err := s.admit(principal, opReadExceptions); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		found, next, err = r.ListSuppressions(heldAt(r, all), page)
		return err
	})
	return found, next, err
}

// heldAt is the time at which what is listed holds; zero: all of it is.
func heldAt(r store.Reader, all bool) time.Time {
	if all {
		return time.Time{}
	}
	return r.Now()
}

// ClearSuppression lets a rejected move be proposed again. A person does, who has no stake in it.
func (s *Server) ClearSuppression(ctx context.Context, principal policy.Principal, id, reason string) (cleared approval.Suppression, err error) {
	if err := s.admit(principal, opClearSuppression); err != nil {
		return approval.Suppression{}, err
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		found, err := tx.Suppression(id)
		if err != nil {
			return fmt.Errorf("suppression %s: %w", id, err)
		}
		active := s.policy.Load()
		stakeholders := approval.Approval{Automation: found.Automation}
		if active != nil {
			stakeholders.Owners, stakeholders.OnBehalfOf = active.directory.Owners(found.Automation), active.directory.OnBehalfOf(found.Automation)
		}
		stake := stakeholders.Stake(principal.Subject, active.person)
		if cleared, err = found.Clear(principal.Subject, active.person, stake, reason, tx.Now()); err != nil {
			return err
		}
		return tx.PutSuppressions([]approval.Suppression{cleared})
	})
	return cleared, err
}
