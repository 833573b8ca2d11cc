package bidrail.rules.integrity_duplicate_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_duplicate

repeated(same_field, same_value) := example.bid(
	100, 110,
	{"batch": {"size": 5, "index": 4, "same_field": same_field, "same_value": same_value}},
)

examples := {
	"the same value again": {"input": repeated(1, 1), "expect": "block"},
	"another value of the same field": {"input": repeated(1, 0), "expect": "approve"},
	"the first change of its field": {"input": repeated(0, 0), "expect": "pass"},
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
