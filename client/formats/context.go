package formats

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Context is what a payload does not say: the account and its currency, where each entity stands, and what holds now. Everything in it
// is the caller's word, as the same things in a Change are.
type Context struct {
	Account    string // the account's id on the platform; required
	Currency   string // the account's currency, ISO 4217; required
	Channel    string // search, social, retail_media and so on
	ObservedAt time.Time
	// Run names the changes: their ids begin with it. At most 64 characters. Empty: a digest of the payload and this context, so that the
	// same question again is a replay, and a new reading of what holds now is a new question.
	Run       string
	Facts     map[string]*bidrailv1.Fact // what is known of every entity
	Campaigns map[string]*Campaign       // by id
	Resources []*Resource

	digest [sha256.Size]byte // of the text that it was read from
}

// Campaign is what is known of a campaign and holds for all that is in it.
type Campaign struct {
	Name   string
	Labels map[string]string
	Facts  map[string]*bidrailv1.Fact
}

// Resource is what is known of one entity. A change of an entity, or of a kind of value, that is not here has no value before, and rules
// block it.
type Resource struct {
	Name       string // Google's resource name, customers/1/adGroupCriteria/2~3; on other platforms empty, and Type and ID are set
	Type       string // campaign, ad_group, keyword and so on, as Target.entity_type
	ID         string
	Campaign   string
	AdGroup    string
	Portfolio  string
	Labels     map[string]string // with those of the campaign, every label that the entity has
	Facts      map[string]*bidrailv1.Fact
	Before     map[bidrailv1.Kind]*bidrailv1.Value
	ObservedAt time.Time // zero: the context's
}

// The characters that the name of a run may take of the 128 that a change_id has.
const maxRun = 64

// ParseContext reads a context from JSON, as docs/formats.md describes it. A member that it does not know is an error: a misspelt before
// would be a missing one.
func ParseContext(text []byte) (*Context, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &Context{digest: sha256.Sum256(text)}
	r := contextReader{c}
	err = r.members(root, "the context", map[string]func(*node) error{
		"account":     r.text(&c.Account),
		"currency":    r.text(&c.Currency),
		"channel":     r.text(&c.Channel),
		"run":         r.text(&c.Run),
		"observed_at": r.time(&c.ObservedAt),
	}, "facts", "campaigns", "resources")
	if err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	// These need the currency.
	if err := r.facts(&c.Facts)(root.get("facts")); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	if err := r.campaigns(root.get("campaigns")); err != nil {
		return nil, err
	}
	if err := r.resources(root.get("resources")); err != nil {
		return nil, err
	}
	_, err = c.index()
	return c, err
}

// complete checks what every change needs.
func (c *Context) complete() error {
	if c == nil || c.Account == "" {
		return errors.New("it does not say which account the payload is for; add \"account\"")
	}
	if c.Currency == "" {
		return errors.New("it does not say in which currency the account is; add \"currency\", such as \"USD\"")
	}
	if _, err := currencyOf(c.Currency); err != nil {
		return err
	}
	if len(c.Run) > maxRun || strings.ContainsFunc(c.Run, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("the run %q: use at most %d characters, without spaces", shorten(c.Run), maxRun)
	}
	return nil
}

// index finds resources by what they are called. Two entries for one entity could say two things of it.
func (c *Context) index() (map[string]*Resource, error) {
	byKey := make(map[string]*Resource, len(c.Resources))
	for _, each := range c.Resources {
		key := each.key()
		if byKey[key] != nil {
			return nil, fmt.Errorf("the resource %s is there twice", key)
		}
		byKey[key] = each
	}
	return byKey, nil
}

func (r *Resource) key() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Type + "/" + r.ID
}

// describe adds to a target what the context knows of it, and returns the facts that go with it. known may be nil.
func (c *Context) describe(target *bidrailv1.Target, known *Resource) (map[string]*bidrailv1.Fact, error) {
	target.Channel = c.Channel
	facts := maps.Clone(c.Facts)
	if known != nil {
		for _, each := range []struct {
			what     string
			from, to *string
		}{{"campaign", &known.Campaign, &target.Campaign}, {"ad group", &known.AdGroup, &target.AdGroup}, {"portfolio", &known.Portfolio, &target.Portfolio}} {
			if *each.from != "" && *each.to != "" && *each.from != *each.to {
				return nil, fmt.Errorf("the context says that it is in the %s %s, and the payload that it is in %s", each.what, *each.from, *each.to)
			}
			if *each.from != "" {
				*each.to = *each.from
			}
		}
	}
	add := func(labels map[string]string, more map[string]*bidrailv1.Fact) {
		if len(labels) > 0 && target.Labels == nil {
			target.Labels = map[string]string{}
		}
		maps.Copy(target.Labels, labels)
		if len(more) > 0 && facts == nil {
			facts = map[string]*bidrailv1.Fact{}
		}
		maps.Copy(facts, more)
	}
	if campaign := c.Campaigns[target.Campaign]; campaign != nil {
		target.CampaignName = campaign.Name
		add(campaign.Labels, campaign.Facts)
	}
	if known != nil {
		add(known.Labels, known.Facts)
	}
	return facts, nil
}

