package policy

import (
	"hash/maphash"
	"slices"

	"github.com/bidrail/bidrail/policy/limits"
	"github.com/bidrail/bidrail/policy/term"
)

// The forms of a limit, by what its amount counts.
var (
	moneyLimitForm     = newForm([]string{"currency", "micros", "source"})
	ratioLimitForm     = newForm([]string{"ppm", "source"})
	countLimitForm     = newForm([]string{"count", "source"})
	durationLimitForm  = newForm([]string{"seconds", "source"})
	flagLimitForm      = newForm([]string{"flag", "source"})
	unlimitedLimitForm = newForm([]string{"source", "unlimited"})
)

// resolved is a choice of limits that has held for a change, and what rules see of it.
type resolved struct {
	held  []limits.Held
	input term.Value
}

// limitsOf resolves the limits that hold for the change, in the currency it asks for. Most changes meet the few limits of
// default entries, so what rules see of these is kept.
func (e *Engine) limitsOf(change *Change) term.Value {
	currency := change.After.Currency
	if currency == "" {
		currency = change.Before.Currency
	}
	var space [64]limits.Held
	held := e.limitsHeld(space[:0], change.Target, change.Kind, currency)
	hash := maphash.String(e.forms.seed, currency)
	for i := range held {
		hash = hash*31 ^ uint64(held[i].Value.Amount) ^ uint64(held[i].Source.Line)<<32 ^ uint64(len(held[i].Name))
	}
	place := e.resolved.at(hash ^ hash>>32)
	if found := place.Load(); found != nil && slices.Equal(found.held, held) {
		return found.input
	}
	made := &resolved{held: slices.Clone(held)}
	b := builder{forms: e.forms}
	made.input = b.limits(made.held)
	place.Store(made)
	return made.input
}

// limitsHeld appends the limits that hold for changes of the kind to the target, sorted by name.
func (e *Engine) limitsHeld(space []limits.Held, target Target, kind Kind, currency string) []limits.Held {
	return e.revision.limits.Resolve(space, limits.Target{
		Platform: target.Platform, Account: target.Account, Channel: target.Channel,
		Portfolio: target.Portfolio, Campaign: target.Campaign, AdGroup: target.AdGroup,
		EntityType: target.EntityType, Entity: target.EntityID, Labels: target.Labels,
		Kind: kind.String(), Currency: currency,
	})
}

// limits are limits sorted by name, as an object of their groups.
func (b *builder) limits(held []limits.Held) term.Value {
	var groups []member
	for len(held) > 0 {
		group, _ := splitLimit(held[0].Name)
		var members []member
		for len(held) > 0 {
			next, name := splitLimit(held[0].Name)
			if next != group {
				break
			}
			members = append(members, member{name, b.limit(&held[0])})
			held = held[1:]
		}
		groups = append(groups, member{group, b.named(members)})
	}
	return b.named(groups)
}

func (b *builder) limit(held *limits.Held) term.Value {
	source, amount := term.Text(held.Source.String()), term.Int(held.Value.Amount)
	switch {
	case held.Value.Unlimited:
		return b.object(unlimitedLimitForm, source, term.Bool(true))
	case held.Value.Type == limits.Money:
		return b.object(moneyLimitForm, term.Text(held.Value.Currency), amount, source)
	case held.Value.Type == limits.Ratio:
		return b.object(ratioLimitForm, amount, source)
	case held.Value.Type == limits.Count:
		return b.object(countLimitForm, amount, source)
	case held.Value.Type == limits.Duration:
		return b.object(durationLimitForm, amount, source)
	default:
		return b.object(flagLimitForm, term.Bool(held.Value.Amount != 0), source)
	}
}
