# METADATA
# title: The type of a budget
# description: |
#   A budget counts for a day, a month or a lifetime. To switch that is to spend on another scale, and platforms
#   forbid it or read the old amount anew, so it is done by hand. A change of a daily budget is refused where the
#   budget is known to count otherwise, and so is an amount that looks like a month's where a day's was, or the
#   other way around: about 30 times as much, or a thirtieth. The words of platforms, and how long a month is, are
#   data (data.budgets). Setting the first type needs a person.
# custom:
#   id: integrity.budget_type
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, budget_type]
#   optional: [input.facts.budget_type]
#   source: >-
#     MCP360 lists switched budgets; TikTok forbids switching; Naver #732: an update dropped the daily lock; Google
#     help 10487143 reckons a month as 30.4 days
package bidrail.rules.integrity_budget_type

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.strategy

# For which period a budget of this kind is.
periods := {"daily_budget": "daily", "monthly_budget": "monthly", "lifetime_budget": "lifetime"}

# What a word of the platform says, as one of those.
said(text) := period if {
	some period, words in data.budgets.types
	strategy.word(text) in words
}

block contains finding if {
	input.change.kind == "budget_type"
	input.change.before.type == "text"
	not same_period
	finding := {
		"message": "the budget would go from {before} to {observed}, and its amount would count anew; make a new one by hand",
		"observed": input.change.after,
		"before": input.change.before,
	}
}

block contains finding if {
	input.change.kind != "budget_type"
	told
	counts := said(input.facts.budget_type.text)
	counts != periods[input.change.kind]
	finding := {
		"message": "the budget is {counts}, and {observed} would be {sent}; read it again and send the kind that it is",
		"observed": input.change.after,
		"counts": counts,
		"sent": periods[input.change.kind],
		"limit": input.facts.budget_type,
	}
}

block contains finding if {
	months(change.move.from, change.move.to)
	finding := {
		"message": "{before} to {observed} is what a month is to a day; were days and months mixed up?",
		"observed": input.change.after,
		"before": input.change.before,
		"limit": input.limits.integrity.unit_slip_tolerance,
		"source": data.budgets.month.source,
	}
}

block contains finding if {
	months(change.move.to, change.move.from)
	finding := {
		"message": "{before} to {observed} is what a day is to a month; were days and months mixed up?",
		"observed": input.change.after,
		"before": input.change.before,
		"limit": input.limits.integrity.unit_slip_tolerance,
		"source": data.budgets.month.source,
	}
}

approve contains finding if {
	input.change.kind == "budget_type"
	input.change.before.type == "absent"
	not input.change.direction == "same"
	finding := {
		"message": "the budget is to count as {observed}, and nobody says how it has counted; a person has to look",
		"observed": input.change.after,
	}
}

approve contains finding if {
	change.may_rise
	input.change.kind != "budget_type"
	told
	not said(input.facts.budget_type.text)
	finding := {
		"message": "how a budget of type {type} counts is not known, so {observed} may be wrong; add the word to budgets",
		"observed": input.change.after,
		"type": input.facts.budget_type.text,
	}
}

same_period if input.change.direction == "same"

same_period if {
	input.change.after.type == "text"
	said(input.change.before.text) == said(input.change.after.text)
}

told if input.facts.budget_type.type == "text"

# The larger amount is a month of the smaller one, of whatever length, within the tolerance.
months(day, month) if {
	input.change.kind in {"daily_budget", "monthly_budget"}
	day > 0
	tolerance := input.limits.integrity.unit_slip_tolerance.ppm
	month * limit.million >= (day * data.budgets.month.shortest) * (limit.million - tolerance)
	month * limit.million <= (day * data.budgets.month.longest) * (limit.million + tolerance)
}
