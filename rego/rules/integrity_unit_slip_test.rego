package bidrail.rules.integrity_unit_slip_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_unit_slip

examples := {
	"a hundred times": {"input": example.bid(50, 5000, {}), "expect": "block"},
	"a hundred times and a percent": {"input": example.bid(100, 10100, {}), "expect": "block"},
	"a hundred times and more than a percent": {"input": example.bid(100, 10101, {}), "expect": "pass"},
	"a hundred times less a percent": {"input": example.bid(100, 9900, {}), "expect": "block"},
	"a hundredth": {"input": example.budget(500000, 5000, {}), "expect": "block"},
	"fifty times": {"input": example.bid(100, 5000, {}), "expect": "pass"},
	"an ordinary step": {"input": example.bid(100, 110, {}), "expect": "pass"},
	"a share as whole numbers": {
		"input": example.document("target_roas", example.percent(4), example.percent(400), {}),
		"expect": "block",
	},
	"the first modifier, a hundred times": {
		"input": example.document("bid_modifier", example.absent, example.percent(10000), {}),
		"expect": "block",
	},
	"a modifier of a hundredth is taken away": {
		"input": example.document("bid_modifier", example.percent(1), example.absent, {}),
		"expect": "pass",
	},
	"from nothing": {"input": example.bid(0, 5000, {}), "expect": "pass"},
	"to nothing": {"input": example.bid(5000, 0, {}), "expect": "pass"},
}

test_all_factors_both_ways if {
	every times in [100, 1000, 10000, 1000000] {
		count(integrity_unit_slip.block) == 1 with input as example.bid(3, 3 * times, {})
		count(integrity_unit_slip.block) == 1 with input as example.bid(3 * times, 3, {})
	}
}

test_finding_names_the_factor if {
	some finding in integrity_unit_slip.block with input as example.bid(2, 2000, {})
	finding.factor == "1,000"
}

test_no_tolerance if {
	without := example.without_limit(example.bid(50, 5000, {}), "integrity", "unit_slip_tolerance")
	count(integrity_unit_slip.block) == 0 with input as without
}
