package bidrail.rules.integrity_limit_removed_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_limit_removed

taboola := {"change": {"target": {"platform": "taboola"}}}

examples := {
	"becomes unlimited": {
		"input": example.document("daily_budget", example.usd(10000), example.unlimited, {}),
		"expect": "block",
	},
	"becomes unlimited from nothing": {
		"input": example.document("daily_budget", example.absent, example.unlimited, {}),
		"expect": "block",
	},
	"stays unlimited": {
		"input": example.document("daily_budget", example.unlimited, example.unlimited, {}),
		"expect": "pass",
	},
	"zero that means unlimited": {"input": example.budget(10000, 0, taboola), "expect": "block"},
	"zero that meant unlimited before": {"input": example.budget(0, 0, taboola), "expect": "pass"},
	"zero that means zero": {"input": example.budget(10000, 0, {}), "expect": "pass"},
	"a limit goes": {
		"input": example.document("bid_limit", example.usd(500), example.absent, {}),
		"expect": "block",
	},
	"a target goes": {
		"input": example.document("target_roas", example.percent(400), example.absent, {}),
		"expect": "block",
	},
	"a bid goes": {"input": example.document("bid", example.usd(100), example.absent, {}), "expect": "approve"},
	"an amount stays": {"input": example.budget(10000, 9000, {}), "expect": "pass"},
}

test_unlimited_as_zero_stays_unlimited if {
	document := example.document("daily_budget", example.unlimited, example.usd(0), taboola)
	count(integrity_limit_removed.block) == 0 with input as document
}

test_the_platform_is_named if {
	some finding in integrity_limit_removed.block with input as example.budget(10000, 0, taboola)
	finding.platform == "Taboola"
}
