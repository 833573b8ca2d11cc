package bidrail.rules.bid_uncapped_automation_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_uncapped_automation

here := {"change": {"target": {"entity_type": "campaign", "entity_id": "101"}}}

switched(word) := example.document("bid_strategy", example.text("MANUAL_CPC"), example.text(word), here)

on_app(word) := object.union(switched(word), {"change": {"target": {"channel": "app"}}})

target(before, after) := example.document("target_cpa", before, after, here)

roas(before, after) := example.document("target_roas", before, after, here)

ceiling(before, after) := example.document("bid_limit", before, after, here)

some_target := target(example.absent, example.usd(2000))

some_ceiling := ceiling(example.absent, example.usd(200))

elsewhere := object.union(some_target, {"change": {"target": {"entity_id": "102"}}})

flag(is) := {"type": "flag", "flag": is}

knowing(document, name, value) := object.union(document, {"facts": {name: example.fact(value, 60)}})

claiming(document, name, value) := object.union(document, {"facts": {name: example.claim(value)}})

no_target := target(example.usd(2000), example.absent)

no_ceiling := ceiling(example.usd(200), example.unlimited)

examples := {
	"a strategy without a bound": {"input": switched("TARGET_SPEND"), "expect": "approve"},
	"a strategy that may have a target": {"input": switched("MAXIMIZE_CONVERSIONS"), "expect": "approve"},
	"a strategy that is a target": {"input": switched("TARGET_CPA"), "expect": "pass"},
	"bids by hand": {
		"input": example.document("bid_strategy", example.text("TARGET_CPA"), example.text("MANUAL_CPC"), here),
		"expect": "pass",
	},
	"a strategy that nobody knows": {"input": switched("DIVINATION"), "expect": "approve"},
	"the same strategy": {
		"input": example.document("bid_strategy", example.text("DIVINATION"), example.text("DIVINATION"), here),
		"expect": "pass",
	},
	"a strategy with a target beside it": {
		"input": example.grouped([switched("MAXIMIZE_CONVERSIONS"), some_target]),
		"expect": "pass",
	},
	"a strategy with a target of another campaign": {
		"input": example.grouped([switched("MAXIMIZE_CONVERSIONS"), elsewhere]),
		"expect": "approve",
	},
	"a strategy that takes no target, with one": {
		"input": example.grouped([switched("TARGET_SPEND"), some_target]),
		"expect": "approve",
	},
	"a strategy with a ceiling beside it": {
		"input": example.grouped([switched("TARGET_SPEND"), some_ceiling]),
		"expect": "pass",
	},
	"a strategy with a ceiling that is disregarded": {
		"input": example.grouped([switched("MAXIMIZE_CONVERSIONS"), some_ceiling]),
		"expect": "approve",
	},
	"a strategy with a ceiling that holds on another channel": {
		"input": example.grouped([on_app("MAXIMIZE_CONVERSIONS"), some_ceiling]),
		"expect": "pass",
	},
	"what is known of the last strategy says nothing of the next": {
		"input": knowing(switched("MAXIMIZE_CONVERSIONS"), "strategy_target", flag(true)),
		"expect": "approve",
	},
	"a target is taken away": {"input": no_target, "expect": "approve"},
	"a target becomes nothing": {"input": target(example.usd(2000), example.usd(0)), "expect": "approve"},
	"a target becomes very little": {"input": target(example.usd(2000), example.usd(1)), "expect": "pass"},
	"a target ROAS is taken away": {"input": roas(example.percent(400), example.absent), "expect": "approve"},
	"a target ROAS becomes nothing": {"input": roas(example.percent(400), example.percent(0)), "expect": "approve"},
	"a target is taken away, and a ceiling remains": {
		"input": knowing(no_target, "strategy_ceiling", flag(true)),
		"expect": "pass",
	},
	"a target is taken away, and no ceiling remains": {
		"input": knowing(no_target, "strategy_ceiling", flag(false)),
		"expect": "approve",
	},
	"a target is taken away, and the caller says that a ceiling remains": {
		"input": claiming(no_target, "strategy_ceiling", flag(true)),
		"expect": "approve",
	},
	"a target is taken away, and a ceiling remains that is disregarded": {
		"input": knowing(
			knowing(no_target, "strategy_ceiling", flag(true)),
			"bid_strategy", example.text("MAXIMIZE_CONVERSIONS"),
		),
		"expect": "approve",
	},
	"target and ceiling are taken away together": {
		"input": example.grouped([knowing(no_target, "strategy_ceiling", flag(true)), no_ceiling]),
		"expect": "approve",
	},
	"a ceiling is taken away": {"input": no_ceiling, "expect": "approve"},
	"a ceiling is taken away, and a target remains": {
		"input": knowing(no_ceiling, "strategy_target", flag(true)),
		"expect": "pass",
	},
	"ceiling and target are taken away together": {
		"input": example.grouped([knowing(no_ceiling, "strategy_target", flag(true)), no_target]),
		"expect": "approve",
	},
	"a ceiling is taken away from bids by hand": {
		"input": knowing(no_ceiling, "bid_strategy", example.text("MANUAL_CPC")),
		"expect": "pass",
	},
	"a ceiling is taken away from bids by hand, as the caller says": {
		"input": claiming(no_ceiling, "bid_strategy", example.text("MANUAL_CPC")),
		"expect": "approve",
	},
	"a first target": {"input": some_target, "expect": "pass"},
}

test_a_fact_of_another_type_is_no_yes if {
	odd := knowing(no_target, "strategy_ceiling", example.usd(100))
	count(bid_uncapped_automation.approve) == 1 with input as odd
}

test_a_strategy_that_is_taken_away_is_for_others if {
	document := example.document("bid_strategy", example.text("MANUAL_CPC"), example.absent, here)
	count(bid_uncapped_automation.approve) == 0 with input as document
}

test_finding_shows_what_is_lost if {
	some finding in bid_uncapped_automation.approve with input as no_target
	finding.before == example.usd(2000)
}
