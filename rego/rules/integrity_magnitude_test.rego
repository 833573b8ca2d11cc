package bidrail.rules.integrity_magnitude_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_magnitude

examples := {
	"ten times": {"input": example.bid(5, 50, {}), "expect": "approve"},
	"almost ten times": {"input": example.bid(5, 49, {}), "expect": "pass"},
	"a tenth": {"input": example.bid(50, 5, {}), "expect": "approve"},
	"a little more than a tenth": {"input": example.bid(50, 6, {}), "expect": "pass"},
	"down to nothing": {"input": example.budget(10000, 0, {}), "expect": "approve"},
	"a ratio": {
		"input": example.document("target_roas", example.percent(40), example.percent(400), {}),
		"expect": "approve",
	},
	"a modifier of a tenth is taken away": {
		"input": example.document("bid_modifier", example.percent(10), example.absent, {}),
		"expect": "approve",
	},
	"a modifier of more than a tenth is taken away": {
		"input": example.document("bid_modifier", example.percent(11), example.absent, {}),
		"expect": "pass",
	},
	"the first modifier, ten times": {
		"input": example.document("bid_modifier", example.absent, example.percent(1000), {}),
		"expect": "approve",
	},
	"the first modifier, a tenth": {
		"input": example.document("bid_modifier", example.absent, example.percent(10), {}),
		"expect": "approve",
	},
	"up from nothing": {"input": example.bid(0, 50, {}), "expect": "pass"},
}

test_finding_says_what_no_modifier_counts_as if {
	removed := example.document("bid_modifier", example.percent(10), example.absent, {})
	some finding in integrity_magnitude.approve with input as removed
	finding.observed.type == "absent"
	finding.after.ppm == 1000000
	finding.before.ppm == 100000
}

test_no_factor if {
	without := example.without_limit(example.bid(5, 50, {}), "integrity", "magnitude_factor")
	count(integrity_magnitude.approve) == 0 with input as without
}
