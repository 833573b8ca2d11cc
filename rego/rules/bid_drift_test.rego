package bidrail.rules.bid_drift_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_drift

# A bid, in cents, that stood at start when the window began.
since(window, start, before, after) := example.moved(
	example.bid(before, after, {}),
	"field", window,
	{"start_low": start * 10000, "low": start * 10000},
)

# What was no amount when the windows began has no start, only a lowest value since.
set_within(document, low) := object.union(
	without,
	{"windows": {"field": {"day": {"low": low * 10000}, "week": {"low": low * 10000}}}},
) if {
	without := json.remove(document, ["windows/field/day/start_low", "windows/field/week/start_low"])
}

unknown(document) := json.remove(document, [
	"windows/field/day/start_low", "windows/field/day/low",
	"windows/field/week/start_low", "windows/field/week/low",
])

first := example.document("bid", example.absent, example.usd(500), {})

examples := {
	"the third of five rises by 18%": {"input": since("day", 100, 139, 164), "expect": "approve"},
	"the second of five rises by 18%": {"input": since("day", 100, 118, 139), "expect": "pass"},
	"the most of a day": {"input": since("day", 100, 139, 150), "expect": "pass"},
	"more than a day's": {"input": since("day", 100, 139, 151), "expect": "approve"},
	"more than a week's": {"input": since("week", 100, 180, 201), "expect": "approve"},
	"the most of a week": {"input": since("week", 100, 180, 200), "expect": "pass"},
	"a cut from far above its start": {"input": since("day", 100, 300, 290), "expect": "pass"},
	"a few cents": {"input": since("day", 5, 20, 30), "expect": "pass"},
	"up from nothing": {"input": since("day", 0, 20, 26), "expect": "approve"},
	"set within the day": {"input": set_within(example.bid(139, 164, {}), 100), "expect": "approve"},
	"a first bid": {"input": first, "expect": "pass"},
	"taken away and set again": {
		"input": object.union(first, {"windows": {"field": {
			"day": {"start_low": 1000000, "low": 1000000, "count": 1},
			"week": {"start_low": 4000000, "low": 1000000, "count": 1},
		}}}),
		"expect": "approve",
	},
	"nobody knows its start": {"input": unknown(example.bid(100, 101, {})), "expect": "approve"},
	"a target": {
		"input": example.moved(
			example.document("target_cpa", example.usd(2500), example.usd(3100), {}),
			"field", "day", {"start_low": 20000000, "low": 20000000},
		),
		"expect": "approve",
	},
}

# 1.00, 1.18, 1.39, 1.64, 1.94, 2.29: the rises that pass are two.
test_five_rises_by_18_percent if {
	bids := [100, 118, 139, 164, 194, 229]
	held := [position |
		some position in [1, 2, 3, 4, 5]
		document := since("day", 100, bids[position - 1], bids[position])
		count(bid_drift.approve) > 0 with input as document
	]
	held == [3, 4, 5]
}

test_the_sum_itself_is_too_little if {
	count(bid_drift.approve) == 0 with input as since("day", 30, 50, 55)
	count(bid_drift.approve) == 1 with input as since("day", 30, 50, 56)
}

test_finding_shows_where_it_began if {
	some finding in bid_drift.approve with input as since("day", 100, 139, 164)
	finding.start == example.usd(100)
	finding.move == {"from": 1000000, "to": 1640000}
	finding.limit.ppm == 500000
}

test_a_day_and_a_week_are_told_apart if {
	both := example.moved(since("day", 100, 180, 201), "field", "week", {"start_low": 1000000, "low": 1000000})
	count(bid_drift.approve) == 2 with input as both
}

test_no_drift_limit if {
	day := example.without_limit(since("day", 100, 139, 164), "bid", "drift_day")
	count(bid_drift.approve) == 0 with input as day
	open := example.with_limit(since("day", 100, 139, 164), "bid", "drift_day", example.no_limit)
	count(bid_drift.approve) == 0 with input as open
}

test_people_agree_to_the_new_bid if {
	some finding in bid_drift.approve with input as since("day", 100, 139, 164)
	finding.magnitude == example.usd(164)
}
