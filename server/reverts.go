package server

import (
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// How a value that was raised for a time is remembered until it is back: see [calendar.Revert]. A promise is written in the transaction that
// allows the rise, and is there for all changes after it, also those of the same call; what becomes of it follows from what becomes of holds.

// revertsOf is what is to be put back of a candidate's field.
func (g *ground) revertsOf(c *candidate) []policy.Revert {
	field, found := c.scope(ledger.Field.String())
	if open := g.reverts[field]; found && len(open.Promises) > 0 {
		return []policy.Revert{open.Open()}
	}
	return nil
}

// baseline is the value before, as far as the ledger knows it.
func (g *ground) baseline(c *candidate) policy.Value {
	field, found := c.scope(ledger.Field.String())
	if !found {
		return c.change.Before
	}
	return g.state[field].Baseline(c.hold.Movement, g.now)
}

// promise notes that a change which is allowed is to be taken back.
func (s *settlement) promise(c *candidate) {
	field, found := c.scope(ledger.Field.String())
	if !found {
		return
	}
	if next, promised := s.ground.reverts[field].Promise(c.change, c.baseline, c.id, s.ground.now); promised {
		s.ground.reverts[field] = next
		s.promised[field] = struct{}{}
	}
}

// reverts is those that are not as they were read, to be written.
func (s *settlement) reverts() []calendar.Revert {
	fields := make([]ledger.Scope, 0, len(s.promised))
	for field := range s.promised {
		fields = append(fields, field)
	}
	slices.SortFunc(fields, ledger.Scope.Compare)
	reverts := make([]calendar.Revert, len(fields))
	for i, field := range fields {
		reverts[i] = s.ground.reverts[field]
	}
	return reverts
}

// settleReverts is what the ends of holds mean for what is to be put back: a rise that was made stands, one that was not is no reason any
// more, and a change that was made may have put the value back.
func settleReverts(tx store.Tx, ends []permit.Resolution, holds map[string]ledger.Hold, at time.Time) error {
	fields := make([]ledger.Scope, len(ends))
	for i, end := range ends {
		charges := holds[end.Hold].Charges
		if of := slices.IndexFunc(charges, func(charge ledger.Charge) bool { return charge.Scope.Kind == ledger.Field }); of >= 0 {
			fields[i] = charges[of].Scope
		}
	}
	open, err := tx.Reverts(fields)
	if err != nil || len(open) == 0 {
		return err
	}
	changed := map[ledger.Scope]bool{}
	for i, end := range ends {
		revert, found := open[fields[i]]
		if !found {
			continue
		}
		moved := false
		if end.Outcome == permit.Post {
			revert, moved = revert.Apply(end.Hold, end.Applied, holds[end.Hold].PlacedAt, at)
		} else {
			revert, moved = revert.Drop(end.Hold)
		}
		open[fields[i]] = revert
		changed[fields[i]] = changed[fields[i]] || moved
	}
	var reverts []calendar.Revert
	for field, moved := range changed {
		if moved {
			reverts = append(reverts, open[field])
		}
	}
	return tx.PutReverts(reverts)
}
