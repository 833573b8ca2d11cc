package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/ledger"
)

// What a scenario is made of is bounded.
const maxSteps = 1000

// decoder reads one file and keeps everything that is wrong with it.
type decoder struct {
	file     string
	problems []error
}

func (d *decoder) refuse(node *yaml.Node, format string, arguments ...any) {
	d.problems = append(d.problems, fmt.Errorf("%s:%d: %s", d.file, node.Line, fmt.Sprintf(format, arguments...)))
}

// decode reads a scenario strictly: what is not understood is refused, with its line.
func decode(file string, content []byte) (*Scenario, error) {
	d := &decoder{file: file}
	var document, second yaml.Node
	reader := yaml.NewDecoder(bytes.NewReader(content))
	if err := reader.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty; docs/scenarios.md shows a scenario", file)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := reader.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one document; write one scenario a file", file)
	}
	s := &Scenario{File: file, Starts: Start}
	top := document.Content[0]
	var defaults, steps *yaml.Node
	d.object(top, "scenario", fields{
		"title":    func(node *yaml.Node) { s.Title = d.text(node) },
		"story":    func(node *yaml.Node) { s.Story = d.text(node) },
		"source":   func(node *yaml.Node) { s.Source = d.text(node) },
		"starts":   func(node *yaml.Node) { s.Starts = d.time(node) },
		"given":    func(node *yaml.Node) { d.given(node, s) },
		"defaults": func(node *yaml.Node) { defaults = node },
		"steps":    func(node *yaml.Node) { steps = node },
	})
	whole := len(d.problems) == 0 // what is missing may be what is misspelt
	for _, missing := range []struct{ name, text string }{{"title", s.Title}, {"story", s.Story}, {"source", s.Source}} {
		if missing.text == "" && whole {
			d.refuse(top, "the scenario has no %s", missing.name)
		}
	}
	usual := Change{}
	if defaults != nil {
		d.change(defaults, &usual, "defaults", false)
	}
	switch {
	case steps == nil:
		if whole {
			d.refuse(top, "the scenario has no steps")
		}
	case steps.Kind != yaml.SequenceNode || len(steps.Content) == 0 || len(steps.Content) > maxSteps:
		d.refuse(steps, "steps is a list of 1 to %d", maxSteps)
	default:
		for _, node := range steps.Content {
			s.Steps = append(s.Steps, d.step(node, usual))
		}
	}
	if len(d.problems) > 0 {
		return nil, errors.Join(d.problems...)
	}
	return s, nil
}

// fields says how each key of an object is read.
type fields map[string]func(*yaml.Node)

// object reads the keys of an object, each once, in the order of the file, and refuses any other.
func (d *decoder) object(node *yaml.Node, what string, read fields) {
	known := strings.Join(slices.Sorted(maps.Keys(read)), ", ")
	if node.Kind != yaml.MappingNode {
		d.refuse(node, "the %s is an object of %s", what, known)
		return
	}
	d.members(node, func(key string, at, value *yaml.Node) {
		if set := read[key]; set != nil {
			set(value)
			return
		}
		d.refuse(at, "a %s has no %q; it has %s", what, key, known)
	})
}

// members reads an object whose keys are free.
func (d *decoder) members(node *yaml.Node, each func(key string, at, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		d.refuse(node, "an object of names and values is expected here")
		return
	}
	lines := map[string]int{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if first, twice := lines[key.Value]; twice {
			d.refuse(key, "%s is said twice; line %d says it first", key.Value, first)
			continue
		}
		lines[key.Value] = key.Line
		if key.Kind != yaml.ScalarNode || value.Kind == yaml.AliasNode || value.Anchor != "" || key.Tag == "!!merge" {
			d.refuse(key, "anchors, aliases and merges are not read; write what all changes share under defaults")
			continue
		}
		each(key.Value, key, value)
	}
}

// text is what a scalar says as it is written, so that an account 0123 stays what it is.
func (d *decoder) text(node *yaml.Node) string {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		d.refuse(node, "a text is expected here")
		return ""
	}
	return strings.TrimSpace(node.Value)
}

func (d *decoder) texts(node *yaml.Node) []string {
	if node.Kind != yaml.SequenceNode {
		d.refuse(node, "a list is expected here")
		return nil
	}
	texts := make([]string, len(node.Content))
	for i, each := range node.Content {
		texts[i] = d.text(each)
	}
	return texts
}

func (d *decoder) time(node *yaml.Node) time.Time {
	at, err := time.Parse(time.RFC3339, d.text(node))
	if err != nil {
		d.refuse(node, "%q is not a time such as 2026-03-02T15:00:00Z", node.Value)
	}
	return at.UTC()
}

func (d *decoder) duration(node *yaml.Node) time.Duration {
	length, err := parseDuration(d.text(node))
	if err != nil {
		d.refuse(node, "%v", err)
	}
	return length
}

// age is how long ago something was read: a duration, or never.
func (d *decoder) age(node *yaml.Node) age {
	if d.text(node) == "never" {
		return age{never: true}
	}
	return age{ago: d.duration(node)}
}

