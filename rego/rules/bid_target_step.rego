# METADATA
# title: Step of a target
# description: |
#   A target CPA that rises and a target ROAS that falls let the strategy bid more, for everything it
#   bids on, so a large step towards risk needs a person. Without a target the strategy has no
#   bound, so setting the first and taking the last away need one too. From a target CPA of 0 every
#   rise is a large one. Small steps add up over a week: the new target is held against the one
#   furthest from risk that can have held when the week began.
# custom:
#   id: bid.target_step
#   owner: media-governance
#   kinds: [target_cpa, target_roas]
#   optional:
#     [
#       input.windows.field.week.start_low, input.windows.field.week.low,
#       input.windows.field.week.start_high, input.windows.field.week.peak,
#     ]
#   source: >-
#     20%, at once and in a week, is Bidrail's own proposal: practitioners advise up to 15% a week,
#     Google says that changes of targets do no harm
package bidrail.rules.bid_target_step

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.window

name := {"target_cpa": "target CPA", "target_roas": "target ROAS"}

# How far the target goes towards risk: up for what an action may cost, down for what must come back.
step["target_cpa"] := change.move.to - change.move.from

step["target_roas"] := change.move.from - change.move.to

# Where the week began, and how far it has gone from there with this change.
week_start["target_cpa"] := window.week_start_low

week_start["target_roas"] := window.week_start_high

week_step["target_cpa"] := change.move.to - week_start.target_cpa

week_step["target_roas"] := week_start.target_roas - change.move.to

approve contains finding if {
	input.change.direction == "rise"
	step[input.change.kind] * limit.million > change.move.from * input.limits.bid.target_step.ppm
	finding := {
		"message": "the {target} goes from {before} to {observed}; more than {limit} towards higher bids needs a person",
		"magnitude": step[input.change.kind],
		"observed": input.change.after,
		"target": name[input.change.kind],
		"before": input.change.before,
		"limit": input.limits.bid.target_step,
	}
}

# Where nothing else has changed in the week, what is said of the change alone is enough.
approve contains finding if {
	input.change.direction == "rise"
	week_start[input.change.kind] != change.move.from
	week_step[input.change.kind] * limit.million > week_start[input.change.kind] * input.limits.bid.target_step.ppm
	finding := {
		"message": "the {target} goes to {observed}, a week ago {start}; over {limit} towards higher bids needs a person",
		"magnitude": step[input.change.kind],
		"observed": input.change.after,
		"target": name[input.change.kind],
		"start": window.written(week_start[input.change.kind]),
		"limit": input.limits.bid.target_step,
	}
}

approve contains finding if {
	input.change.direction == "rise"
	not week_start[input.change.kind]
	finding := {
		"message": "what the {target} was a week ago is not known, so steps cannot be added up; a person has to look",
		"observed": input.change.after,
		"target": name[input.change.kind],
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
