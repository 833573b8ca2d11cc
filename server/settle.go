package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// How limits over time hold while many are asked for at once. Rules are evaluated first, many at a time, on
// the ground as it was read. That may be old by the time a decision is written, so before anything is
// allowed it is settled: one after another, in the order of the call, each change is held against the ground as
// it is by then, with all that was allowed before it. Where what its rules read has changed, those rules
// are asked again; where they still allow it, its movement is placed and counts for the next.
//
// It happens in the transaction that records the decisions, where nothing changes any more. Changes of a batch move the
// ground for one another, so each portion of a batch is settled once right before its transaction as well, to have the
// rules asked again outside of it: inside, only what others have moved in between is left to ask.

// settlement is a ground in motion.
type settlement struct {
	server    *Server
	active    *Policy
	principal policy.Principal
	now       time.Time // of the decisions
	ground    *ground
	moved     map[store.ScopeUnit]struct{} // tallies that are not as they were read
}

// newSettlement settles on a ground, which it moves.
func (s *Server) newSettlement(active *Policy, principal policy.Principal, g *ground, now time.Time) *settlement {
	return &settlement{s, active, principal, now, g, map[store.ScopeUnit]struct{}{}}
}

// unit is what is decided as one: a change that stands alone, or the legs of a group.
type unit []*candidate

// units is the open candidates in the order of the call, a group where its first leg stands.
func units(candidates []*candidate) []unit {
	var all []unit
	seen := map[*group]bool{}
	for _, c := range candidates {
		switch {
		case c.settled || c.group != nil && seen[c.group]:
		case c.group != nil:
			seen[c.group] = true
			all = append(all, c.group.members)
		default:
			all = append(all, unit{c})
		}
	}
	return all
}

// settle brings a unit up to the ground and, if all of it is allowed, moves the ground.
func (s *settlement) settle(ctx context.Context, members unit) {
	undo := ledger.State{}
	allowed := true
	for _, c := range members {
		if !s.place(ctx, c, undo) {
			allowed = false
		}
	}
	if !allowed {
		maps.Copy(s.ground.state, undo) // no leg of a group moves anything when one does not land
		holdBack(members)
		return
	}
	for _, c := range members {
		for _, scope := range c.scopes {
			s.moved[store.ScopeUnit{Scope: scope, Unit: c.hold.Movement.Unit}] = struct{}{}
		}
	}
}

// place asks again what has to be asked again, and counts the movement of a change that is still allowed.
// What it changes of the ground it keeps in undo.
func (s *settlement) place(ctx context.Context, c *candidate, undo ledger.State) (allowed bool) {
	movement, contradicted := s.ground.known(c)
	if c.judgement.Verdict == policy.Allow {
		s.judgeAgain(ctx, c, contradicted)
	}
	c.outcome = c.judgement.Outcome
	c.outcome.Findings = slices.Clone(c.outcome.Findings) // a group may add to them
	if c.outcome.Verdict != policy.Allow {
		return false
	}
	// The kill switch does not depend on a revision that knows of it.
	if standing := s.ground.standing(c); !standing.Admits(movement.Direction) {
		c.outcome = refused(c.outcome, policy.FindingMode, standing.By.String())
		return false
	}
	hold := c.hold
	hold.ID, hold.Movement = c.id, movement
	changed, placed, err := ledger.Place(s.ground.state, hold, ledger.CapsOn(s.server.caps, c.scopes), s.active.rates, s.ground.now)
	if _, full := errors.AsType[*ledger.ExhaustedError](err); full {
		c.outcome = refused(c.outcome, policy.FindingCap, err.Error())
		return false
	}
	if err != nil {
		c.outcome = refused(c.outcome, policy.FindingUndetermined, err.Error())
		return false
	}
	for scope := range changed {
		if _, kept := undo[scope]; !kept {
			undo[scope] = s.ground.state[scope]
		}
	}
	maps.Copy(s.ground.state, changed)
	c.placed = placed
	return true
}

// judgeAgain has the rules asked of what has changed since they were: those that read a window that has moved, or all of
// them when by now the ledger knows better than the change what holds.
func (s *settlement) judgeAgain(ctx context.Context, c *candidate, contradicted bool) {
	windows := s.active.windows(c, s.ground)
	switch {
	case contradicted != c.contradicted:
		c.contradicted, c.windows = contradicted, windows
		c.judgement = s.active.Engine.Judge(ctx, s.active.request(c, s.principal, s.now))
	case s.active.Engine.Moved(c.change.Kind, c.windows, windows):
		c.judgement, c.windows = c.judgement.Again(ctx, windows), windows
	}
}

// refused is the outcome of what the rules allow, and a switch or a cap of people's own does not.
func refused(outcome policy.Outcome, rule, message string) policy.Outcome {
	finding := policy.Finding{Rule: rule, Effect: policy.Blocks, Message: message}
	outcome.Findings = append([]policy.Finding{finding}, outcome.Findings...)
	outcome.Verdict = policy.Decide(outcome.Findings)
	return outcome
}

// talliesOf is the tallies that have moved, as they are now, to be written.
func talliesOf(state ledger.State, moved map[store.ScopeUnit]struct{}) []store.ScopeTally {
	tallies := make([]store.ScopeTally, 0, len(moved))
	for key := range moved {
		if tally, found := state[key.Scope].Tally(key.Unit); found {
			tallies = append(tallies, store.ScopeTally{Scope: key.Scope, Tally: tally})
		}
	}
	slices.SortFunc(tallies, func(a, b store.ScopeTally) int { return a.Scope.Compare(b.Scope) })
	return tallies
}
