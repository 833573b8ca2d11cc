package limits

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Match says which targets an entry is for. An empty field matches everything; the zero Match matches every target.
type Match struct {
	Platform   string
	Account    string
	Channel    string
	Portfolio  string
	Campaign   string
	AdGroup    string
	EntityType string
	Entity     string
	Kind       string
	Labels     map[string]string // all of them have to be there
}

// Target is what limits are asked for: the thing a change is about, and the change's kind and currency. A field that
// is not known stays empty and matches only the entries that do not name it.
type Target struct {
	Platform   string
	Account    string
	Channel    string
	Portfolio  string
	Campaign   string
	AdGroup    string
	EntityType string
	Entity     string
	Kind       string
	Labels     map[string]string
	Currency   string // of the change; money limits are resolved in it
}

// A fieldSet has a bit for every field an entry matches on. The bits are in the order of precedence, so that of two
// sets the larger number is the more specific.
type fieldSet uint16

// The fields, least significant first. Labels are one field here, however many there are.
const (
	kindField = iota
	platformField
	channelField
	accountField
	portfolioField
	labelsField
	campaignField
	adGroupField
	entityTypeField
	entityField
	fieldCount
)

// fieldNames are the fields as documents and tables name them.
var fieldNames = [fieldCount]string{
	kindField: "kind", platformField: "platform", channelField: "channel", accountField: "account",
	portfolioField: "portfolio", labelsField: "labels", campaignField: "campaign", adGroupField: "ad_group",
	entityTypeField: "entity_type", entityField: "entity",
}

func (s fieldSet) has(field int) bool { return s&(1<<field) != 0 }

// acceptedFields lists the fields in the order people think of them.
const acceptedFields = "platform, account, channel, portfolio, campaign, ad_group, entity_type, entity, kind"

// fieldValues are the values of all fields but labels, whose place stays empty.
type fieldValues [fieldCount]string

func (m *Match) values() fieldValues {
	return fieldValues{
		kindField: m.Kind, platformField: m.Platform, channelField: m.Channel, accountField: m.Account,
		portfolioField: m.Portfolio, campaignField: m.Campaign, adGroupField: m.AdGroup,
		entityTypeField: m.EntityType, entityField: m.Entity,
	}
}

func (t *Target) values() fieldValues {
	return fieldValues{
		kindField: t.Kind, platformField: t.Platform, channelField: t.Channel, accountField: t.Account,
		portfolioField: t.Portfolio, campaignField: t.Campaign, adGroupField: t.AdGroup,
		entityTypeField: t.EntityType, entityField: t.Entity,
	}
}

// fieldNamed finds a field other than labels by its name.
func fieldNamed(name string) (field int, ok bool) {
	field = slices.Index(fieldNames[:], name)
	return field, field >= 0 && field != labelsField
}

func (v *fieldValues) match() Match {
	return Match{
		Kind: v[kindField], Platform: v[platformField], Channel: v[channelField], Account: v[accountField],
		Portfolio: v[portfolioField], Campaign: v[campaignField], AdGroup: v[adGroupField],
		EntityType: v[entityTypeField], Entity: v[entityField],
	}
}

// Check tells whether the fields can match anything: no blanks around them, no wildcards, no empty labels.
func (m Match) Check() error {
	for field, value := range m.values() {
		if value == "" {
			continue
		}
		if err := checkText(value); err != nil {
			return fmt.Errorf("%s: %w", fieldNames[field], err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		if err := checkText(key); err != nil {
			return fmt.Errorf("labels: %w", err)
		}
		if err := checkText(m.Labels[key]); err != nil {
			return fmt.Errorf("labels.%s: %w", key, err)
		}
	}
	return nil
}

// checkText refuses a text that no target would equal, or that only looks equal to what a target has.
func checkText(text string) error {
	switch {
	case text == "":
		return errors.New("the value is empty: leave the field out to match everything")
	case text == "*":
		return errors.New(`"*" is not a wildcard: leave the field out to match everything`)
	case !utf8.ValidString(text):
		return fmt.Errorf("%q is not UTF-8: save the file as UTF-8", text)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("%q has blanks around it: remove them", text)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q has characters that cannot be seen: remove them", text)
	}
	return nil
}

// String writes the match for error messages.
func (m Match) String() string {
	var parts []string
	for field, value := range m.values() {
		if value != "" {
			parts = append(parts, fieldNames[field]+" "+strconv.Quote(value))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		parts = append(parts, "label "+key+" "+strconv.Quote(m.Labels[key]))
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}
