package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// issue makes the permit of a unit that is allowed. redeems is the approval or override that it is redeemed from.
func (s *Server) issue(id string, principal policy.Principal, members unit, redeems string, g *ground, at time.Time) permit.Permit {
	given := permit.Permit{ID: id, Automation: principal.Subject, Digest: members.digest(), GroupID: members[0].change.AtomicGroupID,
		Redeems: redeems, IssuedAt: at, ExpiresAt: at.Add(s.permitLife)}
	for _, c := range members {
		given.Legs = append(given.Legs, c.leg(c.placed.Movement.Direction))
		if audience := c.change.Target.Platform + "/" + c.change.Target.Account; !slices.Contains(given.Audience, audience) {
			given.Audience = append(given.Audience, audience)
		}
		given.Epoch = max(given.Epoch, g.standing(c).Epoch)
	}
	return permit.Issue(given)
}

// leg is the candidate as a permit or an approval has it.
func (c *candidate) leg(direction policy.Direction) permit.Leg {
	return permit.Leg{DecisionID: c.id, ChangeID: c.change.ID, ChangeDigest: c.digest, Kind: c.change.Kind,
		Target: c.change.Target, Before: c.change.Before, After: c.change.After, Direction: direction}
}

// sign adds the tokens of permits that can be claimed. It comes after the commit: what is signed is on the record. Without a
// token an allowed change cannot be made, so one that cannot be signed is logged, and takes nothing else along.
func (s *Server) sign(candidates []*candidate, now time.Time) {
	tokens := map[string]*string{}
	var open []*permit.Permit
	for _, c := range candidates {
		if given := c.result.Permit; given != nil && given.State == permit.Issued && now.Before(given.ExpiresAt) && tokens[given.ID] == nil {
			tokens[given.ID] = new(string)
			open = append(open, given)
		}
	}
	workers := min(s.workers, len(open))
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for i := worker; i < len(open); i += workers {
				token, err := s.keys.Sign(*open[i])
				if err != nil {
					s.logger.Error("a permit could not be signed, so it cannot be used", "permit_id", open[i].ID, "error", err)
				}
				*tokens[open[i].ID] = token
			}
		})
	}
	running.Wait()
	for _, c := range candidates {
		if c.result.Permit != nil && tokens[c.result.Permit.ID] != nil {
			c.result.Token = *tokens[c.result.Permit.ID]
		}
	}
}

// Claim uses a permit up, right before the change is made. claimID is the caller's, one for each attempt to
// make the change: a claim whose answer got lost is repeated with the same one. Only when the error is nil may
// the change be made.
func (s *Server) Claim(ctx context.Context, principal policy.Principal, token, claimID string) (permit.Permit, error) {
	if err := s.admit(principal, opClaim); err != nil {
		return permit.Permit{}, err
	}
	if claimID == "" || len(claimID) > permit.MaxClaimID {
		return permit.Permit{}, &FieldError{"claim_id", fmt.Sprintf("has %d bytes; write 1 to %d", len(claimID), permit.MaxClaimID)}
	}
	id, err := s.keys.Verify(token)
	if err != nil {
		return permit.Permit{}, err
	}
	return s.step(ctx, principal, id, func(tx store.Tx, given permit.Permit) (permit.Step, error) {
		standing, err := s.standing(tx, given)
		if err != nil {
			return permit.Step{}, err
		}
		step := given.Claim(claimID, principal.Subject, standing, s.reportWithin, tx.Now())
		if given.State != permit.Issued || step.Refusal != nil {
			return step, nil
		}
		if stopped, err := s.stopped(tx, given, tx.Now()); stopped != nil || err != nil {
			return permit.Step{Permit: given, Refusal: stopped}, err
		}
		return step, nil
	})
}

// standing is what holds for all that a permit is for: the newest epoch, and the strictest mode that is against one of its
// changes. Legs of a group may be under different modes, such as a cut where only cuts pass and a rise elsewhere.
func (s *Server) standing(r store.Reader, given permit.Permit) (mode.Standing, error) {
	modes, err := s.readModes(r)
	if err != nil || modes.epoch == 0 {
		return mode.Standing{}, err
	}
	ids := make([]string, len(given.Legs))
	for i, leg := range given.Legs {
		ids[i] = leg.DecisionID
	}
	holds, err := r.Holds(ids)
	if err != nil {
		return mode.Standing{}, err
	}
	var scopes []ledger.Scope
	var against mode.Standing
	for _, leg := range given.Legs {
		hold := holds[leg.DecisionID]
		scopes = append(scopes, hold.Scopes()...)
		if own := mode.Over(hold.Scopes(), modes.settings); !own.Admits(leg.Direction) && own.Mode > against.Mode {
			against = own
		}
	}
	standing := mode.Over(scopes, modes.settings)
	standing.Mode, standing.By = against.Mode, against.By
	return standing, nil
}

// recall is what time or a switch has made of a permit, whether or not anybody has seen to it.
func (s *Server) recall(r store.Reader, given permit.Permit, at time.Time) (permit.Step, error) {
	if step := given.Pass(at); step.Changed || given.State != permit.Issued {
		return step, nil
	}
	standing, err := s.standing(r, given)
	return given.Recall(standing, at), err
}

// Report records what became of the changes of a permit, and settles what was held for them. Whoever owns rules or runs
// the service may settle what is unknown, for an automation that does not.
func (s *Server) Report(ctx context.Context, principal policy.Principal, permitID string, report permit.Report) (permit.Permit, error) {
	if err := s.admit(principal, opReport); err != nil {
		return permit.Permit{}, err
	}
	return s.step(ctx, principal, permitID, func(tx store.Tx, given permit.Permit) (permit.Step, error) {
		if given.Automation != principal.Subject {
			return given.Reconcile(report, principal.Subject, tx.Now()), nil
		}
		return given.Tell(report, principal.Subject, tx.Now()), nil
	})
}

