package policy

import (
	"math"
	"testing"
)

// Whatever stood there before, no rule set worth its name lets a program set the largest amount there is, take
// every limit away, or set less than nothing.
func TestShippedPackNeverAllowsTheAbsurd(t *testing.T) {
	engine := shippedEngine(t)
	before := map[Form][]Value{
		Money: {MoneyValue(0, "USD"), MoneyValue(4_000_000, "USD"), MoneyValue(math.MaxInt64-1, "USD")}, Ratio: {RatioValue(0), RatioValue(1_000_000), RatioValue(math.MaxInt64 - 1)},
		Text: {TextValue(""), TextValue("PAUSED")}, Flag: {FlagValue(false)}, Unlimited: {UnlimitedValue()}, Absent: {AbsentValue()},
	}
	tried := 0
	for _, kind := range Kinds() {
		for _, form := range kindForms(kind) {
			for _, was := range before[form] {
				for _, after := range []Value{MoneyValue(math.MaxInt64, "USD"), MoneyValue(-1, "USD"), RatioValue(math.MaxInt64), RatioValue(-1), UnlimitedValue()} {
					if was == after {
						continue
					}
					tried++
					request := shippedBid(edit(func(c *Change) { c.Kind, c.Before, c.After = kind, was, after }))
					if outcome := engine.Evaluate(t.Context(), request); outcome.Verdict == Allow {
						t.Errorf("%s from %s to %s is allowed with %+v", kind, was, after, outcome.Findings)
					}
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d were tried", tried)
	}
}

// The rules find limits, accounts and currencies as they are shipped, not only in their examples.
func TestShippedPackDecidesOrdinaryChanges(t *testing.T) {
	engine := shippedEngine(t)
	for _, test := range []struct {
		name    string
		request *Request
		want    Verdict
		rule    string
	}{
		{"a small rise of a bid", shippedBid(), Allow, ""},
		{"a bid above its ceiling", shippedBid(edit(func(c *Change) { c.Before.Amount, c.After.Amount = 45_000_000, 50_010_000 })), Block, "bid.ceiling"},
		{"a bid that doubles", shippedBid(edit(func(c *Change) { c.After.Amount = 7_000_000 })), RequireApproval, "bid.step"},
		{"a bid ten times as high", shippedBid(edit(func(c *Change) { c.Before.Amount, c.After.Amount = 400_000, 4_000_000 })), Block, "bid.step"},
		{"a small rise of a budget", shippedBudget(), Allow, ""},
		{"a budget three times as high", shippedBudget(edit(func(c *Change) { c.After.Amount = 300_000_000 })), Block, "budget.step_up"},
		{"a budget without a limit", shippedBudget(edit(func(c *Change) { c.After = UnlimitedValue() })), Block, ""},
		{"an account that nobody knows", shippedBid(edit(func(c *Change) { c.Target.Account = "stranger" })), RequireApproval, "integrity.currency"},
		{"the currency of another account", shippedBid(edit(func(c *Change) { c.Before.Currency, c.After.Currency = "EUR", "EUR" })), Block, "integrity.currency"},
	} {
		outcome := engine.Evaluate(t.Context(), test.request)
		if outcome.Verdict != test.want {
			t.Errorf("%s: got %s, want %s; %+v", test.name, outcome.Verdict, test.want, outcome.Findings)
		}
		found := test.rule == ""
		for _, finding := range outcome.Findings {
			found = found || finding.Rule == test.rule
		}
		if !found {
			t.Errorf("%s: %v without %s", test.name, ids(outcome.Findings), test.rule)
		}
	}
}
