package policy

import (
	"fmt"
	"slices"
	"time"
)

// Change is one proposed edit of one field of one ad entity.
type Change struct {
	ID               string // chosen by the caller; the idempotency key, unique per automation
	BatchID          string
	AtomicGroupID    string // legs that land together or not at all
	Kind             Kind
	Target           Target
	Before           Value     // what the caller believes holds now
	BeforeObservedAt time.Time // zero: not known
	After            Value
	Actor            Actor
	Reason           Reason
	ExperimentID     string
	PromoID          string
	EffectiveAt      time.Time // zero: at once
	RevertAt         time.Time // zero: it stays
	Facts            map[string]Fact
	FieldMask        []string
	ParentID         string
	Geos             []string // regions that it adds to or takes from where ads are shown
	Audiences        []string // audience lists, likewise
}

// Target is the entity a change edits. Its key is (Platform, Account, EntityType, EntityID);
// the rest places it in the hierarchy.
type Target struct {
	Platform     string            `json:"platform"`
	Account      string            `json:"account"`
	Channel      string            `json:"channel,omitempty"`
	Portfolio    string            `json:"portfolio,omitempty"`
	Campaign     string            `json:"campaign,omitempty"`
	CampaignName string            `json:"campaign_name,omitempty"`
	AdGroup      string            `json:"ad_group,omitempty"`
	EntityType   string            `json:"entity_type"`
	EntityID     string            `json:"entity_id"`
	Labels       map[string]string `json:"labels,omitempty"`
	Geos         []string          `json:"geos,omitempty"`      // regions where it shows ads; none: not said
	Audiences    []string          `json:"audiences,omitempty"` // audience lists that it shows ads to; none: not said
}

// Key identifies the entity: ids are unique only within a type and an account.
func (t Target) Key() TargetKey {
	return TargetKey{t.Platform, t.Account, t.EntityType, t.EntityID}
}

// TargetKey is the comparable identity of a [Target].
type TargetKey struct{ Platform, Account, EntityType, EntityID string }

// Actor is what the caller says of the program that proposes the change. Who it really is comes
// from its credentials ([Principal]), never from here.
type Actor struct {
	Automation string `json:"automation,omitempty"`
	Version    string `json:"version,omitempty"`
	Run        string `json:"run,omitempty"`
}

// Reason is why the automation wants the change.
type Reason struct {
	Code     string
	Text     string
	Evidence map[string]string
}

// Fact is something known about the target that a change does not carry itself, such as
// today's spend.
type Fact struct {
	Value      Value
	ObservedAt time.Time // zero: not known
	Source     string
	FromCaller bool // the caller's word, not a connector's
	// CompleteThrough is until when what the fact adds up is complete, as its source says; zero: not known.
	CompleteThrough time.Time
}

// Direction is which way a change moves risk, not which way a number moves: a lower target ROAS
// spends more, so it is a rise.
type Direction uint8

// The directions. Unordered is for moves that cannot be said to raise or lower risk; rules
// treat it like a rise where they judge rises and cuts apart.
const (
	Unordered Direction = iota
	Same
	Rise
	Cut
)

var directionNames = [...]string{"unordered", "same", "rise", "cut"}

// String returns the name rules use.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return fmt.Sprintf("unknown(%d)", uint8(d))
}

// MarshalText writes the direction's name.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a direction's name.
func (d *Direction) UnmarshalText(text []byte) error {
	at := slices.Index(directionNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("%w: no direction is called %q", ErrInvalid, text)
	}
	*d = Direction(at)
	return nil
}

// Direction is the direction of risk of the change, Unordered when in doubt.
func (c *Change) Direction() Direction {
	if c.Before.Form != Missing && c.Before == c.After {
		return Same
	}
	if c.Kind == KindStatus {
		return statusDirection(c.Before, c.After)
	}
	direction := amountDirection(c.Before, c.After)
	switch c.Kind {
	case KindBid, KindDefaultBid, KindBidModifier, KindTargetCPA,
		KindDailyBudget, KindMonthlyBudget, KindLifetimeBudget, KindSharedBudget, KindAccountBudget:
		return direction
	case KindTargetROAS:
		switch direction {
		case Rise:
			return Cut
		case Cut:
			return Rise
		}
		return direction
	case KindBidLimit:
		// A strategy's own floor and its ceiling share this kind; only the entity type tells them
		// apart, and a raised floor is a rise as a raised ceiling is.
		return direction
	default:
		return Unordered
	}
}

func amountDirection(before, after Value) Direction {
	switch {
	case before.Form == Unlimited && (after.Form == Money || after.Form == Ratio):
		return Cut
	case after.Form == Unlimited && (before.Form == Money || before.Form == Ratio):
		return Rise
	case before.Form != after.Form, before.Currency != after.Currency:
		return Unordered
	case before.Form == Money, before.Form == Ratio:
		switch {
		case after.Amount > before.Amount:
			return Rise
		case after.Amount < before.Amount:
			return Cut
		}
		return Same
	default:
		return Unordered
	}
}

// statusDirection knows the words platforms use for on and off. Archiving cannot be undone on
// most platforms, so it is neither.
func statusDirection(before, after Value) Direction {
	from, fromKnown := statusOn(before)
	to, toKnown := statusOn(after)
	switch {
	case !fromKnown || !toKnown:
		return Unordered
	case to && !from:
		return Rise
	case from && !to:
		return Cut
	default:
		return Unordered
	}
}

func statusOn(value Value) (on, known bool) {
	if value.Form == Flag {
		return value.Flag, true
	}
	switch value.Text {
	case "ENABLED", "enabled", "ACTIVE", "active", "Active", "ENABLE", "ENTITY_STATUS_ACTIVE":
		return true, true
	case "PAUSED", "paused", "Paused", "DISABLE", "ENTITY_STATUS_PAUSED", "SUSPENDED":
		return false, true
	}
	return false, false
}
