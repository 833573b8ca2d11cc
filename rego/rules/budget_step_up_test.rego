package bidrail.rules.budget_step_up_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_step_up

examples := {
	"more than double": {"input": example.budget(20000, 40001, {}), "expect": "block"},
	"double": {"input": example.budget(20000, 40000, {}), "expect": "approve"},
	"more than the step": {"input": example.budget(20000, 26001, {}), "expect": "approve"},
	"the step": {"input": example.budget(20000, 26000, {}), "expect": "pass"},
	"a large share of a small budget": {"input": example.budget(1000, 6000, {}), "expect": "pass"},
	"a cut": {"input": example.budget(20000, 10000, {}), "expect": "pass"},
}

test_the_sum_itself_is_too_little if {
	count(budget_step_up.approve) == 0 with input as example.budget(10000, 15000, {})
	count(budget_step_up.approve) == 1 with input as example.budget(10000, 15001, {})
}

test_finding_shows_the_move if {
	some finding in budget_step_up.block with input as example.budget(20000, 40001, {})
	finding.move == {"from": 200000000, "to": 400010000}
}

test_no_step if {
	document := example.budget(20000, 30000, {})
	count(budget_step_up.approve) == 0 with input as example.without_limit(document, "budget", "step_up")
}

test_people_agree_to_the_rise if {
	some finding in budget_step_up.approve with input as example.budget(20000, 26001, {})
	finding.magnitude == 60010000
}
