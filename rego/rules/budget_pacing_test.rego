package bidrail.rules.budget_pacing_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_pacing

plan := example.fact(example.usd(300000), 60)

# The period may cost 3,000.00. At the present pace it will have cost so much; the budget goes from 90.00 to after.
paced(after, projected) := example.budget(9000, after, {"facts": {
	"period_plan": plan,
	"projected_spend": example.fact(example.usd(projected), 60),
}})

# 2,000.00 are spent, and ten days are left.
planned(before, after) := example.budget(before, after, {"facts": {
	"period_plan": plan,
	"period_spend": example.fact(example.usd(200000), 60),
	"period_days_left": example.fact(example.pieces(10), 60),
}})

examples := {
	"the pace is far above the plan": {"input": paced(9100, 360001), "expect": "approve"},
	"the pace is a fifth above the plan": {"input": paced(9100, 360000), "expect": "warn"},
	"the pace is above the plan": {"input": paced(9100, 330001), "expect": "warn"},
	"the pace is a tenth above the plan": {"input": paced(9100, 330000), "expect": "pass"},
	"the budget goes far above the plan": {"input": planned(9000, 16001), "expect": "approve"},
	"the budget goes a fifth above the plan": {"input": planned(9000, 16000), "expect": "warn"},
	"the budget goes above the plan": {"input": planned(9000, 13001), "expect": "warn"},
	"the budget goes a tenth above the plan": {"input": planned(9000, 13000), "expect": "pass"},
	"the pace is far above the plan, and the budget falls": {"input": paced(8000, 360001), "expect": "pass"},
	"the pace is below the plan, and the budget falls": {"input": paced(8000, 269999), "expect": "warn"},
	"the pace is a tenth below the plan, and the budget falls": {"input": paced(8000, 270000), "expect": "pass"},
	"the budget falls below the plan": {"input": planned(9000, 6999), "expect": "warn"},
	"the budget falls a tenth below the plan": {"input": planned(9000, 7000), "expect": "pass"},
	"the pace is below the plan, and the budget rises": {"input": paced(9100, 100000), "expect": "pass"},
	"no plan is known": {"input": json.remove(paced(9100, 400000), ["facts/period_plan"]), "expect": "pass"},
	"no pace is known": {"input": json.remove(paced(9100, 400000), ["facts/projected_spend"]), "expect": "pass"},
	"the days are not known": {"input": json.remove(planned(9000, 20000), ["facts/period_days_left"]), "expect": "pass"},
}

test_a_micro_decides if {
	every micros, asked in {3600000000: 0, 3600000001: 1} {
		fact := {"facts": {"projected_spend": example.fact(example.money(micros, "USD"), 60)}}
		count(budget_pacing.approve) == asked with input as object.union(paced(9100, 1), fact)
	}
	every micros, pointed_out in {2699999999: 1, 2700000000: 0} {
		fact := {"facts": {"projected_spend": example.fact(example.money(micros, "USD"), 60)}}
		count(budget_pacing.warn) == pointed_out with input as object.union(paced(8000, 1), fact)
	}
}

test_one_projection_does_not_hide_the_other if {
	both := object.union(planned(9000, 20000), {"facts": {"projected_spend": example.claim(example.usd(1))}})
	count(budget_pacing.approve) == 1 with input as both
}

test_what_is_asked_is_not_pointed_out_too if {
	count(budget_pacing.warn) == 0 with input as paced(9100, 360001)
}

test_other_currencies_do_not_compare if {
	odd := object.union(paced(9100, 1), {"facts": {"projected_spend": example.money(900000000000, "EUR")}})
	count(budget_pacing.approve) == 0 with input as odd
}

test_unlimited_is_for_others if {
	document := example.document("daily_budget", example.usd(9000), example.unlimited, {"facts": {
		"period_plan": plan,
		"period_spend": example.fact(example.usd(200000), 60),
		"period_days_left": example.fact(example.pieces(10), 60),
	}})
	count(budget_pacing.approve) == 0 with input as document
}

test_people_agree_to_the_rise if {
	some finding in budget_pacing.approve with input as paced(9100, 360001)
	finding.magnitude == example.usd(100)
	finding.plan.micros == 3000000000
}

test_no_limit if {
	count(budget_pacing.approve) == 0 with input as example.without_limit(paced(9100, 400000), "budget", "pacing_approval")
}
