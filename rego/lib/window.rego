# METADATA
# title: What has moved lately
# description: |
#   How this change adds up with what went before it. Windows hold what was allowed before the change,
#   posted and held alike, so each rule adds the change itself. What a window does not know looks as
#   large as it can be.
package bidrail.lib.window

import data.bidrail.lib.change
import data.bidrail.lib.limit

# The lowest the field can have been when the day began. Where it was no amount then, or nobody
# knows, the lowest it has been since.
day_start_low := start if {
	start := input.windows.field.day.start_low
} else := input.windows.field.day.low

week_start_low := start if {
	start := input.windows.field.week.start_low
} else := input.windows.field.week.low

# The highest, for what is risky on the way down.
week_start_high := start if {
	start := input.windows.field.week.start_high
} else := input.windows.field.week.peak

# There should be a start to compare with, and there is none.
start_unclear if {
	change.may_rise
	not day_clear
}

start_unclear if {
	change.may_rise
	not week_clear
}

# What a field was is known, or there is nothing to know: what was no amount and has not changed since
# has no values.
day_clear if day_start_low

day_clear if nothing_of_day

week_clear if week_start_low

week_clear if {
	not change.move
	input.windows.field.week.count == 0
}

nothing_of_day if {
	not change.move
	input.windows.field.day.count == 0
}

# Since its start in the window the field goes up by more than the share and by more than the sum,
# this change included. From nothing, every rise is more than any share.
drifts(start, share, amount) if {
	change.may_rise
	input.change.after.type == "money"
	rise := input.change.after.micros - start
	rise > amount.micros
	rise * limit.million > start * share.ppm
}

# How far this change goes, never less than the ledger will count of it: the distance, or all of it
# where one side is no amount.
own := distance if {
	distance := limit.distance(change.move)
} else := input.change.after.micros if {
	input.change.after.type == "money"
} else := input.change.before.micros if input.change.before.type == "money"

# A sum of what went before, with this change in it. There is no telling how far it is to unlimited.
with_own(before) := {"type": "unlimited"} if {
	change.may_rise
	input.change.after.type == "unlimited"
} else := written(before + own)

# What this change itself adds to such a sum, as a value: people agree to that much of it, whatever others
# move meanwhile.
added := with_own(0)

# An amount that is in the unit of the change, as a value.
written(amount) := {"type": "ratio", "ppm": amount} if {
	input.change.after.type == "ratio"
} else := {"type": "money", "micros": amount, "currency": currency}

currency := input.change.after.currency if {
	input.change.after.type == "money"
} else := input.change.before.currency if input.change.before.type == "money"

# A fact that can be compared with the sums of the change.
comparable(fact) if {
	fact.type == "money"
	fact.currency == currency
}
