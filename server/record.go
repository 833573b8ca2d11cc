package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// update writes what somebody asks for, which concerns so many changes, or returns why it is not done. Where others were first
// it is tried again on what there is then. What fails for want of the record is logged and is a policy.ErrUnavailable.
func (s *Server) update(ctx context.Context, changes int, write func(store.Tx) error) error {
	// The caller's hanging up must not leave it unclear whether it was done; the time is bounded all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout+time.Duration(changes)*time.Millisecond)
	defer cancel()
	err := s.store.Update(ctx, write)
	for attempt := 1; errors.Is(err, store.ErrConflict) && attempt < maxAttempts; attempt++ {
		err = s.store.Update(ctx, write)
	}
	if err == nil || isAnswer(err) {
		return err
	}
	return s.notRecorded(err, changes)
}

// isAnswer reports whether an error says something of what was asked for, and not that it could not be written.
func isAnswer(err error) bool {
	for _, answer := range []error{policy.ErrNotFound, policy.ErrInvalid, policy.ErrPrecondition, policy.ErrForbidden, policy.ErrExhausted, errGroundChanged, errCapChanged} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// notRecorded says what it means for the caller that a commit failed.
func (s *Server) notRecorded(err error, changes int) error {
	switch {
	case errors.Is(err, policy.ErrInvalid), errors.Is(err, policy.ErrUnavailable):
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: the record was not written in time: %w", policy.ErrUnavailable, err)
	default:
		err = fmt.Errorf("%w: the record was not written: %w", policy.ErrUnavailable, err)
	}
	s.logger.Error("decisions were not recorded", "changes", changes, "error", err)
	s.noticeHalt(err)
	return err
}
