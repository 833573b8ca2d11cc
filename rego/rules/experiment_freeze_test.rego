package bidrail.rules.experiment_freeze_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_freeze

running(arm, overrides) := {"experiments": [example.test(arm, overrides)]}

stop := {"change": {"reason": {"code": "safety_stop", "text": "tracking is down"}}}

safely(arm, overrides) := object.union(running(arm, overrides), stop)

exclusion(overrides) := example.document("targeting_exclusion", example.absent, example.text("free"), overrides)

pause(overrides) := example.document("status", example.text("ENABLED"), example.text("PAUSED"), overrides)

on(campaign) := {"change": {"target": {"campaign": campaign, "entity_id": sprintf("keyword-%s", [campaign])}}}

# A scale test that may raise the trial's budget to 150 dollars and move its bids by a fifth.
treatment := {"type": "incrementality", "envelope": [
	{"kind": "bid", "share_ppm": 200000},
	{"kind": "daily_budget", "most": example.usd(15000)},
]}

reached(type) := example.test("", {"type": type, "relation": "reach"})

near(type, share) := example.bid(
	100, 110,
	{"experiments": [reached(type)], "facts": {"test_geo_spend_share": example.fact(share, 60)}},
)

examples := {
	"budget of an arm": {"input": example.budget(10000, 10100, running("base", {})), "expect": "block"},
	"budget of an arm, synchronised": {
		"input": example.budget(10000, 10100, running("base", {"sync": true})),
		"expect": "block",
	},
	"budget of an arm before the start": {
		"input": example.budget(10000, 10100, running("base", {"state": "scheduled"})),
		"expect": "pass",
	},
	"an arm is paused": {"input": pause(running("trial", {})), "expect": "block"},
	"an arm is paused in an emergency": {"input": pause(safely("trial", {})), "expect": "warn"},
	"bid in a test region": {
		"input": example.bid(100, 110, running("base", {"type": "geo_holdout"})),
		"expect": "approve",
	},
	"bid in a test region is cut in an emergency": {
		"input": example.bid(110, 100, safely("base", {"type": "geo_holdout"})),
		"expect": "warn",
	},
	"bid of one arm is the other rule's": {"input": example.bid(100, 110, running("trial", {})), "expect": "pass"},
	"bid of the base, synchronised": {
		"input": example.bid(100, 110, running("base", {"sync": true})),
		"expect": "pass",
	},
	"bid of the trial, synchronised": {
		"input": example.bid(100, 110, object.union(running("trial", {"sync": true}), on("102"))),
		"expect": "block",
	},
	"a field that the test leaves free": {
		"input": example.document("target_cpa", example.usd(1000), example.usd(1100), running("base", {})),
		"expect": "pass",
	},
	"an exclusion": {"input": exclusion(running("base", {})), "expect": "approve"},
	"an exclusion in a lift study": {"input": exclusion(running("base", {"type": "lift"})), "expect": "warn"},
	"bid of both, synchronised": {
		"input": example.grouped([
			example.bid(100, 110, object.union(running("trial", {"sync": true}), on("102"))),
			example.bid(100, 110, object.union(running("base", {"sync": true}), on("101"))),
		]),
		"expect": "pass",
	},
	"budget of the treatment, within its amount": {
		"input": example.budget(10000, 15000, running("trial", treatment)),
		"expect": "pass",
	},
	"budget of the treatment, beyond its amount": {
		"input": example.budget(10000, 15001, running("trial", treatment)),
		"expect": "block",
	},
	"budget of the control of a scale test": {
		"input": example.budget(10000, 10100, running("base", treatment)),
		"expect": "block",
	},
	"budget of the treatment in another currency": {
		"input": example.document(
			"daily_budget",
			example.money(1000000, "EUR"),
			example.money(1100000, "EUR"),
			running("trial", treatment),
		),
		"expect": "block",
	},
	"bid of the treatment, within its share": {
		"input": example.bid(100, 120, running("trial", treatment)),
		"expect": "pass",
	},
	"bid of the treatment, beyond its share": {
		"input": example.bid(100, 121, running("trial", treatment)),
		"expect": "approve",
	},
	"in the same regions, a small part": {"input": near("geo_holdout", example.percent(5)), "expect": "pass"},
	"in the same regions, a larger part": {"input": near("geo_holdout", example.percent(6)), "expect": "approve"},
	"in the same regions, nobody knows how much": {
		"input": example.bid(100, 110, {"experiments": [reached("geo_holdout")]}),
		"expect": "approve",
	},
	"in the same regions as a campaign test": {
		"input": example.bid(100, 110, {"experiments": [reached("ab")]}),
		"expect": "pass",
	},
	"to the same audiences": {
		"input": example.bid(100, 110, {"experiments": [reached("lift")]}),
		"expect": "warn",
	},
	"near a scale test": {
		"input": example.bid(100, 110, {"experiments": [reached("incrementality")]}),
		"expect": "approve",
	},
	"it does not say where it is": {
		"input": example.bid(100, 110, {"experiments": [example.test("", {"relation": "unclear", "type": "lift"})]}),
		"expect": "approve",
	},
	"near a campaign test, for a promo": {
		"input": example.bid(100, 110, {"experiments": [reached("ab")], "change": {"promo_id": "easter"}}),
		"expect": "warn",
	},
	"near a holdout test, for a season": {
		"input": object.union(near("geo_holdout", example.percent(1)), {"change": {"reason": {"code": "seasonality"}}}),
		"expect": "approve",
	},
	"a name, for a promo": {
		"input": example.document(
			"name",
			example.text("A"),
			example.text("B"),
			object.union(running("base", {"type": "lift"}), {"change": {"promo_id": "easter"}}),
		),
		"expect": "pass",
	},
	"a name": {
		"input": example.document("name", example.text("A"), example.text("B"), running("base", {})),
		"expect": "pass",
	},
	"no test": {"input": example.budget(10000, 10100, {}), "expect": "pass"},
}

