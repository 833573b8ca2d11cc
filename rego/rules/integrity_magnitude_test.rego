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
	"up from nothing": {"input": example.bid(0, 50, {}), "expect": "pass"},
}

test_no_factor if {
	without := example.without_limit(example.bid(5, 50, {}), "integrity", "magnitude_factor")
	count(integrity_magnitude.approve) == 0 with input as without
}
