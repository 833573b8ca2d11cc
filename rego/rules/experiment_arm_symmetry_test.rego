package bidrail.rules.experiment_arm_symmetry_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_arm_symmetry
import data.bidrail.rules.experiment_freeze

on(campaign, arm) := object.union({"experiments": [example.test(arm, {})]}, placed(campaign))

placed(campaign) := {"change": {"target": {"campaign": campaign, "entity_id": sprintf("keyword-%s", [campaign])}}}

base(before, after) := example.bid(before, after, on("101", "base"))

trial(before, after) := example.bid(before, after, on("102", "trial"))

another(document) := object.union(
	document,
	{"change": {"target": {"entity_id": sprintf("other-%s", [document.change.target.campaign])}}},
)

strategy(before, after, campaign, arm) := example.document(
	"bid_strategy",
	example.text(before),
	example.text(after),
	on(campaign, arm),
)

roas(before, after, campaign, arm) := example.document(
	"target_roas",
	example.percent(before),
	example.percent(after),
	on(campaign, arm),
)

modifier(before, after, campaign, arm) := example.document(
	"bid_modifier",
	before,
	after,
	object.union(placed(campaign), {"experiments": [example.test(arm, {"frozen_fields": ["bid_modifier"]})]}),
)

examples := {
	"one arm": {"input": base(100, 110), "expect": "block"},
	"both arms": {"input": example.grouped([base(100, 110), trial(100, 110)]), "expect": "approve"},
	"both arms by the same share, rounded": {
		"input": example.grouped([base(100, 110), trial(137, 151)]),
		"expect": "approve",
	},
	"both arms by different shares": {
		"input": example.grouped([base(100, 110), trial(137, 140)]),
		"expect": "block",
	},
	"both arms in opposite directions": {
		"input": example.grouped([base(2, 3), trial(3, 2)]),
		"expect": "block",
	},
	"both arms get the strategy": {
		"input": example.grouped([
			strategy("MANUAL", "AUTO", "101", "base"),
			strategy("MANUAL", "AUTO", "102", "trial"),
		]),
		"expect": "approve",
	},
	"the arms get different strategies": {
		"input": example.grouped([
			strategy("MANUAL", "AUTO", "101", "base"),
			strategy("MANUAL", "ROAS", "102", "trial"),
		]),
		"expect": "block",
	},
	"two keywords of an arm, and one of the other": {
		"input": example.grouped([base(100, 110), another(base(200, 220)), trial(100, 110)]),
		"expect": "block",
	},
	"two keywords of both arms": {
		"input": example.grouped([base(100, 110), another(base(200, 220)), trial(100, 110), another(trial(200, 220))]),
		"expect": "approve",
	},
	"one keyword sent twice is one": {
		"input": example.grouped([base(100, 110), another(base(200, 220)), trial(100, 110), trial(200, 220)]),
		"expect": "block",
	},
	"the bid of an ad group, and of a keyword in the other arm": {
		"input": example.grouped([
			object.union(base(100, 110), {"change": {"target": {"entity_type": "ad_group"}}}),
			trial(100, 110),
		]),
		"expect": "block",
	},
	"no test": {"input": example.bid(100, 110, {}), "expect": "pass"},
	"a synchronised test": {
		"input": example.bid(100, 110, {"experiments": [example.test("base", {"sync": true})]}),
		"expect": "pass",
	},
	"one arm is cut in an emergency": {
		"input": object.union(base(110, 100), {"change": {"reason": {"code": "safety_stop"}}}),
		"expect": "pass",
	},
}

test_ratios_move_alike if {
	both := example.grouped([roas(400, 300, "101", "base"), roas(200, 150, "102", "trial")])
	count(experiment_arm_symmetry.approve) == 1 with input as both
	apart := example.grouped([roas(400, 300, "101", "base"), roas(200, 100, "102", "trial")])
	count(experiment_arm_symmetry.block) == 1 with input as apart
}

