package bidrail.rules.integrity_budget_type_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_budget_type

switched(before, after) := example.document("budget_type", before, after, {})

counting(document, word) := object.union(document, {"facts": {"budget_type": example.fact(example.text(word), 60)}})

monthly(before, after) := example.document("monthly_budget", example.usd(before), example.usd(after), {})

examples := {
	"from daily to lifetime": {
		"input": switched(example.text("DAILY"), example.text("LIFETIME")),
		"expect": "block",
	},
	"from daily to a word that nobody knows": {
		"input": switched(example.text("DAILY"), example.text("SOMETIMES")),
		"expect": "block",
	},
	"the type is taken away": {"input": switched(example.text("DAILY"), example.absent), "expect": "block"},
	"the same in other words": {
		"input": switched(example.text("BUDGET_MODE_DAY"), example.text("daily ")),
		"expect": "pass",
	},
	"the same": {"input": switched(example.text("SOMETIMES"), example.text("SOMETIMES")), "expect": "pass"},
	"the first type": {"input": switched(example.absent, example.text("LIFETIME")), "expect": "approve"},
	"a day's amount for a lifetime": {"input": counting(example.budget(10000, 11000, {}), "LIFETIME"), "expect": "block"},
	"a day's amount for a lifetime, on the way down": {
		"input": counting(example.budget(10000, 9000, {}), "LIFETIME"),
		"expect": "block",
	},
	"a day's amount for a day": {"input": counting(example.budget(10000, 11000, {}), "Daily"), "expect": "pass"},
	"a type that nobody knows": {"input": counting(example.budget(10000, 11000, {}), "SOMETIMES"), "expect": "approve"},
	"a type that nobody knows, on the way down": {
		"input": counting(example.budget(10000, 9000, {}), "SOMETIMES"),
		"expect": "pass",
	},
	"nobody says how it counts": {"input": example.budget(10000, 11000, {}), "expect": "pass"},
	"a month's amount for a day": {"input": example.budget(10000, 304000, {}), "expect": "block"},
	"a day's amount for a month": {"input": monthly(304000, 10000), "expect": "block"},
	"a month's amount for a day, once more": {"input": monthly(10000, 304000), "expect": "block"},
	"the shortest month, less the tolerance": {"input": example.budget(10000, 297000, {}), "expect": "block"},
	"a little less than that": {"input": example.budget(10000, 296999, {}), "expect": "pass"},
	"the longest month, and the tolerance": {"input": example.budget(10000, 313100, {}), "expect": "block"},
	"a little more than that": {"input": example.budget(10000, 313101, {}), "expect": "pass"},
	"a lifetime of a month": {
		"input": example.document("lifetime_budget", example.usd(10000), example.usd(304000), {}),
		"expect": "pass",
	},
	"from nothing": {"input": example.budget(0, 304000, {}), "expect": "pass"},
	"to nothing": {"input": example.budget(304000, 0, {}), "expect": "pass"},
	"a first budget": {
		"input": example.document("daily_budget", example.absent, example.usd(304000), {}),
		"expect": "pass",
	},
}

test_a_micro_decides if {
	every micros, refused in {2969999999: 0, 2970000000: 1, 3131000000: 1, 3131000001: 0} {
		document := example.document("daily_budget", example.usd(10000), example.money(micros, "USD"), {})
		count(integrity_budget_type.block) == refused with input as document
	}
}

test_the_callers_word_is_enough if {
	claimed := {"facts": {"budget_type": example.claim(example.text("MONTHLY"))}}
	some finding in integrity_budget_type.block with input as example.budget(10000, 11000, claimed)
	finding.counts == "monthly"
	finding.sent == "daily"
}

test_a_type_that_is_no_word_says_nothing if {
	odd := {"facts": {"budget_type": example.claim(example.usd(100))}}
	count(integrity_budget_type.block | integrity_budget_type.approve) == 0 with input as example.budget(10000, 11000, odd)
}

test_a_switch_is_judged_by_what_it_says if {
	switch := counting(switched(example.absent, example.text("LIFETIME")), "DAILY")
	count(integrity_budget_type.block) == 0 with input as switch
}

test_no_word_means_two_things if {
	words := [word | some list in data.budgets.types; some word in list]
	count(words) == count({word | some word in words})
	every word in words {
		word == upper(word)
	}
}

test_no_tolerance if {
	without := example.without_limit(example.budget(10000, 304000, {}), "integrity", "unit_slip_tolerance")
	count(integrity_budget_type.block) == 0 with input as without
}
