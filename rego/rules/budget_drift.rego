# METADATA
# title: Drift of a budget
# description: |
#   How far a budget may rise over a day and over a week, in however many steps. The new amount is held
#   against the lowest it can have been when the window began; rises of anybody count, and those that
#   were allowed and not reported yet. As for single steps a percentage counts only together with a
#   sum. A cut is never held up.
# custom:
#   id: budget.drift
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   optional:
#     [
#       input.windows.field.day.start_low, input.windows.field.day.low,
#       input.windows.field.week.start_low, input.windows.field.week.low,
#     ]
#   source: >-
#     Opus Growth ads-mcp refuses more than +100% in 24 hours; 200% a week is Bidrail's own proposal
package bidrail.rules.budget_drift

import data.bidrail.lib.window

approve contains finding if {
	window.drifts(window.day_start_low, input.limits.budget.drift_day, input.limits.budget.step_up_amount)
	finding := described(
		window.day_start_low, input.limits.budget.drift_day,
		"the budget goes from {start} to {observed} in a day ({move}); above {limit} and {amount} ask a person",
	)
}

approve contains finding if {
	window.drifts(window.week_start_low, input.limits.budget.drift_week, input.limits.budget.step_up_amount)
	finding := described(
		window.week_start_low, input.limits.budget.drift_week,
		"the budget goes from {start} to {observed} in a week ({move}); above {limit} and {amount} ask a person",
	)
}

approve contains finding if {
	window.start_unclear
	finding := {
		"message": "what this budget was a day and a week ago is not known, so its rises cannot be added up; ask a person",
		"observed": input.change.after,
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
	"amount": input.limits.budget.step_up_amount,
}
