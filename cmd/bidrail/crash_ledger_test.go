package main

import (
	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// heldSums is what holds come to in one scope and unit, added up one by one from what was decided and what
// became of it, without the arithmetic that keeps tallies.
type heldSums struct {
	Raised, Lowered         int64
	HeldRaised, HeldLowered int64
	Count, Open             int64
}

// recompute adds up holds in every scope that they count in. Holds of money alone are understood, which move up or down. It
// also returns the places that the holds have in the order of each tally.
func recompute(holds map[string]ledger.Hold, decisions map[string]*policy.Decision) (sums map[store.ScopeUnit]heldSums, places map[store.ScopeUnit][]uint64) {
	sums, places = map[store.ScopeUnit]heldSums{}, map[store.ScopeUnit][]uint64{}
	for id, hold := range holds {
		decision := decisions[id]
		unit := ledger.Unit{Kind: decision.Kind, Currency: decision.After.Currency}
		reached := decision.After
		if hold.State == ledger.Posted {
			reached = hold.Applied
		}
		moved := reached.Amount - decision.Before.Amount
		if hold.Movement.Direction == policy.Unordered { // what it said of itself was contradicted: a rise as far as the ledger makes it
			moved = hold.Movement.Amount
		}
		for _, charge := range hold.Charges {
			key := store.ScopeUnit{Scope: charge.Scope, Unit: unit}
			places[key] = append(places[key], charge.Sequence)
			sum := sums[key]
			if hold.State == ledger.Held || hold.State == ledger.Posted {
				sum.Count++
				sum.Raised += max(moved, 0)
				sum.Lowered += max(-moved, 0)
			}
			if hold.State == ledger.Held {
				sum.Open++
				sum.HeldRaised += max(moved, 0)
				sum.HeldLowered += max(-moved, 0)
			}
			sums[key] = sum
		}
	}
	return sums, places
}

// sumsOfTally is the same of a tally, over everything that it remembers.
func sumsOfTally(tally ledger.Tally, r store.Reader) (heldSums, error) {
	window, err := tally.Window(ledger.Horizon, r.Now())
	return heldSums{
		Raised: window.Raised, Lowered: window.Lowered, HeldRaised: window.HeldRaised, HeldLowered: window.HeldLowered,
		Count: window.Count, Open: window.Open,
	}, err
}
