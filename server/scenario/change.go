package scenario

import (
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bidrail/bidrail/policy"
)

// whole refuses a change that lacks what no change is without.
func (d *decoder) whole(change *Change) {
	at := &yaml.Node{Line: change.Line}
	target := &change.change.Target
	if change.automation == "" {
		change.automation = "pacer"
	}
	if change.change.Actor.Automation == "" {
		change.change.Actor.Automation = change.automation
	}
	if target.EntityType == "" {
		target.EntityType, target.EntityID = "campaign", target.Campaign
	}
	for _, missing := range []struct {
		name   string
		absent bool
	}{
		{"kind", change.change.Kind == policy.KindUnknown}, {"platform", target.Platform == ""}, {"account", target.Account == ""},
		{"entity, nor a campaign that it could be", target.EntityID == ""}, {"after", change.change.After.Form == policy.Missing},
	} {
		if missing.absent {
			d.refuse(at, "the change has no %s, and defaults have none either", missing.name)
		}
	}
}

// clone is a copy that can be changed by itself.
func (c Change) clone() Change {
	c.change.Target.Labels, c.facts = maps.Clone(c.change.Target.Labels), maps.Clone(c.facts)
	return c
}

// change reads what is said of a change over what is there.
func (d *decoder) change(node *yaml.Node, c *Change, what string, expects bool) {
	target, change := &c.change.Target, &c.change
	text := func(into *string) func(*yaml.Node) {
		return func(node *yaml.Node) { *into = d.text(node) }
	}
	read := fields{
		"kind": func(node *yaml.Node) {
			kind, err := policy.ParseKind(d.text(node))
			if err != nil {
				d.refuse(node, "no kind is called %q; they are %s", node.Value, list(policy.Kinds()))
			}
			change.Kind = kind
		},
		"platform": text(&target.Platform), "account": text(&target.Account), "channel": text(&target.Channel), "portfolio": text(&target.Portfolio),
		"campaign": text(&target.Campaign), "campaign_name": text(&target.CampaignName), "ad_group": text(&target.AdGroup),
		"entity": func(node *yaml.Node) {
			of, id, found := strings.Cut(d.text(node), "/")
			if !found || of == "" {
				d.refuse(node, "%q is no entity; write its type and its id, such as keyword/7", node.Value)
			}
			target.EntityType, target.EntityID = of, id
		},
		"labels": func(node *yaml.Node) {
			d.members(node, func(key string, _, value *yaml.Node) {
				if target.Labels == nil {
					target.Labels = map[string]string{}
				}
				target.Labels[key] = d.text(value)
			})
		},
		"before": func(node *yaml.Node) { change.Before = d.value(node) }, "after": func(node *yaml.Node) { change.After = d.value(node) },
		"read":       func(node *yaml.Node) { c.read = d.age(node) },
		"automation": text(&c.automation), "version": text(&change.Actor.Version), "run": text(&change.Actor.Run),
		"reason":        text(&change.Reason.Code),
		"experiment_id": text(&change.ExperimentID), "promo_id": text(&change.PromoID), "parent_id": text(&change.ParentID),
		"effective_at":    func(node *yaml.Node) { change.EffectiveAt = d.time(node) },
		"revert_at":       func(node *yaml.Node) { change.RevertAt = d.time(node) },
		"field_mask":      func(node *yaml.Node) { change.FieldMask = d.texts(node) },
		"facts":           func(node *yaml.Node) { d.facts(node, c, policy.Fact{FromCaller: true}) },
		"connector_facts": func(node *yaml.Node) { d.facts(node, c, policy.Fact{Source: "connector"}) },
	}
	if expects {
		read["expect"] = func(node *yaml.Node) { c.Expect = d.expect(node) }
	}
	d.object(node, what, read)
}

// facts reads facts by name: a value that was read now, or {value, age, source}.
func (d *decoder) facts(node *yaml.Node, c *Change, usual policy.Fact) {
	d.members(node, func(name string, at, value *yaml.Node) {
		given := givenFact{line: at.Line, fact: usual}
		if value.Kind == yaml.MappingNode {
			d.object(value, "fact", fields{
				"value":  func(node *yaml.Node) { given.fact.Value = d.value(node) },
				"age":    func(node *yaml.Node) { given.read = d.age(node) },
				"source": func(node *yaml.Node) { given.fact.Source = d.text(node) },
			})
			if given.fact.Value.Form == policy.Missing {
				d.refuse(at, "the fact %s has no value", name)
			}
		} else {
			given.fact.Value = d.value(value)
		}
		if c.facts == nil {
			c.facts = map[string]givenFact{}
		}
		// A connector's stands before the caller's, in whatever order they are written.
		if there, twice := c.facts[name]; !twice || there.fact.FromCaller || !usual.FromCaller {
			c.facts[name] = given
		}
	})
}
