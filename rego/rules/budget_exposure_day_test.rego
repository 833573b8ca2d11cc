package bidrail.rules.budget_exposure_day_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_exposure_day

on(platform, before, after) := example.budget(before, after, {"change": {"target": {"platform": platform}}})

# What was at its highest since yesterday, in cents.
peaked(document, cents) := example.moved(document, "field", "day", {"peak": cents * 10000, "count": 2})

first := example.document("daily_budget", example.absent, example.usd(100000), {})

unknown(document) := json.remove(document, ["windows/field/day/peak"])

examples := {
	"twice the budget is too much": {"input": example.budget(90000, 100001, {}), "expect": "block"},
	"twice the budget is what a day may cost": {"input": example.budget(90000, 100000, {}), "expect": "pass"},
	"raised, lowered and raised above the peak": {
		"input": peaked(example.budget(10000, 120001, {}), 120000),
		"expect": "block",
	},
	"raised, lowered and raised to the peak": {
		"input": peaked(example.budget(10000, 120000, {}), 120000),
		"expect": "pass",
	},
	"raised above a peak that is within": {"input": peaked(example.budget(10000, 100001, {}), 50000), "expect": "block"},
	"lowered": {"input": peaked(example.budget(200000, 150000, {}), 200000), "expect": "pass"},
	"Meta spends less beyond it": {"input": on("meta", 90000, 114285), "expect": "pass"},
	"Meta spends beyond it too": {"input": on("meta", 90000, 114286), "expect": "block"},
	"a platform that nobody knows": {"input": on("billboards", 90000, 100001), "expect": "block"},
	"a first budget": {"input": first, "expect": "pass"},
	"a first budget that is too high": {
		"input": example.document("daily_budget", example.absent, example.usd(100001), {}),
		"expect": "block",
	},
	"nobody knows its peak": {"input": unknown(example.budget(10000, 11000, {})), "expect": "block"},
	"set, taken away and set, nobody knows to what": {
		"input": unknown(example.moved(first, "field", "day", {"count": 2})),
		"expect": "block",
	},
}

test_finding_shows_the_new_budget if {
	some finding in budget_exposure_day.block with input as peaked(example.budget(10000, 100002, {}), 100001)
	finding.peak == example.usd(100001)
	finding.observed.micros == 1000020000
	finding.factor == example.percent(200)
}

# Set less where that helps; what has been the peak passes where it is above the limit itself.
test_what_still_passes_is_said if {
	every peak, advice in {100000: "set less", 100001: "set no more than the {peak} it has been at since yesterday"} {
		some finding in budget_exposure_day.block with input as peaked(example.budget(10000, 100002, {}), peak)
		endswith(finding.message, advice)
	}
}

test_every_platform_has_a_factor_with_a_source if {
	every platform in data.platforms {
		platform.overdelivery.ppm >= 1000000
		platform.overdelivery.source != ""
	}
}

test_no_limit if {
	without := example.without_limit(example.budget(90000, 200000, {}), "budget", "exposure_day")
	count(budget_exposure_day.block) == 0 with input as without
}
