# METADATA
# title: What a person paused stays paused
# description: |
#   Whoever paused something by hand knew why, and a program does not. So what a person paused is enabled only after a
#   person has agreed; so is what was paused by somebody nobody can name. What automations or the platform paused may be
#   enabled. Where nobody knows who paused it this says nothing; governance.freshness speaks for what is expected.
# custom:
#   id: state.reenable
#   owner: media-governance
#   kinds: [status]
#   optional: [input.facts.paused_by]
#   source: "Bidrail's own proposal"
package bidrail.rules.state_reenable

import data.bidrail.lib.change

paused_by := input.facts.paused_by

# Not a person's work, in the words of the fact.
by_machine if paused_by.text in {"automation", "platform"}

approve contains finding if {
	change.may_rise
	paused_by.type
	not by_machine
	finding := {
		"message": "{type} {target} was paused by {who} and goes to {observed}; ask why it was paused, a person decides",
		"observed": input.change.after,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
		"who": paused_by,
		"source": paused_by.source,
	}
}
