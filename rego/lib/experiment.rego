# METADATA
# title: Experiments
# description: |
#   What a change may do to the tests its target is in. Which edit spoils which type of test is data
#   (data.contamination); what that table does not know counts as spoiling.
package bidrail.lib.experiment

# States in which an edit spoils the measurement.
live_states := {"baseline", "running", "cooldown"}

# The live tests that hold the edited field still.
frozen contains experiment if {
	some experiment in input.experiments
	experiment.state in live_states
	input.change.kind in experiment.frozen_fields
}

# The row of the table: what sort of edit this is.
family := data.contamination.families[input.change.kind]

# The column: with sync on, edits of the base campaign reach the trial, so the test stays fair.
column(experiment) := "ab_sync" if synced(experiment)

column(experiment) := experiment.type if not synced(experiment)

synced(experiment) if {
	experiment.type == "ab"
	experiment.sync
}

# What the table says of this edit in this test: block, approve, warn, pass, base or symmetry.
answer(experiment) := data.contamination.effects[family][column(experiment)]

# The edit may pass in some form. Everything else is refused, an edit that the table does not know
# included.
eased(experiment) if answer(experiment) in {"approve", "warn", "pass", "symmetry"}

eased(experiment) if {
	answer(experiment) == "base"
	on_base(experiment)
}

# The target is in the arm that the trial was copied from.
on_base(experiment) if {
	some arm in experiment.arms
	arm.control
	arm.name == experiment.arm
}

# A reduction in an emergency goes first: money is lost now, and days can be dropped from the
# analysis later.
emergency if {
	input.change.direction == "cut"
	input.change.reason.code in data.contamination.emergency_reasons
}
