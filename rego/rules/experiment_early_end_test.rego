package bidrail.rules.experiment_early_end_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_early_end

control(overrides) := example.document(
	"experiment_control",
	example.text("ENABLED"),
	example.text("HALTED"),
	{"experiments": [example.test("trial", object.union({"frozen_fields": ["bid"]}, overrides))]},
)

dates(overrides) := example.document(
	"flight_dates",
	example.text("2026-03-01"),
	example.text("2026-02-01"),
	{"experiments": [example.test("trial", object.union({"frozen_fields": ["bid"]}, overrides))]},
)

examples := {
	"ended after ten days": {"input": control({}), "expect": "block"},
	"its dates are moved": {"input": dates({}), "expect": "block"},
	"a moment before its time": {"input": control({"minimum_ends": example.now + 1}), "expect": "block"},
	"at its time": {"input": control({"minimum_ends": example.now}), "expect": "pass"},
	"in the baseline": {"input": control({"state": "baseline"}), "expect": "block"},
	"before the start": {"input": control({"state": "scheduled"}), "expect": "pass"},
	"a draft": {"input": control({"state": "draft"}), "expect": "pass"},
	"near the test": {"input": control({"relation": "reach", "arm": ""}), "expect": "pass"},
	"a bid": {"input": example.bid(100, 110, {"experiments": [example.test("trial", {})]}), "expect": "pass"},
	"no test": {
		"input": example.document("experiment_control", example.text("ENABLED"), example.text("HALTED"), {}),
		"expect": "pass",
	},
}

test_it_says_until_when if {
	some finding in experiment_early_end.block with input as control({})
	finding.until == "2026-01-06 UTC"
	finding.contaminates.experiment == "spring"
}

# A stop is a cut only where the engine says so.
test_an_emergency_may_end_it if {
	stopped := object.union(control({}), {"change": {"direction": "cut", "reason": {"code": "legal"}}})
	count(experiment_early_end.block) == 0 with input as stopped
}
