package bidrail.rules.budget_exposure_period_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_exposure_period

# Ten days of a period are left, of which 2,000.00 are spent; the budget goes from 90.00 to after.
planned(after, plan) := planned_from(9000, after, plan)

planned_from(before, after, plan) := example.budget(before, after, {"facts": {
	"period_spend": example.fact(example.usd(200000), 60),
	"period_plan": plan,
	"period_days_left": example.fact(days(10), 60),
}})

days(whole) := {"type": "ratio", "ppm": whole * 1000000}

plan := example.fact(example.usd(300000), 60)

with_fact(document, name, fact) := object.union(
	json.remove(document, [sprintf("facts/%s", [name])]),
	{"facts": {name: fact}},
)

without_fact(document, name) := json.remove(document, [sprintf("facts/%s", [name])])

claimed := example.claim(example.usd(100))

examples := {
	"more than the plan": {"input": planned(10001, plan), "expect": "approve"},
	"the plan": {"input": planned(10000, plan), "expect": "pass"},
	"far more than the plan": {"input": planned(13001, plan), "expect": "block"},
	"more than the plan, and not too far": {"input": planned(13000, plan), "expect": "approve"},
	"a cut": {"input": planned_from(20000, 13001, plan), "expect": "pass"},
	"no plan": {"input": example.budget(9000, 13001, {}), "expect": "pass"},
	"the spend is not known": {"input": without_fact(planned(9100, plan), "period_spend"), "expect": "approve"},
	"the days are not known": {"input": without_fact(planned(9100, plan), "period_days_left"), "expect": "approve"},
	"the caller says that little is spent": {
		"input": with_fact(planned(9100, plan), "period_spend", claimed),
		"expect": "approve",
	},
	"the caller says that few days are left": {
		"input": with_fact(planned(9100, plan), "period_days_left", example.claim(days(1))),
		"expect": "approve",
	},
	"the caller says what the plan is": {
		"input": with_fact(planned(10001, plan), "period_plan", example.claim(example.usd(300000))),
		"expect": "approve",
	},
	"the caller says that the plan is kept": {
		"input": with_fact(planned(10000, plan), "period_plan", example.claim(example.usd(300000))),
		"expect": "pass",
	},
	"a plan in another currency": {
		"input": with_fact(planned(9100, plan), "period_plan", example.fact(example.money(3000000000, "EUR"), 60)),
		"expect": "approve",
	},
}

test_half_a_day_counts if {
	document := with_fact(planned(10000, plan), "period_days_left", example.fact({"type": "ratio", "ppm": 10500000}, 60))
	count(budget_exposure_period.approve) == 1 with input as document
}

test_finding_shows_spend_and_plan if {
	some finding in budget_exposure_period.block with input as planned(13001, plan)
	finding.spent.micros == 2000000000
	finding.plan.micros == 3000000000
	finding.limit.ppm == 1100000
}

test_no_limit if {
	document := example.without_limit(planned(13000, plan), "budget", "exposure_period")
	count(budget_exposure_period.approve) == 0 with input as document
}

test_people_agree_to_the_new_budget if {
	some finding in budget_exposure_period.approve with input as planned(10001, plan)
	finding.magnitude == example.usd(10001)
}