// before is what the context says holds now; nil: it does not say.
func (c *Context) before(known *Resource, kind bidrailv1.Kind) (*bidrailv1.Value, *timestamppb.Timestamp) {
	if known == nil || known.Before[kind] == nil {
		return nil, nil
	}
	at := known.ObservedAt
	if at.IsZero() {
		at = c.ObservedAt
	}
	if at.IsZero() {
		return known.Before[kind], nil
	}
	return known.Before[kind], timestamppb.New(at)
}

// contextReader fills a context from JSON.
type contextReader struct{ context *Context }

// members calls the reader of each member. Names in later are read by the caller.
func (contextReader) members(n *node, what string, readers map[string]func(*node) error, later ...string) error {
	if n.kind != '{' {
		return fmt.Errorf("%s is %s and not an object", what, n.what())
	}
	for _, each := range n.members {
		read := readers[each.name]
		if read == nil {
			if slices.Contains(later, each.name) {
				continue
			}
			names := slices.Sorted(maps.Keys(readers))
			names = append(names, later...)
			slices.Sort(names)
			return fmt.Errorf("%s has no %q; it has %s", what, shorten(each.name), strings.Join(names, ", "))
		}
		if err := read(each.value); err != nil {
			return fmt.Errorf("%s: %s: %w", what, each.name, err)
		}
	}
	return nil
}

func (contextReader) text(into *string) func(*node) error {
	return func(n *node) error {
		if n.kind != '"' {
			return fmt.Errorf("it is %s and not a text", n.what())
		}
		*into = n.text
		return nil
	}
}

func (contextReader) identifier(into *string) func(*node) error {
	return func(n *node) (err error) {
		*into, err = n.id()
		return err
	}
}

func (contextReader) time(into *time.Time) func(*node) error {
	return func(n *node) error {
		at, err := time.Parse(time.RFC3339Nano, n.text)
		if n.kind != '"' || err != nil {
			return errors.New("write a time as RFC 3339 does, such as 2026-03-02T09:00:00Z")
		}
		*into = at
		return nil
	}
}

func (contextReader) labels(into *map[string]string) func(*node) error {
	return func(n *node) error {
		if n.kind != '{' {
			return fmt.Errorf("it is %s and not an object", n.what())
		}
		*into = make(map[string]string, len(n.members))
		for _, each := range n.members {
			if each.value.kind != '"' {
				return fmt.Errorf("%s is %s and not a text", each.name, each.value.what())
			}
			(*into)[each.name] = each.value.text
		}
		return nil
	}
}

// facts are in the API's own form, bidrail.v1.Fact as protojson.
func (contextReader) facts(into *map[string]*bidrailv1.Fact) func(*node) error {
	return func(n *node) error {
		if n == nil {
			return nil
		}
		if n.kind != '{' {
			return fmt.Errorf("it is %s and not an object", n.what())
		}
		*into = make(map[string]*bidrailv1.Fact, len(n.members))
		for _, each := range n.members {
			fact := &bidrailv1.Fact{}
			if err := protojson.Unmarshal(each.value.raw, fact); err != nil {
				return fmt.Errorf("%s is not a bidrail.v1.Fact, such as {\"value\": {\"money\": {\"micros\": \"1000000\", \"currency\": \"USD\"}}, \"observed_at\": \"2026-03-02T09:00:00Z\", \"source\": \"report\"}: %w", each.name, err)
			}
			(*into)[each.name] = fact
		}
		return nil
	}
}

func (r contextReader) campaigns(n *node) error {
	if n == nil {
		return nil
	}
	if n.kind != '{' {
		return fmt.Errorf("campaigns is %s and not an object from id to campaign", n.what())
	}
	r.context.Campaigns = make(map[string]*Campaign, len(n.members))
	for _, each := range n.members {
		campaign := &Campaign{}
		err := r.members(each.value, "campaign "+shorten(each.name), map[string]func(*node) error{
			"name": r.text(&campaign.Name), "labels": r.labels(&campaign.Labels), "facts": r.facts(&campaign.Facts),
		})
		if err != nil {
			return err
		}
		r.context.Campaigns[each.name] = campaign
	}
	return nil
}

