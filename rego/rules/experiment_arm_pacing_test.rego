package bidrail.rules.experiment_arm_pacing_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_arm_pacing

# The trial, which should have half of the spend, has had so many percent of it.
spent(percent) := {
	"experiments": [example.test("trial", {})],
	"facts": {"arm_spend_share": example.fact(example.percent(percent), 60)},
}

pause(overrides) := example.document("status", example.text("ENABLED"), example.text("PAUSED"), overrides)

safety := {"change": {"reason": {"code": "safety_stop"}}}

examples := {
	"as it was split": {"input": example.bid(100, 110, spent(50)), "expect": "pass"},
	"a tenth too much, exactly": {"input": example.bid(100, 110, spent(55)), "expect": "pass"},
	"a little more than a tenth too much": {"input": example.bid(100, 110, spent(56)), "expect": "warn"},
	"more than a tenth too little": {"input": example.bid(110, 100, spent(44)), "expect": "warn"},
	"a quarter too little, exactly": {
		"input": example.bid(110, 100, object.union(
			spent(37),
			{"facts": {"arm_spend_share": {"ppm": 375000}}},
		)),
		"expect": "warn",
	},
	"more than a quarter too much": {"input": example.bid(100, 110, spent(63)), "expect": "approve"},
	"more than a quarter too little": {"input": example.bid(110, 100, spent(37)), "expect": "approve"},
	"far too much, and cut": {"input": example.bid(110, 100, spent(90)), "expect": "warn"},
	"far too little, and raised": {"input": example.bid(100, 110, spent(10)), "expect": "warn"},
	"far too little, and stopped in an emergency": {
		"input": pause(object.union(spent(10), safety)),
		"expect": "warn",
	},
	"nobody knows what it has had": {
		"input": example.bid(100, 110, {"experiments": [example.test("trial", {})]}),
		"expect": "pass",
	},
	"registered without splits": {
		"input": example.bid(100, 110, object.union(
			spent(90),
			{"experiments": [example.test("trial", {"arms": [
				{"name": "base", "control": true, "campaigns": ["101"], "split_ppm": 0},
				{"name": "trial", "control": false, "campaigns": ["102"], "split_ppm": 0},
			]})]},
		)),
		"expect": "pass",
	},
	"before the start": {
		"input": example.bid(100, 110, object.union(
			spent(90),
			{"experiments": [example.test("trial", {"state": "scheduled"})]},
		)),
		"expect": "pass",
	},
	"near the test": {
		"input": example.bid(100, 110, object.union(
			spent(90),
			{"experiments": [example.test("", {"relation": "reach"})]},
		)),
		"expect": "pass",
	},
}

test_the_arm_and_its_owner_are_named if {
	some finding in experiment_arm_pacing.approve with input as examples["more than a quarter too much"].input
	finding.arm == "trial"
	finding.move == {"from": 500000, "to": 630000}
	finding.approval.stages[0].any_of == [{"group": "growth"}]
}
