# METADATA
# title: Changes that no decision accounts for
# description: |
#   When somebody else changes the account, what is known of it may be wrong, and what programs raise on top of that is
#   anybody's guess. While more changes of the account than a few are matched with no decision, rises need a person.
#   Cuts pass. Where no reconciler counts them this says nothing; governance.freshness speaks for what is expected.
#   Names are no rises.
# custom:
#   id: governance.unreconciled
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   optional: [input.facts.unreconciled_changes]
#   source: "Bidrail's own proposal"
package bidrail.rules.governance_unreconciled

import data.bidrail.lib.change
import data.bidrail.lib.decimal
import data.bidrail.lib.limit

changes := input.facts.unreconciled_changes

approve contains finding if {
	change.may_rise
	changes.ppm > input.limits.governance.unreconciled.count * limit.million
	finding := {
		"message": "no decision accounts for {observed} changes in account {account}, {limit} may be; find out who made them",
		"observed": decimal.written(changes.ppm),
		"limit": input.limits.governance.unreconciled,
		"account": input.change.target.account,
		"source": changes.source,
	}
}
