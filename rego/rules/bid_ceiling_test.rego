package bidrail.rules.bid_ceiling_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_ceiling

examples := {
	"above the ceiling": {"input": example.bid(4000, 5001, {}), "expect": "block"},
	"at the ceiling": {"input": example.bid(4000, 5000, {}), "expect": "pass"},
	"still above it after a cut": {"input": example.bid(9000, 6000, {}), "expect": "block"},
	"a strategy's own limit goes away": {
		"input": example.document("bid_limit", example.usd(4000), example.unlimited, {}),
		"expect": "block",
	},
	"a strategy's own limit below the ceiling": {
		"input": example.document("bid_limit", example.usd(4000), example.usd(4500), {}),
		"expect": "pass",
	},
}

test_finding_says_what_would_pass if {
	some finding in bid_ceiling.block with input as example.bid(4000, 5001, {})
	finding.observed.micros == 50010000
	finding.max_permitted.micros == 50000000
}

# The engine answers for a ceiling that is not there; the rule itself stays silent.
test_no_ceiling if {
	count(bid_ceiling.block) == 0 with input as example.without_limit(example.bid(4000, 5001, {}), "bid", "ceiling")
}

test_explicitly_unlimited if {
	free := example.with_limit(example.bid(4000, 5001, {}), "bid", "ceiling", example.no_limit)
	count(bid_ceiling.block) == 0 with input as free
}
