package bidrail.rules.cadence_oscillation_test

import data.bidrail.lib.example
import data.bidrail.rules.cadence_oscillation

# What has turned around so often within a week, and may do so once more.
turned(document, reversals, reverses) := object.union(
	example.moved(document, "field", "week", {"reversals": reversals}),
	{"windows": {"field": {"reverses": reverses}}},
)

unlimited(document) := example.with_limit(document, "cadence", "reversals", example.no_limit)

rise := example.bid(100, 110, {})

cut := example.bid(110, 100, {})

examples := {
	"the fourth turn is a rise": {"input": turned(rise, 3, true), "expect": "approve"},
	"the fourth turn is a cut": {"input": turned(cut, 3, true), "expect": "warn"},
	"the third turn is a rise": {"input": turned(rise, 2, true), "expect": "pass"},
	"the third turn is a cut": {"input": turned(cut, 2, true), "expect": "pass"},
	"on after three turns": {"input": turned(rise, 3, false), "expect": "pass"},
	"on after four turns": {"input": turned(rise, 4, false), "expect": "approve"},
	"the same value after four turns": {"input": turned(example.bid(100, 100, {}), 4, false), "expect": "pass"},
	"any number, where that is the limit": {"input": unlimited(turned(rise, 14, true)), "expect": "pass"},
}

test_finding_counts_this_turn_too if {
	some finding in cadence_oscillation.approve with input as turned(rise, 3, true)
	finding.observed == 4
}

test_no_limit if {
	without := example.without_limit(turned(rise, 5, true), "cadence", "reversals")
	count(cadence_oscillation.approve) == 0 with input as without
}
