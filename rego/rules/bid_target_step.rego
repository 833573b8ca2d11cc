# METADATA
# title: Step of a target
# description: |
#   A target CPA that rises and a target ROAS that falls let the strategy bid more, for everything it
#   bids on, so a large step towards risk needs a person. Without a target the strategy has no
#   bound, so setting the first and taking the last away need one too. From a target CPA of 0 every
#   rise is a large one. Each change is judged alone: small steps in a row are not added up.
# custom:
#   id: bid.target_step
#   owner: media-governance
#   kinds: [target_cpa, target_roas]
#   source: >-
#     20% is Bidrail's own proposal: practitioners advise up to 15% a week, Google says that changes
#     of targets do no harm
package bidrail.rules.bid_target_step

import data.bidrail.lib.change
import data.bidrail.lib.limit

name := {"target_cpa": "target CPA", "target_roas": "target ROAS"}

# How far the target goes towards risk: up for what an action may cost, down for what must come back.
step["target_cpa"] := change.move.to - change.move.from

step["target_roas"] := change.move.from - change.move.to

approve contains finding if {
	input.change.direction == "rise"
	step[input.change.kind] * limit.million > change.move.from * input.limits.bid.target_step.ppm
	finding := {
		"message": "the {target} goes from {before} to {observed}; more than {limit} towards higher bids needs a person",
		"observed": input.change.after,
		"target": name[input.change.kind],
		"before": input.change.before,
		"limit": input.limits.bid.target_step,
	}
}

approve contains finding if {
	input.change.direction == "unordered"
	finding := {
		"message": "the {target} goes from {before} to {observed}; without a target bids have no bound, a person has to look",
		"observed": input.change.after,
		"target": name[input.change.kind],
		"before": input.change.before,
	}
}
