# METADATA
# title: What the period can cost
# description: |
#   What has been spent in the planned period and what the new budget adds on the days that are left is
#   held against what the plan allows. Where no plan is known this says nothing. Where there is one from a
#   connector, the spend and the days come from a connector too: otherwise a person looks, since a
#   caller's word would let it spend more. A cut is never held up.
# custom:
#   id: budget.exposure_period
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   optional: [input.facts.period_spend, input.facts.period_plan, input.facts.period_days_left]
#   overridable: emergency
#   source: >-
#     Google: after a change, spend so far and the new budget times the days left; 100% and 110% are
#     Bidrail's own proposal
package bidrail.rules.budget_exposure_period

import data.bidrail.lib.change
import data.bidrail.lib.exposure

block contains finding if {
	change.may_rise
	exposure.projected > exposure.plan.micros * input.limits.budget.exposure_period_block.ppm
	finding := described(
		input.limits.budget.exposure_period_block,
		"{spent} is spent, and {observed} a day would pass {limit} of the plan, {plan}; ask for less",
	)
}

approve contains finding if {
	change.may_rise
	exposure.projected > exposure.plan.micros * input.limits.budget.exposure_period.ppm
	finding := object.union(
		{"magnitude": input.change.after},
		described(
			input.limits.budget.exposure_period,
			"{spent} is spent, and {observed} a day would pass {limit} of the plan, {plan}; a person decides",
		),
	)
}

approve contains finding if {
	change.may_rise
	input.facts.period_plan.caller == false
	not vouched
	finding := {
		"message": "of a plan of {limit} no connector says what is spent and how many days are left; a person decides",
		"observed": input.change.after,
		"limit": input.facts.period_plan,
	}
}

# All of it can be projected, and not from a caller's word.
vouched if {
	exposure.plan
	exposure.spent.caller == false
	exposure.days_left.caller == false
}

described(share, message) := object.union(projection, {"message": message, "limit": share})

projection := {
	"observed": input.change.after,
	"spent": exposure.spent,
	"plan": exposure.plan,
}