// step takes one step of a permit: reads it, asks what follows, and writes that with what becomes of its holds.
func (s *Server) step(ctx context.Context, principal policy.Principal, id string, next func(store.Tx, permit.Permit) (permit.Step, error)) (permit.Permit, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.commitTimeout)
	defer cancel()
	var taken permit.Step
	take := func(tx store.Tx) error {
		found, err := tx.Permits([]string{id})
		if err != nil {
			return err
		}
		given, there := found[id]
		if !there || !seesAll(principal) && given.Automation != principal.Subject {
			return noPermit(id, principal)
		}
		if taken, err = next(tx, given); err != nil {
			return err
		}
		return s.takeSteps(tx, []permit.Step{taken}, tx.Now())
	}
	err := s.store.Update(ctx, take)
	if errors.Is(err, store.ErrConflict) { // somebody else has taken a step of it meanwhile: see what that was
		err = s.store.Update(ctx, take)
	}
	switch {
	case errors.Is(err, policy.ErrNotFound), errors.Is(err, policy.ErrInvalid), errors.Is(err, policy.ErrPrecondition):
		return permit.Permit{}, err
	case err != nil:
		return permit.Permit{}, s.notRecorded(err, 1)
	}
	if taken.Changed {
		if taken.Permit.Redeems != "" {
			s.stir() // the approval behind it has changed too
		}
		s.logger.Info("permit", "state", taken.Permit.State, "permit_id", id, "automation", taken.Permit.Automation, "reason", taken.Permit.Reason)
	}
	return taken.Permit, taken.Refusal
}

func noPermit(id string, principal policy.Principal) error {
	return fmt.Errorf("%w: there is no permit %s that %s may see", policy.ErrNotFound, id, principal.Subject)
}

// takeSteps writes the steps of several permits, and what they mean for the approvals behind them.
func (s *Server) takeSteps(tx store.Tx, steps []permit.Step, at time.Time) error {
	var changed []permit.Permit
	var ends []permit.Resolution
	for _, step := range steps {
		if step.Changed {
			changed, ends = append(changed, step.Permit), append(ends, step.Holds...)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := resolve(tx, ends, at); err != nil {
		return err
	}
	if err := tx.UpdatePermits(changed); err != nil {
		return err
	}
	return s.tellApprovals(tx, changed, at)
}

// errDamaged: the record does not agree with itself. Waiting does not help.
var errDamaged = fmt.Errorf("%w: the record is damaged", policy.ErrUnavailable)

// resolve ends holds and gives back, in every scope, what they do not use.
func resolve(tx store.Tx, ends []permit.Resolution, at time.Time) error {
	if len(ends) == 0 {
		return nil
	}
	ids := make([]string, len(ends))
	for i, end := range ends {
		ids[i] = end.Hold
	}
	holds, err := tx.Holds(ids)
	if err != nil {
		return err
	}
	var scopes []ledger.Scope
	for _, hold := range holds {
		scopes = append(scopes, hold.Scopes()...)
	}
	state, err := tx.Sheets(scopes)
	if err != nil {
		return err
	}
	moved := map[store.ScopeUnit]struct{}{}
	resolved := make([]ledger.Hold, 0, len(ends))
	for _, end := range ends {
		hold, found := holds[end.Hold]
		if !found {
			return fmt.Errorf("%w: the hold %s of a permit is not in the record; restore it from a backup", errDamaged, end.Hold)
		}
		var changed ledger.State
		switch end.Outcome {
		case permit.Post:
			changed, hold, err = ledger.Post(state, hold, end.Applied, at)
		case permit.Void:
			changed, hold, err = ledger.Void(state, hold, at)
		default:
			changed, hold, err = ledger.Expire(state, hold, at)
		}
		if err != nil {
			return err
		}
		for scope, sheet := range changed {
			state[scope] = sheet
			moved[store.ScopeUnit{Scope: scope, Unit: hold.Movement.Unit}] = struct{}{}
		}
		resolved = append(resolved, hold)
	}
	if err := tx.PutTallies(talliesOf(state, moved)); err != nil {
		return err
	}
	if err := settleReverts(tx, ends, holds, at); err != nil {
		return err
	}
	return tx.ResolveHolds(resolved)
}

// GetPermit returns one permit. Who may not see it is told the same as when there is none.
func (s *Server) GetPermit(ctx context.Context, principal policy.Principal, id string) (permit.Permit, error) {
	if err := s.admit(principal, opReadDecisions); err != nil {
		return permit.Permit{}, err
	}
	var found map[string]permit.Permit
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Permits([]string{id})
		return err
	})
	if err != nil {
		return permit.Permit{}, err
	}
	given, there := found[id]
	if !there || !seesAll(principal) && given.Automation != principal.Subject {
		return permit.Permit{}, noPermit(id, principal)
	}
	return given, nil
}

// ListPermits returns one page of the permits, the last issued first. It is for those who look after all of them.
func (s *Server) ListPermits(ctx context.Context, principal policy.Principal, state permit.State, page store.Page) (permits []permit.Permit, next store.Cursor, err error) {
	if err := s.admit(principal, opListPermits); err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		permits, next, err = r.ListPermits(state, page)
		return err
	})
	return permits, next, err
}

// PublicKeys returns the keys that permits are verified with, as a JSON Web Key Set.
func (s *Server) PublicKeys(_ context.Context, principal policy.Principal) ([]byte, error) {
	if err := s.admit(principal, opReadRules); err != nil {
		return nil, err
	}
	return s.keys.Public(), nil
}