test_baseline_and_cooldown_are_frozen_too if {
	every state in ["baseline", "running", "cooldown"] {
		document := example.budget(10000, 10100, running("base", {"state": state}))
		count(experiment_freeze.block) == 1 with input as document
	}
}

test_what_the_table_does_not_know_is_refused if {
	count(experiment_freeze.block) == 1 with input as example.bid(100, 110, running("base", {"type": "lottery"}))
	count(experiment_freeze.block) == 1 with input as example.bid(100, 110, running("base", {}))
		with data.contamination as {}
}

test_an_emergency_is_no_reason_for_a_rise if {
	count(experiment_freeze.block) == 1 with input as example.budget(10000, 10100, safely("base", {}))
}

test_the_table_may_only_warn if {
	document := example.bid(100, 110, running("base", {"type": "lift"}))
	table := object.union(data.contamination, {"effects": {"steering": {"lift": "warn"}}})
	count(experiment_freeze.block | experiment_freeze.approve) == 0 with input as document
		with data.contamination as table
	count(experiment_freeze.warn) == 1 with input as document with data.contamination as table
}

test_the_owner_is_named if {
	some finding in experiment_freeze.block with input as example.budget(10000, 10100, running("base", {}))
	finding.owner == "growth"
	finding.test == "Spring headlines"
}

# Both bounds hold where both are given, and what has no amount is in none.
test_an_envelope_holds_all_its_bounds if {
	both := {"type": "lift", "envelope": [{"kind": "bid", "share_ppm": 200000, "most": example.usd(115)}]}
	count(experiment_freeze.approve) == 0 with input as example.bid(100, 115, running("trial", both))
	count(experiment_freeze.approve) == 1 with input as example.bid(100, 116, running("trial", both))
	count(experiment_freeze.approve) == 1 with input as example.bid(0, 1, running("trial", both))
	targets := {"type": "lift", "envelope": [{"kind": "target_roas", "most": example.percent(400)}]}
	roas := example.document("target_roas", example.percent(500), example.percent(400), running("trial", targets))
	count(experiment_freeze.approve) == 0 with input as roas
	more := example.document("target_roas", example.percent(300), example.percent(401), running("trial", targets))
	count(experiment_freeze.approve) == 1 with input as more
	none := example.document("daily_budget", example.usd(100), example.unlimited, running("trial", treatment))
	count(experiment_freeze.block) == 1 with input as none
}

test_the_owner_is_asked if {
	document := example.bid(100, 110, running("base", {"type": "lift"}))
	some finding in experiment_freeze.approve with input as document
	finding.approval == {"stages": [{"name": "experiment spring", "any_of": [{"group": "growth"}], "quorum": 1}]}
}

test_what_is_spoiled_is_told if {
	some refused in experiment_freeze.block with input as example.budget(10000, 10100, running("base", {}))
	refused.contaminates == {"experiment": "spring", "arm": "base", "emergency": false, "aborts": false}
	some stopped in experiment_freeze.warn with input as pause(safely("trial", {}))
	stopped.contaminates == {"experiment": "spring", "arm": "trial", "emergency": true, "aborts": true}
	some cut in experiment_freeze.warn with input as example.budget(10100, 10000, safely("trial", {}))
	cut.contaminates == {"experiment": "spring", "arm": "trial", "emergency": true, "aborts": false}
}

test_what_is_spoiled_from_outside_is_told if {
	near_it := object.union(example.budget(10100, 10000, {"experiments": [reached("lift")]}), stop)
	some reduced in experiment_freeze.warn with input as near_it
	reduced.contaminates == {"experiment": "spring", "arm": "", "emergency": true, "aborts": false}
}

# What the table lets pass spoils nothing, in an emergency neither.
test_an_emergency_spoils_no_more_than_the_edit_would if {
	document := object.union(example.budget(10100, 10000, {"experiments": [reached("ab")]}), stop)
	count(experiment_freeze.warn) == 0 with input as document
}

test_a_type_that_the_table_does_not_know_is_not_left_to_the_holdout if {
	test := example.test("base", {"type": "lottery", "holdout_geos": ["DE-BE"], "frozen_fields": ["targeting"]})
	document := example.document("targeting", example.absent, example.text("wider"), {"experiments": [test]})
	count(experiment_freeze.block) == 0 with input as document # experiment.holdout refuses it
}

test_a_safety_stop_is_for_those_who_may_call_one if {
	calls := examples["an arm is paused in an emergency"].input
	count(experiment_freeze.block) == 1 with input as calls with data.automations as {"bidder@example.com": {}}
	count(experiment_freeze.block) == 0 with input as calls
		with data.automations as {"bidder@example.com": {"emergencies": true}}
	count(experiment_freeze.warn) == 1 with input as calls
		with data.automations as {"bidder@example.com": {"emergencies": true}}
}
