package bidrail.rules.governance_mode_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_mode

rise(mode) := example.bid(100, 110, {"mode": mode})

cut(mode) := example.bid(110, 100, {"mode": mode})

examples := {
	"a rise while only reductions pass": {"input": rise("reduce_only"), "expect": "block"},
	"a cut while only reductions pass": {"input": cut("reduce_only"), "expect": "pass"},
	"a move without an order while only reductions pass": {
		"input": example.document("name", example.text("A"), example.text("B"), {"mode": "reduce_only"}),
		"expect": "block",
	},
	"a rise while all is halted": {"input": rise("halted"), "expect": "block"},
	"a cut while all is halted": {"input": cut("halted"), "expect": "block"},
	"a rise": {"input": rise("active"), "expect": "pass"},
}

test_finding_names_the_mode if {
	some finding in governance_mode.block with input as cut("halted")
	finding.limit == "halted"
	finding.observed == "cut"
}
