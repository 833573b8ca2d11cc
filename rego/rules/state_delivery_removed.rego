# METADATA
# title: Delivery taken away
# description: |
#   How much of the account's delivery pauses and exclusions may take away within a month, this one
#   included: no single one of them looks like much, and together they stop an account. What a target
#   delivers is a fact; where nobody counts it this is nothing, and what was taken away before still
#   counts. Where it should be known and is not, or was told too long ago, a person is asked. What
#   turns something on again, or takes an exclusion back, passes, and gives nothing back: a campaign
#   that is paused every night counts every night. A stop in an emergency passes with a warning.
# custom:
#   id: state.delivery_removed
#   owner: media-governance
#   kinds: [status, targeting_exclusion, targeting]
#   optional: [input.facts.delivery_share, data.automations]
#   source: >-
#     mureo #544: exclusions over several sittings took two campaigns from 350,000 impressions a day to
#     none; 10% and 30% are Bidrail's own proposal
package bidrail.rules.state_delivery_removed

import data.bidrail.lib.experiment
import data.bidrail.lib.unknown

# A status that goes to neither on nor off, such as archived, delivers nothing any more.
takes_away if {
	input.change.direction in {"cut", "unordered"}
	input.change.after.type != "absent"
}

# Never below nothing, or a caller's word could pay for what was taken away before.
default share := 0

share := max([0, input.facts.delivery_share.ppm])

removed := input.windows.account.month.moved + share

block contains finding if {
	takes_away
	not experiment.emergency
	removed > input.limits.state.delivery_removed_block.ppm
	finding := described(
		input.limits.state.delivery_removed_block,
		"above {limit} it is done by hand",
	)
}

approve contains finding if {
	takes_away
	not experiment.emergency
	removed > input.limits.state.delivery_removed.ppm
	finding := object.union(
		{"magnitude": {"type": "ratio", "ppm": share}},
		described(
			input.limits.state.delivery_removed,
			"above {limit} a person decides",
		),
	)
}

# Unknown is not nothing.
approve contains finding if {
	takes_away
	not experiment.emergency
	some fact in input.unknown
	fact.name == "delivery_share"
	finding := {
		"message": "how much of the account's delivery {type} {target} has is not known: {unknown}; a person decides",
		"observed": input.change.after,
		"limit": input.limits.state.delivery_removed,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
		"unknown": unknown.described(fact),
	}
}

warn contains finding if {
	takes_away
	experiment.emergency
	removed > input.limits.state.delivery_removed.ppm
	finding := described(
		input.limits.state.delivery_removed,
		"that is above {limit}, and passes as an emergency",
	)
}

described(limit, answer) := {
	"message": sprintf("pauses and exclusions add up to {observed} of the account's delivery in a month; %s", [answer]),
	"observed": {"type": "ratio", "ppm": removed},
	"limit": limit,
}
