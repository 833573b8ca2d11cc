package scenario

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bidrail/bidrail/policy"
)

func (d *decoder) outcome(node *yaml.Node) Outcome {
	at := slices.Index(outcomeNames, d.text(node))
	if at < 0 {
		d.refuse(node, "no outcome is called %q; they are %s", node.Value, strings.Join(outcomeNames, ", "))
		return Applied
	}
	return Outcome(at)
}

func (d *decoder) expect(node *yaml.Node) *Expectation {
	expect := &Expectation{Line: node.Line}
	var findings *yaml.Node
	d.object(node, "expect", fields{
		"verdict": func(node *yaml.Node) {
			if err := expect.Verdict.UnmarshalText([]byte(d.text(node))); err != nil || expect.Verdict == policy.VerdictNone {
				d.refuse(node, "no verdict is called %q; they are ALLOW, BLOCK and REQUIRE_APPROVAL", node.Value)
			}
		},
		"findings": func(node *yaml.Node) { findings = node },
		"not":      func(node *yaml.Node) { expect.Not = d.texts(node) },
	})
	if expect.Verdict == policy.VerdictNone && len(d.problems) == 0 {
		d.refuse(node, "expect has no verdict: ALLOW, BLOCK or REQUIRE_APPROVAL")
	}
	switch {
	case findings == nil:
	case findings.Kind != yaml.SequenceNode:
		d.refuse(findings, "findings is a list of ids of rules, such as [bid.step]")
	default:
		for _, each := range findings.Content {
			expect.Findings = append(expect.Findings, d.expected(each, expect.Verdict))
		}
	}
	return expect
}

// effectOf is the effect that alone would give the verdict.
var effectOf = map[policy.Verdict]policy.Effect{policy.Allow: policy.Warn, policy.RequireApproval: policy.Approve, policy.Block: policy.Blocks}

// expected is one finding: the id of a rule, whose effect is then that of the verdict, or an id and an effect.
func (d *decoder) expected(node *yaml.Node, verdict policy.Verdict) Expected {
	if node.Kind != yaml.MappingNode {
		return Expected{d.text(node), effectOf[verdict]}
	}
	finding := Expected{}
	d.members(node, func(rule string, _, value *yaml.Node) {
		finding.Rule = rule
		if err := finding.Effect.UnmarshalText([]byte(d.text(value))); err != nil || finding.Effect == policy.EffectNone {
			d.refuse(value, "no effect is called %q; they are block, approve and warn", value.Value)
		}
	})
	if len(node.Content) != 2 {
		d.refuse(node, "a finding is the id of a rule, or an id and an effect, such as bid.step: warn")
	}
	return finding
}
