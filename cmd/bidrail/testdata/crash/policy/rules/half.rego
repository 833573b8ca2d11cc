# METADATA
# title: Half
# description: >-
#   A person looks at cuts to less than half. What they agree to is that the bids of the campaign have moved so far in a day,
#   in steps of two dollars; where they have moved further, somebody looks again.
# custom: {id: crash.half, owner: tests, kinds: [bid], source: test}
package bidrail.rules.half

approve contains finding if {
	input.change.after.micros * 2 < input.change.before.micros
	moved := input.windows.campaign.day.moved
	finding := {
		"message": "{before} to {observed} needs a person",
		"magnitude": {"type": "money", "micros": moved - (moved % 2000000), "currency": "USD"},
		"before": input.change.before,
		"observed": input.change.after,
	}
}

# What people have agreed to is blocked at times when it is to be made.
block contains finding if {
	input.change.after.micros * 2 < input.change.before.micros
	input.windows.campaign.day.moved % 2000000 > 1700000
	finding := {
		"message": "{observed} is not for now",
		"observed": input.change.after,
	}
}
