package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACapIsWhatItsRuleSaysOfItself(t *testing.T) {
	engine := compileSmall(t, files{"rules/probe.rego": probeWith("kinds: [daily_budget]\ncap: {scope: account, window: day, measure: moved, limit: budget.cap}", windowProbe)})
	if diff := cmp.Diff(&Cap{"account", "day", "moved", "budget.cap"}, engine.Rules()[1].Cap); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := engine.Rules()[0].Cap; got != nil {
		t.Errorf("a rule that says nothing has the cap %+v", got)
	}
}

func TestCapsOfWhatThereIsNotAreRefused(t *testing.T) {
	over := files{"limits/data.yaml": strings.Replace(smallLimits, "definitions:", "definitions:\n  cadence.changes: {type: count, tighter: lower, about: Changes., source: tests}\n  cadence.pause: {type: duration, tighter: higher, about: A pause., source: tests}", 1)}
	for cap, want := range map[string]string{
		"{scope: acount, window: day, measure: moved, limit: budget.cap}":           `rules/probe.rego:10: METADATA custom.cap: no scope is called "acount"`,
		"{scope: account, window: month, measure: moved, limit: budget.cap}":        `data.windows has no window "month"`,
		"{scope: account, window: day, measure: net, limit: budget.cap}":            `no measure is called "net"; it is one of raised, lowered, moved, net_rise, net_fall, count, reversals`,
		"{scope: account, window: day, measure: open, limit: budget.cap}":           `no measure is called "open"`,
		"{scope: account, window: day, measure: moved, limit: budget.daily}":        `no limit is defined as "budget.daily"`,
		"{scope: account, window: day, measure: moved, limit: cadence.changes}":     "moved cannot be held to cadence.changes, which is a count",
		"{scope: account, window: day, measure: count, limit: budget.cap}":          "count cannot be held to budget.cap, which is a money",
		"{scope: account, window: day, measure: moved, limit: cadence.pause}":       "moved cannot be held to cadence.pause, which is a duration",
		"{scope: account, window: hour, measure: moved, limit: budget.cap}":         "test.probe does not read input.windows.account.hour",
		"{scope: account, window: day, measure: moved, limit: budget.cap, unit: 5}": `METADATA custom: json: unknown field "unit"`,
		"account": "METADATA custom: json: cannot unmarshal string",
	} {
		over["rules/probe.rego"] = probeWith("kinds: [daily_budget]\ncap: "+cap, windowProbe)
		if got := refusal(t, over); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", cap, got, want)
		}
	}
}

func TestALimitIsTheOneThatHoldsForTheTarget(t *testing.T) {
	engine := compileSmall(t, files{"limits/data.yaml": strings.Replace(smallLimits, "definitions:",
		"definitions:\n  cadence.changes: {type: count, tighter: lower, about: Changes., source: tests}\n  cadence.pause: {type: duration, tighter: higher, about: A pause., source: tests}", 1) +
		`      cadence.changes: 12
      cadence.pause: 5m
  - id: shop
    match: {account: "100"}
    set: {budget.cap: [500.00 USD], bid.step: unlimited}
`})
	for _, test := range []struct {
		account        string
		kind           Kind
		currency, name string
		want           CapLimit
		found          bool
	}{
		{"100", KindDailyBudget, "USD", "budget.cap", CapLimit{Amount: 500_000_000, Currency: "USD", Source: "limits/data.yaml#shop"}, true},
		{"200", KindDailyBudget, "USD", "budget.cap", CapLimit{Amount: 1_000_000_000, Currency: "USD", Source: "limits/data.yaml#defaults"}, true},
		{"200", KindDailyBudget, "", "cadence.changes", CapLimit{Amount: 12, Source: "limits/data.yaml#defaults"}, true},
		{"200", KindDailyBudget, "", "bid.step", CapLimit{Amount: 300_000, Source: "limits/data.yaml#defaults"}, true},
		{"100", KindBid, "", "bid.step", CapLimit{Unlimited: true, Source: "limits/data.yaml#shop"}, true},
		{"200", KindDailyBudget, "USD", "cadence.pause", CapLimit{}, false},
		{"200", KindDailyBudget, "GBP", "budget.cap", CapLimit{}, false},
		{"200", KindBid, "USD", "budget.cap", CapLimit{}, false},
		{"200", KindDailyBudget, "USD", "budget.gone", CapLimit{}, false},
	} {
		got, found := engine.LimitFor(Target{Platform: "google_ads", Account: test.account}, test.kind, test.currency, test.name)
		if got != test.want || found != test.found {
			t.Errorf("%s for %s in account %s: got %+v, %t; want %+v, %t", test.name, test.kind, test.account, got, found, test.want, test.found)
		}
	}
	var none *Engine
	if got, found := none.LimitFor(Target{}, KindBid, "USD", "budget.cap"); found {
		t.Errorf("without a policy: %+v", got)
	}
}

// What runs all day turns around all day: it must not become a one-way street.
func TestTheShippedLimitsLeaveRoomForWhatRunsAllDay(t *testing.T) {
	for _, test := range []struct {
		kind Kind
		name string
		want CapLimit
	}{
		{KindBid, "cadence.reversals", CapLimit{Unlimited: true, Source: "limits/data.yaml#bids"}},
		{KindDefaultBid, "cadence.reversals", CapLimit{Unlimited: true, Source: "limits/data.yaml#default-bids"}},
		{KindBidModifier, "cadence.reversals", CapLimit{Unlimited: true, Source: "limits/data.yaml#bid-modifiers"}},
		{KindStatus, "cadence.reversals", CapLimit{Amount: 20, Source: "limits/data.yaml#status"}},
		{KindDailyBudget, "cadence.reversals", CapLimit{Amount: 3, Source: "limits/data.yaml#defaults"}},
		{KindTargetingExclusion, "state.blast_radius", CapLimit{Amount: 5000, Source: "limits/data.yaml#exclusions"}},
		{KindStatus, "state.blast_radius", CapLimit{Amount: 500, Source: "limits/data.yaml#defaults"}},
	} {
		got, found := shippedEngine(t).LimitFor(Target{Platform: "google_ads", Account: "100"}, test.kind, "USD", test.name)
		if !found || got != test.want {
			t.Errorf("%s for %s: got %+v, %t, want %+v", test.name, test.kind, got, found, test.want)
		}
	}
}
