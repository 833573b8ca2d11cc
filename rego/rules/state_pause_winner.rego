# METADATA
# title: Pausing what converts
# description: |
#   What brings conversions is not switched off by a program on its own: above a number of conversions in 30 days a
#   person is asked, and above another it is refused. Where the conversions should be known and are not, a person is
#   asked too: what was told too long ago may have been many. A stop in an emergency passes with a warning. Where
#   nobody counts conversions this says nothing.
# custom:
#   id: state.pause_winner
#   owner: media-governance
#   kinds: [status]
#   optional: [input.facts.conversions_30d, data.automations]
#   source: >-
#     Krapheno does not pause what has had more than 50 conversions; that a person is asked above 10, which Amazon's
#     rule-based bidding needs in 30 days, is Bidrail's own proposal
package bidrail.rules.state_pause_winner

import data.bidrail.lib.decimal
import data.bidrail.lib.experiment
import data.bidrail.lib.limit
import data.bidrail.lib.unknown

# A status that goes to neither on nor off, such as archived, brings no conversions any more.
stops if {
	input.change.direction in {"cut", "unordered"}
	input.change.after.type != "absent"
}

# In millionths, since conversions come in parts.
conversions := input.facts.conversions_30d.ppm

block contains finding if {
	stops
	not experiment.emergency
	conversions > input.limits.state.winner_conversions_block.count * limit.million
	finding := described(
		input.limits.state.winner_conversions_block,
		"above {limit} pause it by hand, or lower its bids or budget",
	)
}

approve contains finding if {
	stops
	not experiment.emergency
	conversions > input.limits.state.winner_conversions.count * limit.million
	finding := described(input.limits.state.winner_conversions, "above {limit} a person decides")
}

# Unknown is not few.
approve contains finding if {
	stops
	not experiment.emergency
	some fact in input.unknown
	fact.name == "conversions_30d"
	finding := {
		"message": "how many conversions {type} {target} has had is not known: {unknown}; a person decides",
		"observed": input.change.after,
		"limit": input.limits.state.winner_conversions,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
		"unknown": unknown.described(fact),
	}
}

warn contains finding if {
	experiment.emergency
	conversions > input.limits.state.winner_conversions.count * limit.million
	finding := described(
		input.limits.state.winner_conversions,
		"above {limit} a person would decide, and this passes as an emergency",
	)
}

described(most, advice) := object.union(winner, {
	"message": sprintf("{type} {target} had {conversions} conversions in 30 days; %s", [advice]),
	"limit": most,
})

winner := {
	"observed": input.change.after,
	"conversions": decimal.written(conversions),
	"type": input.change.target.entity_type,
	"target": input.change.target.entity_id,
	"source": input.facts.conversions_30d.source,
}
