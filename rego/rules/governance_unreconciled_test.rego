package bidrail.rules.governance_unreconciled_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_unreconciled

open(changes) := {"facts": {"unreconciled_changes": example.fact({"type": "ratio", "ppm": changes * 1000000}, 3600)}}

examples := {
	"a rise with one change open": {"input": example.bid(100, 110, open(1)), "expect": "approve"},
	"a rise with none open": {"input": example.bid(100, 110, open(0)), "expect": "pass"},
	"a cut with one change open": {"input": example.bid(110, 100, open(1)), "expect": "pass"},
	"a move without an order with one change open": {
		"input": example.document("bid_strategy", example.text("MANUAL"), example.text("AUTO"), open(1)),
		"expect": "approve",
	},
	"nobody counts them": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

five := {"count": 5, "source": "example"}

test_some_may_be_open if {
	at := example.with_limit(example.bid(100, 110, open(5)), "governance", "unreconciled", five)
	count(governance_unreconciled.approve) == 0 with input as at
	above := example.with_limit(example.bid(100, 110, open(6)), "governance", "unreconciled", five)
	count(governance_unreconciled.approve) == 1 with input as above
}

test_finding_says_how_many if {
	some finding in governance_unreconciled.approve with input as example.bid(100, 110, open(12))
	finding.observed == "12"
}
