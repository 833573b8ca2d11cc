package bidrail.lib.exposure_test

import data.bidrail.lib.example
import data.bidrail.lib.exposure

on(platform) := example.budget(9000, 10000, {"change": {"target": {"platform": platform}}})

facts := {"facts": {
	"period_plan": example.fact(example.usd(300000), 60),
	"period_spend": example.fact(example.usd(200000), 60),
	"period_days_left": example.fact({"type": "ratio", "ppm": 10500000}, 60),
}}

test_platforms_spend_beyond_a_budget if {
	exposure.overdelivery == 1750000 with input as on("meta")
	exposure.overdelivery == 2000000 with input as on("billboards")
}

test_half_a_day_counts if {
	exposure.projected == 3050000000000000 with input as example.budget(9000, 10000, facts)
}

test_what_does_not_compare_is_not_known if {
	euros := example.budget(9000, 10000, {"facts": {
		"period_plan": example.money(1, "EUR"),
		"period_spend": example.percent(5),
		"period_days_left": example.usd(10),
	}})
	not exposure.plan with input as euros
	not exposure.spent with input as euros
	not exposure.days_left with input as euros
	not exposure.projected with input as euros
}

test_nothing_is_projected_from_no_amount if {
	not exposure.projected with input as example.document("daily_budget", example.usd(9000), example.unlimited, facts)
}
