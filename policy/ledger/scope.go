package ledger

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
)

// ScopeKind says what a [Scope] is. The numbers are the lock order: narrow scopes first, so that
// the ones everybody shares are locked last and held for the shortest time.
type ScopeKind uint8

// The kinds of scope.
const (
	Field ScopeKind = iota + 1 // one field of one entity
	AdGroup
	Campaign
	Portfolio
	Channel // a channel within an account
	Account
	Run // one run of an automation
	Automation
	Organisation

	scopeKindEnd
)

// scopeNames and scopeParts say how each kind is written: its name, then so many parts. scopeForms says it for people.
var (
	scopeNames = [scopeKindEnd]string{Field: "field", AdGroup: "ad_group", Campaign: "campaign", Portfolio: "portfolio",
		Channel: "channel", Account: "account", Run: "run", Automation: "automation", Organisation: "organisation"}
	scopeParts = [scopeKindEnd]int{Field: 5, AdGroup: 3, Campaign: 3, Portfolio: 3,
		Channel: 3, Account: 2, Run: 2, Automation: 1, Organisation: 0}
	scopeForms = [scopeKindEnd]string{Field: "field/PLATFORM/ACCOUNT/TYPE/ID/KIND", AdGroup: "ad_group/PLATFORM/ACCOUNT/ID",
		Campaign: "campaign/PLATFORM/ACCOUNT/ID", Portfolio: "portfolio/PLATFORM/ACCOUNT/ID", Channel: "channel/PLATFORM/ACCOUNT/CHANNEL",
		Account: "account/PLATFORM/ACCOUNT", Run: "run/SUBJECT/RUN", Automation: "automation/SUBJECT", Organisation: "organisation"}
)

