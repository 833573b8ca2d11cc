# METADATA
# title: One test at a time
# description: |
#   What is in two tests at once measures neither. A change that is made for one test (experiment_id), or
#   that starts, stops or splits one on the platform, is refused where its target is in another test that
#   is live or has its date. The registry refuses to register such tests; this rule sees what the platforms
#   and labels add.
# custom:
#   id: experiment.overlap
#   owner: experimentation
#   optional: [data.automations]
#   overridable: emergency
#   source: >-
#     Google takes a campaign into one experiment at a time; the rule is Bidrail's own proposal
package bidrail.rules.experiment_overlap

import data.bidrail.lib.experiment

states := experiment.live_states | {"scheduled"}

# The tests that the target is in, or will be.
held contains test if {
	some test in input.experiments
	test.relation == "member"
	test.state in states
}

# Made for one test, in another.
others contains test if {
	input.change.experiment_id != ""
	some test in held
	test.id != input.change.experiment_id
}

# Without a name it is of one of several.
others contains test if {
	input.change.experiment_id == ""
	input.change.kind == "experiment_control"
	count({test.id | some test in held}) > 1
	some test in held
}

block contains finding if {
	some test in others
	not experiment.emergency
	finding := {
		"message": "the target is in the test {test} of {owner} ({state}) already; what is in two tests measures neither",
		"observed": input.change.experiment_id,
		"limit": test.id,
		"test": test.name,
		"owner": test.owner,
		"state": test.state,
	}
}
