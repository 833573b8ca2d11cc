# METADATA
# title: Experiments
# description: |
#   What a change may do to the tests that it touches. Which edit spoils which type of test is data
#   (data.contamination); what that table does not know counts as spoiling.
package bidrail.lib.experiment

import data.bidrail.lib.automation
import data.bidrail.lib.change
import data.bidrail.lib.strategy

# States in which an edit spoils the measurement.
live_states := {"baseline", "running", "cooldown"}

# The live tests that the target is in an arm of, once for each arm.
members contains experiment if {
	some experiment in input.experiments
	experiment.state in live_states
	experiment.relation == "member"
}

# The live tests that hold the edited field still. What is only near a test is held to that as well.
frozen contains experiment if {
	some experiment in input.experiments
	experiment.state in live_states
	input.change.kind in experiment.frozen_fields
}

# The live tests whose control the change touches: it adds regions or audiences of it, or takes them away.
# Whatever the test holds still otherwise.
held_out contains experiment if {
	some experiment in input.experiments
	experiment.state in live_states
	touches_control(experiment)
}

touches_control(experiment) if count(experiment.holdout_geos) > 0

touches_control(experiment) if count(experiment.holdout_audiences) > 0

# What sort of edit this is.
family := data.contamination.families[input.change.kind]

# The row of the table: by where the target is, and for members by the sort of edit.
row(experiment) := family if experiment.relation == "member"

row(experiment) := experiment.relation if experiment.relation != "member"

# The column: with sync on, edits of the base campaign reach the trial, so the test stays fair.
column(experiment) := "ab_sync" if synced(experiment)

column(experiment) := experiment.type if not synced(experiment)

synced(experiment) if {
	experiment.type == "ab"
	experiment.sync
}

# What the table says of this edit in this test; see there for the words.
answer(experiment) := data.contamination.effects[row(experiment)][column(experiment)]

# The same where the change touches what the control has.
geo_answer(experiment) := data.contamination.effects.holdout_geo[column(experiment)]

audience_answer(experiment) := data.contamination.effects.holdout_audience[column(experiment)]

# experiment.holdout answers for the edit, so that the row of its family does not.
left_to_holdout(experiment) if {
	count(experiment.holdout_geos) > 0
	not geo_answer(experiment) == "none"
}

left_to_holdout(experiment) if {
	count(experiment.holdout_audiences) > 0
	not audience_answer(experiment) == "none"
}

# What an edit on the trial of a synchronised test answers that is on all arms in one atomic group.
together_answer(experiment) := data.contamination.effects.together[column(experiment)]

# The target is in the arm that the trial was copied from.
on_base(experiment) if in_control(experiment)

in_control(experiment) if {
	some arm in experiment.arms
	arm.control
	arm.name == experiment.arm
}

# The change is what the test tries out: of a kind, and within the bounds, that it was registered with,
# in an arm that is not the control.
enveloped(experiment) if {
	experiment.relation == "member"
	not in_control(experiment)
	some entry in experiment.envelope
	entry.kind == input.change.kind
	within_share(entry)
	within_most(entry)
}

within_share(entry) if not entry.share_ppm

within_share(entry) if {
	change.move.from > 0
	abs(change.move.to - change.move.from) * 1000000 <= change.move.from * entry.share_ppm
}

within_most(entry) if not entry.most

within_most(entry) if {
	input.change.after.type == "money"
	entry.most.type == "money"
	input.change.after.currency == entry.most.currency
	input.change.after.micros <= entry.most.micros
}

within_most(entry) if {
	change.after.type == "ratio"
	entry.most.type == "ratio"
	change.after.ppm <= entry.most.ppm
}

# The registered treatment passes.
treated(experiment) if {
	row(experiment) in data.contamination.enveloped
	enveloped(experiment)
}

treated(experiment) if {
	answer(experiment) == "treatment"
	enveloped(experiment)
}

# An arm is covered by the change's own leg, or by other legs of its group that do the same: to entities of the same
# type, and to as many of them as in the change's own arm, or one keyword would stand for a campaign, or for a thousand.
covered(experiment, arm) if arm.name == experiment.arm

covered(experiment, arm) if {
	landed := landing(experiment, arm.campaigns)
	count(landed) > 0
	own := [each.campaigns | some each in experiment.arms; each.name == experiment.arm]
	every campaigns in own {
		count(landed) >= count(landing(experiment, campaigns))
	}
}

# Where in these campaigns the group does the same as the change.
landing(experiment, campaigns) := {strategy.key(leg.target) |
	some leg in input.group.legs
	leg.kind == input.change.kind
	leg.target.entity_type == input.change.target.entity_type
	experiment.id in leg.experiments
	leg.target.campaign in campaigns
	alike(leg)
}

# The same edit lands on all arms, of which there is more than one.
together(experiment) if {
	count(experiment.arms) > 1
	every arm in experiment.arms {
		covered(experiment, arm)
	}
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

# The edit is for a promo or a season.
for_promo if input.change.promo_id != ""

for_promo if input.change.reason.code in data.contamination.promo_reasons

# A reduction in an emergency goes first: money is lost now, and days can be dropped from the
# analysis later. The reason is the automation's own word, and opens what nothing else does: once the registry
# is in use, only those count to whom it says so.
emergency if {
	called
	automation.heard_in_emergencies
}

called if {
	input.change.direction == "cut"
	input.change.reason.code in data.contamination.emergency_reasons
}

# The emergency stops an arm, and the test with it.
aborts(experiment) if {
	emergency
	input.change.kind == "status"
	experiment.relation == "member"
	data.contamination.effects.safety_stop[column(experiment)] == "abort"
}

# What a finding says of the test, so that the analyst is told when the change is allowed.
spoiled(experiment) := {
	"experiment": experiment.id,
	"arm": experiment.arm,
	"emergency": is_emergency,
	"aborts": is_aborted(experiment),
}

default is_emergency := false

is_emergency if emergency

is_aborted(experiment) if aborts(experiment)

is_aborted(experiment) := false if not aborts(experiment)

# Whoever answers for the test is asked: its owner is a group of people.
asked(experiment) := {"stages": [{
	"name": sprintf("experiment %s", [experiment.id]),
	"any_of": [{"group": experiment.owner}],
	"quorum": 1,
}]}
