package server

import (
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
)

// request gathers everything that one change is judged by. It reads the policy's records and what
// came with the call, and does nothing slow: it runs once for each change.
func (p *Policy) request(c *candidate, principal policy.Principal, now time.Time) *policy.Request {
	request := &policy.Request{Change: c.change, Principal: principal, Batch: c.batch, Now: now, Facts: c.change.Facts,
		Mode: c.standing.Mode, Windows: c.windows, Contradicted: c.contradicted}
	if p == nil {
		return request
	}
	// A change that takes effect later meets what holds then, too.
	until := c.change.EffectiveAt
	request.Experiments = experiment.Touching(p.experiments, c.change.Target, now, until)
	request.Freezes, request.Promos = p.calendar.Open(c.change.Target, now, until)
	if c.group != nil {
		request.Group = p.legs(c.group, now)
	}
	return request
}

// legs is the group as its members see one another.
func (p *Policy) legs(g *group, now time.Time) []policy.Leg {
	legs := make([]policy.Leg, len(g.members))
	for i, member := range g.members {
		legs[i].Change, legs[i].Contradicted = member.change, member.contradicted
		for _, participation := range experiment.Touching(p.experiments, member.change.Target, now, member.change.EffectiveAt) {
			if participation.Live() {
				legs[i].Experiments = append(legs[i].Experiments, participation.ID)
			}
		}
	}
	return legs
}
