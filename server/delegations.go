package server

import (
	"context"
	"fmt"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/store"
)

// CreateDelegation lets another person review in the caller's place for a time. The caller fills in To, Groups, Reason,
// Starts and Ends; zero Starts is now.
func (s *Server) CreateDelegation(ctx context.Context, principal policy.Principal, asked approval.Delegation) (made approval.Delegation, err error) {
	if err := s.admit(principal, opDelegate); err != nil {
		return approval.Delegation{}, err
	}
	id, err := newID("dlg")
	if err != nil {
		return approval.Delegation{}, err
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		made = asked
		made.ID, made.From, made.CreatedBy, made.CreatedAt, made.Version = id, principal.Subject, principal.Subject, tx.Now(), 1
		if made.Starts.IsZero() {
			made.Starts = tx.Now()
		}
		if err := made.Validate(s.policy.Load().person); err != nil {
			return err
		}
		return tx.PutDelegations([]approval.Delegation{made})
	})
	return made, err
}

// ListDelegations returns one page of those that hold, or of all there ever were, the last made first.
func (s *Server) ListDelegations(ctx context.Context, principal policy.Principal, all bool, page store.Page) (found []approval.Delegation, next store.Cursor, err error) {
	if err := s.admit(principal, opReadExceptions); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		found, next, err = r.ListDelegations(heldAt(r, all), page)
		return err
	})
	return found, next, err
}

// EndDelegation takes a delegation back before its time. Either of the two can.
func (s *Server) EndDelegation(ctx context.Context, principal policy.Principal, id string) (ended approval.Delegation, err error) {
	if err := s.admit(principal, opDelegate); err != nil {
		return approval.Delegation{}, err
	}
	err = s.update(ctx, 1, func(tx store.Tx) error {
		found, err := tx.Delegation(id)
		if err != nil {
			return fmt.Errorf("delegation %s: %w", id, err)
		}
		if ended, err = found.End(principal.Subject, s.policy.Load().person, tx.Now()); err != nil || ended.Version == found.Version {
			return err
		}
		return tx.PutDelegations([]approval.Delegation{ended})
	})
	return ended, err
}
