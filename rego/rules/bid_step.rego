# METADATA
# title: Step of a bid
# description: |
#   How far a bid or a target CPA may move at once. A rise needs a person above one percentage and
#   is refused above another; a cut is only pointed out. Each percentage counts only together with
#   a sum, because a few cents are a large share of a small bid.
# custom:
#   id: bid.step
#   owner: media-governance
#   kinds: [bid, default_bid, bid_limit, target_cpa]
#   source: >-
#     30% is Bidrail's own proposal (three tools use 50%, one 100%); the pairing follows from
#     14,675 pairs of weekly spend, of which 30% rise by more than 30%
package bidrail.rules.bid_step

import data.bidrail.lib.change
import data.bidrail.lib.limit

# Whether the move is large enough in money for its percentage to count.
weighty if limit.distance(change.move) > input.limits.bid.step_amount.micros

block contains finding if {
	input.change.direction == "rise"
	limit.rises_over(change.move, input.limits.bid.step_block)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; above {limit} and {amount} a rise is refused, go in steps",
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.bid.step_block,
		"amount": input.limits.bid.step_amount,
	}
}

approve contains finding if {
	input.change.direction == "rise"
	limit.rises_over(change.move, input.limits.bid.step)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; above {limit} and {amount} a rise needs a person",
		"magnitude": input.change.after,
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.bid.step,
		"amount": input.limits.bid.step_amount,
	}
}

warn contains finding if {
	input.change.direction == "cut"
	limit.cuts_over(change.move, input.limits.bid.step_cut)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; a cut of more than {limit} may stop delivery",
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.bid.step_cut,
	}
}
