# METADATA
# title: Hands off a running test
# description: |
#   While a test is in its baseline, runs or cools down, the fields it holds still may not be edited
#   on its members, and not freely near it. Which edit spoils which type of test is a table
#   (data.contamination). A reduction in an emergency passes with a warning.
#
#   Other rules answer for a part of it: experiment.arm_symmetry for bids, targets and strategies of
#   campaign tests, since it sees all arms; experiment.holdout for regions and audiences of the control.
#   What is within the envelope that the test was registered with passes in the arms that are not the
#   control: it is what is tried out. Where a target shares regions with a test, its part of their spend
#   decides; where nobody knows that part, a person does.
#
#   The owner of the test is among those who are asked, as a group of people/data.yaml. What is allowed
#   all the same is recorded for the analysis of the test.
# custom:
#   id: experiment.freeze
#   owner: experimentation
#   overridable: emergency
#   optional: [input.facts.test_geo_spend_share, data.automations]
#   source: >-
#     Meta: all edits can affect accuracy; GeoLift: hold all other media constant; TikTok: avoid
#     changes; the table is Bidrail's own proposal
package bidrail.rules.experiment_freeze

import data.bidrail.lib.experiment

# The tests that this rule answers for.
tests contains test if {
	some test in experiment.frozen
	not experiment.answer(test) == "symmetry"
	not experiment.left_to_holdout(test)
	not experiment.treated(test)
}

# What it answers.
effect(test) := answer if {
	answer := experiment.answer(test)
	answer in {"approve", "warn", "pass"}
}

effect(test) := "pass" if {
	experiment.answer(test) == "base"
	experiment.on_base(test)
}

effect(test) := answer if {
	experiment.answer(test) == "base"
	not experiment.on_base(test)
	experiment.together(test)
	answer := experiment.together_answer(test)
}

effect(test) := "pass" if {
	experiment.answer(test) == "share"
	small
}

effect(test) := "approve" if {
	experiment.answer(test) == "share"
	not small
}

small if input.facts.test_geo_spend_share.ppm <= input.limits.experiment.reach_share.ppm

# Whatever has no answer that lets it pass in some form is refused, an edit that the table does not
# know included.
block contains finding if {
	some test in tests
	not effect(test) in {"approve", "warn", "pass"}
	not experiment.emergency
	finding := described(
		test,
		"the test {test} ({state}) holds {kind} still; when it ends, or {owner} stops it, send it with a new change_id",
	)
}

approve contains finding if {
	some test in tests
	effect(test) == "approve"
	not experiment.emergency
	finding := asking(test, "{kind} may disturb the test {test} ({state}): the target {place}; {owner} decides")
}

# A promo shifts what the test compares, whatever is edited for it.
approve contains finding if {
	some test in promoted
	data.contamination.effects.promo[experiment.column(test)] == "approve"
	not experiment.emergency
	finding := asking(test, "a promo or a season shifts what the test {test} ({state}) measures; {owner} decides")
}

warn contains finding if {
	some test in tests
	effect(test) == "warn"
	not experiment.emergency
	finding := described(test, "{kind} may blur the test {test} ({state}); note it for the analysis of {owner}")
}

warn contains finding if {
	some test in promoted
	data.contamination.effects.promo[experiment.column(test)] == "warn"
	not experiment.emergency
	finding := described(test, "a promo or a season overlaps the test {test}; note it for the analysis of {owner}")
}

warn contains finding if {
	experiment.emergency
	some test in experiment.frozen
	not experiment.treated(test)
	not experiment.left_to_holdout(test)
	not experiment.aborts(test)
	not effect(test) == "pass"
	finding := described(test, "this emergency ({reason}) spoils the test {test}; {owner} can drop its days")
}

warn contains finding if {
	some test in experiment.members
	experiment.aborts(test)
	finding := described(test, "this emergency ({reason}) ends the test {test} of {owner}, which is aborted")
}

# The tests that a promo overlaps. A name is no part of it.
promoted contains test if {
	experiment.for_promo
	experiment.family != "naming"
	some test in experiment.frozen
}

asking(test, message) := object.union(described(test, message), {"approval": experiment.asked(test)})

described(test, message) := object.union(edit, {
	"message": message,
	"limit": test.id,
	"test": test.name,
	"owner": test.owner,
	"state": test.state,
	"place": where(test),
	"contaminates": experiment.spoiled(test),
})

edit := {
	"observed": input.change.kind,
	"kind": input.change.kind,
	"reason": input.change.reason.code,
}

where(test) := "is in it" if test.relation == "member"

where(test) := "shows ads where it measures, or does not say where" if test.relation == "reach"

where(test) := "may be in it, as it does not say where it shows ads" if test.relation == "unclear"
