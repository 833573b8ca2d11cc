package bidrail.rules.experiment_freeze_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_freeze

running(arm, overrides) := {"experiments": [example.test(arm, overrides)]}

stop := {"change": {"reason": {"code": "safety_stop", "text": "tracking is down"}}}

safely(arm, overrides) := object.union(running(arm, overrides), stop)

exclusion(overrides) := example.document("targeting_exclusion", example.absent, example.text("free"), overrides)

pause(overrides) := example.document("status", example.text("ENABLED"), example.text("PAUSED"), overrides)

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
		"input": example.bid(100, 110, running("trial", {"sync": true})),
		"expect": "block",
	},
	"a field that the test leaves free": {
		"input": example.document("target_cpa", example.usd(1000), example.usd(1100), running("base", {})),
		"expect": "pass",
	},
	"an exclusion": {"input": exclusion(running("base", {})), "expect": "approve"},
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