// String returns the kind's name.
func (k ScopeKind) String() string {
	if k > 0 && k < scopeKindEnd {
		return scopeNames[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

// Scope is what a sum is over. Scopes are comparable; make them with the functions of this file.
type Scope struct {
	Kind ScopeKind
	// Key is the scope's ids, each escaped as in the path of a URL, with slashes between them. Ids
	// may hold any byte, slashes too, and no two scopes are written alike.
	Key string
}

func newScope(kind ScopeKind, ids ...string) Scope {
	for i, id := range ids {
		ids[i] = url.PathEscape(id)
	}
	return Scope{kind, strings.Join(ids, "/")}
}

// FieldScope is one field of one entity.
func FieldScope(target policy.TargetKey, kind policy.Kind) Scope {
	return newScope(Field, target.Platform, target.Account, target.EntityType, target.EntityID, kind.String())
}

// AdGroupScope is an ad group, ad set or line item.
func AdGroupScope(platform, account, adGroup string) Scope {
	return newScope(AdGroup, platform, account, adGroup)
}

// CampaignScope is a campaign or insertion order.
func CampaignScope(platform, account, campaign string) Scope {
	return newScope(Campaign, platform, account, campaign)
}

// PortfolioScope is a portfolio of campaigns.
func PortfolioScope(platform, account, portfolio string) Scope {
	return newScope(Portfolio, platform, account, portfolio)
}

// ChannelScope is one channel of an account.
func ChannelScope(platform, account, channel string) Scope {
	return newScope(Channel, platform, account, channel)
}

// AccountScope is an account.
func AccountScope(platform, account string) Scope { return newScope(Account, platform, account) }

// RunScope is one run of an automation, by the automation's own name for it.
func RunScope(automation, run string) Scope { return newScope(Run, automation, run) }

// AutomationScope is everything one automation does.
func AutomationScope(automation string) Scope { return newScope(Automation, automation) }

// OrganisationScope is everything.
func OrganisationScope() Scope { return newScope(Organisation) }

// ScopesOf returns the scopes a change counts in, each once, in the lock order. The automation is
// the one that the credentials prove, not the one the change names; with "" there is no such scope.
//
// A run is what the automation calls so, or else its batch: a change that names neither is in none.
//
// A change of a campaign or an ad group itself counts in that campaign or ad group whether or not
// the target says so: leaving out a field must not get a change around a limit.
func ScopesOf(change *policy.Change, automation string) []Scope {
	target := &change.Target
	platform, account := target.Platform, target.Account
	scopes := make([]Scope, 0, 12)
	scopes = append(scopes, FieldScope(target.Key(), change.Kind), AccountScope(platform, account), OrganisationScope())
	within := func(kind ScopeKind, id string) {
		if id != "" {
			scopes = append(scopes, newScope(kind, platform, account, id))
		}
	}
	within(AdGroup, target.AdGroup)
	within(Campaign, target.Campaign)
	within(Portfolio, target.Portfolio)
	within(Channel, target.Channel)
	switch target.EntityType {
	case "ad_group":
		within(AdGroup, target.EntityID)
	case "campaign":
		within(Campaign, target.EntityID)
	case "portfolio":
		within(Portfolio, target.EntityID)
	}
	if automation != "" {
		scopes = append(scopes, AutomationScope(automation))
		if run := cmp.Or(change.Actor.Run, change.BatchID); run != "" {
			scopes = append(scopes, RunScope(automation, run))
		}
	}
	return sortScopes(scopes)
}

// sortScopes puts scopes in the lock order, each once.
func sortScopes(scopes []Scope) []Scope {
	slices.SortFunc(scopes, Scope.Compare)
	return slices.Compact(scopes)
}

// IDs are the ids of the scope, as they were before they were escaped: platform and account first, where
// it has them.
func (s Scope) IDs() []string {
	if s.Key == "" && scopeParts[s.Kind] == 0 {
		return nil
	}
	ids := strings.Split(s.Key, "/")
	for i, id := range ids {
		if plain, err := url.PathUnescape(id); err == nil { // what newScope has escaped can be read
			ids[i] = plain
		}
	}
	return ids
}

// Compare orders scopes as they are to be locked.
func (s Scope) Compare(other Scope) int {
	return cmp.Or(cmp.Compare(s.Kind, other.Kind), strings.Compare(s.Key, other.Key))
}

// String writes the scope as [ParseScope] reads it: "campaign/google_ads/100/200", "organisation".
func (s Scope) String() string {
	if s.Kind == Organisation && s.Key == "" {
		return s.Kind.String()
	}
	return s.Kind.String() + "/" + s.Key
}

// ParseScope is the inverse of [Scope.String]. It accepts only what that writes, so that a scope
// has one name.
func ParseScope(text string) (Scope, error) {
	name, key, separated := strings.Cut(text, "/")
	kind := ScopeKind(slices.Index(scopeNames[1:], name) + 1)
	if kind == 0 {
		return Scope{}, fmt.Errorf("%w: no kind of scope is called %q; write one of %s",
			policy.ErrInvalid, name, strings.Join(scopeNames[1:], ", "))
	}
	var ids []string
	if separated {
		ids = strings.Split(key, "/")
	}
	if len(ids) != scopeParts[kind] {
		return Scope{}, fmt.Errorf("%w: scope %q is not written %s; write slashes within an id as %%2F",
			policy.ErrInvalid, text, scopeForms[kind])
	}
	for i, id := range ids {
		plain, err := url.PathUnescape(id)
		if err != nil || url.PathEscape(plain) != id {
			return Scope{}, fmt.Errorf("%w: id %d of scope %q is not escaped as in the path of a URL", policy.ErrInvalid, i+1, text)
		}
		if kind == Field && i == len(ids)-1 {
			if _, err := policy.ParseKind(plain); err != nil {
				return Scope{}, fmt.Errorf("scope %q: %w", text, err)
			}
		}
	}
	return Scope{kind, key}, nil
}

// AccountOf is the account that the scope is in, or is; none of a run, an automation or everything.
func (s Scope) AccountOf() (platform, account string, found bool) {
	if s.Kind < Field || s.Kind > Account {
		return "", "", false
	}
	ids := strings.SplitN(s.Key, "/", 3)
	if len(ids) < 2 {
		return "", "", false
	}
	platform, errPlatform := url.PathUnescape(ids[0])
	account, errAccount := url.PathUnescape(ids[1])
	return platform, account, errPlatform == nil && errAccount == nil
}

// MarshalText writes the scope as [Scope.String] does.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [Scope.MarshalText] wrote.
func (s *Scope) UnmarshalText(text []byte) error {
	scope, err := ParseScope(string(text))
	if err != nil {
		return err
	}
	*s = scope
	return nil
}
