# METADATA
# title: Much money at once
# description: |
#   Added spend from a sum on needs a person, whatever share of the budget it is.
# custom:
#   id: budget.approval_amount
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   source: "MCP360 asks above 5,000 USD"
package bidrail.rules.budget_approval_amount

approve contains finding if {
	input.change.after.type == "money"
	added := input.change.after.micros - before
	added >= input.limits.budget.approval_amount.micros
	finding := {
		"message": "the budget of {budget} adds {observed}; from {limit} on a person decides",
		"magnitude": added,
		"observed": {"type": "money", "micros": added, "currency": input.change.after.currency},
		"budget": input.change.after,
		"limit": input.limits.budget.approval_amount,
	}
}

# A first budget adds all of itself. One that comes down from unlimited adds nothing.
before := input.change.before.micros if {
	input.change.before.type == "money"
	input.change.before.currency == input.change.after.currency
}

before := 0 if input.change.before.type == "absent"
