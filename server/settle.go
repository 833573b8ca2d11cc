package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
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
	used      map[string]struct{}          // grants that are not
	promised  map[ledger.Scope]struct{}    // fields whose reverts are not
}

// newSettlement settles on a ground, which it moves.
func (s *Server) newSettlement(active *Policy, principal policy.Principal, g *ground, now time.Time) *settlement {
	return &settlement{s, active, principal, now, g, map[store.ScopeUnit]struct{}{}, map[string]struct{}{}, map[ledger.Scope]struct{}{}}
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

// undo is what a unit has changed of the ground, as it was before.
type undo struct {
	state  ledger.State
	grants map[string]approval.Grant
}

// settle brings a unit up to the ground and, if all of it is allowed, moves the ground.
func (s *settlement) settle(ctx context.Context, members unit) {
	before := undo{ledger.State{}, map[string]approval.Grant{}}
	allowed := true
	for _, c := range members {
		if !s.place(ctx, c, before) {
			allowed = false
		}
	}
	if !allowed {
		s.undo(before) // no leg of a group moves anything when one does not land, or uses a grant
		for _, c := range members {
			c.ungrant()
		}
		holdBack(members)
		s.ask(members)
		return
	}
	s.keep(members)
}

func (s *settlement) undo(before undo) {
	maps.Copy(s.ground.state, before.state)
	maps.Copy(s.ground.grants, before.grants)
}

// keep is that a unit has landed: what it has moved is to be written.
func (s *settlement) keep(members unit) {
	for _, c := range members {
		for _, scope := range c.scopes {
			s.moved[store.ScopeUnit{Scope: scope, Unit: c.hold.Movement.Unit}] = struct{}{}
		}
		if c.granted != "" {
			s.used[c.granted] = struct{}{}
		}
		s.promise(c)
	}
}

// place asks again what has to be asked again, and counts the movement of a change that is still allowed, or that a
// grant answers for.
func (s *settlement) place(ctx context.Context, c *candidate, before undo) (allowed bool) {
	movement, contradicted := s.ground.known(c)
	if c.judgement.Verdict == policy.Allow || c.judgement.Verdict == policy.RequireApproval && (c.group != nil || len(s.ground.grants) > 0) {
		s.judgeAgain(ctx, c, contradicted)
	}
	c.known, c.granted = movement, ""
	c.outcome = c.judgement.Outcome
	c.outcome.Findings = slices.Clone(c.outcome.Findings) // a group may add to them
	if reason := s.ground.suppressed(c, s.principal.Subject, time.Time{}); reason != "" && c.outcome.Verdict != policy.Block {
		c.outcome = refused(c.outcome, policy.FindingSuppressed, reason)
	}
	if c.outcome.Verdict == policy.RequireApproval && !contradicted { // what a grant is held against would be the caller's word
		s.grant(c, before)
	}
	if c.outcome.Verdict == policy.RequireApproval && c.group != nil {
		// Whether it can land is seen when it is redeemed; the other legs are to see it as if it had.
		outcome := c.outcome
		s.count(c, movement, before)
		c.outcome = outcome
	}
	return c.outcome.Verdict == policy.Allow && s.count(c, movement, before)
}

// count places the movement of a change that is allowed, unless a mode or a cap is against it. What it changes of the
// ground it keeps in before.
func (s *settlement) count(c *candidate, movement ledger.Movement, before undo) bool {
	// The kill switch does not depend on a revision that knows of it.
	if standing := s.ground.standing(c); !standing.Admits(movement.Direction) {
		c.outcome = refused(c.outcome, policy.FindingMode, standing.By.String())
		return false
	}
	c.baseline = s.ground.baseline(c) // before it counts itself
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
		if _, kept := before.state[scope]; !kept {
			before.state[scope] = s.ground.state[scope]
		}
	}
	maps.Copy(s.ground.state, changed)
	c.placed = placed
	return true
}

// grant lets the first of the automation's grants that answers all that rules want people for answer it.
func (s *settlement) grant(c *candidate, before undo) {
	for _, id := range slices.Sorted(maps.Keys(s.ground.grants)) {
		grant := s.ground.grants[id]
		used, err := grant.Use(c.change, s.principal.Subject, c.outcome.Findings, s.ground.now)
		if err != nil {
			continue
		}
		if _, kept := before.grants[id]; !kept {
			before.grants[id] = grant
		} else {
			used.Version = grant.Version // all uses of a transaction are one step
		}
		if _, again := s.used[id]; again {
			used.Version = grant.Version
		}
		s.ground.grants[id] = used
		c.granted = id
		c.outcome = lifted(c.outcome, id, func(finding policy.Finding) bool { return finding.Effect == policy.Approve })
		return
	}
}

// ungrant is that the grant that answered for a change is not used after all: people are asked about that as well.
func (c *candidate) ungrant() {
	if c.granted == "" {
		return
	}
	for i := range c.outcome.Findings {
		if finding := &c.outcome.Findings[i]; finding.LiftedBy == c.granted {
			finding.LiftedBy = ""
		}
	}
	c.outcome.Verdict = policy.Decide(c.outcome.Findings)
	c.granted = ""
}

// ask says whom the rules want, of a unit that waits for people. What a rule asks for and nobody understands blocks.
func (s *settlement) ask(members unit) {
	for _, c := range members {
		c.asked = nil
	}
	if members[0].outcome.Verdict != policy.RequireApproval {
		return
	}
	for _, c := range members {
		asked, err := approval.AskedOf(c.change, c.outcome.Findings, s.active.routes)
		if err != nil {
			c.outcome = refused(c.outcome, policy.FindingUndetermined, "it is not clear whom to ask: "+err.Error())
			holdBack(members)
			return
		}
		c.asked = asked
	}
}

// lifted is the outcome when people have answered some of its findings.
func lifted(outcome policy.Outcome, by string, answers func(policy.Finding) bool) policy.Outcome {
	outcome.Findings = slices.Clone(outcome.Findings)
	for i := range outcome.Findings {
		if finding := &outcome.Findings[i]; !finding.Shadow && finding.Effect != policy.Warn && answers(*finding) {
			finding.LiftedBy = by
		}
	}
	outcome.Verdict = policy.Decide(outcome.Findings)
	return outcome
}

// judgeAgain has the rules asked of what has changed since they were: those that read a window that has moved, or all of
// them when by now the ledger knows better than the change what holds, or something else is to be put back.
func (s *settlement) judgeAgain(ctx context.Context, c *candidate, contradicted bool) {
	windows, reverts := s.active.windows(c, s.ground), s.ground.revertsOf(c)
	switch {
	case contradicted != c.contradicted || !slices.Equal(reverts, c.reverts):
		c.contradicted, c.windows, c.reverts = contradicted, windows, reverts
		c.judgement = s.active.Engine.Judge(ctx, s.active.request(c, s.principal, s.ground, s.now))
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
