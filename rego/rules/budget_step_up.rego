# METADATA
# title: Rise of a budget
# description: |
#   How far a budget may rise at once: above one percentage a person is asked, above another it is
#   refused. Each counts only together with a sum, or approvers would be asked about three changes
#   in ten.
# custom:
#   id: budget.step_up
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   source: >-
#     Krapheno holds rises above 30%; Caybl and Jiyu refuse more than double; the pairing with a
#     sum is Bidrail's own proposal
package bidrail.rules.budget_step_up

import data.bidrail.lib.change
import data.bidrail.lib.limit

# Whether the rise is large enough in money for its percentage to count.
weighty if limit.distance(change.move) > input.limits.budget.step_up_amount.micros

block contains finding if {
	input.change.direction == "rise"
	limit.rises_over(change.move, input.limits.budget.step_up_block)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; above {limit} and {amount} a rise is refused, go in steps",
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.budget.step_up_block,
		"amount": input.limits.budget.step_up_amount,
	}
}

approve contains finding if {
	input.change.direction == "rise"
	limit.rises_over(change.move, input.limits.budget.step_up)
	weighty
	finding := {
		"message": "{before} to {observed} is {move}; above {limit} and {amount} a rise needs a person",
		"magnitude": limit.distance(change.move),
		"observed": input.change.after,
		"before": input.change.before,
		"move": change.move,
		"limit": input.limits.budget.step_up,
		"amount": input.limits.budget.step_up_amount,
	}
}
