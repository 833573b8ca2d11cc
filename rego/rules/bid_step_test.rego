package bidrail.rules.bid_step_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_step

examples := {
	"more than double": {"input": example.bid(100, 201, {}), "expect": "block"},
	"double": {"input": example.bid(100, 200, {}), "expect": "approve"},
	"more than the step": {"input": example.bid(100, 131, {}), "expect": "approve"},
	"the step": {"input": example.bid(100, 130, {}), "expect": "pass"},
	"a large share of a few cents": {"input": example.bid(5, 30, {}), "expect": "pass"},
	"a cut by more than half": {"input": example.bid(100, 49, {}), "expect": "warn"},
	"a cut by half": {"input": example.bid(100, 50, {}), "expect": "pass"},
	"a target": {
		"input": example.document("target_cpa", example.usd(2000), example.usd(2700), {}),
		"expect": "approve",
	},
}

test_the_sum_itself_is_too_little if {
	count(bid_step.approve) == 0 with input as example.bid(50, 75, {})
	count(bid_step.approve) == 1 with input as example.bid(50, 76, {})
}

test_finding_shows_the_move if {
	some finding in bid_step.block with input as example.bid(100, 201, {})
	finding.move == {"from": 1000000, "to": 2010000}
}

test_from_nothing_there_is_no_step if {
	count(bid_step.block | bid_step.approve) == 0 with input as example.bid(0, 500, {})
	first := example.document("bid", example.absent, example.usd(500), {})
	count(bid_step.block | bid_step.approve) == 0 with input as first
}

test_no_step if {
	count(bid_step.approve) == 0 with input as example.without_limit(example.bid(100, 140, {}), "bid", "step")
}

test_people_agree_to_the_new_bid if {
	some finding in bid_step.approve with input as example.bid(100, 131, {})
	finding.magnitude.micros == 1310000
}
