package bidrail.rules.integrity_zero_baseline_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_zero_baseline

first(kind, value) := example.document(kind, example.absent, value, {})

examples := {
	"from zero": {"input": example.budget(0, 100, {}), "expect": "approve"},
	"a first budget": {"input": first("daily_budget", example.usd(100)), "expect": "approve"},
	"a first bid": {"input": first("bid", example.usd(100)), "expect": "approve"},
	"a first bid of zero": {"input": first("bid", example.usd(0)), "expect": "pass"},
	"a first target": {"input": first("target_cpa", example.usd(100)), "expect": "pass"},
	"a first limit of a strategy, which may be a floor": {
		"input": first("bid_limit", example.usd(4000)),
		"expect": "approve",
	},
	"a limit of a strategy from zero": {
		"input": example.document("bid_limit", example.usd(0), example.usd(4000), {}),
		"expect": "approve",
	},
	"no limit any more": {"input": example.document("bid_limit", example.usd(100), example.absent, {}), "expect": "pass"},
	"zero stays": {"input": example.budget(0, 0, {}), "expect": "pass"},
	"from an amount": {"input": example.budget(100, 120, {}), "expect": "pass"},
}

test_from_zero_of_a_ratio if {
	ratio := example.document("bid_modifier", example.percent(0), example.percent(100), {})
	count(integrity_zero_baseline.approve) == 1 with input as ratio
}
