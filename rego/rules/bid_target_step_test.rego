package bidrail.rules.bid_target_step_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_target_step

limits := {"limits": {"bid": {"target_step": example.share(20)}}}

cpa(before, after) := example.document("target_cpa", before, after, limits)

roas(before, after) := example.document("target_roas", before, after, limits)

examples := {
	"a CPA that rises by more": {"input": cpa(example.usd(2000), example.usd(2401)), "expect": "approve"},
	"a CPA that rises by the step": {"input": cpa(example.usd(2000), example.usd(2400)), "expect": "pass"},
	"a CPA that falls": {"input": cpa(example.usd(2400), example.usd(1000)), "expect": "pass"},
	"a CPA up from nothing": {"input": cpa(example.usd(0), example.usd(1)), "expect": "approve"},
	"a ROAS that falls by more": {"input": roas(example.percent(400), example.percent(319)), "expect": "approve"},
	"a ROAS that falls by the step": {"input": roas(example.percent(400), example.percent(320)), "expect": "pass"},
	"a ROAS down to nothing": {"input": roas(example.percent(400), example.percent(0)), "expect": "approve"},
	"a ROAS that rises": {"input": roas(example.percent(320), example.percent(800)), "expect": "pass"},
	"a first CPA": {"input": cpa(example.absent, example.usd(2000)), "expect": "approve"},
	"a CPA taken away": {"input": cpa(example.usd(2000), example.absent), "expect": "approve"},
	"a first ROAS": {"input": roas(example.absent, example.percent(400)), "expect": "approve"},
	"a ROAS taken away": {"input": roas(example.percent(400), example.absent), "expect": "approve"},
	"the same ROAS": {"input": roas(example.percent(400), example.percent(400)), "expect": "pass"},
	"still no ROAS": {"input": roas(example.absent, example.absent), "expect": "pass"},
}

# 500% to 400% is a fifth less; from 400% back to 500% would be a quarter more.
test_the_share_is_of_where_it_starts if {
	count(bid_target_step.approve) == 0 with input as roas(example.percent(500), example.percent(400))
	count(bid_target_step.approve) == 1 with input as cpa(example.usd(40000), example.usd(50000))
}

test_finding_names_the_target if {
	some finding in bid_target_step.approve with input as roas(example.percent(400), example.percent(200))
	finding.target == "target ROAS"
	finding.limit.ppm == 200000
}

test_a_step_that_is_unlimited_holds_nothing if {
	open := example.with_limit(
		roas(example.percent(400), example.percent(100)),
		"bid", "target_step", example.no_limit,
	)
	count(bid_target_step.approve) == 0 with input as open
}

test_no_step if {
	without := example.without_limit(roas(example.percent(400), example.percent(100)), "bid", "target_step")
	count(bid_target_step.approve) == 0 with input as without
}
