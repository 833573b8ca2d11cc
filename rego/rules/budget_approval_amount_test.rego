package bidrail.rules.budget_approval_amount_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_approval_amount

examples := {
	"adds the sum": {"input": example.budget(5000000, 5500000, {}), "expect": "approve"},
	"adds a little less": {"input": example.budget(5000000, 5499999, {}), "expect": "pass"},
	"a first budget": {
		"input": example.document("monthly_budget", example.absent, example.usd(500000), {}),
		"expect": "approve",
	},
	"down from unlimited": {
		"input": example.document("daily_budget", example.unlimited, example.usd(9000000), {}),
		"expect": "pass",
	},
	"a cut": {"input": example.budget(9000000, 1000000, {}), "expect": "pass"},
}

test_finding_shows_what_is_added if {
	some finding in budget_approval_amount.approve with input as example.budget(5000000, 5500000, {})
	finding.observed == example.usd(500000)
	finding.budget.micros == 55000000000
}

test_no_sum if {
	document := example.budget(5000000, 5500000, {})
	without := example.without_limit(document, "budget", "approval_amount")
	count(budget_approval_amount.approve) == 0 with input as without
}

test_people_agree_to_what_is_added if {
	some finding in budget_approval_amount.approve with input as example.budget(100000, 600001, {})
	finding.magnitude == 5000010000
}
