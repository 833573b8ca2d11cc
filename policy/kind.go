package policy

import "fmt"

// Kind says which field of an ad entity a [Change] edits. The zero Kind is unknown, and an
// unknown kind is never allowed.
type Kind uint8

// The kinds, numbered as in the API so that a stored number keeps its meaning.
const (
	KindUnknown Kind = iota
	KindBid
	KindDefaultBid
	KindBidModifier
	KindBidLimit
	KindTargetCPA
	KindTargetROAS
	KindBidStrategy
	KindDailyBudget
	KindMonthlyBudget
	KindLifetimeBudget
	KindBudgetType
	KindSharedBudget
	KindAccountBudget
	KindBudgetRule
	KindPacing
	KindStatus
	KindFlightDates
	KindExperimentControl
	KindTargetingExclusion
	KindName
	KindConversionGoal
	KindTargeting

	kindCount
)

var kindNames = [kindCount]string{
	KindUnknown:            "unknown",
	KindBid:                "bid",
	KindDefaultBid:         "default_bid",
	KindBidModifier:        "bid_modifier",
	KindBidLimit:           "bid_limit",
	KindTargetCPA:          "target_cpa",
	KindTargetROAS:         "target_roas",
	KindBidStrategy:        "bid_strategy",
	KindDailyBudget:        "daily_budget",
	KindMonthlyBudget:      "monthly_budget",
	KindLifetimeBudget:     "lifetime_budget",
	KindBudgetType:         "budget_type",
	KindSharedBudget:       "shared_budget",
	KindAccountBudget:      "account_budget",
	KindBudgetRule:         "budget_rule",
	KindPacing:             "pacing",
	KindStatus:             "status",
	KindFlightDates:        "flight_dates",
	KindExperimentControl:  "experiment_control",
	KindTargetingExclusion: "targeting_exclusion",
	KindName:               "name",
	KindConversionGoal:     "conversion_goal",
	KindTargeting:          "targeting",
}

// Kinds returns every known kind, in the order of the API.
func Kinds() []Kind {
	kinds := make([]Kind, 0, kindCount-1)
	for kind := KindBid; kind < kindCount; kind++ {
		kinds = append(kinds, kind)
	}
	return kinds
}

// Known reports whether k is one of [Kinds].
func (k Kind) Known() bool { return k > KindUnknown && k < kindCount }

// String returns the name rules and limits use: "daily_budget".
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

// ParseKind is the inverse of [Kind.String] for known kinds.
func ParseKind(name string) (Kind, error) {
	for kind := KindBid; kind < kindCount; kind++ {
		if kindNames[kind] == name {
			return kind, nil
		}
	}
	return KindUnknown, fmt.Errorf("%w: no kind is called %q", ErrInvalid, name)
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a known kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	kind, err := ParseKind(string(text))
	if err != nil {
		return err
	}
	*k = kind
	return nil
}
