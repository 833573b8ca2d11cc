package bidrail.rules.governance_tracking_health_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_tracking_health

tracking(word) := {"facts": {"tracking_status": example.fact(example.text(word), 600)}}

examples := {
	"a rise while nothing is recorded": {"input": example.bid(100, 110, tracking("down")), "expect": "block"},
	"a rise while some is recorded": {"input": example.bid(100, 110, tracking("degraded")), "expect": "approve"},
	"a rise while all is recorded": {"input": example.bid(100, 110, tracking("ok")), "expect": "pass"},
	"a rise, and a word that nobody knows": {"input": example.bid(100, 110, tracking("OK?")), "expect": "approve"},
	"a cut while nothing is recorded": {"input": example.bid(110, 100, tracking("down")), "expect": "pass"},
	"a cut while some is recorded": {"input": example.bid(110, 100, tracking("degraded")), "expect": "pass"},
	"a move without an order while nothing is recorded": {
		"input": example.document("bid_strategy", example.text("MANUAL"), example.text("AUTO"), tracking("down")),
		"expect": "block",
	},
	"nobody watches": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

# A fact that is no text says nothing that anybody knows.
test_what_is_no_word_needs_a_person if {
	flag := {"facts": {"tracking_status": example.fact({"type": "flag", "flag": true}, 60)}}
	count(governance_tracking_health.approve) == 1 with input as example.bid(100, 110, flag)
}

test_one_finding_each if {
	count(governance_tracking_health.approve) == 0 with input as example.bid(100, 110, tracking("down"))
	some finding in governance_tracking_health.block with input as example.bid(100, 110, tracking("down"))
	finding.source == "connector"
}
