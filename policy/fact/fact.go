// Package fact is what connectors have observed of the things that changes are about: spend, conversions, margins, whether a
// platform is learning. Start with [Merge], which says what is known of the target of one change.
//
// A fact is a name and a value of one entity, and of each only the newest observation counts. It is known for as long as its maximum
// age says; from then on it is unknown, which is neither zero nor what it was. What nobody has observed is unknown as well.
package fact

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Types of entities that have a meaning of their own. Any entity type of a target is a type, too.
const (
	account    = "account"
	automation = "automation"
)

// Entity is what a fact is about. Its ids are those of a [policy.Target]; an automation has no platform and no account.
type Entity struct{ Platform, Account, Type, ID string }

// Automation is an automation as an entity, by the subject of its credentials.
func Automation(subject string) Entity { return Entity{Type: automation, ID: subject} }

// String writes the entity as PLATFORM/ACCOUNT/TYPE/ID, each escaped as in the path of a URL. No two entities are written alike.
func (e Entity) String() string {
	return url.PathEscape(e.Platform) + "/" + url.PathEscape(e.Account) + "/" + url.PathEscape(e.Type) + "/" + url.PathEscape(e.ID)
}

// ParseEntity is the inverse of [Entity.String].
func ParseEntity(text string) (Entity, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return Entity{}, fmt.Errorf("%w: entity %.200q is not written PLATFORM/ACCOUNT/TYPE/ID", policy.ErrInvalid, text)
	}
	for i, part := range parts {
		var err error
		if parts[i], err = url.PathUnescape(part); err != nil {
			return Entity{}, fmt.Errorf("%w: entity %.200q: %w", policy.ErrInvalid, text, err)
		}
	}
	return Entity{parts[0], parts[1], parts[2], parts[3]}, nil
}

// Chain is the entities whose facts hold for a target, the widest first: the automation that asks, the account, the portfolio, the
// campaign and the ad group that the target says it is in, and the target itself. An entity may be there twice.
func Chain(target *policy.Target, asks string) []Entity {
	chain := make([]Entity, 0, 6)
	if asks != "" {
		chain = append(chain, Automation(asks))
	}
	chain = append(chain, Entity{target.Platform, target.Account, account, target.Account})
	for _, level := range [...]struct{ kind, id string }{{"portfolio", target.Portfolio}, {"campaign", target.Campaign}, {"ad_group", target.AdGroup}} {
		if level.id != "" {
			chain = append(chain, Entity{target.Platform, target.Account, level.kind, level.id})
		}
	}
	return append(chain, Entity{target.Platform, target.Account, target.EntityType, target.EntityID})
}

// Record is one observation, the newest of its name of its entity.
type Record struct {
	Entity          Entity
	Name            string
	Value           policy.Value
	Source          string // the report or call that it comes from
	ObservedAt      time.Time
	CompleteThrough time.Time     // until when what it adds up is complete; zero: not known
	MaximumAge      time.Duration // from when on it is unknown, as its connector says; 0: as the revision says
	PutBy           string        // the subject that put it
	PutAt           time.Time
}

// Error is an ErrInvalid that names the field of a record that is wrong, in the words of the API.
type Error struct{ Field, Problem string }

func (e *Error) Error() string { return e.Field + ": " + e.Problem }

// Unwrap makes it a policy.ErrInvalid.
func (e *Error) Unwrap() error { return policy.ErrInvalid }

func wrong(field, format string, arguments ...any) error {
	return &Error{field, fmt.Sprintf(format, arguments...)}
}

