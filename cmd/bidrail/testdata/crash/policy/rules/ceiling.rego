# METADATA
# title: Ceiling
# description: No bid above five dollars.
# custom: {id: crash.ceiling, owner: tests, kinds: [bid], source: test}
package bidrail.rules.ceiling

block contains finding if {
	input.change.after.micros > input.limits.bid.ceiling.micros
	finding := {
		"message": "{observed} is above {limit}",
		"observed": input.change.after,
		"limit": input.limits.bid.ceiling,
	}
}
