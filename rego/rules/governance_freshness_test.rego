package bidrail.rules.governance_freshness_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_freshness

lacking(facts) := {"unknown": facts}

missing(name) := {"name": name, "why": "missing"}

examples := {
	"a rise on a stale fact": {
		"input": example.bid(100, 110, lacking([example.stale("learning_status", 90000)])),
		"expect": "approve",
	},
	"a cut on a stale fact": {
		"input": example.bid(110, 100, lacking([example.stale("learning_status", 90000)])),
		"expect": "warn",
	},
	"a rise without a fact that is expected": {
		"input": example.bid(100, 110, lacking([missing("conversions_30d")])),
		"expect": "approve",
	},
	"a rise on what only the caller says": {
		"input": example.bid(100, 110, lacking([{"name": "conversions_30d", "why": "caller"}])),
		"expect": "approve",
	},
	"a rise without a fact that blocks": {
		"input": example.bid(100, 110, lacking([missing("tracking_status"), missing("conversions_30d")])),
		"expect": "block",
	},
	"a cut without a fact that blocks": {
		"input": example.bid(110, 100, lacking([missing("tracking_status")])),
		"expect": "warn",
	},
	"a move without an order on a stale fact": {
		"input": example.document(
			"bid_strategy", example.text("MANUAL"), example.text("AUTO"),
			lacking([example.stale("learning_status", 90000)]),
		),
		"expect": "approve",
	},
	"a heartbeat has a rule of its own": {
		"input": example.bid(100, 110, lacking([missing("automation_heartbeat")])),
		"expect": "pass",
	},
	"a change of nothing": {
		"input": example.bid(100, 100, lacking([example.stale("learning_status", 90000)])),
		"expect": "pass",
	},
	"all is known": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

test_one_finding_names_all if {
	document := example.bid(100, 110, lacking([missing("conversions_30d"), example.stale("learning_status", 90000)]))
	count(governance_freshness.approve) == 1 with input as document
	some finding in governance_freshness.approve with input as document
	finding.observed == [
		"conversions_30d (told by nobody)",
		"learning_status (told by connector at 2025-12-31 11:00 UTC, too long ago)",
	]
	[fact.name | some fact in finding.unknown] == ["conversions_30d", "learning_status"]
}

test_what_blocks_is_data if {
	document := example.bid(100, 110, lacking([missing("tracking_status")]))
	count(governance_freshness.approve) == 0 with input as document
	count(governance_freshness.block) == 0 with input as document with data.freshness.blocking as []
	count(governance_freshness.approve) == 1 with input as document with data.freshness.blocking as []
}
