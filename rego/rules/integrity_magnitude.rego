# METADATA
# title: Ten times as much
# description: |
#   A value that grows or shrinks by a large factor needs a person, however small it is. It almost
#   never happens on purpose: among large advertisers one week in five hundred. Where no bid modifier
#   is set, it counts as 100%.
# custom:
#   id: integrity.magnitude
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget,
#     ]
#   source: >-
#     MCP360: 10x; mureo #277; weekly political-ads spend: 0.2% of large advertisers' weeks rise
#     by 10x
package bidrail.rules.integrity_magnitude

import data.bidrail.lib.change
import data.bidrail.lib.limit

approve contains finding if {
	limit.multiplies_by(change.move, input.limits.integrity.magnitude_factor)
	finding := {
		"message": "{after} is at least {factor} times the present {before}; make sure that it is meant",
		"observed": input.change.after,
		"before": change.before,
		"after": change.after,
		"limit": input.limits.integrity.magnitude_factor,
		"factor": input.limits.integrity.magnitude_factor.count,
	}
}

approve contains finding if {
	limit.divides_by(change.move, input.limits.integrity.magnitude_factor)
	finding := {
		"message": "the present {before} is at least {factor} times {after}; make sure that so deep a cut is meant",
		"observed": input.change.after,
		"before": change.before,
		"after": change.after,
		"limit": input.limits.integrity.magnitude_factor,
		"factor": input.limits.integrity.magnitude_factor.count,
	}
}
