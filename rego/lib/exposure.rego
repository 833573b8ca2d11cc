# METADATA
# title: What a budget may cost
# description: |
#   How much more than its budget a platform may spend in a day, and what a planned period will have cost at
#   its end. Plan, spend and days left are facts; what is in another currency or of another type cannot be
#   compared and counts as not known.
package bidrail.lib.exposure

import data.bidrail.lib.limit
import data.bidrail.lib.window

# What a day may cost as a multiple of its budget. The most that any platform states holds for one that is not
# known.
default overdelivery := 2000000

overdelivery := data.platforms[input.change.target.platform].overdelivery.ppm

plan := input.facts.period_plan if window.comparable(input.facts.period_plan)

spent := input.facts.period_spend if window.comparable(input.facts.period_spend)

days_left := input.facts.period_days_left if input.facts.period_days_left.type == "ratio"

# What will be spent by the end of the period with the new budget, in millionths of a micro, as the days are
# millionths.
projected := (spent.micros * limit.million) + (input.change.after.micros * days_left.ppm) if {
	input.change.after.type == "money"
}
