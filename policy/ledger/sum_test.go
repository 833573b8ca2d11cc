package ledger

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

func TestFamily(t *testing.T) {
	for kind, want := range map[policy.Kind][]policy.Kind{
		policy.KindDefaultBid:    {policy.KindBid, policy.KindDefaultBid},
		policy.KindDailyBudget:   {policy.KindDailyBudget, policy.KindSharedBudget},
		policy.KindStatus:        {policy.KindStatus, policy.KindTargetingExclusion, policy.KindTargeting},
		policy.KindTargetROAS:    {policy.KindTargetROAS},
		policy.KindMonthlyBudget: {policy.KindMonthlyBudget},
	} {
		if difference := cmp.Diff(want, Family(kind)); difference != "" {
			t.Errorf("the family of %v (-want +got):\n%s", kind, difference)
		}
	}
}

// A day's sum adds up what is paid by the day, in one currency, and nothing else.
func TestSumOfASheet(t *testing.T) {
	b := newBook(t)
	b.rates = mustRates(t, Rate{"EUR", "USD", 3, 2, noon})
	b.apply(change(policy.KindDailyBudget, campaign("1"), usd(100), usd(130)))
	b.mustPlace(change(policy.KindSharedBudget, campaign("2"), policy.MoneyValue(10, "EUR"), policy.MoneyValue(31, "EUR")))
	b.apply(change(policy.KindDailyBudget, campaign("3"), usd(100), usd(90)))
	b.apply(change(policy.KindBid, keyword(), usd(1), usd(7)))

	got, err := b.state[account()].Sum(Family(policy.KindDailyBudget), "USD", b.rates, day, b.now)
	if err != nil {
		t.Fatal(err)
	}
	rounded := int64(32) // 21 micros of EUR are 31.5 of USD, and never less
	want := Window{Raised: 30_000_000 + rounded, Lowered: 10_000_000, Moved: 40_000_000 + rounded, NetRise: 20_000_000 + rounded,
		NetFall: 10_000_000 - 30_000_000, HeldRaised: rounded, Count: 3, Open: 1}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("sum (-want +got):\n%s", difference)
	}
}

// Without a rate the amounts are not known, and the number of changes is.
func TestSumWithoutARate(t *testing.T) {
	b := newBook(t)
	b.apply(change(policy.KindDailyBudget, campaign("1"), policy.MoneyValue(10, "EUR"), policy.MoneyValue(30, "EUR")))
	got, err := b.state[account()].Sum(Family(policy.KindDailyBudget), "USD", Rates{}, day, b.now)
	if _, missing := errors.AsType[*RateError](err); !missing || got.Count != 1 {
		t.Errorf("got %+v and the error %v, want one change and a RateError", got, err)
	}
	if _, err := b.state[account()].Sum(Family(policy.KindBid), "USD", Rates{}, day, b.now); err != nil {
		t.Errorf("no bid has moved, so no rate is needed: %v", err)
	}
}

// A sum that does not fit is the largest, whatever is added to it.
func TestSumThatDoesNotFit(t *testing.T) {
	b := newBook(t)
	large := policy.MoneyValue(math.MaxInt64-1, "USD")
	b.apply(change(policy.KindDailyBudget, campaign("1"), policy.MoneyValue(0, "USD"), large))
	b.apply(change(policy.KindSharedBudget, campaign("2"), policy.MoneyValue(0, "USD"), large))
	got, err := b.state[account()].Sum(Family(policy.KindDailyBudget), "USD", Rates{}, day, b.now)
	if err != nil || got.Raised != math.MaxInt64 || got.Moved != math.MaxInt64 {
		t.Errorf("raised %d, moved %d, error %v; want the largest amount", got.Raised, got.Moved, err)
	}
}

func TestReversesBeforePlacing(t *testing.T) {
	b := newBook(t)
	rise, cut := change(policy.KindBid, keyword(), usd(1), usd(2)), change(policy.KindBid, keyword(), usd(2), usd(1))
	field := FieldScope(keyword().Key(), policy.KindBid)
	down := MovementOf(cut)
	if b.state[field].Reverses(&down) {
		t.Error("a first change turns nothing around")
	}
	b.mustPlace(rise)
	if !b.state[field].Reverses(&down) {
		t.Error("a cut after a rise that is held turns the field around")
	}
	if hold := b.mustPlace(cut); !hold.Reversal {
		t.Error("and is placed as that")
	}
}

// A pause moves the share of delivery that it takes away; nothing else of the kind does.
func TestDeliveryShare(t *testing.T) {
	share := map[string]policy.Fact{DeliveryShare: {Value: policy.RatioValue(120_000)}}
	on, off := policy.TextValue("ENABLED"), policy.TextValue("PAUSED")
	for name, tt := range map[string]struct {
		change *policy.Change
		amount int64
	}{
		"pause":     {&policy.Change{Kind: policy.KindStatus, Before: on, After: off, Facts: share}, 120_000},
		"enable":    {&policy.Change{Kind: policy.KindStatus, Before: off, After: on, Facts: share}, 0},
		"exclusion": {&policy.Change{Kind: policy.KindTargetingExclusion, Before: policy.AbsentValue(), After: policy.TextValue("x"), Facts: share}, 120_000},
		"not told":  {&policy.Change{Kind: policy.KindStatus, Before: on, After: off}, 0},
		"no share":  {&policy.Change{Kind: policy.KindStatus, Before: on, After: off, Facts: map[string]policy.Fact{DeliveryShare: {Value: usd(1)}}}, 0},
		"a bid":     {&policy.Change{Kind: policy.KindBid, Before: usd(1), After: usd(2), Facts: share}, 1_000_000},
	} {
		if got := MovementOf(tt.change).Amount; got != tt.amount {
			t.Errorf("%s: moves %d, want %d", name, got, tt.amount)
		}
	}
}

func TestCapsOn(t *testing.T) {
	template := Cap{Name: "a day", Scope: Scope{Kind: Campaign}, Measure: Raised, Length: day, Kinds: Family(policy.KindDailyBudget), Limit: 5}
	scopes := []Scope{CampaignScope("p", "a", "1"), AccountScope("p", "a"), CampaignScope("p", "a", "2")}
	got := CapsOn([]Cap{template}, scopes)
	if len(got) != 2 || got[0].Scope != scopes[0] || got[1].Scope != scopes[2] || got[0].Limit != 5 {
		t.Errorf("got %+v, want the cap on both campaigns", got)
	}
}

func TestScopeIDs(t *testing.T) {
	odd := PortfolioScope("google_ads", "a/b", "50% off")
	if difference := cmp.Diff([]string{"google_ads", "a/b", "50% off"}, odd.IDs()); difference != "" {
		t.Errorf("ids (-want +got):\n%s", difference)
	}
	if got := OrganisationScope().IDs(); got != nil {
		t.Errorf("the organisation has the ids %q, want none", got)
	}
}
