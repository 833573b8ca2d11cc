# METADATA
# title: Not judged by content
# description: |
#   Some fields can change what is bought and how fast, but no rule here reads what they would say:
#   which rule sets a budget, how it is paced, whom a campaign leaves out. A change of one of them
#   goes to a person, whatever it says and whichever way it goes. Only one that changes nothing
#   passes. Strategies, types of budgets and flight dates have rules of their own:
#   state.strategy_change, integrity.budget_type and calendar.flight.
#
#   A status is judged where it is known to go from on to off or back, and not in other words.
# custom:
#   id: state.unjudged
#   owner: media-governance
#   kinds:
#     [
#       budget_rule, pacing, experiment_control, targeting_exclusion, targeting, conversion_goal,
#       status,
#     ]
#   source: >-
#     Bidrail's own proposal; the catalogue's own rules for these kinds take its place one by one
package bidrail.rules.state_unjudged

approve contains finding if {
	unjudged
	finding := {
		"message": "the {field} of {type} {target} goes from {before} to {observed}; no rule judges that, a person must look",
		"observed": input.change.after,
		"before": input.change.before,
		"field": input.change.kind,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}

unjudged if {
	input.change.kind != "status"
	not input.change.direction == "same"
}

unjudged if {
	input.change.kind == "status"
	input.change.direction == "unordered"
}
