package bidrail.rules.bid_effective_max_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_effective_max

# 10.00, three times as much by device, five times by placement: 150.00 and a little.
known := {"facts": {
	"bid_modifier_max": example.fact(example.percent(300), 60),
	"placement_modifier_max": example.fact(example.percent(500), 60),
}}

claimed(points) := {"facts": {"dynamic_up_max": example.claim(example.percent(points))}}

amazon := {"change": {"target": {"platform": "amazon_ads"}}}

examples := {
	"known adjustments": {"input": example.bid(900, 1001, known), "expect": "block"},
	"known adjustments, at the ceiling": {"input": example.bid(900, 1000, known), "expect": "pass"},
	"known adjustments, on the way down": {"input": example.bid(1200, 1100, known), "expect": "pass"},
	"the bid alone, on the way down": {"input": example.bid(20000, 15001, {}), "expect": "block"},
	"assumed adjustments": {"input": example.bid(1400, 1501, {}), "expect": "approve"},
	"assumed adjustments, at the ceiling": {"input": example.bid(1400, 1500, {}), "expect": "pass"},
	"assumed adjustments, in spite of the caller": {
		"input": example.bid(1400, 1501, claimed(100)),
		"expect": "approve",
	},
	"the caller knows of more than is assumed": {
		"input": example.bid(1000, 1100, claimed(2000)),
		"expect": "approve",
	},
	"an adjustment that is not a multiplier": {
		"input": example.bid(1400, 1501, {"facts": {"dynamic_up_max": example.fact(example.usd(100), 60)}}),
		"expect": "approve",
	},
	"Amazon assumes twice as much": {"input": example.bid(700, 751, amazon), "expect": "approve"},
	"no figure is established": {
		"input": example.bid(1400, 1501, {"change": {"target": {"platform": "pinterest"}}}),
		"expect": "pass",
	},
}

test_adjustments_below_one_do_not_lower_the_most if {
	facts := {"facts": {
		"bid_modifier_max": example.fact(example.percent(50), 60),
		"dynamic_up_max": example.fact(example.percent(200), 60),
	}}
	count(bid_effective_max.block) == 1 with input as example.bid(7000, 7501, facts)
	count(bid_effective_max.block) == 0 with input as example.bid(7000, 7500, facts)
}

test_known_adjustments_are_not_assumed if {
	facts := {"facts": {"dynamic_up_max": example.fact(example.percent(100), 60)}}
	count(bid_effective_max.approve) == 0 with input as example.bid(1400, 1501, facts)
}

test_one_known_adjustment_is_enough if {
	facts := {"facts": {"placement_modifier_max": example.fact(example.percent(200), 60)}}
	count(bid_effective_max.block) == 1 with input as example.bid(7000, 7501, facts)
}

test_no_word_of_the_caller_lifts_the_assumption if {
	every name in ["bid_modifier_max", "placement_modifier_max", "dynamic_up_max"] {
		facts := {"facts": {name: example.claim(example.percent(100))}}
		count(bid_effective_max.approve) == 1 with input as example.bid(1400, 1501, facts)
	}
}

test_the_caller_may_raise_what_is_known if {
	facts := {"facts": {
		"bid_modifier_max": example.fact(example.percent(100), 60),
		"dynamic_up_max": example.claim(example.percent(300)),
	}}
	count(bid_effective_max.block) == 1 with input as example.bid(4900, 5001, facts)
	count(bid_effective_max.block) == 0 with input as example.bid(4900, 5000, facts)
}

test_the_callers_figures_are_named if {
	findings := bid_effective_max.approve with input as example.bid(1000, 1100, claimed(2000))
	count(findings) == 1
	some finding in findings
	contains(finding.message, "caller")
	finding.dynamic == example.percent(2000)
}

test_no_figures_are_laid_to_the_caller_where_the_bid_alone_is_too_high if {
	findings := bid_effective_max.approve with input as example.bid(15000, 15001, {})
	count(findings) == 1
	some finding in findings
	finding.assumption
}

test_a_first_bid_counts_as_a_rise if {
	first := example.document("bid", example.absent, example.usd(1501), {})
	count(bid_effective_max.approve) == 1 with input as first
}

test_a_platform_without_a_figure_is_in_doubt if {
	document := example.bid(100, 110, {"change": {"target": {"platform": "elsewhere"}}})
	count(bid_effective_max.approve) == 1 with input as document
}

test_the_assumption_is_named if {
	some finding in bid_effective_max.approve with input as example.bid(1400, 1501, {})
	contains(finding.message, "assumed")
	finding.multiplier == {"type": "ratio", "ppm": 10000000}
}

test_people_agree_to_the_bid if {
	some finding in bid_effective_max.approve with input as example.bid(1400, 1501, {})
	finding.magnitude.micros == 15010000
	some told in bid_effective_max.approve with input as example.bid(1000, 1100, claimed(2000))
	told.magnitude.micros == 11000000
}
