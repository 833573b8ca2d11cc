# METADATA
# title: What one day can cost
# description: |
#   A daily budget is not a cap: Google may spend twice the highest budget that was set on a day, and a
#   budget that is raised and lowered again still bills at its peak. The highest budget of the last day,
#   this one included, times what the platform may spend above it, is held against what one day may
#   cost. What stays at or below that highest budget passes, cut or rise: it adds nothing to what the day
#   can cost, and takes nothing off it any more.
# custom:
#   id: budget.exposure_day
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   optional: [input.windows.field.day.peak, data.platforms]
#   overridable: emergency
#   source: "Google help 10487143; the factor of each platform has its own source in the data"
package bidrail.rules.budget_exposure_day

import data.bidrail.lib.change
import data.bidrail.lib.exposure
import data.bidrail.lib.limit
import data.bidrail.lib.window

# The highest that the budget was since this time yesterday.
default peak := 0

peak := input.windows.field.day.peak

block contains finding if {
	change.may_rise
	input.change.after.type == "money"
	input.change.after.micros > peak
	input.change.after.micros * exposure.overdelivery > input.limits.budget.exposure_day.micros * limit.million
	finding := {
		"message": sprintf("{platform} may spend {factor} of a day's highest budget {observed}, above {limit}; %s", [advice]),
		"observed": input.change.after,
		"peak": window.written(peak),
		"platform": input.change.target.platform,
		"factor": {"type": "ratio", "ppm": exposure.overdelivery},
		"limit": input.limits.budget.exposure_day,
	}
}

block contains finding if {
	change.may_rise
	not input.windows.field.day.peak
	not window.nothing_of_day
	finding := {
		"message": "the highest budget since yesterday is not known; try later, and send it with a new change_id",
		"observed": input.change.after,
		"limit": input.limits.budget.exposure_day,
	}
}

# What has been the day's highest passes even where it is above the limit.
default advice := "set less"

advice := "set no more than the {peak} it has been at since yesterday" if {
	peak * exposure.overdelivery > input.limits.budget.exposure_day.micros * limit.million
}
