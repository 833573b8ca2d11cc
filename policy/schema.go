package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bidrail/bidrail/policy/limits"
)

// shape describes one place of the input document. From the same shapes come the JSON Schema that
// modules are type-checked against when a revision is loaded, and the check that every document
// passes before rules see it: what one promises, the other keeps.
type shape struct {
	form       string // object, array, string, integer, boolean or value
	about      string
	properties map[string]*shape // of an object; none and no members: closed and empty
	required   []string          // properties that are always there
	members    *shape            // of an array, or of an object with free keys
	enum       []string
	unless     string   // with this property there, those of otherwise may be missing
	otherwise  []string // properties that are there whenever unless is not
	shared     string   // the name under which the JSON Schema has it once for the many places that it is in

	met [8]atomic.Pointer[fitting] // keys of objects that are fit for it
}

const (
	formObject  = "object"
	formArray   = "array"
	formString  = "string"
	formInteger = "integer"
	formBoolean = "boolean"
	formValue   = "value" // a typed value: which members it has depends on its type
)

func text(about string) *shape    { return &shape{form: formString, about: about} }
func integer(about string) *shape { return &shape{form: formInteger, about: about} }
func boolean(about string) *shape { return &shape{form: formBoolean, about: about} }

func oneOf(about string, words ...string) *shape {
	return &shape{form: formString, about: about, enum: words}
}

func list(about string, members *shape) *shape {
	return &shape{form: formArray, about: about, members: members}
}

// object has exactly these properties; those in optional may be missing.
func object(about string, properties map[string]*shape, optional ...string) *shape {
	s := &shape{form: formObject, about: about, properties: properties}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !slices.Contains(optional, name) {
			s.required = append(s.required, name)
		}
	}
	return s
}

func value(about string) *shape {
	return &shape{form: formValue, about: about, required: []string{"type"}, properties: map[string]*shape{
		"type":     oneOf("which alternative it is", formNames[Money:]...),
		"micros":   integer("millionths of the currency unit, for money"),
		"currency": text("ISO 4217 code, for money"),
		"ppm":      integer("parts per million, for a ratio"),
		"text":     text("for text"),
		"flag":     boolean("for a flag"),
	}}
}

// valueMembers says which members a typed value must have, by its type.
var valueMembers = map[string][]string{
	Money.String(): {"micros", "currency"}, Ratio.String(): {"ppm"}, Text.String(): {"text"},
	Flag.String(): {"flag"}, Unlimited.String(): nil, Absent.String(): nil,
}