// value is one value; {text: ...} is for texts that read like something else.
func (d *decoder) value(node *yaml.Node) policy.Value {
	if node.Kind == yaml.MappingNode {
		value := policy.Value{Form: policy.Text}
		d.object(node, "value", fields{"text": func(node *yaml.Node) { value.Text = d.text(node) }})
		return value
	}
	value, err := parseValue(d.text(node))
	if err != nil {
		d.refuse(node, "%v", err)
	}
	return value
}

// given is what is registered while the scenario lasts, in the form that the data of a revision has.
func (d *decoder) given(node *yaml.Node, s *Scenario) {
	plain := func(node *yaml.Node) any {
		var value any
		if err := node.Decode(&value); err != nil {
			d.refuse(node, "%v", err)
		}
		return value
	}
	entries, people := map[string]any{}, map[string]any{}
	d.object(node, "given", fields{
		"experiments": func(node *yaml.Node) {
			var err error
			if s.given.Experiments, err = experiment.Decode(plain(node)); err != nil {
				d.refuse(node, "%v", err)
			}
		},
		"freezes": func(node *yaml.Node) { entries["freezes"] = plain(node) },
		"promos":  func(node *yaml.Node) { entries["promos"] = plain(node) },
		"people":  func(node *yaml.Node) { people["people"] = plain(node) },
	})
	read, err := calendar.Decode(entries)
	if err != nil {
		d.refuse(node, "%v", err)
		return
	}
	s.given.Calendar = *read
	if len(people) > 0 {
		if s.given.Directory, err = approval.DecodeDirectory(people); err != nil {
			d.refuse(node, "%v", err)
		}
	}
}

func (d *decoder) step(node *yaml.Node, usual Change) Step {
	step := Step{Line: node.Line}
	how := ""
	several := func(name string) func(*yaml.Node) {
		return func(node *yaml.Node) {
			if how != "" {
				d.refuse(node, "a step has one of change, group, batch and mode, and this one has %s already", how)
				return
			}
			how = name
			if name == "mode" {
				step.Switch = d.mode(node)
				return
			}
			nodes := []*yaml.Node{node}
			if name != "change" {
				if nodes = node.Content; node.Kind != yaml.SequenceNode || len(nodes) < 2 {
					d.refuse(node, "a %s is a list of two or more changes", name)
					return
				}
			}
			for _, each := range nodes {
				change := usual.clone()
				change.Line = each.Line
				d.change(each, &change, "change", true)
				step.Changes = append(step.Changes, change)
			}
		}
	}
	d.object(node, "step", fields{
		"name":      func(node *yaml.Node) { step.Name = d.text(node) },
		"wait":      func(node *yaml.Node) { step.Wait = d.duration(node) },
		"agreed_by": func(node *yaml.Node) { step.AgreedBy = d.texts(node) },
		"outcome":   func(node *yaml.Node) { step.Outcome = d.outcome(node) },
		"expect":    func(node *yaml.Node) { step.Expect = d.expect(node) },
		"change":    several("change"), "group": several("group"), "batch": several("batch"), "mode": several("mode"),
	})
	if len(d.problems) > 0 {
		return step
	}
	if how == "" {
		d.refuse(node, "the step has no change; write change, group (legs that land together), batch (several in one call), or mode")
		return step
	}
	if step.Switch != nil && (step.Expect != nil || step.AgreedBy != nil || step.Outcome != Applied) {
		d.refuse(node, "to switch a mode is answered nothing; expect what becomes of the changes after it")
	}
	for i := range step.Changes {
		change := &step.Changes[i]
		if how == "group" {
			change.change.AtomicGroupID = "group"
		}
		if step.Expect == nil && change.Expect == nil {
			d.refuse(node, "the step expects nothing; write expect: {verdict: ALLOW}, BLOCK or REQUIRE_APPROVAL")
			break
		}
		d.whole(change)
		if change.automation != step.Changes[0].automation {
			d.refuse(node, "the changes of one call come from one automation, and these from %s and %s", step.Changes[0].automation, change.automation)
			break
		}
	}
	return step
}

// mode is a scope and the mode that people switch it to.
func (d *decoder) mode(node *yaml.Node) *Switch {
	to := &Switch{}
	given := map[string]bool{}
	d.object(node, "mode", fields{
		"scope": func(node *yaml.Node) {
			var err error
			if to.Scope, err = ledger.ParseScope(d.text(node)); err != nil {
				d.refuse(node, "%v", err)
			}
			given["scope"] = true
		},
		"to": func(node *yaml.Node) {
			var err error
			if to.To, err = policy.ParseMode(d.text(node)); err != nil {
				d.refuse(node, "%v", err)
			}
			given["to"] = true
		},
	})
	if len(given) != 2 && len(d.problems) == 0 {
		d.refuse(node, "a mode has a scope, such as account/google_ads/example, and what it is switched to")
	}
	return to
}
