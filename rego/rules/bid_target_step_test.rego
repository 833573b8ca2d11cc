package bidrail.rules.bid_target_step_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_target_step

cpa(before, after) := example.document("target_cpa", before, after, {})

roas(before, after) := example.document("target_roas", before, after, {})

# A week that began at another target.
since(document, start) := example.moved(document, "field", "week", {
	"start_low": start, "low": start,
	"start_high": start, "peak": start,
})

unknown(document) := json.remove(document, [
	"windows/field/week/start_low", "windows/field/week/low",
	"windows/field/week/start_high", "windows/field/week/peak",
])

examples := {
	"a CPA that rises by more": {"input": cpa(example.usd(2000), example.usd(2401)), "expect": "approve"},
	"a CPA that rises by the step": {"input": cpa(example.usd(2000), example.usd(2400)), "expect": "pass"},
	"a CPA that falls": {"input": cpa(example.usd(2400), example.usd(1000)), "expect": "pass"},
	"a CPA up from nothing": {"input": cpa(example.usd(0), example.usd(1)), "expect": "approve"},
	"a ROAS that falls by more": {"input": roas(example.percent(400), example.percent(319)), "expect": "approve"},
	"a ROAS that falls by the step": {"input": roas(example.percent(400), example.percent(320)), "expect": "pass"},
	"a ROAS down to nothing": {"input": roas(example.percent(400), example.percent(0)), "expect": "approve"},
	"a ROAS that rises": {"input": roas(example.percent(320), example.percent(800)), "expect": "pass"},
	"a CPA that has risen by more in a week": {
		"input": since(cpa(example.usd(2200), example.usd(2401)), 20000000),
		"expect": "approve",
	},
	"a CPA that has risen by the step in a week": {
		"input": since(cpa(example.usd(2200), example.usd(2400)), 20000000),
		"expect": "pass",
	},
	"a ROAS that has fallen by more in a week": {
		"input": since(roas(example.percent(360), example.percent(319)), 4000000),
		"expect": "approve",
	},
	"a ROAS that has fallen by the step in a week": {
		"input": since(roas(example.percent(360), example.percent(320)), 4000000),
		"expect": "pass",
	},
	"a CPA that is lower than a week ago": {
		"input": since(cpa(example.usd(1000), example.usd(1100)), 20000000),
		"expect": "pass",
	},
	"a CPA that was nothing a week ago": {
		"input": since(cpa(example.usd(2000), example.usd(2001)), 0),
		"expect": "approve",
	},
	"a CPA of unknown start": {"input": unknown(cpa(example.usd(2000), example.usd(2001))), "expect": "approve"},
	"a ROAS of unknown start": {"input": unknown(roas(example.percent(400), example.percent(399))), "expect": "approve"},
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

# A start that is not known exactly counts from the end that is further from risk.
test_a_start_between_two_values if {
	vague := {"start_low": 3600000, "low": 3600000, "start_high": 4000000, "peak": 4000000}
	fallen := example.moved(roas(example.percent(360), example.percent(319)), "field", "week", vague)
	some finding in bid_target_step.approve with input as fallen
	finding.start == example.percent(400)
}

test_one_step_is_told_once if {
	count(bid_target_step.approve) == 1 with input as cpa(example.usd(2000), example.usd(2401))
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

# A ROAS that goes further down goes further.
test_people_agree_to_the_step if {
	some finding in bid_target_step.approve with input as roas(example.percent(400), example.percent(300))
	finding.magnitude == 1000000
	some weekly in bid_target_step.approve with input as since(cpa(example.usd(2200), example.usd(2401)), 20000000)
	weekly.magnitude == 2010000
}
