# METADATA
# title: Nothing reaches the holdout
# description: |
#   The control of a holdout test gets no ads, and that is what makes it a control. An edit that adds
#   its regions or its audience lists to where ads are shown, or takes them away, is refused while the
#   test is live, on whatever target it is; for which types of test is the table of edits
#   (data.contamination). What is allowed all the same is recorded for the analysis of the test.
#
#   An edit of targeting that does not say which regions or audiences it is about is judged by
#   experiment.freeze, and goes to people.
# custom:
#   id: experiment.holdout
#   owner: experimentation
#   optional: [data.automations]
#   overridable: emergency
#   source: >-
#     GeoLift: treatment and control markets must not mix; the table is Bidrail's own proposal
package bidrail.rules.experiment_holdout

import data.bidrail.lib.experiment

# What the change touches of the control of each test, with the answer to it.
touched contains {"test": test, "what": test.holdout_geos, "answer": experiment.geo_answer(test)} if {
	some test in experiment.held_out
	count(test.holdout_geos) > 0
}

touched contains {"test": test, "what": test.holdout_audiences, "answer": experiment.audience_answer(test)} if {
	some test in experiment.held_out
	count(test.holdout_audiences) > 0
}

# A type that the table does not know.
unknown contains test if {
	some test in experiment.held_out
	not experiment.geo_answer(test)
}

unknown contains test if {
	some test in experiment.held_out
	not experiment.audience_answer(test)
}

block contains finding if {
	some touch in touched
	not touch.answer in {"warn", "pass", "none"}
	not experiment.emergency
	finding := told(touch, "{what} is of the control of the test {test} ({state}), which gets no ads")
}

block contains finding if {
	some test in unknown
	not experiment.emergency
	finding := described(
		test,
		sort({each | some each in array.concat(test.holdout_geos, test.holdout_audiences)}),
		"{what} is of the control of the test {test} ({state}), whose type data.contamination does not know; ask {owner}",
	)
}

warn contains finding if {
	some touch in touched
	touch.answer == "warn"
	not experiment.emergency
	finding := told(touch, "{what} is of the control of the test {test}; note it for the analysis of {owner}")
}

warn contains finding if {
	experiment.emergency
	some touch in touched
	touch.answer != "none"
	finding := told(touch, "this emergency touches {what}, of the control of the test {test} of {owner}")
}

told(touch, message) := described(touch.test, touch.what, message)

described(test, what, message) := {
	"message": message,
	"observed": what,
	"what": what,
	"limit": test.id,
	"test": test.name,
	"owner": test.owner,
	"state": test.state,
	"contaminates": experiment.spoiled(test),
}
