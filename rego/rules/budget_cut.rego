# METADATA
# title: Deep cut of a budget
# description: |
#   A deep cut stops delivery and restarts learning, so it is judged although it saves money: above
#   one percentage a person is asked, above another it is refused, each together with a sum. Below
#   the floor a budget buys too little to go on, and pausing would be the honest step.
# custom:
#   id: budget.cut
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   source: >-
#     Opus Growth ads-mcp: cuts beyond 80% refused, floor about 5 USD a day; 50% is Bidrail's own
#     proposal
package bidrail.rules.budget_cut

import data.bidrail.lib.change
import data.bidrail.lib.limit

# Whether the cut is large enough in money for its percentage to count.
weighty if limit.distance(change.move) > input.limits.budget.cut_amount.micros

block contains finding if {
	input.change.direction == "cut"
	limit.cuts_over(change.move, input.limits.budget.cut_block)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; a cut above {limit} and {amount} is refused, pause or go in steps",
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.budget.cut_block,
		"amount": input.limits.budget.cut_amount,
	}
}

approve contains finding if {
	input.change.direction == "cut"
	limit.cuts_over(change.move, input.limits.budget.cut)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; a cut above {limit} and {amount} needs a person",
		"magnitude": limit.distance(change.move),
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.budget.cut,
		"amount": input.limits.budget.cut_amount,
	}
}

# A rise that is still below the floor goes the right way.
approve contains finding if {
	input.change.direction in {"cut", "unordered"}
	limit.below(input.change.after, input.limits.budget.floor)
	finding := {
		"message": "the budget {observed} is below {limit}, too little to go on; to stop spending, pause instead",
		"observed": input.change.after,
		"limit": input.limits.budget.floor,
		"max_permitted": input.limits.budget.floor,
	}
}
