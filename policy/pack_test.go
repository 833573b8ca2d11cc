package policy

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// Rules of the pack ask for the type of a value before they read what it says: whatever a field goes from and to, alone or beside
// something else, none of them misses an amount that a value of another type has not got.
func TestShippedRulesAskForTheTypeOfValues(t *testing.T) {
	engine := shippedEngine(t)
	of := map[Form]Value{Money: MoneyValue(5_000_000, "USD"), Ratio: RatioValue(1_200_000), Text: TextValue("PAUSED"), Flag: FlagValue(true),
		Unlimited: UnlimitedValue(), Absent: AbsentValue()}
	tried := 0
	for _, kind := range Kinds() {
		for _, before := range kindForms(kind) {
			for _, after := range kindForms(kind) {
				for _, beside := range append(kindForms(kind), Missing) {
					tried++
					request := shippedBid(edit(func(c *Change) { c.Kind, c.Before, c.After = kind, of[before], of[after] }))
					request.Change.Target.Portfolio = "p"
					for name, fact := range map[string]Value{"portfolio_daily_budget": MoneyValue(900_000_000, "USD"), "account_daily_budget": MoneyValue(900_000_000, "USD"),
						"period_plan": MoneyValue(900_000_000, "USD"), "period_spend": MoneyValue(1_000_000, "USD"), "period_days_left": RatioValue(5_000_000),
						"revenue_per_conversion": MoneyValue(50_000_000, "USD"), "conversion_rate": RatioValue(20_000), "clicks_30d": RatioValue(1_000_000),
						"reference_count": RatioValue(2_000_000), "budget_type": TextValue("DAILY"), "bid_strategy": TextValue("TARGET_CPA")} {
						request.Facts[name] = Fact{Value: fact, ObservedAt: noon, Source: "connector"}
					}
					if beside != Missing {
						other := *request.Change
						other.ID, other.After = "change-2", of[beside]
						request.Change.AtomicGroupID = "group-1"
						request.Group = []Leg{{Change: request.Change}, {Change: &other}}
					}
					for _, finding := range engine.Evaluate(t.Context(), request).Findings {
						if finding.Rule == FindingUndetermined && valueRead.MatchString(finding.Message) {
							t.Errorf("%s from %s to %s beside %s: %s", kind, before, after, beside, finding.Message)
						}
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d were tried", tried)
	}
}

var valueRead = regexp.MustCompile(`(before|after)\.(micros|currency|ppm|text|flag) `)

// People agree to a magnitude and to no more. So of two changes that differ only in how far they go, the one that goes
// further never has the smaller one, and what others move meanwhile is not in it.
func TestShippedMagnitudesGrowWithTheChange(t *testing.T) {
	engine := shippedEngine(t)
	sized := map[string]bool{}
	for kind, before := range map[Kind]Value{
		KindBid: MoneyValue(10_000_000, "USD"), KindDefaultBid: MoneyValue(1_000_000, "USD"), KindBidModifier: RatioValue(1_000_000),
		KindBidLimit: MoneyValue(10_000_000, "USD"), KindTargetCPA: MoneyValue(10_000_000, "USD"), KindTargetROAS: RatioValue(4_000_000),
		KindDailyBudget: MoneyValue(100_000_000, "USD"), KindMonthlyBudget: MoneyValue(20_000_000_000, "USD"), KindSharedBudget: MoneyValue(900_000_000, "USD"),
	} {
		for _, way := range []int64{1, -1} {
			largest := map[string]Value{}
			for percent := int64(1); percent < 3000 && way*percent >= -100; percent += max(1, percent/4) { // further and further away
				after := before
				after.Amount += way * before.Amount / 100 * percent
				found := magnitudes(t, engine, kind, before, after, 9_999_000_000)
				for rule, magnitude := range found {
					sized[rule] = true
					if was, seen := largest[rule]; magnitude.Form != after.Form || magnitude.Currency != after.Currency || seen && magnitude.Amount < was.Amount {
						t.Errorf("%s from %s to %s: %s is %s, and less far it was %s", kind, before, after, rule, magnitude, was)
					}
					largest[rule] = magnitude
				}
				for rule, magnitude := range magnitudes(t, engine, kind, before, after, 12_000_000_000) {
					if was, asked := found[rule]; asked && magnitude != was {
						t.Errorf("%s from %s to %s: %s was %s, and %s once others had moved", kind, before, after, rule, was, magnitude)
					}
				}
			}
		}
	}
	want := []string{"bid.drift", "bid.effective_max", "bid.evidence", "bid.modifier_range", "bid.net_economics", "bid.step", "bid.target_step",
		"budget.approval_amount", "budget.cut", "budget.daily_movement", "budget.drift", "budget.exposure_period", "budget.pacing", "budget.rapid_shift",
		"budget.shared", "budget.step_up"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(sized))); diff != "" {
		t.Errorf("rules with a magnitude (-want +got):\n%s", diff)
	}
}

// magnitudes is how far each rule says that a change goes, where others have moved so much of the account's budgets before it.
func magnitudes(t *testing.T, engine *Engine, kind Kind, before, after Value, moved int64) map[string]Value {
	request := shippedBid(edit(func(c *Change) { c.Kind, c.Before, c.After = kind, before, after }))
	delete(request.Facts, "bid_modifier_max")
	for name, value := range map[string]Value{
		"period_spend": MoneyValue(1_000_000_000, "USD"), "period_plan": MoneyValue(4_000_000_000, "USD"), "period_days_left": RatioValue(10_000_000),
		"account_daily_budget": MoneyValue(60_000_000_000, "USD"), "reference_count": RatioValue(2_000_000), "clicks_30d": RatioValue(1_000_000),
		"revenue_per_conversion": MoneyValue(600_000_000, "USD"), "conversion_rate": RatioValue(20_000),
	} {
		request.Facts[name] = Fact{Value: value, ObservedAt: noon, Source: "connector"}
	}
	for _, scope := range request.Windows {
		for i := range scope.Sums {
			if sums := &scope.Sums[i]; scope.Scope == "account" {
				sums.Raised, sums.NetRise = moved, moved
			}
		}
	}
	found := map[string]Value{}
	for _, finding := range engine.Evaluate(t.Context(), request).Findings {
		if finding.Effect == Approve && finding.Magnitude.Form != Missing {
			found[finding.Rule] = finding.Magnitude
		}
	}
	return found
}

// An emergency lifts what costs time, a test or a plan. It never lifts what input is, a cap, or what people switched.
func TestShippedRulesThatAnEmergencyLifts(t *testing.T) {
	var got []string
	for _, rule := range shippedEngine(t).Rules() {
		if rule.Overridable {
			got = append(got, rule.ID)
		}
	}
	want := []string{"budget.exposure_day", "budget.exposure_period", "budget.rapid_shift", "calendar.freeze", "experiment.arm_symmetry",
		"experiment.early_end", "experiment.freeze", "experiment.holdout", "experiment.overlap", "experiment.transfer"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
