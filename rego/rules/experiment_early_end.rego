# METADATA
# title: A test runs its time
# description: |
#   Ending a test, moving its dates or its split before it has run for 15 days and one purchase cycle,
#   whichever is longer, proves nothing: who stops when the result looks good finds good results. Whether
#   or not the test holds the field still otherwise. It is ended early by aborting it in the registry,
#   which says so, or by a stop in an emergency.
# custom:
#   id: experiment.early_end
#   owner: experimentation
#   optional: [data.automations]
#   overridable: emergency
#   kinds: [experiment_control, flight_dates]
#   source: >-
#     GeoLift asks for at least 15 days, TikTok for 7 to 30, Mortar for 14 to 21; covering one purchase
#     cycle is GeoLift's advice too
package bidrail.rules.experiment_early_end

import data.bidrail.lib.experiment

block contains finding if {
	input.change.kind in data.contamination.ending_kinds
	not experiment.emergency
	some test in experiment.members
	input.now < test.minimum_ends
	finding := {
		"message": "the test {test} ({state}) has to run until {until} to prove anything; {owner} can abort it instead",
		"observed": input.change.kind,
		"until": sprintf("%d-%02d-%02d UTC", time.date(test.minimum_ends)),
		"limit": test.id,
		"test": test.name,
		"owner": test.owner,
		"state": test.state,
		"contaminates": experiment.spoiled(test),
	}
}
