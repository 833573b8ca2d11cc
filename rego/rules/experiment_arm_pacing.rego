# METADATA
# title: Arms spend as they were split
# description: |
#   What an arm of a live test has spent, of what all arms have, is held against its split. An arm that
#   is off by more than one limit is pointed out; by more than the other a person decides about whatever
#   steers its delivery further, the test's owner among them. A change that brings the arm back towards its
#   split passes with the warning, and so does a reduction in an emergency.
#
#   It says nothing where nobody knows what the arm has spent, or where the test was registered without
#   splits.
# custom:
#   id: experiment.arm_pacing
#   owner: experimentation
#   kinds:
#     - bid
#     - default_bid
#     - bid_modifier
#     - bid_limit
#     - target_cpa
#     - target_roas
#     - bid_strategy
#     - daily_budget
#     - monthly_budget
#     - lifetime_budget
#     - shared_budget
#     - pacing
#     - status
#   optional: [input.facts.arm_spend_share, data.automations]
#   source: >-
#     Smartly: keep the budgets of cells proportional to the split; 10% and 25% are Bidrail's own proposal
package bidrail.rules.experiment_arm_pacing

import data.bidrail.lib.experiment
import data.bidrail.lib.limit

# What each arm has spent against what it should have.
pacing contains {"test": test, "move": {"from": arm.split_ppm, "to": input.facts.arm_spend_share.ppm}} if {
	some test in experiment.members
	some arm in test.arms
	arm.name == test.arm
	arm.split_ppm > 0
}

off(pace, share) if abs(pace.move.to - pace.move.from) * limit.million > pace.move.from * share.ppm

# The change moves the arm towards its split.
corrects(pace) if {
	pace.move.to > pace.move.from
	input.change.direction == "cut"
}

corrects(pace) if {
	pace.move.to < pace.move.from
	input.change.direction == "rise"
}

approve contains finding if {
	some pace in pacing
	off(pace, input.limits.experiment.arm_drift_approve)
	not corrects(pace)
	not experiment.emergency
	finding := object.union(
		described(pace, input.limits.experiment.arm_drift_approve, "{owner} decides whether it goes on"),
		{"approval": experiment.asked(pace.test)},
	)
}

warn contains finding if {
	some pace in pacing
	off(pace, input.limits.experiment.arm_drift)
	finding := described(pace, input.limits.experiment.arm_drift, "bring it back, or note it for the analysis of {owner}")
}

described(pace, bound, answer) := {
	"message": sprintf("the arm {arm} of {test} has had {observed} of the spend, {move} from its split; %s", [answer]),
	"observed": {"type": "ratio", "ppm": pace.move.to},
	"move": pace.move,
	"limit": bound,
	"arm": pace.test.arm,
	"test": pace.test.name,
	"owner": pace.test.owner,
}
