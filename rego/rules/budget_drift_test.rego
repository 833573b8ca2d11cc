package bidrail.rules.budget_drift_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_drift

# A daily budget, in cents, that stood at start when the window began.
since(window, start, before, after) := example.moved(
	example.budget(before, after, {}),
	"field", window,
	{"start_low": start * 10000, "low": start * 10000},
)

unknown(document) := json.remove(document, [
	"windows/field/day/start_low", "windows/field/day/low",
	"windows/field/week/start_low", "windows/field/week/low",
])

examples := {
	"more than double in a day": {"input": since("day", 20000, 35000, 40001), "expect": "approve"},
	"double in a day": {"input": since("day", 20000, 35000, 40000), "expect": "pass"},
	"more than three times as much in a week": {"input": since("week", 20000, 50000, 60001), "expect": "approve"},
	"three times as much in a week": {"input": since("week", 20000, 50000, 60000), "expect": "pass"},
	"a small budget": {"input": since("day", 1000, 5000, 6000), "expect": "pass"},
	"a small budget by more than the sum": {"input": since("day", 1000, 5000, 6001), "expect": "approve"},
	"up from nothing": {"input": since("day", 0, 4000, 5001), "expect": "approve"},
	"a cut from far above its start": {"input": since("day", 10000, 50000, 49000), "expect": "pass"},
	"a first budget": {
		"input": example.document("daily_budget", example.absent, example.usd(50000), {}),
		"expect": "pass",
	},
	"nobody knows its start": {"input": unknown(example.budget(20000, 20100, {})), "expect": "approve"},
}

# A public data set has a budget that goes from 300 to 1,000 to 2,000 within two days: the first is too
# much for a day and a week, the second for a week.
test_300_to_1000_to_2000 if {
	count(budget_drift.approve) == 2 with input as since("day", 30000, 30000, 100000)
	count(budget_drift.approve) == 1 with input as since("week", 30000, 100000, 200000)
}

test_finding_shows_where_it_began if {
	some finding in budget_drift.approve with input as since("week", 20000, 50000, 60001)
	finding.start == example.usd(20000)
	finding.move == {"from": 200000000, "to": 600010000}
	finding.limit.ppm == 2000000
}

test_no_drift_limit if {
	without := example.without_limit(since("day", 20000, 35000, 40001), "budget", "drift_day")
	count(budget_drift.approve) == 0 with input as without
}

test_people_agree_to_the_new_budget if {
	some finding in budget_drift.approve with input as since("day", 20000, 35000, 40001)
	finding.magnitude == example.usd(40001)
}
