# METADATA
# title: The same change twice
# description: |
#   One call that sets the same field of the same target again is most often a loop gone wrong, and
#   two good steps in a row make one bad one. So is a field that changes many times within an hour,
#   over however many calls and whoever makes them: no rise passes then, and cuts with a warning.
# custom:
#   id: integrity.duplicate
#   owner: media-governance
#   cap: {scope: field, window: hour, measure: count, limit: integrity.hourly_changes}
#   source: "MCP360: loop bugs; Orova: the same recommendation applied four times"
package bidrail.rules.integrity_duplicate

import data.bidrail.lib.change

block contains finding if {
	input.batch.same_value > 0
	finding := {
		"message": "this call sets {kind} of {target} to {observed} already; send it once",
		"observed": input.change.after,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

block contains finding if {
	change.may_rise
	busy
	finding := hourly("{kind} of {target} changed {observed} times within an hour, {limit} are the most; stop the loop")
}

approve contains finding if {
	input.batch.same_field > input.limits.integrity.batch_repeats.count
	finding := {
		"message": "this call changes {kind} of {target} again, after {observed} before it; find out which value is meant",
		"observed": input.batch.same_field,
		"limit": input.limits.integrity.batch_repeats,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

warn contains finding if {
	change.cut
	busy
	finding := hourly("{kind} of {target} changed {observed} times within an hour before this cut; stop the loop")
}

busy if input.windows.field.hour.count >= input.limits.integrity.hourly_changes.count

hourly(message) := object.union(repetition, {"message": message})

repetition := {
	"observed": input.windows.field.hour.count,
	"limit": input.limits.integrity.hourly_changes,
	"kind": input.change.kind,
	"target": input.change.target.entity_id,
}