// inputShape is the shape of the whole document for a revision: its limits, facts and windows are part of it.
func inputShape(definitions []limits.Definition, facts map[string]FactDefinition, windows []string) *shape {
	kinds := make([]string, 0, kindCount)
	for _, kind := range Kinds() {
		kinds = append(kinds, kind.String())
	}
	kind := func() *shape { return oneOf("which field is edited", kinds...) }
	direction := func() *shape {
		return oneOf("which way the change moves risk; not which way the number moves; unordered also where it claims to be a cut and the ledger knows better", directionNames[:]...)
	}
	labels := &shape{form: formObject, members: text(""),
		about: "a complete map: a key that is not there is a label that the target does not have"}
	target := func() *shape {
		return object("the entity; \"\" where a level does not apply", map[string]*shape{
			"platform": text("google_ads, amazon_ads, meta, ..."), "account": text(""), "channel": text(""),
			"portfolio": text(""), "campaign": text("id"), "campaign_name": text(""), "ad_group": text("id"),
			"entity_type": text("keyword, campaign, budget, ..."), "entity_id": text(""), "labels": labels,
			"geos":      list("regions where it shows ads; none: not said", text("")),
			"audiences": list("audience lists that it shows ads to; none: not said", text("")),
		})
	}
	return object("what rules see of one change", map[string]*shape{
		"now":  integer("the time of the decision, nanoseconds since 1970 UTC; the only clock"),
		"mode": oneOf("the mode of the strictest scope the target is in, as it was last switched", modeNames[:]...),
		"actor": object("who proposes", map[string]*shape{
			"subject": text("from the credentials"), "roles": list("", text("")),
			"automation": text("the caller's word"), "version": text(""), "run": text(""),
		}),
		"account": object("the target's account, from the revision's data", map[string]*shape{
			"known": boolean("whether the revision knows the account"), "currency": text(""), "time_zone": text(""),
		}),
		"change": object("the change itself", map[string]*shape{
			"id": text(""), "kind": kind(), "direction": direction(), "target": target(),
			"before": value("what the caller believes holds now"), "after": value("what it wants"),
			"before_age_s":  integer("seconds since before was observed; missing when the caller did not say"),
			"reason":        object("why", map[string]*shape{"code": text(""), "text": text("")}),
			"experiment_id": text(""), "promo_id": text(""), "parent_id": text(""),
			"effective_at": integer("nanoseconds since 1970; missing: at once"),
			"revert_at":    integer("nanoseconds since 1970; missing: it stays"),
			"field_mask":   list("the platform fields the caller will send", text("")),
			"geos":         list("regions that it adds to or takes from where ads are shown", text("")),
			"audiences":    list("audience lists, likewise", text("")),
		}, "before_age_s", "effective_at", "revert_at"),
		"group": object("the atomic group; a change without one is its own only leg", map[string]*shape{
			"id": text("\"\" when there is none"),
			"legs": list("in the order of the request", object("", map[string]*shape{
				"change_id": text(""), "kind": kind(), "direction": direction(), "target": target(),
				"before": value(""), "after": value(""),
				"experiments": list("ids of the live experiments that touch the leg", text("")),
			})),
		}),
		"batch": object("the call the change came in", map[string]*shape{
			"id": text(""), "size": integer("changes in the call"), "index": integer("from 0"),
			"same_field": integer("earlier changes of the call to the same field of the same target"),
			"same_value": integer("those of them with the same new value"),
		}),
		"limits":  limitsShape(definitions),
		"facts":   factsShape(facts),
		"windows": windowsShape(windows),
		"experiments": list("the experiments that touch the target", object("", map[string]*shape{
			"id": text(""), "name": text(""), "type": oneOf("", experimentTypes...), "state": oneOf("", experimentStates...),
			"owner": text(""), "sync": boolean("edits of the base campaign reach the trial"),
			"relation":      oneOf("member: the target is in an arm; reach: it shows ads where the test measures; unclear: it does not say where", relations...),
			"arm":           text("the arm the target is in; \"\" for one that is in none"),
			"frozen_fields": list("kinds", text("")),
			"arms": list("", object("", map[string]*shape{
				"name": text(""), "control": boolean(""), "campaigns": list("ids, of those campaigns that the change and its group's other legs are in", text("")), "split_ppm": integer("its part of the whole; 0: not given"),
			})),
			"envelope": list("what is let through in the arms that are not the control", object("", map[string]*shape{
				"kind": kind(), "share_ppm": integer("by at most this share of the value before"), "most": value("to at most this value"),
			}, "share_ppm", "most")),
			"holdout_geos":      list("regions of the control that the change adds or takes away", text("")),
			"holdout_audiences": list("audience lists, likewise", text("")),
			"starts":            integer("nanoseconds since 1970"), "ends": integer("nanoseconds since 1970"),
			"minimum_ends": integer("before which ending it would prove nothing, nanoseconds since 1970"),
		})),
		"unknown": list("facts that are not known and should be, or are no more", object("", map[string]*shape{
			"name": text(""), "why": oneOf("stale: a connector's, and too old; missing: data.facts expects it; caller: only the caller says so, and data.facts asks for a connector's",
				whyStale, whyMissing, whyCaller),
			"source": text("of a stale one"), "age_s": integer("of a stale one"), "maximum_age_s": integer("of a stale one"),
		}, "source", "age_s", "maximum_age_s")),
		"calendar": object("what is open now for the target", map[string]*shape{
			"freezes": list("", object("", map[string]*shape{
				"id": text(""), "reason": text(""), "effect": oneOf("", Approve.String(), Blocks.String()), "until": integer("nanoseconds since 1970"),
			})),
			"promos": list("", object("", map[string]*shape{
				"id": text(""), "until": integer("nanoseconds since 1970"), "raise_ppm": integer("by how much budgets may exceed what is usual"),
			})),
			"reverts": list("values of this field that were promised to be put back", object("", map[string]*shape{
				"decision_id": text("that allowed the rise"), "promo_id": text("\"\" when none was named"), "baseline": value("what it is to be put back to, or below"),
				"due": integer("nanoseconds since 1970"),
			})),
		}),
	})
}

