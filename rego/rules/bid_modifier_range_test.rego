package bidrail.rules.bid_modifier_range_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_modifier_range

limits := {"limits": {"bid": {
	"modifier_floor": example.share(50),
	"modifier_ceiling": example.share(300),
}}}

modified(before, after) := example.document("bid_modifier", before, after, limits)

ppm(parts) := {"type": "ratio", "ppm": parts}

examples := {
	"above the range": {"input": modified(example.percent(100), ppm(3000001)), "expect": "approve"},
	"at the top of the range": {"input": modified(example.percent(100), example.percent(300)), "expect": "pass"},
	"below the range": {"input": modified(example.percent(100), ppm(499999)), "expect": "approve"},
	"at the bottom of the range": {"input": modified(example.percent(100), example.percent(50)), "expect": "pass"},
	"a device switched off": {"input": modified(example.percent(100), example.percent(0)), "expect": "approve"},
	"on the way down, but still above": {
		"input": modified(example.percent(900), example.percent(400)),
		"expect": "approve",
	},
	"back into the range": {"input": modified(example.percent(900), example.percent(200)), "expect": "pass"},
	"the first one, above": {"input": modified(example.absent, example.percent(301)), "expect": "approve"},
	"the first one, below": {"input": modified(example.absent, example.percent(49)), "expect": "approve"},
	"the first one, inside": {"input": modified(example.absent, example.percent(120)), "expect": "pass"},
	"taken away": {"input": modified(example.percent(120), example.absent), "expect": "pass"},
	"taken away where it switched off": {
		"input": modified(example.percent(0), example.absent),
		"expect": "approve",
	},
	"taken away where the range is narrower": {
		"input": example.document(
			"bid_modifier", example.percent(80), example.absent,
			{"limits": {"bid": {"modifier_floor": example.share(50), "modifier_ceiling": example.share(90)}}},
		),
		"expect": "approve",
	},
}

test_none_counts_as_one if {
	some finding in bid_modifier_range.approve with input as modified(example.absent, example.percent(400))
	finding.before == example.percent(100)
	finding.after == example.percent(400)
	finding.max_permitted.ppm == 3000000
}

test_a_limit_that_is_unlimited_holds_nothing if {
	open := example.with_limit(
		modified(example.percent(100), example.percent(900)),
		"bid", "modifier_ceiling", example.no_limit,
	)
	count(bid_modifier_range.approve) == 0 with input as open
}

test_no_range if {
	high := modified(example.percent(100), example.percent(900))
	count(bid_modifier_range.approve) == 0 with input as example.without_limit(high, "bid", "modifier_ceiling")
	low := modified(example.percent(100), example.percent(10))
	count(bid_modifier_range.approve) == 0 with input as example.without_limit(low, "bid", "modifier_floor")
}

test_people_agree_to_so_large_a_modifier if {
	some finding in bid_modifier_range.approve with input as modified(example.percent(100), example.percent(400))
	finding.magnitude == example.percent(400)
}
