package bidrail.rules.bid_vs_budget_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_vs_budget

daily(value) := {"facts": {"daily_budget": example.fact(value, 60)}}

examples := {
	"above the budget": {"input": example.bid(900, 1001, daily(example.usd(1000))), "expect": "block"},
	"the whole budget": {"input": example.bid(900, 1000, daily(example.usd(1000))), "expect": "warn"},
	"above the budget after a cut": {"input": example.bid(1200, 1100, daily(example.usd(1000))), "expect": "warn"},
	"fewer than ten bids": {"input": example.bid(95, 101, daily(example.usd(1000))), "expect": "warn"},
	"ten bids": {"input": example.bid(95, 100, daily(example.usd(1000))), "expect": "pass"},
	"no budget is known": {"input": example.bid(95, 100, {}), "expect": "warn"},
	"no budget is known for a cut": {"input": example.bid(100, 95, {}), "expect": "pass"},
	"the budget is unlimited": {"input": example.bid(95, 100, daily(example.unlimited)), "expect": "pass"},
}

test_finding_says_what_would_pass if {
	some finding in bid_vs_budget.block with input as example.bid(900, 1001, daily(example.usd(1000)))
	finding.max_permitted == example.usd(1000)
}

test_a_budget_in_another_currency_is_not_known if {
	document := example.bid(95, 100, daily(example.money(1000000, "EUR")))
	count(bid_vs_budget.block) == 0 with input as document
	some finding in bid_vs_budget.warn with input as document
	contains(finding.message, "not known")
}
