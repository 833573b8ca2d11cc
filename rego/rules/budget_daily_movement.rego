# METADATA
# title: Movement of an account's budgets in a day
# description: |
#   How much the daily budgets of an account may move in a day, up and down added up, this change
#   included. Above that a person looks before anything else is raised; cuts pass with a warning. One
#   budget that swings all day counts each time it does. The limit is a sum; a share of the account's
#   budget is left out, since no connector sums that up for every account yet.
# custom:
#   id: budget.daily_movement
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   cap: {scope: account, window: day, measure: moved, limit: budget.daily_movement}
#   undetermined: approve
#   source: "MCP360: 10,000 USD a day"
package bidrail.rules.budget_daily_movement

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.window

# What the account's daily budgets have moved with this change.
moved := window.with_own(input.windows.account.day.moved)

approve contains finding if {
	change.may_rise
	limit.above(moved, input.limits.budget.daily_movement)
	finding := object.union(
		{"magnitude": window.added},
		described("ask a person, or wait and send it with a new change_id"),
	)
}

warn contains finding if {
	change.cut
	limit.above(moved, input.limits.budget.daily_movement)
	finding := described("find out what moves them")
}

described(advice) := {
	"message": sprintf("the account's budgets move {observed} in a day, above {limit}; %s", [advice]),
	"observed": moved,
	"limit": input.limits.budget.daily_movement,
}
