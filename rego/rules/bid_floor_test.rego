package bidrail.rules.bid_floor_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_floor

examples := {
	"below the floor": {"input": example.bid(5, 1, {}), "expect": "block"},
	"nothing at all": {"input": example.bid(5, 0, {}), "expect": "block"},
	"at the floor": {"input": example.bid(5, 2, {}), "expect": "pass"},
	"no bid of its own": {"input": example.document("bid", example.usd(5), example.absent, {}), "expect": "pass"},
}

test_finding_says_what_would_pass if {
	some finding in bid_floor.block with input as example.bid(5, 1, {})
	finding.max_permitted.micros == 20000
}

test_no_floor if {
	count(bid_floor.block) == 0 with input as example.without_limit(example.bid(5, 1, {}), "bid", "floor")
}
