# METADATA
# title: Hands off a running test
# description: |
#   While a test is in its baseline, runs or cools down, the fields it holds still may not be edited
#   on its members. Which edit spoils which type of test is a table (data.contamination). Bids,
#   targets and strategies in a campaign test are left to experiment.arm_symmetry, which sees all
#   arms. A reduction in an emergency passes with a warning.
#
#   Not judged here: an automation that is itself under test and acts within its registered
#   envelope, the treatment of a scale test, and what touches a holdout's regions or audiences. A
#   change does not carry that.
# custom:
#   id: experiment.freeze
#   owner: experimentation
#   overridable: emergency
#   source: >-
#     Meta: all edits can affect accuracy; GeoLift: hold all other media constant; TikTok: avoid
#     changes; the table is Bidrail's own proposal
package bidrail.rules.experiment_freeze

import data.bidrail.lib.experiment

block contains finding if {
	some test in experiment.frozen
	not experiment.eased(test)
	not experiment.emergency
	finding := described(
		test,
		"the test {test} ({state}) holds {kind} still; when it ends, or {owner} stops it, send it with a new change_id",
	)
}

approve contains finding if {
	some test in experiment.frozen
	experiment.answer(test) == "approve"
	not experiment.emergency
	finding := described(test, "{kind} may disturb the test {test} ({state}); {owner} decides")
}

warn contains finding if {
	some test in experiment.frozen
	experiment.answer(test) == "warn"
	finding := described(test, "{kind} may blur the test {test} ({state}); note it for the analysis of {owner}")
}

warn contains finding if {
	experiment.emergency
	some test in experiment.frozen
	finding := described(test, "this emergency ({reason}) spoils the test {test}; tell {owner}, who can drop its days")
}

described(test, message) := object.union(edit, {
	"message": message,
	"limit": test.id,
	"test": test.name,
	"owner": test.owner,
	"state": test.state,
})

edit := {
	"observed": input.change.kind,
	"kind": input.change.kind,
	"reason": input.change.reason.code,
}
