# METADATA
# title: Budget cap
# description: |
#   A budget may not be set above the cap that holds for its target, not even on the way down: what
#   it was before is the caller's word, and this is the limit that rests on nobody's word.
# custom:
#   id: budget.cap
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   source: "wvuhskr/mcp-google-ads-safe ships 1,000 a day; others 50, 500 and 10,000"
package bidrail.rules.budget_cap

import data.bidrail.lib.limit

block contains finding if {
	cap := input.limits.budget.cap
	limit.above(input.change.after, cap)
	finding := {
		"message": "the budget {observed} is above its cap {limit}",
		"observed": input.change.after,
		"limit": cap,
		"max_permitted": cap,
	}
}
