# METADATA
# title: Not judged by content
# description: |
#   Some fields can change what is bought and how fast, but no rule here reads what they would say:
#   which strategy bids, which days a flight runs, whom a campaign leaves out. A change of one of them
#   goes to a person, whatever it says and whichever way it goes. Only one that changes nothing
#   passes.
# custom:
#   id: state.unjudged
#   owner: media-governance
#   kinds:
#     [
#       bid_strategy, budget_type, budget_rule, pacing, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal,
#     ]
#   source: >-
#     Bidrail's own proposal; the catalogue's own rules for these kinds take its place one by one
package bidrail.rules.state_unjudged

approve contains finding if {
	not input.change.direction == "same"
	finding := {
		"message": "the {field} of {type} {target} goes from {before} to {observed}; no rule judges that, a person must look",
		"observed": input.change.after,
		"before": input.change.before,
		"field": replace(input.change.kind, "_", " "),
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}
