# METADATA
# title: All arms alike
# description: |
#   Where the table of edits (data.contamination) says symmetry, as for bids, targets and strategies
#   in a campaign test without synchronised arms, an edit on one arm measures the edit and not the
#   test. It must land on all arms in one atomic group and move each by the same share; then the
#   test's owner decides. Each arm moves alike when the ratios of after to before differ by no more
#   than one step of the currency, because platforms round. What is within the envelope of the test is
#   what it tries out, and passes in the arms that are not the control.
#
#   On each arm it must be to entities of one type, and to as many of them: one keyword does not stand
#   for a campaign. Arms are recognised by their campaigns. An arm that is defined by ad groups or
#   labels only is not, so its edits are refused.
# custom:
#   id: experiment.arm_symmetry
#   owner: experimentation
#   optional: [data.automations]
#   overridable: emergency
#   source: >-
#     Google's control arm: bids as usual, nothing on one side; the rule is Bidrail's own proposal
package bidrail.rules.experiment_arm_symmetry

import data.bidrail.lib.experiment

# Of every kind: experiment.freeze leaves to this rule whatever the table says symmetry for, and tables
# are edited.
tests contains test if {
	some test in experiment.frozen
	experiment.answer(test) == "symmetry"
	not experiment.left_to_holdout(test)
	not experiment.treated(test)
	not experiment.emergency
}

block contains finding if {
	some test in tests
	missing := [arm.name | some arm in test.arms; not experiment.covered(test, arm)]
	count(missing) > 0
	finding := described(test, {
		"message": "the test {test} of {owner} needs the same edit on {missing} too, in one atomic group",
		"observed": test.arm,
		"missing": sort(missing),
	})
}

# A test of which only one arm is registered cannot be kept fair.
block contains finding if {
	some test in tests
	count(test.arms) < 2
	finding := described(test, {
		"message": "the test {test} is registered without its other arms; ask {owner} to complete it",
		"observed": count(test.arms),
	})
}

# What lands on all arms and has no answer that lets it pass in some form.
block contains finding if {
	some test in tests
	experiment.together(test)
	not experiment.together_answer(test) in {"approve", "pass"}
	finding := described(test, {
		"message": "the test {test} of {owner} takes no such edit, not on all arms alike either",
		"observed": arms_of(test),
	})
}

approve contains finding if {
	some test in tests
	experiment.together(test)
	experiment.together_answer(test) == "approve"
	finding := described(test, {
		"message": "the edit changes all arms of the test {test} alike; {owner} decides whether the test stays readable",
		"observed": arms_of(test),
		"approval": experiment.asked(test),
	})
}

arms_of(test) := sort([arm.name | some arm in test.arms])

described(test, said) := object.union(said, {
	"limit": test.id,
	"arm": test.arm,
	"test": test.name,
	"owner": test.owner,
	"contaminates": experiment.spoiled(test),
})