# experiment.freeze steps back wherever the table says symmetry, so whoever edits the table must not
# leave an edit to nobody.
test_the_table_may_ask_for_symmetry_anywhere if {
	table := object.union(data.contamination, {"effects": {family: {"ab": "symmetry"} |
		some family, _ in data.contamination.effects
		family != "together"
	}})
	every document in [
		example.budget(10000, 11000, on("101", "base")),
		example.document("status", example.text("PAUSED"), example.text("ENABLED"), on("101", "base")),
		example.document("targeting_exclusion", example.absent, example.text("free"), on("101", "base")),
		example.document("name", example.text("A"), example.text("B"), on("101", "base")),
	] {
		count(experiment_freeze.block) == 0 with input as document with data.contamination as table
		count(experiment_arm_symmetry.block) == 1 with input as document with data.contamination as table
	}
	both := example.grouped([
		example.budget(10000, 11000, on("101", "base")),
		example.budget(10000, 11000, on("102", "trial")),
	])
	count(experiment_arm_symmetry.approve) == 1 with input as both with data.contamination as table
}

test_modifiers_move_alike if {
	both := example.grouped([
		modifier(example.absent, example.percent(120), "101", "base"),
		modifier(example.percent(50), example.percent(60), "102", "trial"),
	])
	count(experiment_arm_symmetry.approve) == 1 with input as both
	taken := example.grouped([
		modifier(example.percent(50), example.absent, "101", "base"),
		modifier(example.percent(100), example.percent(200), "102", "trial"),
	])
	count(experiment_arm_symmetry.approve) == 1 with input as taken
}

test_cuts_move_alike if {
	both := example.grouped([base(110, 100), trial(220, 200)])
	count(experiment_arm_symmetry.approve) == 1 with input as both
}

test_other_campaigns_are_not_the_other_arm if {
	elsewhere := example.grouped([base(100, 110), example.bid(100, 110, placed("103"))])
	some finding in experiment_arm_symmetry.block with input as elsewhere
	finding.missing == ["trial"]
}

test_another_field_is_not_the_same_edit if {
	other := example.document("default_bid", example.usd(100), example.usd(110), on("102", "trial"))
	count(experiment_arm_symmetry.block) == 1 with input as example.grouped([base(100, 110), other])
}

test_a_rise_from_nothing_has_no_share if {
	count(experiment_arm_symmetry.block) == 1 with input as example.grouped([base(0, 110), trial(0, 500)])
	count(experiment_arm_symmetry.approve) == 1 with input as example.grouped([base(0, 110), trial(0, 110)])
}

test_currencies_are_not_compared if {
	euros := example.document(
		"bid",
		example.money(1000000, "EUR"),
		example.money(1100000, "EUR"),
		on("102", "trial"),
	)
	count(experiment_arm_symmetry.block) == 1 with input as example.grouped([base(100, 110), euros])
}

test_a_test_of_one_arm_is_incomplete if {
	alone := example.bid(100, 110, {"experiments": [example.test("base", {"arms": []})]})
	some finding in experiment_arm_symmetry.block with input as alone
	contains(finding.message, "without its other arms")
}

# What both arms together get is a row of the table as well.
test_the_table_says_what_all_arms_together_get if {
	both := example.grouped([base(100, 110), trial(100, 110)])
	every word, counts in {"approve": [0, 1], "pass": [0, 0], "warn": [1, 0], "block": [1, 0]} {
		table := object.union(data.contamination, {"effects": {"together": {"ab": word}}})
		count(experiment_arm_symmetry.block) == counts[0] with input as both with data.contamination as table
		count(experiment_arm_symmetry.approve) == counts[1] with input as both with data.contamination as table
	}
}

test_what_is_tried_out_passes if {
	envelope := {"envelope": [{"kind": "bid", "share_ppm": 200000}]}
	within := example.bid(100, 120, {"experiments": [example.test("trial", envelope)]})
	count(experiment_arm_symmetry.block) == 0 with input as within
	beyond := object.union(trial(100, 121), {"experiments": [example.test("trial", envelope)]})
	count(experiment_arm_symmetry.block) == 1 with input as beyond
	control := example.bid(100, 110, {"experiments": [example.test("base", envelope)]})
	count(experiment_arm_symmetry.block) == 1 with input as control
}
