package bidrail.rules.governance_invoice_variance_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_invoice_variance

billed(ppm) := {"facts": {"invoice_variance": example.fact({"type": "ratio", "ppm": ppm}, 3600)}}

examples := {
	"a rise above a twentieth": {"input": example.bid(100, 110, billed(50001)), "expect": "approve"},
	"a rise at a twentieth": {"input": example.bid(100, 110, billed(50000)), "expect": "warn"},
	"a rise above a fiftieth": {"input": example.bid(100, 110, billed(20001)), "expect": "warn"},
	"a rise at a fiftieth": {"input": example.bid(100, 110, billed(20000)), "expect": "pass"},
	"a rise where less was billed": {"input": example.bid(100, 110, billed(-50001)), "expect": "approve"},
	"a cut above a twentieth": {"input": example.bid(110, 100, billed(50001)), "expect": "warn"},
	"a change of nothing": {"input": example.bid(100, 100, billed(50001)), "expect": "pass"},
	"nobody compares invoices": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

test_finding_says_by_how_much if {
	some finding in governance_invoice_variance.approve with input as example.bid(100, 110, billed(-60000))
	finding.observed == example.percent(6)
	finding.limit.ppm == 50000
}

test_no_limits if {
	document := example.with_limit(
		example.with_limit(
			example.bid(100, 110, billed(900000)),
			"governance", "invoice_variance", example.no_limit,
		),
		"governance", "invoice_variance_approve", example.no_limit,
	)
	count(governance_invoice_variance.approve) == 0 with input as document
	count(governance_invoice_variance.warn) == 0 with input as document
}