func limitsShape(definitions []limits.Definition) *shape {
	groups := &shape{form: formObject, about: "the limits that hold for the target; one that nobody set is missing",
		properties: map[string]*shape{}}
	for _, definition := range definitions {
		group, name := splitLimit(definition.Name)
		if groups.properties[group] == nil {
			groups.properties[group] = &shape{form: formObject, properties: map[string]*shape{}}
		}
		members := map[string]*shape{
			"source":    text("file and entry that set it"),
			"unlimited": boolean("true: there is explicitly no limit"),
		}
		var amount []string
		switch definition.Type {
		case limits.Money:
			members["micros"], members["currency"] = integer("millionths, in the currency of the change"), text("")
			amount = []string{"micros", "currency"}
		case limits.Ratio:
			members["ppm"], amount = integer("parts per million"), []string{"ppm"}
		case limits.Count:
			members["count"], amount = integer(""), []string{"count"}
		case limits.Duration:
			members["seconds"], amount = integer(""), []string{"seconds"}
		case limits.Flag:
			members["flag"], amount = boolean(""), []string{"flag"}
		}
		groups.properties[group].properties[name] = &shape{form: formObject, about: definition.About,
			properties: members, required: []string{"source"}, unless: "unlimited", otherwise: amount}
	}
	return groups
}

func factsShape(facts map[string]FactDefinition) *shape {
	s := &shape{form: formObject, properties: map[string]*shape{},
		about: "what is known of the target beyond the change; unknown is missing, never zero"}
	for name, definition := range facts {
		fact := value(definition.About)
		fact.properties["observed_at"] = integer("nanoseconds since 1970; missing when not known")
		fact.properties["age_s"] = integer("seconds since then; missing when not known")
		fact.properties["complete_through"] = integer("nanoseconds since 1970 until when it is complete; missing when not known")
		fact.properties["source"] = text("")
		fact.properties["caller"] = boolean("the caller's word, not a connector's")
		fact.required = []string{"caller", "source", "type"}
		s.properties[name] = fact
	}
	return s
}

// jsonSchema renders the shape as JSON Schema, for OPA's type checker, editors and people.
func (s *shape) jsonSchema() map[string]any {
	definitions := map[string]any{}
	schema := s.render(definitions)
	if len(definitions) > 0 {
		schema["$defs"] = definitions
	}
	return schema
}

// render renders the shape, or where it is shared a reference to the definition that it puts down.
func (s *shape) render(definitions map[string]any) map[string]any {
	if s.shared == "" {
		return s.renderWhole(definitions)
	}
	if definitions[s.shared] == nil {
		definitions[s.shared] = s.renderWhole(definitions)
	}
	return map[string]any{"$ref": "#/$defs/" + s.shared}
}

func (s *shape) renderWhole(definitions map[string]any) map[string]any {
	schema := map[string]any{"type": s.form}
	if s.form == formValue {
		schema["type"] = formObject
	}
	if s.about != "" {
		schema["description"] = s.about
	}
	if len(s.enum) > 0 {
		schema["enum"] = s.enum
	}
	switch {
	case s.form == formArray:
		schema["items"] = s.members.render(definitions)
	case s.members != nil:
		schema["additionalProperties"] = s.members.render(definitions)
	case s.properties != nil:
		properties := map[string]any{}
		for name, property := range s.properties {
			properties[name] = property.render(definitions)
		}
		schema["properties"], schema["additionalProperties"] = properties, false
	}
	if len(s.required) > 0 {
		schema["required"] = s.required
	}
	return schema
}

// Schema returns the JSON Schema of the input document of the revision, indented.
func (r *Revision) Schema() ([]byte, error) {
	root, err := r.inputShape()
	if err != nil {
		return nil, err
	}
	schema := root.jsonSchema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "The input document of a Bidrail rule"
	encoded, err := json.MarshalIndent(schema, "", "  ")
	return append(encoded, '\n'), err
}

// inputShape is the shape of the document of the revision.
func (r *Revision) inputShape() (*shape, error) {
	facts, err := r.FactDefinitions()
	if err != nil {
		return nil, err
	}
	windows, err := r.windowNames()
	if err != nil {
		return nil, err
	}
	return inputShape(r.limits.Definitions(), facts, windows), nil
}

// free reports whether a path, such as input.change.target.labels.tier, is a key of an object whose keys are free: one that is not
// there is one that it does not have.
func (s *shape) free(path string) bool {
	at := s
	for _, name := range strings.FieldsFunc(strings.TrimPrefix(path, "input"), func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if at.properties == nil && at.form == formObject && at.members != nil {
			return true
		}
		next := at.properties[name]
		if next == nil {
			next = at.members
		}
		if next == nil {
			return false
		}
		at = next
	}
	return false
}

func splitLimit(name string) (group, rest string) {
	for i := range len(name) {
		if name[i] == '.' {
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}
