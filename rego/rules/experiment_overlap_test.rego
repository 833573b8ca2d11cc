package bidrail.rules.experiment_overlap_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_overlap

spring := example.test("trial", {})

summer := example.test("trial", {"id": "summer", "state": "scheduled"})

named(id, tests) := example.bid(100, 110, {"change": {"experiment_id": id}, "experiments": tests})

started(tests) := example.document(
	"experiment_control",
	example.text("SETUP"),
	example.text("ENABLED"),
	{"experiments": tests},
)

examples := {
	"for a test in another": {"input": named("autumn", [spring]), "expect": "block"},
	"for its own test": {"input": named("spring", [spring]), "expect": "pass"},
	"for one of two": {"input": named("spring", [spring, summer]), "expect": "block"},
	"for a test in one that has its date": {"input": named("autumn", [summer]), "expect": "block"},
	"for a test in a draft": {
		"input": named("autumn", [example.test("trial", {"state": "draft"})]),
		"expect": "pass",
	},
	"for a test in one that is evaluated": {
		"input": named("autumn", [example.test("trial", {"state": "analysis"})]),
		"expect": "pass",
	},
	"for a test near another": {
		"input": named("autumn", [example.test("", {"relation": "reach"})]),
		"expect": "pass",
	},
	"for no test": {"input": named("", [spring]), "expect": "pass"},
	"one is started": {"input": started([spring]), "expect": "pass"},
	"one of two is started": {"input": started([spring, summer]), "expect": "block"},
	"both arms are one test": {"input": started([spring, example.test("base", {})]), "expect": "pass"},
}

test_the_other_test_is_named if {
	some finding in experiment_overlap.block with input as named("autumn", [spring])
	finding.test == "Spring headlines"
}

test_each_of_several_is_named if {
	count(experiment_overlap.block) == 2 with input as started([spring, summer])
}

test_an_emergency_passes if {
	cut := example.bid(110, 100, {
		"change": {"experiment_id": "autumn", "reason": {"code": "overspend"}},
		"experiments": [spring],
	})
	count(experiment_overlap.block) == 0 with input as cut
}
