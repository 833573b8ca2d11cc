package bidrail.rules.integrity_duplicate_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_duplicate

repeated(same_field, same_value) := example.bid(
	100, 110,
	{"batch": {"size": 5, "index": 4, "same_field": same_field, "same_value": same_value}},
)

changed(document, times) := example.moved(document, "field", "hour", {"count": times})

examples := {
	"the same value again": {"input": repeated(1, 1), "expect": "block"},
	"another value of the same field": {"input": repeated(1, 0), "expect": "approve"},
	"the first change of its field": {"input": repeated(0, 0), "expect": "pass"},
	"a rise after all changes of an hour": {"input": changed(example.bid(100, 110, {}), 10), "expect": "block"},
	"a rise that is the last of its hour": {"input": changed(example.bid(100, 110, {}), 9), "expect": "pass"},
	"a cut after all changes of an hour": {"input": changed(example.bid(110, 100, {}), 10), "expect": "warn"},
	"a cut that is the last of its hour": {"input": changed(example.bid(110, 100, {}), 9), "expect": "pass"},
}

test_as_many_repeats_as_allowed_pass if {
	twice := {"count": 2, "source": "example"}
	document := example.with_limit(repeated(2, 0), "integrity", "batch_repeats", twice)
	count(integrity_duplicate.approve) == 0 with input as document
	more := example.with_limit(repeated(3, 0), "integrity", "batch_repeats", twice)
	count(integrity_duplicate.approve) == 1 with input as more
}

test_no_limit if {
	without := example.without_limit(repeated(3, 0), "integrity", "batch_repeats")
	count(integrity_duplicate.approve) == 0 with input as without
}

test_finding_counts_the_changes_before if {
	some finding in integrity_duplicate.block with input as changed(example.bid(100, 110, {}), 12)
	finding.observed == 12
}

test_no_limit_for_an_hour if {
	without := example.without_limit(changed(example.bid(100, 110, {}), 12), "integrity", "hourly_changes")
	count(integrity_duplicate.block) == 0 with input as without
}
