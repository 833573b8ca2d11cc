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

donor := example.budget(10000, 9000, inside("spring"))

receiver := example.budget(10000, 11000, other)

# The table may leave a type of test alone, as far as a leg knows the type.
test_the_table_may_leave_a_type_alone if {
	one := object.union(data.contamination, {"effects": {"transfer": {"ab": "pass"}}})
	known := example.grouped([donor, receiver])
	count(experiment_transfer.block) == 0 with input as known with data.contamination as one
	unknown := example.grouped([receiver, donor])
	count(experiment_transfer.block) == 1 with input as unknown with data.contamination as one
}

test_the_table_may_leave_every_type_alone if {
	passes := {type: "pass" | some type, _ in data.contamination.effects.transfer}
	whole := object.union(data.contamination, {"effects": {"transfer": passes}})
	unknown := example.grouped([receiver, donor])
	count(experiment_transfer.block) == 0 with input as unknown with data.contamination as whole
}

test_an_empty_row_leaves_nothing_alone if {
	unknown := example.grouped([receiver, donor])
	count(experiment_transfer.block) == 1 with input as unknown with data.contamination as {"effects": {"transfer": {}}}
}
