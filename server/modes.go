package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/store"
)

// SetMode switches the mode of a scope. When it returns, nothing that the mode forbids is allowed any more,
// and no permit of the scope that was issued before can be claimed.
func (s *Server) SetMode(ctx context.Context, principal policy.Principal, scope ledger.Scope, to policy.Mode, reason string) (mode.Setting, error) {
	if err := s.admit(principal, opSetMode); err != nil {
		return mode.Setting{}, err
	}
	setting := mode.Setting{Scope: scope, Mode: to, Reason: reason, By: principal.Subject}
	if err := setting.Validate(); err != nil {
		return mode.Setting{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout)
	defer cancel()
	set := func(tx store.Tx) error {
		epoch, err := tx.ModeEpoch()
		if err != nil {
			return err
		}
		setting.Epoch, setting.At = epoch+1, tx.Now()
		return tx.SetMode(setting)
	}
	err := s.store.Update(ctx, set)
	for attempt := 1; errors.Is(err, store.ErrConflict) && attempt < maxAttempts; attempt++ {
		err = s.store.Update(ctx, set)
	}
	switch {
	case errors.Is(err, policy.ErrInvalid):
		return mode.Setting{}, err
	case err != nil:
		s.logger.Error("the mode was not switched", "scope", scope.String(), "mode", to, "error", err)
		s.noticeHalt(err)
		return mode.Setting{}, fmt.Errorf("%w: the mode of %s was not switched: %w", policy.ErrUnavailable, scope, err)
	}
	s.logger.Warn("mode switched", "scope", scope.String(), "mode", to, "epoch", setting.Epoch, "by", setting.By, "reason", reason)
	return setting, nil
}

// Modes returns the setting of every scope that was ever switched, the newest first.
func (s *Server) Modes(ctx context.Context, principal policy.Principal) (settings []mode.Setting, err error) {
	if err := s.admit(principal, opReadModes); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		settings, err = r.Modes()
		return err
	})
	return settings, err
}
