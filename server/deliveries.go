package server

import (
	"context"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// ListDeliveries returns one page of what is told outside, the newest first.
func (s *Server) ListDeliveries(ctx context.Context, principal policy.Principal, state store.DeliveryState, page store.Page) (found []store.Delivery, next store.Cursor, err error) {
	if err := s.admit(principal, opReadDeliveries); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		found, next, err = r.ListDeliveries(state, page)
		return err
	})
	return found, next, err
}
