# METADATA
# title: What was billed and what was reported
# description: |
#   When the account is billed something else than what was reported, either way, what programs steer by is not what is
#   paid. Above one share that is pointed out, and above another rises need a person. Cuts pass with the warning. Where
#   nobody compares invoices this says nothing; governance.freshness speaks for what is expected. Names are no rises.
# custom:
#   id: governance.invoice_variance
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   optional: [input.facts.invoice_variance]
#   source: "2% and 5% are Bidrail's own proposal; nobody has published a number"
package bidrail.rules.governance_invoice_variance

import data.bidrail.lib.change

variance := abs(input.facts.invoice_variance.ppm)

approve contains finding if {
	change.may_rise
	variance > input.limits.governance.invoice_variance_approve.ppm
	finding := described(
		input.limits.governance.invoice_variance_approve,
		"above {limit} a person decides about rises",
	)
}

warn contains finding if {
	not input.change.direction == "same"
	variance > input.limits.governance.invoice_variance.ppm
	finding := described(
		input.limits.governance.invoice_variance,
		"more than {limit} is worth a look at the invoices",
	)
}

described(share, advice) := object.union(billed, {
	"message": sprintf("account {account} was billed {observed} differently from what was reported; %s", [advice]),
	"limit": share,
})

billed := {
	"observed": {"type": "ratio", "ppm": variance},
	"account": input.change.target.account,
	"source": input.facts.invoice_variance.source,
}
