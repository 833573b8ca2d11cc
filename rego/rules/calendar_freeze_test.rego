package bidrail.rules.calendar_freeze_test

import data.bidrail.lib.example
import data.bidrail.rules.calendar_freeze

frozen(effect) := {"calendar": {"freezes": [{
	"id": "holidays",
	"reason": "budgets are set by hand over the holidays",
	"effect": effect,
	"until": 1767268800000000000,
}]}}

examples := {
	"a rise nobody may allow": {"input": example.bid(100, 110, frozen("block")), "expect": "block"},
	"a rise a person may allow": {"input": example.bid(100, 110, frozen("approve")), "expect": "approve"},
	"a cut": {"input": example.bid(110, 100, frozen("block")), "expect": "pass"},
	"a move without order": {
		"input": example.document("bid_strategy", example.text("MANUAL"), example.text("AUTO"), frozen("block")),
		"expect": "block",
	},
	"no freeze": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

test_finding_says_until_when if {
	some finding in calendar_freeze.block with input as example.bid(100, 110, frozen("block"))
	finding.until == "2026-01-01 12:00 UTC"
	finding.reason == "budgets are set by hand over the holidays"
}

test_the_strictest_of_two_counts if {
	both := {"calendar": {"freezes": array.concat(
		frozen("approve").calendar.freezes,
		frozen("block").calendar.freezes,
	)}}
	count(calendar_freeze.block) == 1 with input as example.bid(100, 110, both)
	count(calendar_freeze.approve) == 1 with input as example.bid(100, 110, both)
}
