package server

import (
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/experiment"
)

// request gathers everything that one change is judged by. It reads the policy's records, the ground and what
// came with the call, and does nothing slow: it runs once for each change.
func (p *Policy) request(c *candidate, principal policy.Principal, g *ground, now time.Time) *policy.Request {
	request := &policy.Request{Change: c.change, Principal: principal, Batch: c.batch, Now: now, Facts: c.facts, Stale: c.stale, Reverts: c.reverts,
		Mode: c.standing.Mode, Windows: c.windows, Contradicted: c.contradicted}
	if p == nil {
		return request
	}
	// A change that takes effect later meets what holds then, too.
	until := c.change.EffectiveAt
	var campaigns []string
	if c.group != nil {
		for _, member := range c.group.members {
			campaigns = append(campaigns, member.change.Target.Campaign)
		}
	}
	for _, tests := range []*experiment.Index{p.tests, g.registry.tests} {
		request.Experiments = append(request.Experiments, tests.Touching(c.change, now, campaigns...)...)
	}
	zone := p.Engine.Zone(c.change.Target.Platform, c.change.Target.Account)
	for _, entries := range []*calendar.Calendar{p.calendar, g.registry.calendar} {
		freezes, promos := entries.Open(&c.change.Target, zone, now, until)
		request.Freezes, request.Promos = append(request.Freezes, freezes...), append(request.Promos, promos...)
	}
	if c.group != nil {
		request.Group = c.group.legs()
	}
	return request
}

// liveTests is the ids of the live tests that a leg of a group is in.
func (p *Policy) liveTests(change *policy.Change, g *ground, now time.Time) (ids []string) {
	if p == nil {
		return nil
	}
	for _, tests := range []*experiment.Index{p.tests, g.registry.tests} {
		for _, participation := range tests.Touching(change, now) {
			if participation.Holds() {
				ids = append(ids, participation.ID)
			}
		}
	}
	return ids
}

// legs is the group as its members see one another.
func (g *group) legs() []policy.Leg {
	legs := make([]policy.Leg, len(g.members))
	for i, member := range g.members {
		legs[i] = policy.Leg{Change: member.change, Experiments: member.tests, Contradicted: member.contradicted}
	}
	return legs
}
