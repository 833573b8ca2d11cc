package bidrail.rules.budget_cap_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_cap

examples := {
	"above the cap": {"input": example.budget(90000, 100001, {}), "expect": "block"},
	"at the cap": {"input": example.budget(90000, 100000, {}), "expect": "pass"},
	"still above it after a cut": {"input": example.budget(200000, 150000, {}), "expect": "block"},
	"no end": {
		"input": example.document("daily_budget", example.usd(90000), example.unlimited, {}),
		"expect": "block",
	},
}

test_finding_says_what_would_pass if {
	some finding in budget_cap.block with input as example.budget(90000, 100001, {})
	finding.max_permitted.micros == 1000000000
}

test_no_cap if {
	document := example.budget(90000, 100001, {})
	count(budget_cap.block) == 0 with input as example.without_limit(document, "budget", "cap")
	count(budget_cap.block) == 0 with input as example.with_limit(document, "budget", "cap", example.no_limit)
}
