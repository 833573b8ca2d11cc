# METADATA
# title: Signs of life
# description: |
#   An automation, or what reconciles the account with the platform, that has stopped cannot mend what it
#   did last. While a heartbeat that should be known is not, or says no, nothing is raised. Cuts pass.
#   Whoever wants this lists the heartbeats under expected in data.facts, or has them told: one that was
#   told once and is too old counts too. Names are no rises.
# custom:
#   id: governance.heartbeat
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   optional: [input.facts.automation_heartbeat, input.facts.reconciler_heartbeat]
#   source: "AdRails; a script of crealytics, 2015"
package bidrail.rules.governance_heartbeat

import data.bidrail.lib.change
import data.bidrail.lib.unknown

beats["automation_heartbeat"] := input.facts.automation_heartbeat

beats["reconciler_heartbeat"] := input.facts.reconciler_heartbeat

whose := {"automation_heartbeat": "the automation", "reconciler_heartbeat": "the reconciler"}

block contains finding if {
	change.may_rise
	some fact in input.unknown
	fact.name in unknown.heartbeats
	finding := described(
		fact.name, unknown.described(fact),
		"no sign of life from {who}: {observed}; nothing is raised until there is one, see whether it runs",
	)
}

block contains finding if {
	change.may_rise
	some name, beat in beats
	not beat.flag == true
	finding := described(
		name, beat,
		"{source} says that {who} is not alive; nothing is raised until it is, see why it stopped",
	)
}

described(name, observed, message) := {
	"message": message,
	"observed": observed,
	"who": whose[name],
	"source": object.get(beats, [name, "source"], "nobody"),
}
