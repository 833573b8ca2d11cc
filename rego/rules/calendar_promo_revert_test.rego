package bidrail.rules.calendar_promo_revert_test

import data.bidrail.lib.example
import data.bidrail.rules.calendar_promo_revert

# What was to go back to the baseline so many nanoseconds ago.
promised(baseline, ago) := {"calendar": {"reverts": [{
	"decision_id": "decision-1",
	"promo_id": "sale",
	"baseline": baseline,
	"due": example.now - ago,
}]}}

# A budget that was to be 100.00 again.
moves(before, after) := example.budget(before, after, promised(example.usd(10000), 1))

on := example.text("ENABLED")

off := example.text("PAUSED")

examples := {
	"a further rise": {"input": moves(15000, 15001), "expect": "approve"},
	"a further rise as it falls due": {
		"input": example.budget(15000, 15001, promised(example.usd(10000), 0)),
		"expect": "approve",
	},
	"a further rise before it is due": {
		"input": example.budget(15000, 15001, promised(example.usd(10000), -1)),
		"expect": "pass",
	},
	"all the way back": {"input": moves(15000, 10000), "expect": "pass"},
	"further than back": {"input": moves(15000, 9999), "expect": "pass"},
	"a cut that stops short": {"input": moves(15000, 10001), "expect": "warn"},
	"a rise of what is back": {"input": moves(10000, 12000), "expect": "pass"},
	"nothing was promised": {"input": example.budget(15000, 15001, {}), "expect": "pass"},
	"nothing changes": {"input": moves(15000, 15000), "expect": "pass"},
	"a lower target ROAS": {
		"input": example.document(
			"target_roas", example.percent(300), example.percent(299),
			promised(example.percent(400), 1),
		),
		"expect": "approve",
	},
	"a target ROAS that goes back": {
		"input": example.document(
			"target_roas", example.percent(300), example.percent(400),
			promised(example.percent(400), 1),
		),
		"expect": "pass",
	},
	"a target ROAS that goes further than back": {
		"input": example.document(
			"target_roas", example.percent(300), example.percent(401),
			promised(example.percent(400), 1),
		),
		"expect": "pass",
	},
	"a target ROAS that stops short": {
		"input": example.document(
			"target_roas", example.percent(300), example.percent(399),
			promised(example.percent(400), 1),
		),
		"expect": "warn",
	},
	"an adjustment that goes further than back": {
		"input": example.document(
			"bid_modifier", example.percent(150), example.percent(119),
			promised(example.percent(120), 1),
		),
		"expect": "pass",
	},
	"an adjustment that stops short": {
		"input": example.document(
			"bid_modifier", example.percent(150), example.percent(121),
			promised(example.percent(120), 1),
		),
		"expect": "warn",
	},
	"an adjustment that is taken away again": {
		"input": example.document("bid_modifier", example.percent(150), example.absent, promised(example.absent, 1)),
		"expect": "pass",
	},
	"an adjustment that goes up": {
		"input": example.document(
			"bid_modifier", example.percent(150), example.percent(160),
			promised(example.absent, 1),
		),
		"expect": "approve",
	},
	"a campaign that was to be paused goes to another status": {
		"input": example.document("status", on, example.text("LEARNING"), promised(off, 1)),
		"expect": "approve",
	},
	"a campaign that was to be paused is paused": {
		"input": example.document("status", on, off, promised(off, 1)),
		"expect": "pass",
	},
	"a sum in another currency is in doubt": {
		"input": example.budget(15000, 15001, promised(example.money(900000000000, "EUR"), 1)),
		"expect": "approve",
	},
}

test_what_was_unlimited_is_never_above_it if {
	count(calendar_promo_revert.approve) == 0 with input as example.budget(15000, 15001, promised(example.unlimited, 1))
}

test_finding_says_what_was_promised if {
	some finding in calendar_promo_revert.approve with input as moves(15000, 15001)
	finding.limit == example.usd(10000)
	finding.due == "2026-01-01 11:59 UTC"
	finding.promo == " (sale)"
	finding.decision == "decision-1"
}

test_a_promise_without_a_promo if {
	document := object.union(
		moves(15000, 15001),
		{"calendar": {"reverts": [{
			"decision_id": "decision-1", "promo_id": "",
			"baseline": example.usd(10000), "due": example.now,
		}]}},
	)
	some finding in calendar_promo_revert.approve with input as document
	finding.promo == ""
}
