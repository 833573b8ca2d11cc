package bidrail.rules.cadence_cooldown_test

import data.bidrail.lib.example
import data.bidrail.rules.cadence_cooldown

# What changed once, so many seconds ago.
changed(document, seconds) := object.union(
	counted(document),
	{"windows": {"field": {"last_change_age_s": seconds}}},
)

counted(document) := example.moved(document, "field", "month", {"count": 1})

rise := example.budget(10000, 11000, {})

examples := {
	"a rise too soon": {"input": changed(rise, 299), "expect": "approve"},
	"a rise in the same second": {"input": changed(rise, 0), "expect": "approve"},
	"a rise after its rest": {"input": changed(rise, 300), "expect": "pass"},
	"a cut too soon": {"input": changed(example.budget(11000, 10000, {}), 299), "expect": "warn"},
	"a cut after its rest": {"input": changed(example.budget(11000, 10000, {}), 300), "expect": "pass"},
	"a move without an order too soon": {
		"input": changed(example.document("name", example.text("A"), example.text("B"), {}), 299),
		"expect": "approve",
	},
	"nobody knows how long ago": {"input": counted(rise), "expect": "approve"},
	"a first change": {"input": rise, "expect": "pass"},
	"the same value": {"input": changed(example.budget(10000, 10000, {}), 0), "expect": "pass"},
}

test_what_needs_no_rest if {
	none := {"seconds": 0, "source": "example"}
	count(cadence_cooldown.approve) == 0 with input as example.with_limit(changed(rise, 0), "cadence", "cooldown", none)
	count(cadence_cooldown.approve) == 0 with input as example.with_limit(counted(rise), "cadence", "cooldown", none)
}

test_finding_shows_the_age if {
	some finding in cadence_cooldown.approve with input as changed(rise, 120)
	finding.observed == {"seconds": 120}
}

test_no_limit if {
	without := example.without_limit(changed(rise, 0), "cadence", "cooldown")
	count(cadence_cooldown.approve) == 0 with input as without
}
