# METADATA
# title: The same change twice
# description: |
#   One call that sets the same field of the same target again is most often a loop gone wrong, and
#   two good steps in a row make one bad one. Repeats over several calls are judged where changes
#   are summed up over time.
# custom:
#   id: integrity.duplicate
#   owner: media-governance
#   source: "MCP360: loop bugs; Orova: the same recommendation applied four times"
package bidrail.rules.integrity_duplicate

block contains finding if {
	input.batch.same_value > 0
	finding := {
		"message": "this call sets {kind} of {target} to {observed} already; send it once",
		"observed": input.change.after,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}

approve contains finding if {
	input.batch.same_field > input.limits.integrity.batch_repeats.count
	finding := {
		"message": "this call changed {kind} of {target} {observed} times already; find out which value is meant",
		"observed": input.batch.same_field,
		"limit": input.limits.integrity.batch_repeats,
		"kind": input.change.kind,
		"target": input.change.target.entity_id,
	}
}
