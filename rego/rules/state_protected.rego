# METADATA
# title: Protected
# description: |
#   What is protected, such as brand campaigns or legal notices, is changed by hand and not by
#   automations, reductions included: a brand campaign that stops is worth more than it saves. A
#   limit protects a target, and so does a label, whatever it says, unless it says no.
# custom:
#   id: state.protected
#   owner: media-governance
#   source: "AdsPlane: protected entities"
package bidrail.rules.state_protected

unprotected := {"", "no", "false", "0"}

block contains finding if {
	input.limits.state.protected.flag
	finding := {
		"message": "{type} {target} is protected; it is changed by hand only",
		"observed": input.change.kind,
		"limit": input.limits.state.protected,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}

block contains finding if {
	label := input.change.target.labels.protected
	not lower(trim_space(label)) in unprotected
	finding := {
		"message": "{type} {target} carries the label protected ({label}); it is changed by hand only",
		"observed": input.change.kind,
		"limit": label,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
		"label": label,
	}
}
