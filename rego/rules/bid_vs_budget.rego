# METADATA
# title: Bid against budget
# description: |
#   A bid above the day's budget buys at most one click. A budget of a few bids learns nothing. When
#   the daily budget is not known a rise passes with a warning, since most callers do not send it.
# custom:
#   id: bid.vs_budget
#   owner: media-governance
#   kinds: [bid, default_bid, target_cpa]
#   optional: [input.facts.daily_budget]
#   source: >-
#     TikTok's FAQ: a budget of at least 5 bids; third-party guides: 10 times the target CPA; Opus
#     Growth: below one click nothing is bought
package bidrail.rules.bid_vs_budget

import data.bidrail.lib.change

# The daily budget, where it is an amount in the currency of the bid.
budget := input.facts.daily_budget if {
	input.change.after.type == "money"
	input.facts.daily_budget.type == "money"
	input.facts.daily_budget.currency == input.change.after.currency
}

judged if budget

judged if input.facts.daily_budget.type == "unlimited"

block contains finding if {
	not change.cut
	input.change.after.type == "money"
	input.change.after.micros > budget.micros
	finding := {
		"message": "the bid {observed} is more than the whole daily budget {limit}",
		"observed": input.change.after,
		"limit": budget,
		"max_permitted": {"type": "money", "micros": budget.micros, "currency": budget.currency},
	}
}

# A cut that is still too high makes things better, not worse.
warn contains finding if {
	change.cut
	input.change.after.type == "money"
	input.change.after.micros > budget.micros
	finding := {
		"message": "the bid {observed} is still more than the whole daily budget {limit}",
		"observed": input.change.after,
		"limit": budget,
	}
}

warn contains finding if {
	input.change.after.type == "money"
	input.change.after.micros <= budget.micros
	input.change.after.micros * input.limits.bid.budget_multiple.count > budget.micros
	finding := {
		"message": "the daily budget {budget} pays for fewer than {count} times {observed}; raise it or lower the bid",
		"observed": input.change.after,
		"limit": input.limits.bid.budget_multiple,
		"budget": budget,
		"count": input.limits.bid.budget_multiple.count,
	}
}

warn contains finding if {
	change.may_rise
	input.change.after.type == "money"
	not judged
	finding := {
		"message": "the daily budget is not known, so the bid {observed} could not be compared with it",
		"observed": input.change.after,
		"limit": input.limits.bid.budget_multiple,
	}
}
