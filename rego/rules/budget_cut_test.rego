package bidrail.rules.budget_cut_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_cut

examples := {
	"by more than four fifths": {"input": example.budget(50000, 9999, {}), "expect": "block"},
	"by four fifths": {"input": example.budget(50000, 10000, {}), "expect": "approve"},
	"by more than half": {"input": example.budget(50000, 24999, {}), "expect": "approve"},
	"by half": {"input": example.budget(50000, 25000, {}), "expect": "pass"},
	"deep, but of a small budget": {"input": example.budget(5000, 500, {}), "expect": "pass"},
	"below the floor": {"input": example.budget(1000, 499, {}), "expect": "approve"},
	"at the floor": {"input": example.budget(1000, 500, {}), "expect": "pass"},
	"below the floor, on the way up": {"input": example.budget(200, 400, {}), "expect": "pass"},
}

test_the_sum_itself_is_too_little if {
	count(budget_cut.approve) == 0 with input as example.budget(9000, 4000, {})
	count(budget_cut.approve) == 1 with input as example.budget(9000, 3999, {})
}

test_a_first_budget_below_the_floor if {
	first := example.document("daily_budget", example.absent, example.usd(499), {})
	some finding in budget_cut.approve with input as first
	finding.max_permitted.micros == 5000000
}

test_no_limit if {
	document := example.budget(50000, 24999, {})
	count(budget_cut.approve) == 0 with input as example.without_limit(document, "budget", "cut")
}

test_people_agree_to_the_cut if {
	some finding in budget_cut.approve with input as example.budget(20000, 9000, {})
	finding.magnitude == 110000000
}
