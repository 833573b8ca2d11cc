package bidrail.lib.unknown_test

import data.bidrail.lib.example
import data.bidrail.lib.unknown

test_each_says_why if {
	document := example.bid(100, 110, {"unknown": [
		example.stale("learning_status", 90000),
		{"name": "conversions_30d", "why": "missing"},
		{"name": "clicks_30d", "why": "caller"},
	]})
	unknown.facts == [
		"clicks_30d (told by the caller only)",
		"conversions_30d (told by nobody)",
		"learning_status (told by connector at 2025-12-31 11:00 UTC, too long ago)",
	] with input as document
}

test_heartbeats_are_spoken_for if {
	document := example.bid(100, 110, {"unknown": [example.stale("automation_heartbeat", 1000)]})
	unknown.facts == [] with input as document
}
