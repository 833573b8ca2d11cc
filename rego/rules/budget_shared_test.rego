package bidrail.rules.budget_shared_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_shared

drawn(document, fact) := object.union(document, {"facts": {"reference_count": fact}})

by(number) := example.fact(example.pieces(number), 60)

shared(before, after) := example.document("shared_budget", before, after, {})

one := example.text("budget-1")

examples := {
	"a budget of two": {"input": drawn(example.budget(10000, 10100, {}), by(2)), "expect": "approve"},
	"a budget of a little more than one": {
		"input": drawn(example.budget(10000, 10100, {}), example.fact({"type": "ratio", "ppm": 1000001}, 60)),
		"expect": "approve",
	},
	"a budget of one": {"input": drawn(example.budget(10000, 10100, {}), by(1)), "expect": "pass"},
	"a budget of two is cut": {"input": drawn(example.budget(10100, 10000, {}), by(2)), "expect": "warn"},
	"nobody knows whose": {"input": example.budget(10000, 10100, {}), "expect": "pass"},
	"the caller says that it is of two": {
		"input": drawn(example.budget(10000, 10100, {}), example.claim(example.pieces(2))),
		"expect": "approve",
	},
	"a shared budget of two": {"input": drawn(shared(example.usd(10000), example.usd(10100)), by(2)), "expect": "approve"},
	"a first budget of two": {
		"input": drawn(example.document("daily_budget", example.absent, example.usd(10000), {}), by(2)),
		"expect": "approve",
	},
	"another shared budget": {"input": shared(one, example.text("budget-2")), "expect": "approve"},
	"a first shared budget": {"input": shared(example.absent, one), "expect": "approve"},
	"no shared budget any more": {"input": shared(one, example.absent), "expect": "approve"},
	"the same shared budget": {"input": shared(one, one), "expect": "pass"},
	"the amount of a shared budget": {"input": shared(example.usd(10000), example.usd(10100)), "expect": "pass"},
}

test_finding_counts_the_campaigns if {
	some finding in budget_shared.approve with input as drawn(example.budget(10000, 10100, {}), by(12))
	finding.count == "12"
	finding.magnitude == example.usd(100)
}

test_attaching_is_said_once if {
	count(budget_shared.approve) == 1 with input as drawn(shared(one, example.text("budget-2")), by(2))
}

test_a_count_of_another_type_is_not_known if {
	odd := drawn(example.budget(10000, 10100, {}), example.claim(example.usd(1000)))
	count(budget_shared.approve) == 0 with input as odd
}

test_no_limit if {
	without := example.without_limit(drawn(example.budget(10000, 10100, {}), by(2)), "budget", "references")
	count(budget_shared.approve) == 0 with input as without
}
