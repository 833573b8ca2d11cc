package bidrail.rules.state_blast_radius_test

import data.bidrail.lib.example
import data.bidrail.rules.state_blast_radius

# A change of a run that has made so many already.
after_changes(document, many) := example.moved(document, "run", "day", {"count": many})

# A change that a person sends, in a call of so many.
by_hand(document, size) := object.union(
	example.outside(example.outside(document, "run"), "automation"),
	{"batch": {"size": size}},
)

rise := example.bid(100, 110, {})

cut := example.bid(110, 100, {})

examples := {
	"a rise beyond what a run may change": {"input": after_changes(rise, 500), "expect": "approve"},
	"a rise that is the run's last": {"input": after_changes(rise, 499), "expect": "pass"},
	"a cut beyond what a run may change": {"input": after_changes(cut, 500), "expect": "warn"},
	"a cut that is the run's last": {"input": after_changes(cut, 499), "expect": "pass"},
	"a rise in a call that is too large": {"input": by_hand(rise, 501), "expect": "approve"},
	"a rise in a call that is not too large": {"input": by_hand(rise, 500), "expect": "pass"},
	"a cut in a call that is too large": {"input": by_hand(cut, 501), "expect": "warn"},
	"nobody knows how much the run has changed": {"input": example.outside(rise, "run"), "expect": "approve"},
	"an automation that names neither run nor call": {
		"input": object.union(example.outside(rise, "run"), {"actor": {"run": ""}, "batch": {"id": ""}}),
		"expect": "pass",
	},
	"any number, where that is the limit": {
		"input": example.with_limit(after_changes(rise, 90000), "state", "blast_radius", example.no_limit),
		"expect": "pass",
	},
	"the same value": {"input": after_changes(example.bid(100, 100, {}), 500), "expect": "pass"},
}

test_the_call_is_the_run_when_none_is_named if {
	unnamed := object.union(after_changes(rise, 500), {"actor": {"run": ""}})
	some finding in state_blast_radius.approve with input as unnamed
	finding.run == "batch-1"
	finding.observed == 501
}

test_no_limit if {
	without := example.without_limit(after_changes(rise, 500), "state", "blast_radius")
	count(state_blast_radius.approve) == 0 with input as without
}