// Validate says what is wrong with a record, whatever a revision says of its name. The error is an [*Error].
func (r *Record) Validate() error {
	e := &r.Entity
	switch {
	case e.Type == "":
		return wrong("entity.entity_type", "is missing: account, portfolio, campaign, ad_group, an entity type of a target, or automation")
	case e.ID == "":
		return wrong("entity.entity_id", "is missing")
	case e.Type == automation && e.Platform == "" && e.Account == "":
	case e.Platform == "":
		return wrong("entity.platform", "is missing; only an automation has none")
	case e.Account == "":
		return wrong("entity.account", "is missing; only an automation has none")
	case e.Type == automation:
		return wrong("entity.platform", "is of no automation; leave platform and account out")
	case e.Type == account && e.ID != e.Account:
		return wrong("entity.entity_id", "is %q, and the account is %q; of an account both are the same", e.ID, e.Account)
	}
	switch {
	case r.Name == "":
		return wrong("name", "is missing")
	case r.Value.Form == policy.Missing:
		return wrong("value", "is missing; what is not known is not put")
	case r.Source == "":
		return wrong("source", "is missing: the report or call that it comes from")
	case r.ObservedAt.IsZero():
		return wrong("observed_at", "is missing")
	case r.CompleteThrough.After(r.ObservedAt):
		return wrong("complete_through", "is after observed_at; nothing is complete before it has happened")
	case r.MaximumAge < 0:
		return wrong("maximum_age", "is negative")
	}
	return nil
}

// maxAhead is how far a connector's clock may run before ours.
const maxAhead = 2 * time.Minute

// Admit says what is against taking a record at a time, by what a revision says of its name. The error is an [*Error].
func (r *Record) Admit(definitions map[string]policy.FactDefinition, now time.Time) error {
	definition, known := definitionOf(definitions, r.Name)
	switch {
	case r.Name == currentValue:
		return wrong("name", "%q is the value of one field, and an entity has several: write %s_KIND, such as %s", currentValue, currentValue, CurrentValue(policy.KindBid))
	case !known:
		return wrong("name", "the active revision knows no fact %q; data.facts of the revision names those that it reads", r.Name)
	case definition.Form != policy.Missing && r.Value.Form != definition.Form:
		return wrong("value", "is %s, and data.facts says that %s is %s", r.Value.Form, r.Name, definition.Form)
	case definition.MaximumAge == 0 && r.MaximumAge == 0:
		return wrong("maximum_age", "is missing: data.facts does not say how old %s may become, so its connector has to", r.Name)
	}
	if ahead := r.ObservedAt.Sub(now); ahead > maxAhead {
		return wrong("observed_at", "is %v in the future; use the time at which it was read", ahead.Round(time.Second))
	}
	return nil
}

// currentValue is the fact of what the changed field holds. It is of one field, and facts are of entities; so connectors put it once
// for each kind of change, under a name that [CurrentValue] makes, and it is known of changes of that kind.
const currentValue = "current_value"

// CurrentValue is the name under which connectors put what the field holds that changes of a kind edit: current_value_bid.
func CurrentValue(kind policy.Kind) string { return currentValue + "_" + kind.String() }

// currentKind is the kind of which a name is the current value.
func currentKind(name string) (policy.Kind, bool) {
	suffix, found := strings.CutPrefix(name, currentValue+"_")
	if !found {
		return policy.KindUnknown, false
	}
	kind, err := policy.ParseKind(suffix)
	return kind, err == nil
}

// definitionOf is what a revision says of a fact, by the name that connectors use.
func definitionOf(definitions map[string]policy.FactDefinition, name string) (policy.FactDefinition, bool) {
	if _, current := currentKind(name); current {
		name = currentValue
	}
	definition, known := definitions[name]
	return definition, known
}

// Limit is from which age on a record is unknown: the shorter of what its connector and the revision say. 0: neither says, and then it
// is not known at any age.
func (r *Record) Limit(definitions map[string]policy.FactDefinition) time.Duration {
	definition, _ := definitionOf(definitions, r.Name)
	switch limit := definition.MaximumAge; {
	case limit == 0:
		return r.MaximumAge
	case r.MaximumAge == 0:
		return limit
	default:
		return min(limit, r.MaximumAge)
	}
}

// Stale reports whether a record is too old at a time, so that it is unknown. At exactly its maximum age it is not.
func (r *Record) Stale(definitions map[string]policy.FactDefinition, now time.Time) bool {
	limit := r.Limit(definitions)
	return limit == 0 || now.Sub(r.ObservedAt) > limit
}
