# METADATA
# title: Pacing against the plan
# description: |
#   What the period will have cost at its end, held against its plan: at the present pace, which a connector may
#   know, and by the new budget on the days that are left. Where either is too far above, a rise is pointed out,
#   and further above it needs a person. Where either is too far below, a cut is pointed out, since it leaves more
#   of the plan unspent; it passes. Where no plan is known, or nothing to project from, this says nothing.
# custom:
#   id: budget.pacing
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   optional:
#     [
#       input.facts.projected_spend, input.facts.period_spend, input.facts.period_plan,
#       input.facts.period_days_left,
#     ]
#   source: "10% and 20% are Bidrail's own proposal; what is projected follows Google's formula"
package bidrail.rules.budget_pacing

import data.bidrail.lib.change
import data.bidrail.lib.exposure
import data.bidrail.lib.limit
import data.bidrail.lib.window

# What the period will have cost, in millionths of a micro.
projections contains exposure.projected

projections contains input.facts.projected_spend.micros * limit.million if {
	window.comparable(input.facts.projected_spend)
}

approve contains finding if {
	change.may_rise
	above(input.limits.budget.pacing_approval)
	finding := object.union(
		{"magnitude": window.added},
		described(
			input.limits.budget.pacing_approval,
			"the period is on its way above {limit} of its plan, {plan}, and {observed} a day adds to it; a person decides",
		),
	)
}

warn contains finding if {
	change.may_rise
	above(input.limits.budget.pacing)
	not above(input.limits.budget.pacing_approval)
	finding := described(
		input.limits.budget.pacing,
		"the period is on its way above {limit} of its plan, {plan}, and {observed} a day adds to it",
	)
}

warn contains finding if {
	change.cut
	below(input.limits.budget.pacing_under)
	finding := described(
		input.limits.budget.pacing_under,
		"the period is on its way below {limit} of its plan, {plan}, and {observed} a day leaves more of it unspent",
	)
}

above(share) if {
	some projection in projections
	projection > exposure.plan.micros * share.ppm
}

below(share) if {
	some projection in projections
	projection < exposure.plan.micros * share.ppm
}

described(share, message) := {
	"message": message,
	"observed": input.change.after,
	"limit": share,
	"plan": exposure.plan,
}
