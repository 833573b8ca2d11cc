# METADATA
# title: Drift of a bid
# description: |
#   How far a bid or a target CPA may rise over a day and over a week, in however many steps: five
#   rises of 18% pass every rule on single steps and more than double a bid. The new value is held
#   against the lowest it can have been when the window began; rises of anybody count, and those
#   that were allowed and not reported yet. As for single steps a percentage counts only together
#   with a sum. A cut is never held up.
# custom:
#   id: bid.drift
#   owner: media-governance
#   kinds: [bid, default_bid, bid_limit, target_cpa]
#   optional:
#     [
#       input.windows.field.day.start_low, input.windows.field.day.low,
#       input.windows.field.week.start_low, input.windows.field.week.low,
#     ]
#   source: "50% a day and 100% a week are Bidrail's own proposal"
package bidrail.rules.bid_drift

import data.bidrail.lib.window

approve contains finding if {
	window.drifts(window.day_start_low, input.limits.bid.drift_day, input.limits.bid.step_amount)
	finding := described(
		window.day_start_low, input.limits.bid.drift_day,
		"this {kind} goes from {start} to {observed} in a day ({move}); above {limit} and {amount} ask a person",
	)
}

approve contains finding if {
	window.drifts(window.week_start_low, input.limits.bid.drift_week, input.limits.bid.step_amount)
	finding := described(
		window.week_start_low, input.limits.bid.drift_week,
		"this {kind} goes from {start} to {observed} in a week ({move}); above {limit} and {amount} ask a person",
	)
}

approve contains finding if {
	window.start_unclear
	finding := {
		"message": "what this {kind} was a day and a week ago is not known, so its rises cannot be added up; ask a person",
		"observed": input.change.after,
		"kind": input.change.kind,
	}
}

described(start, share, message) := object.union(edit, {
	"message": message,
	"start": window.written(start),
	"move": {"from": start, "to": edit.observed.micros},
	"limit": share,
})

edit := {
	"magnitude": input.change.after,
	"observed": input.change.after,
	"kind": input.change.kind,
	"amount": input.limits.bid.step_amount,
}
