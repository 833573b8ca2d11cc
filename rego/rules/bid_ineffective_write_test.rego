package bidrail.rules.bid_ineffective_write_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_ineffective_write

under(document, word) := object.union(document, {"facts": {"bid_strategy": example.fact(example.text(word), 60)}})

ceiling(before, after, channel) := example.document(
	"bid_limit", before, after,
	{"change": {"target": {"channel": channel}}},
)

meta(before, after) := example.bid(before, after, {"change": {"target": {"platform": "meta"}}})

examples := {
	"a bid that is ignored": {"input": under(example.bid(100, 110, {}), "TARGET_CPA"), "expect": "block"},
	"a bid that is ignored, in small letters": {
		"input": under(example.bid(100, 110, {}), " target_cpa"),
		"expect": "block",
	},
	"a first bid that is ignored": {
		"input": under(example.document("default_bid", example.absent, example.usd(100), {}), "TARGET_SPEND"),
		"expect": "block",
	},
	"a cut that is ignored": {"input": under(example.bid(110, 100, {}), "TARGET_CPA"), "expect": "warn"},
	"a bid that was ignored is taken away": {
		"input": under(example.document("bid", example.usd(100), example.absent, {}), "TARGET_CPA"),
		"expect": "pass",
	},
	"a bid that counts": {"input": under(example.bid(100, 110, {}), "MANUAL_CPC"), "expect": "pass"},
	"a bid that caps": {"input": under(meta(100, 110), "LOWEST_COST_WITH_BID_CAP"), "expect": "pass"},
	"a bid that would cap and does not": {"input": under(meta(100, 110), "LOWEST_COST_WITHOUT_CAP"), "expect": "block"},
	"a strategy that nobody knows": {"input": under(example.bid(100, 110, {}), "DIVINATION"), "expect": "warn"},
	"a strategy that nobody knows, on the way down": {
		"input": under(example.bid(110, 100, {}), "DIVINATION"),
		"expect": "pass",
	},
	"nobody says what bids": {"input": example.bid(100, 110, {}), "expect": "pass"},
	"a ceiling that is disregarded": {
		"input": under(ceiling(example.usd(100), example.usd(110), "search"), "MAXIMIZE_CONVERSIONS"),
		"expect": "block",
	},
	"a ceiling that is disregarded, on the way down": {
		"input": under(ceiling(example.usd(110), example.usd(100), "search"), "MAXIMIZE_CONVERSIONS"),
		"expect": "warn",
	},
	"a ceiling on a channel that nobody names": {
		"input": under(ceiling(example.usd(100), example.usd(110), ""), "MAXIMIZE_CONVERSIONS"),
		"expect": "block",
	},
	"a ceiling that holds on another channel": {
		"input": under(ceiling(example.usd(100), example.usd(110), "app"), "MAXIMIZE_CONVERSIONS"),
		"expect": "pass",
	},
	"a ceiling that holds": {
		"input": under(ceiling(example.usd(100), example.usd(110), "search"), "TARGET_SPEND"),
		"expect": "pass",
	},
}

test_a_strategy_that_is_no_word_says_nothing if {
	odd := example.bid(100, 110, {"facts": {"bid_strategy": example.claim(example.usd(100))}})
	count(bid_ineffective_write.block | bid_ineffective_write.warn) == 0 with input as odd
}

test_the_source_is_named if {
	some finding in bid_ineffective_write.block with input as under(example.bid(100, 110, {}), "TARGET_CPA")
	finding.limit == data.strategies.google_ads.TARGET_CPA.source
}

test_the_table_is_written_as_it_is_read if {
	every platform, strategies in data.strategies {
		data.platforms[platform]
		every word, row in strategies {
			word == upper(word)
			row.bids in {"set", "cap", "ignored"}
			row.bound in {"built_in", "optional", "none"}
			row.source != ""
		}
	}
}
