# METADATA
# title: Facts that should be known
# description: |
#   A rise that is judged without what should be known is judged by less than its owners meant it to be. So while a fact
#   is too old, or one that data.facts expects was told by nobody, or only by the caller where it asks for a connector,
#   rises need a person, and are refused while the fact is one of data.freshness.blocking. Cuts pass with a warning.
#   One finding names all such facts. Heartbeats are left to governance.heartbeat. Names are no rises.
# custom:
#   id: governance.freshness
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   source: "Bidrail's own proposal; the age of each fact is in data.facts"
package bidrail.rules.governance_freshness

import data.bidrail.lib.change
import data.bidrail.lib.unknown

blocking := sort([fact.name |
	some fact in input.unknown
	fact.name in data.freshness.blocking
])

block contains finding if {
	change.may_rise
	count(blocking) > 0
	finding := object.union(
		described("{observed}: nothing is raised before {blocking} is known again; look after its connector"),
		{"blocking": blocking},
	)
}

approve contains finding if {
	change.may_rise
	count(blocking) == 0
	some finding in gaps
}

warn contains finding if {
	change.cut
	some finding in gaps
}

gaps contains finding if {
	count(unknown.facts) > 0
	finding := described("not known: {observed}; look after its connector, until then a person decides about rises")
}

described(message) := {
	"message": message,
	"observed": unknown.facts,
	"unknown": input.unknown,
}
