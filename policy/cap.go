package policy

import (
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy/limits"
)

// Cap is what a rule says of itself in METADATA (custom.cap): that it holds a measure of a window to a limit, by
// adding up. What is left below the limit can then be shown; what decides is the rule.
type Cap struct {
	Scope   string `json:"scope"`
	Window  string `json:"window"`
	Measure string `json:"measure"` // raised, lowered, moved, net_rise, net_fall, count or reversals
	Limit   string `json:"limit"`   // group and name, such as budget.daily_movement
}

// CapLimit is a limit as it holds for a target.
type CapLimit struct {
	Amount    int64  // micros, parts per million or a number; nothing when it is unlimited
	Currency  string // of a sum of money
	Unlimited bool
	Source    string // file and entry that set it
}

// capMeasures are the measures that a limit can be held against: what is still open ends by itself.
var capMeasures = append(slices.Clone(windowAmounts), "count", "reversals")

// checkCap refuses a cap of what the revision has not got, or of what the rule does not read.
func (c *compilation) checkCap(rule *Rule, windowNames []string, defined map[string]limits.Definition) {
	held := rule.Cap
	if held == nil {
		return
	}
	refuse := func(format string, arguments ...any) {
		c.refuse("%s:%d: METADATA custom.cap: "+format, append([]any{rule.File, rule.Line}, arguments...)...)
	}
	limit, known := defined["input.limits."+held.Limit]
	counts := slices.Contains(windowCounts, held.Measure)
	switch {
	case scopeNames[held.Scope] == "":
		refuse("no scope is called %q", held.Scope)
	case !slices.Contains(windowNames, held.Window):
		refuse("data.windows has no window %q", held.Window)
	case !slices.Contains(capMeasures, held.Measure):
		refuse("no measure is called %q; it is one of %s", held.Measure, strings.Join(capMeasures, ", "))
	case !known:
		refuse("no limit is defined as %q", held.Limit)
	case counts && limit.Type != limits.Count, !counts && limit.Type != limits.Money && limit.Type != limits.Ratio:
		refuse("%s cannot be held to %s, which is a %s", held.Measure, held.Limit, limit.Type)
	case !slices.Contains(rule.windows, WindowRead{held.Scope, held.Window}):
		refuse("%s does not read input.windows.%s.%s", rule.ID, held.Scope, held.Window)
	}
}

// LimitFor returns the limit of that name as it holds for changes of the kind to the target, in the currency. It
// reports false where nobody set it, and for limits that are no money, ratio or count.
func (e *Engine) LimitFor(target Target, kind Kind, currency, name string) (CapLimit, bool) {
	if e == nil {
		return CapLimit{}, false
	}
	for _, held := range e.limitsHeld(nil, target, kind, currency) {
		if held.Name != name {
			continue
		}
		switch held.Value.Type {
		case limits.Money, limits.Ratio, limits.Count:
			return CapLimit{held.Value.Amount, held.Value.Currency, held.Value.Unlimited, held.Source.String()}, true
		}
	}
	return CapLimit{}, false
}
