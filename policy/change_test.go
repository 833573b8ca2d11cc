package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDirectionIsThatOfRisk(t *testing.T) {
	low, high := MoneyValue(1_000_000, "USD"), MoneyValue(2_000_000, "USD")
	little, much := RatioValue(1_000_000), RatioValue(2_000_000)
	on, off := TextValue("ENABLED"), TextValue("PAUSED")
	for _, test := range []struct {
		name          string
		kind          Kind
		before, after Value
		want          Direction
	}{
		{"a higher bid", KindBid, low, high, Rise},
		{"a lower bid", KindBid, high, low, Cut},
		{"the same bid", KindBid, low, low, Same},
		{"a higher default bid", KindDefaultBid, low, high, Rise},
		{"a higher modifier", KindBidModifier, little, much, Rise},
		{"a lower modifier", KindBidModifier, much, little, Cut},
		{"a higher limit", KindBidLimit, low, high, Rise},
		{"a limit that goes away", KindBidLimit, low, UnlimitedValue(), Rise},
		{"a limit that comes", KindBidLimit, UnlimitedValue(), low, Cut},
		{"a higher target CPA", KindTargetCPA, low, high, Rise},
		{"a higher target ROAS spends less", KindTargetROAS, little, much, Cut},
		{"a lower target ROAS spends more", KindTargetROAS, much, little, Rise},
		{"the same target ROAS", KindTargetROAS, much, much, Same},
		{"a target ROAS that goes away", KindTargetROAS, much, AbsentValue(), Unordered},
		{"a higher daily budget", KindDailyBudget, low, high, Rise},
		{"a budget without a limit", KindDailyBudget, high, UnlimitedValue(), Rise},
		{"a budget that gets a limit", KindDailyBudget, UnlimitedValue(), high, Cut},
		{"unlimited stays unlimited", KindDailyBudget, UnlimitedValue(), UnlimitedValue(), Same},
		{"a monthly budget", KindMonthlyBudget, low, high, Rise},
		{"a lifetime budget", KindLifetimeBudget, high, low, Cut},
		{"a shared budget", KindSharedBudget, low, high, Rise},
		{"another shared budget", KindSharedBudget, TextValue("1"), TextValue("2"), Unordered},
		{"an account budget", KindAccountBudget, low, high, Rise},
		{"a bid where there was none", KindBid, AbsentValue(), low, Unordered},
		{"a bid that goes away", KindBid, low, AbsentValue(), Unordered},
		{"still no bid", KindBid, AbsentValue(), AbsentValue(), Same},
		{"unlimited where there was none", KindDailyBudget, AbsentValue(), UnlimitedValue(), Unordered},
		{"before was not sent", KindBid, Value{}, low, Unordered},
		{"neither was sent", KindBid, Value{}, Value{}, Unordered},
		{"another currency", KindBid, low, MoneyValue(1, "EUR"), Unordered},
		{"a ratio for money", KindBid, low, much, Unordered},
		{"amounts that are equal, with something else beside them", KindBid, low, Value{Form: Money, Amount: 1_000_000, Currency: "USD", Text: "x"}, Same},
		{"enabled", KindStatus, off, on, Rise},
		{"paused", KindStatus, on, off, Cut},
		{"still enabled", KindStatus, on, on, Same},
		{"enabled in another word", KindStatus, on, TextValue("active"), Unordered},
		{"archived", KindStatus, on, TextValue("ARCHIVED"), Unordered},
		{"removed", KindStatus, off, TextValue("REMOVED"), Unordered},
		{"out of the archive", KindStatus, TextValue("ARCHIVED"), on, Unordered},
		{"switched on", KindStatus, FlagValue(false), FlagValue(true), Rise},
		{"switched off", KindStatus, FlagValue(true), FlagValue(false), Cut},
		{"paused, from not set", KindStatus, AbsentValue(), off, Unordered},
	} {
		change := &Change{Kind: test.kind, Before: test.before, After: test.after}
		if got := change.Direction(); got != test.want {
			t.Errorf("%s: %s from %s to %s is %s, want %s", test.name, test.kind, test.before, test.after, got, test.want)
		}
	}
}

func TestKindsWithoutAnOrderAreUnordered(t *testing.T) {
	ordered := map[Kind]bool{KindBid: true, KindDefaultBid: true, KindBidModifier: true, KindBidLimit: true, KindTargetCPA: true,
		KindTargetROAS: true, KindDailyBudget: true, KindMonthlyBudget: true, KindLifetimeBudget: true, KindSharedBudget: true,
		KindAccountBudget: true}
	for _, kind := range append(Kinds(), KindUnknown, kindCount) {
		change := &Change{Kind: kind, Before: MoneyValue(1, "USD"), After: MoneyValue(2, "USD")}
		if got := change.Direction(); (got != Unordered) != ordered[kind] {
			t.Errorf("more money for %s is %s", kind, got)
		}
	}
}

// A number out of a newer API must not take the service down.
func TestUnknownWordsHaveAName(t *testing.T) {
	for _, pair := range [][2]string{
		{Direction(200).String(), "unknown(200)"}, {Mode(200).String(), "unknown(200)"}, {Kind(200).String(), "unknown(200)"},
		{Form(200).String(), "unknown(200)"}, {Effect(200).String(), "effect(200)"}, {Verdict(200).String(), "VERDICT(200)"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("got %q, want %q", pair[0], pair[1])
		}
	}
}

func TestKeyTellsEntitiesOfDifferentTypesApart(t *testing.T) {
	campaign := Target{Platform: "meta", Account: "1", EntityType: "campaign", EntityID: "7", Labels: map[string]string{"a": "b"}}
	adSet := campaign
	adSet.EntityType = "ad_set"
	if campaign.Key() == adSet.Key() {
		t.Error("a campaign and an ad set with one id have one key")
	}
	moved := campaign
	moved.Campaign, moved.Labels = "9", nil
	if diff := cmp.Diff(campaign.Key(), moved.Key()); diff != "" {
		t.Errorf("where the entity stands changes its key:\n%s", diff)
	}
}

func TestPrincipalHasAnyOfTheRoles(t *testing.T) {
	principal := Principal{Subject: "a", Roles: []Role{RoleApprover, RoleAuditor}}
	if !principal.Has(RoleAdmin, RoleAuditor) || principal.Has(RoleAdmin) || principal.Has() {
		t.Error("roles are not what they were given as")
	}
}