func (r contextReader) resources(n *node) error {
	if n == nil {
		return nil
	}
	if n.kind != '[' {
		return fmt.Errorf("resources is %s and not a list", n.what())
	}
	r.context.Resources = make([]*Resource, 0, len(n.items))
	for i, each := range n.items {
		what := fmt.Sprintf("resource %d", i)
		resource := &Resource{}
		err := r.members(each, what, map[string]func(*node) error{
			"resource_name": r.text(&resource.Name),
			"type":          r.text(&resource.Type),
			"id":            r.identifier(&resource.ID),
			"campaign":      r.identifier(&resource.Campaign),
			"ad_group":      r.identifier(&resource.AdGroup),
			"portfolio":     r.identifier(&resource.Portfolio),
			"labels":        r.labels(&resource.Labels),
			"facts":         r.facts(&resource.Facts),
			"observed_at":   r.time(&resource.ObservedAt),
			"before":        r.before(resource),
		})
		if err != nil {
			return err
		}
		if resource.Name == "" && (resource.Type == "" || resource.ID == "") {
			return fmt.Errorf("%s: say which it is, with resource_name for Google Ads, or else with type and id", what)
		}
		if resource.Name != "" && resource.ID != "" {
			return fmt.Errorf("%s: it has a resource_name and an id; leave the id out", what)
		}
		r.context.Resources = append(r.context.Resources, resource)
	}
	return nil
}

// before reads values by their kind: decimals for money and for ratios, texts, "unlimited", and null for what is not set.
func (r contextReader) before(resource *Resource) func(*node) error {
	return func(n *node) error {
		if n.kind != '{' {
			return fmt.Errorf("it is %s and not an object from kind to value", n.what())
		}
		resource.Before = make(map[bidrailv1.Kind]*bidrailv1.Value, len(n.members))
		for _, each := range n.members {
			kind := bidrailv1.Kind(bidrailv1.Kind_value["KIND_"+strings.ToUpper(each.name)])
			if kind == bidrailv1.Kind_KIND_UNSPECIFIED || each.name != strings.ToLower(each.name) {
				return fmt.Errorf("no kind is called %q", shorten(each.name))
			}
			value, err := r.value(kind, each.value)
			if err != nil {
				return fmt.Errorf("%s: %w", each.name, err)
			}
			resource.Before[kind] = value
		}
		return nil
	}
}

func (r contextReader) value(kind bidrailv1.Kind, n *node) (*bidrailv1.Value, error) {
	switch {
	case n.kind == 'n':
		return absent(), nil
	case isText(kind):
		if n.kind != '"' {
			return nil, fmt.Errorf("it is %s and not a text", n.what())
		}
		return text(n.text), nil
	case n.kind == '"' && n.text == "unlimited" && isMoney(kind):
		return unlimited(), nil
	case n.kind == '{' && len(n.members) == 1 && n.members[0].name == "micros" && isMoney(kind):
		number, err := n.members[0].value.number()
		if err != nil {
			return nil, err
		}
		micros, err := wholeUnits(number, 1)
		if err != nil {
			return nil, err
		}
		return money(micros, r.context.Currency), nil
	}
	if !isMoney(kind) && !isRatio(kind) {
		return nil, errors.New("no payload changes it; leave it out")
	}
	number, err := n.number()
	if err != nil {
		return nil, err
	}
	millionths, err := decimalMicros(number)
	if err != nil {
		return nil, err
	}
	if isRatio(kind) {
		return ratio(millionths), nil
	}
	return money(millionths, r.context.Currency), nil
}

func isText(kind bidrailv1.Kind) bool {
	switch kind {
	case bidrailv1.Kind_KIND_BID_STRATEGY, bidrailv1.Kind_KIND_BUDGET_TYPE, bidrailv1.Kind_KIND_PACING, bidrailv1.Kind_KIND_STATUS,
		bidrailv1.Kind_KIND_FLIGHT_DATES, bidrailv1.Kind_KIND_NAME, bidrailv1.Kind_KIND_CONVERSION_GOAL:
		return true
	}
	return false
}

func isMoney(kind bidrailv1.Kind) bool {
	switch kind {
	case bidrailv1.Kind_KIND_BID, bidrailv1.Kind_KIND_DEFAULT_BID, bidrailv1.Kind_KIND_BID_LIMIT, bidrailv1.Kind_KIND_TARGET_CPA,
		bidrailv1.Kind_KIND_DAILY_BUDGET, bidrailv1.Kind_KIND_MONTHLY_BUDGET, bidrailv1.Kind_KIND_LIFETIME_BUDGET,
		bidrailv1.Kind_KIND_SHARED_BUDGET, bidrailv1.Kind_KIND_ACCOUNT_BUDGET:
		return true
	}
	return false
}

func isRatio(kind bidrailv1.Kind) bool {
	return kind == bidrailv1.Kind_KIND_BID_MODIFIER || kind == bidrailv1.Kind_KIND_TARGET_ROAS
}
