package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// How often due permits are looked for, and how much is settled in one transaction: so many permits, and no more than so
// many changes, since others wait for it.
const (
	sweepEvery    = time.Second
	sweepTogether = 128
	sweepChanges  = 256
)

// Run does what time brings about, until ctx ends. It returns nil then; what goes wrong before is logged and
// tried again.
func (s *Server) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := s.sweepGuarded(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("permits or approvals that are due were not settled; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// sweepGuarded is Sweep, but for a panic: a bug there must not take the service down.
func (s *Server) sweepGuarded(ctx context.Context) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic while settling permits: %v\n%s", panicked, debug.Stack())
		}
	}()
	_, err = s.Sweep(ctx)
	return err
}

// Sweep takes the steps that time brings about, by the store's time, and returns how many. It may run in several
// processes at once.
func (s *Server) Sweep(ctx context.Context) (settled int, err error) {
	permits, permitsErr := s.sweepPermits(ctx)
	approvals, approvalsErr := s.sweepApprovals(ctx)
	return permits + approvals, errors.Join(permitsErr, approvalsErr)
}

// sweepApprovals opens the tiers of approvals that have waited for so long, and ends those whose time is over. One that
// cannot be settled holds up no other; it is in the error.
func (s *Server) sweepApprovals(ctx context.Context) (settled int, err error) {
	stuck := map[string]error{}
	for {
		var ids []string
		err := s.store.View(ctx, func(r store.Reader) error {
			due, err := r.DueApprovals(r.Now(), sweepTogether+len(stuck))
			ids = nil
			for _, a := range due {
				if _, is := stuck[a.ID]; !is {
					ids = append(ids, a.ID)
				}
			}
			return err
		})
		if err != nil || len(ids) == 0 {
			return settled, errors.Join(append(slices.Collect(maps.Values(stuck)), err)...)
		}
		done, err := s.passApprovals(ctx, ids)
		settled += done
		if err == nil {
			continue
		}
		if errors.Is(err, policy.ErrUnavailable) && !errors.Is(err, errDamaged) || ctx.Err() != nil {
			return settled, err
		}
		for _, id := range ids {
			done, err := s.passApprovals(ctx, []string{id})
			settled += done
			if err != nil {
				stuck[id] = fmt.Errorf("approval %s: %w", id, err)
			}
		}
	}
}

// passApprovals takes the steps of approvals that time brings about.
func (s *Server) passApprovals(ctx context.Context, ids []string) (int, error) {
	var steps []approval.Step
	err := s.store.Update(ctx, func(tx store.Tx) error {
		approvals, err := tx.Approvals(ids)
		if err != nil {
			return err
		}
		steps = nil
		for _, id := range ids {
			if a, found := approvals[id]; found {
				if step := a.Apply(approval.Pass{}, tx.Now()); step.Changed {
					steps = append(steps, step)
				}
			}
		}
		return s.takeApprovalSteps(tx, s.policy.Load(), steps)
	})
	if err != nil {
		s.noticeHalt(err)
		return 0, err
	}
	s.told(steps...)
	return len(steps), nil
}

// sweepPermits settles the permits that are due by the store's time and returns how many: those that nobody
// claimed expire and give back what they hold, those that nobody reported on are unknown from now on and keep it. One that
// cannot be settled holds up no other; it is in the error. It may run in several processes at once.
func (s *Server) sweepPermits(ctx context.Context) (settled int, err error) {
	stuck := map[string]error{}
	for {
		var ids []string
		// Reading costs little and waits for nobody; most of the time there is nothing due.
		err := s.store.View(ctx, func(r store.Reader) error {
			if _, err := s.readModes(r); err != nil { // so that claims, which must not remember modes, need not read them
				return err
			}
			permits, err := r.DuePermits(r.Now(), sweepTogether+len(stuck))
			ids = portionOf(permits, stuck)
			return err
		})
		if err != nil || len(ids) == 0 {
			return settled, errors.Join(append(slices.Collect(maps.Values(stuck)), err)...)
		}
		done, err := s.settleDue(ctx, ids)
		settled += done
		if err == nil {
			continue
		}
		if errors.Is(err, policy.ErrUnavailable) && !errors.Is(err, errDamaged) || ctx.Err() != nil {
			return settled, err // there is no settling anything now
		}
		for _, id := range ids { // one of them is the trouble
			done, err := s.settleDue(ctx, []string{id})
			settled += done
			if err != nil {
				stuck[id] = fmt.Errorf("permit %s: %w", id, err)
			}
		}
	}
}

// portionOf is the permits that are settled together.
func portionOf(permits []permit.Permit, stuck map[string]error) (ids []string) {
	changes := 0
	for _, given := range permits {
		if _, is := stuck[given.ID]; is {
			continue
		}
		if changes += len(given.Legs); len(ids) > 0 && changes > sweepChanges {
			break
		}
		ids = append(ids, given.ID)
	}
	return ids
}

// settleDue takes the steps of permits that time brings about, or a switch.
func (s *Server) settleDue(ctx context.Context, ids []string) (settled int, err error) {
	var steps []permit.Step
	err = s.store.Update(ctx, func(tx store.Tx) error {
		permits, err := tx.Permits(ids)
		if err != nil {
			return err
		}
		steps = nil
		for _, id := range ids {
			if given, found := permits[id]; found {
				step, err := s.recall(tx, given, tx.Now())
				if err != nil {
					return err
				}
				if step.Changed {
					steps = append(steps, step)
				}
			}
		}
		return s.takeSteps(tx, steps, tx.Now())
	})
	if err != nil {
		s.noticeHalt(err)
		return 0, err
	}
	for _, step := range steps {
		if step.Permit.Redeems != "" {
			s.stir()
		}
		if step.Permit.State == permit.Unknown {
			s.logger.Warn("nobody reported what became of a permit; its holds stay until somebody does",
				"permit_id", step.Permit.ID, "automation", step.Permit.Automation, "claimed_at", step.Permit.ClaimedAt)
		}
	}
	return len(steps), nil
}
