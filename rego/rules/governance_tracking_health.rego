# METADATA
# title: Conversions are recorded
# description: |
#   When conversions are no longer recorded, whatever bids by them bids blind: nothing is raised. When only some are
#   recorded, or the monitor says something that nobody knows, a person decides about rises. Cuts pass. Where no
#   monitor says anything this says nothing; governance.freshness speaks for what is expected. Names are no rises.
# custom:
#   id: governance.tracking_health
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   optional: [input.facts.tracking_status]
#   source: "Bidrail's own proposal"
package bidrail.rules.governance_tracking_health

import data.bidrail.lib.change

status := input.facts.tracking_status

block contains finding if {
	change.may_rise
	status.text == "down"
	finding := described("{source} says that no conversions are recorded; nothing is raised until they are, mend tracking")
}

approve contains finding if {
	change.may_rise
	status.type
	not status.text in {"ok", "down"}
	finding := described("{source} says that recording conversions is {observed}; look at tracking, a person decides")
}

described(message) := {
	"message": message,
	"observed": status,
	"source": status.source,
}
