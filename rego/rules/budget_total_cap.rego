# METADATA
# title: All budgets of an account together
# description: |
#   What all active daily budgets of the account add up to, as last read, with what was raised since
#   then and this rise, may not be above the cap. Cuts do not count against rises: they may be older
#   than what was read, and be in it already. So where budgets are paced up and down all day, read the
#   sum every hour. What was read more than a day ago needs a person. Where nobody reads the sum this
#   says nothing. A cut is never held up, and a transfer's rise is judged as if it stood alone.
# custom:
#   id: budget.total_cap
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   optional: [input.facts.account_daily_budget]
#   source: "mureo: max_total_daily_budget"
package bidrail.rules.budget_total_cap

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.window

# How far back the windows reach, in seconds, by their names.
hour := 3600

day := 86400

read := input.facts.account_daily_budget if window.comparable(input.facts.account_daily_budget)

# What was raised since the sum was read, or more. Of one that is older than a day there may be more
# still: a person looks at that anyway.
raised := input.windows.account.hour.raised if within_hour

raised := input.windows.account.day.raised if not within_hour

within_hour if read.age_s <= hour

block contains finding if {
	change.may_rise
	total := window.with_own(read.micros + raised)
	limit.above(total, input.limits.budget.total_cap)
	finding := {
		"message": "the account's budgets may be {observed}, above {limit}; read them, then send it with a new change_id",
		"observed": total,
		"limit": input.limits.budget.total_cap,
	}
}

approve contains finding if {
	change.may_rise
	input.facts.account_daily_budget
	not fresh
	finding := {
		"message": "the account's budgets, {observed}, were not read within a day, or do not compare; a person decides",
		"observed": input.facts.account_daily_budget,
		"limit": input.limits.budget.total_cap,
	}
}

fresh if read.age_s <= day
