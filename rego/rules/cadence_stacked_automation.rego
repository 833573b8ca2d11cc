# METADATA
# title: Two automations on one field
# description: |
#   What two programs set, each undoes for the other, and what they add may pile up. Where another registered
#   automation owns the field (data.automations), or rules of the platform move it by themselves, a rise needs a
#   person; a cut passes with a warning. People count as others too: an automation would undo what they set.
#   Where nobody says what rules the platform has, only the register counts.
# custom:
#   id: cadence.stacked_automation
#   owner: media-governance
#   optional: [input.facts.platform_rules]
#   source: "Amazon: budget rules add to the budget and to each other, up to 250 per campaign"
package bidrail.rules.cadence_stacked_automation

import data.bidrail.lib.change

approve contains finding if {
	change.may_rise
	some finding in stacked
}

warn contains finding if {
	change.cut
	some finding in stacked
}

stacked contains finding if {
	some subject, automation in data.automations
	subject != input.actor.subject
	some owned in object.get(automation, "owns", [])
	holds(owned)
	finding := {
		"message": "{kind} of {target} is set by {limit}, which would undo it; change it there, or agree with its owner",
		"observed": input.actor.subject,
		"limit": subject,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

stacked contains finding if {
	input.facts.platform_rules.type == "flag"
	input.facts.platform_rules.flag
	finding := {
		"message": "rules of {limit} change {kind} of {target} by themselves, on top of {observed}; switch them off first",
		"observed": input.change.after,
		"limit": input.change.target.platform,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

holds(owned) if {
	input.change.kind in owned.kinds
	object.get(owned, "platform", input.change.target.platform) == input.change.target.platform
	object.get(owned, "account", input.change.target.account) == input.change.target.account
	object.subset(input.change.target.labels, object.get(owned, "labels", {}))
}
