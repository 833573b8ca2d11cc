# METADATA
# title: All arms alike
# description: |
#   Where the table of edits (data.contamination) says symmetry, as for bids, targets and strategies
#   in a campaign test without synchronised arms, an edit on one arm measures the edit and not the
#   test. It must land on all arms in one atomic group and move each by the same share; then the
#   test's owner decides. Each arm moves alike when the ratios of after to before differ by no more
#   than one step of the currency, because platforms round.
#
#   Arms are recognised by their campaigns. An arm that is defined by ad groups or labels only is
#   not, so its edits are refused.
# custom:
#   id: experiment.arm_symmetry
#   owner: experimentation
#   overridable: emergency
#   source: >-
#     Google's control arm: bids as usual, nothing on one side; the rule is Bidrail's own proposal
package bidrail.rules.experiment_arm_symmetry

import data.bidrail.lib.change
import data.bidrail.lib.experiment

# Of every kind: experiment.freeze leaves to this rule whatever the table says symmetry for, and tables
# are edited.
tests contains test if {
	some test in experiment.frozen
	experiment.answer(test) == "symmetry"
}

block contains finding if {
	some test in tests
	not experiment.emergency
	missing := [arm.name | some arm in test.arms; not covered(test, arm)]
	count(missing) > 0
	finding := {
		"message": "the test {test} of {owner} needs the same edit on {missing} too, in one atomic group",
		"observed": test.arm,
		"limit": test.id,
		"arm": test.arm,
		"test": test.name,
		"owner": test.owner,
		"missing": sort(missing),
	}
}

# A test of which only one arm is registered cannot be kept fair.
block contains finding if {
	some test in tests
	not experiment.emergency
	count(test.arms) < 2
	finding := {
		"message": "the test {test} is registered without its other arms; ask {owner} to complete it",
		"observed": count(test.arms),
		"limit": test.id,
		"test": test.name,
		"owner": test.owner,
	}
}

approve contains finding if {
	some test in tests
	not experiment.emergency
	every arm in test.arms {
		covered(test, arm)
	}
	finding := {
		"message": "the edit changes all arms of the test {test} alike; {owner} decides whether the test stays readable",
		"observed": sort([arm.name | some arm in test.arms]),
		"limit": test.id,
		"test": test.name,
		"owner": test.owner,
	}
}

covered(test, arm) if arm.name == test.arm

covered(test, arm) if {
	some leg in input.group.legs
	leg.kind == input.change.kind
	test.id in leg.experiments
	leg.target.campaign in arm.campaigns
	alike(leg)
}

# Sums and ratios move alike when after/before is the same but for one step.
alike(leg) if {
	not other_currency(leg)
	proportional(change.move_of(leg), change.move, step)
}

# Whatever has no size moves alike when it starts and ends the same.
alike(leg) if {
	leg.before == input.change.before
	leg.after == input.change.after
}

other_currency(leg) if {
	leg.after.type == "money"
	input.change.after.type == "money"
	leg.after.currency != input.change.after.currency
}

# What the platform rounds to.
step := data.currencies[input.change.after.currency].unit_micros if input.change.after.type == "money"

step := data.contamination.ratio_step_ppm if change.after.type == "ratio"

# The other arm would land on its from times our to/from; it may miss that by one step, either way
# round, and nothing that starts at zero has a share to compare. The moves must go the same way too:
# with small amounts a step could hide that.
proportional(other, own, step) if {
	other.from > 0
	own.from > 0
	abs((other.to * own.from) - (other.from * own.to)) <= step * max([other.from, own.from])
	same_way(other, own)
}

same_way(other, own) if {
	other.to > other.from
	own.to > own.from
}

same_way(other, own) if {
	other.to < other.from
	own.to < own.from
}
