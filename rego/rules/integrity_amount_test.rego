package bidrail.rules.integrity_amount_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_amount

to(value) := example.document("bid", object.union(value, {"micros": 0}), value, {})

in_meta(value) := example.document("daily_budget", value, value, {"change": {"target": {"platform": "meta"}}})

examples := {
	"negative": {"input": example.bid(100, -1, {}), "expect": "block"},
	"negative before": {"input": example.bid(-100, 100, {}), "expect": "block"},
	"negative ratio": {
		"input": example.document("bid_modifier", example.percent(100), example.percent(-10), {}),
		"expect": "block",
	},
	"a negative share of an experiment": {
		"input": example.document("experiment_control", example.percent(50), example.percent(-1), {}),
		"expect": "block",
	},
	"a share of an experiment beyond reckoning": {
		"input": example.document(
			"experiment_control", example.percent(50),
			{"type": "ratio", "ppm": 900000000000000001}, {},
		),
		"expect": "block",
	},
	"a share of an experiment": {
		"input": example.document("experiment_control", example.percent(50), example.percent(0), {}),
		"expect": "pass",
	},
	"a fraction of a cent": {"input": to(example.money(33509999, "USD")), "expect": "block"},
	"a cent": {"input": example.bid(0, 1, {}), "expect": "pass"},
	"a fraction of a yen": {"input": to(example.money(5500000, "JPY")), "expect": "block"},
	"a yen": {"input": to(example.money(5000000, "JPY")), "expect": "pass"},
	"an unknown currency": {"input": to(example.money(1000000, "XXX")), "expect": "block"},
	"nothing": {"input": example.document("bid", example.usd(100), example.absent, {}), "expect": "pass"},
}

test_a_sum_beyond_reckoning if {
	count(integrity_amount.block) == 1 with input as to(example.money(900000000000010000, "USD"))
	count(integrity_amount.block) == 0 with input as to(example.money(900000000000000000, "USD"))
}

# The largest monthly budget that Microsoft takes, which a float could not hold.
test_a_large_sum_is_exact if {
	count(integrity_amount.block) == 0 with input as to(example.money(55052500000000000, "COP"))
	count(integrity_amount.block) == 1 with input as to(example.money(55052500000000001, "COP"))
}

test_meta_bills_in_its_own_units if {
	count(integrity_amount.block) == 1 with input as in_meta(example.money(500000, "HUF"))
	count(integrity_amount.block) == 0 with input as in_meta(example.money(5000000, "HUF"))
	count(integrity_amount.block) == 0 with input as to(example.money(500000, "HUF"))
	count(integrity_amount.block) == 1 with input as in_meta(example.money(1000, "BHD"))
	count(integrity_amount.block) == 0 with input as to(example.money(1000, "BHD"))
}

test_finding_names_the_step if {
	some finding in integrity_amount.block with input as to(example.money(33509999, "USD"))
	finding.limit == example.usd(1)
}
