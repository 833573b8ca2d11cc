package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// FactDefinition is what a revision says of a fact that rules may read.
type FactDefinition struct {
	Name  string
	About string
	// Form is what values of it are; Missing: any.
	Form Form
	// MaximumAge is how old a connector's observation may become before it counts as unknown; 0: as old as its connector says.
	MaximumAge time.Duration
	// Expected are the kinds of change for which it should be known. Where it is not, input.unknown says so.
	Expected []Kind
	// Platforms are those on which it is expected; none: on all.
	Platforms []string
	// ConnectorOnly: where it is expected, the caller's word is not enough.
	ConnectorOnly bool
	// Own: of what a connector knows, only what it has observed of the target itself counts, and not what it knows of the campaign or of
	// the account.
	Own bool
}

// factNames are the facts that every revision knows; a revision adds its own in data.facts.
var factNames = map[string]FactDefinition{
	"current_value": {Name: "current_value", About: "the value of the changed field as the platform last reported it"},
	"daily_budget":  {Name: "daily_budget", About: "the daily budget that the target spends from"},
	"spend_today":   {Name: "spend_today", About: "spend of the account's day so far"},
}

// factRecord is a fact as data.facts writes it, where it is more than a sentence.
type factRecord struct {
	About         string   `json:"about"`
	Type          string   `json:"type"`
	MaximumAge    string   `json:"maximum_age"`
	Expected      []Kind   `json:"expected"`
	Platforms     []string `json:"platforms"`
	ConnectorOnly bool     `json:"connector_only"`
	Own           bool     `json:"own"`
}

// FactDefinitions are the facts that rules of the revision may read, by name: those that every revision knows, and those of
// data.facts, each a name with a sentence or with more.
func (r *Revision) FactDefinitions() (map[string]FactDefinition, error) {
	facts := maps.Clone(factNames)
	declared, ok := r.data["facts"]
	if !ok {
		return facts, nil
	}
	object, ok := declared.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: data.facts must be an object of name and sentence", ErrRevision)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		definition, err := factDefinitionOf(name, object[name])
		if err != nil {
			return nil, fmt.Errorf("%w: data.facts.%s: %v", ErrRevision, name, err)
		}
		facts[name] = definition
	}
	return facts, nil
}

func factDefinitionOf(name string, declared any) (FactDefinition, error) {
	definition := FactDefinition{Name: name}
	if sentence, ok := declared.(string); ok {
		definition.About = sentence
		return definition, nil
	}
	encoded, err := json.Marshal(declared)
	if err != nil {
		return definition, err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	var record factRecord
	if err := decoder.Decode(&record); err != nil {
		return definition, fmt.Errorf("it is a sentence that says what the fact is, or about, type, maximum_age, expected, platforms, connector_only and own: %v", err)
	}
	definition.About, definition.Expected, definition.Platforms, definition.ConnectorOnly = record.About, record.Expected, record.Platforms, record.ConnectorOnly
	definition.Own = record.Own
	if record.About == "" {
		return definition, errors.New("about is missing: a sentence that says what the fact is")
	}
	if record.Type != "" {
		at := slices.Index(formNames[:], record.Type)
		if form := Form(at); at < 0 || form != Money && form != Ratio && form != Text && form != Flag {
			return definition, fmt.Errorf("type is %q; it is money, ratio, text or flag", record.Type)
		}
		definition.Form = Form(at)
	}
	if record.MaximumAge != "" {
		if definition.MaximumAge, err = time.ParseDuration(record.MaximumAge); err != nil || definition.MaximumAge < time.Second {
			return definition, fmt.Errorf("maximum_age is %q; it is a duration of at least a second, such as 3h", record.MaximumAge)
		}
	}
	return definition, nil
}

// Why a fact is unknown.
const (
	whyStale   = "stale"
	whyMissing = "missing"
	whyCaller  = "caller"
)

type missingFact struct{ name, why string }

// missingFacts is what is expected of the request's change and is not known, or only its caller says so. What is stale is not
// among it: that is said already.
func missingFacts(definitions []FactDefinition, request *Request) []missingFact {
	var missing []missingFact
	for i := range definitions {
		definition := &definitions[i]
		if !definition.expectedOf(request.Change) {
			continue
		}
		fact, known := request.Facts[definition.Name]
		switch {
		case known && !(fact.FromCaller && definition.ConnectorOnly):
		case slices.ContainsFunc(request.Stale, func(stale StaleFact) bool { return stale.Name == definition.Name }):
		case known:
			missing = append(missing, missingFact{definition.Name, whyCaller})
		default:
			missing = append(missing, missingFact{definition.Name, whyMissing})
		}
	}
	return missing
}

func (d *FactDefinition) expectedOf(change *Change) bool {
	return slices.Contains(d.Expected, change.Kind) && (len(d.Platforms) == 0 || slices.Contains(d.Platforms, change.Target.Platform))
}

// expectedFacts is the definitions of facts that any change is expected to have, by name.
func expectedFacts(definitions map[string]FactDefinition) []FactDefinition {
	var expected []FactDefinition
	for _, definition := range definitions {
		if len(definition.Expected) > 0 {
			expected = append(expected, definition)
		}
	}
	slices.SortFunc(expected, func(a, b FactDefinition) int { return strings.Compare(a.Name, b.Name) })
	return expected
}
