# METADATA
# title: Rest after a change
# description: |
#   A field that has just changed rests before it is changed again: nobody has seen yet what the change
#   did, and a loop gone wrong is slow enough to be noticed. A rise needs a person, a cut passes with a
#   warning. How long is a limit; bids need no rest, since they are set all day and other rules hold
#   what many small steps add up to.
# custom:
#   id: cadence.cooldown
#   owner: media-governance
#   optional: [input.windows.field.last_change_age_s]
#   source: "MCP360: 5 minutes for a campaign; TikTok advises 2 days"
package bidrail.rules.cadence_cooldown

import data.bidrail.lib.change

approve contains finding if {
	change.may_rise
	some finding in restless
}

warn contains finding if {
	change.cut
	some finding in restless
}

restless contains finding if {
	input.windows.field.last_change_age_s < input.limits.cadence.cooldown.seconds
	finding := {
		"message": "{kind} of {target} changed {observed} ago and rests for {limit}; send a rise later, with a new change_id",
		"observed": {"seconds": input.windows.field.last_change_age_s},
		"limit": input.limits.cadence.cooldown,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

restless contains finding if {
	input.windows.field.month.count > 0
	input.limits.cadence.cooldown.seconds > 0
	not known_age
	finding := {
		"message": "{kind} of {target} has changed, and when is not known; send a rise after {limit}, with a new change_id",
		"observed": "unknown",
		"limit": input.limits.cadence.cooldown,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

# An age of zero is known too.
known_age if input.windows.field.last_change_age_s >= 0
