package bidrail.rules.state_strategy_change_test

import data.bidrail.lib.example
import data.bidrail.rules.state_strategy_change

switched(before, after) := example.document("bid_strategy", before, after, {})

manual := example.text("MANUAL_CPC")

examples := {
	"another strategy": {"input": switched(manual, example.text("TARGET_CPA")), "expect": "approve"},
	"a first strategy": {"input": switched(example.absent, manual), "expect": "approve"},
	"no strategy any more": {"input": switched(manual, example.absent), "expect": "approve"},
	"the same strategy": {"input": switched(manual, manual), "expect": "pass"},
}

# Even if strategies are given an order some day, none is let through unseen.
test_no_direction_passes_but_same if {
	every direction in ["rise", "cut", "unordered"] {
		document := example.document(
			"bid_strategy", manual, example.text("TARGET_CPA"),
			{"change": {"direction": direction}},
		)
		count(state_strategy_change.approve) == 1 with input as document
	}
}

test_finding_names_both if {
	some finding in state_strategy_change.approve with input as switched(manual, example.text("TARGET_CPA"))
	finding.before.text == "MANUAL_CPC"
	finding.observed.text == "TARGET_CPA"
}
