package bidrail.rules.experiment_transfer_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_transfer

inside(id) := {"experiments": [example.test("base", {"id": id})]}

other := {"change": {"target": {"entity_id": "102"}}}

examples := {
	"out of a test": {
		"input": example.grouped([
			example.budget(10000, 9000, inside("spring")),
			example.budget(10000, 11000, other),
		]),
		"expect": "block",
	},
	"from one test to another": {
		"input": example.grouped([
			example.budget(10000, 9000, inside("spring")),
			example.budget(10000, 11000, object.union(other, inside("autumn"))),
		]),
		"expect": "block",
	},
	"inside one test": {
		"input": example.grouped([
			example.budget(10000, 9000, inside("spring")),
			example.budget(10000, 11000, object.union(other, inside("spring"))),
		]),
		"expect": "pass",
	},
	"outside all tests": {
		"input": example.grouped([example.budget(10000, 9000, {}), example.budget(10000, 11000, other)]),
		"expect": "pass",
	},
	"a change that stands alone": {"input": example.budget(10000, 9000, inside("spring")), "expect": "pass"},
}

test_the_tests_are_named if {
	some finding in experiment_transfer.block with input as examples["from one test to another"].input
	finding.tests == ["autumn", "spring"]
}
