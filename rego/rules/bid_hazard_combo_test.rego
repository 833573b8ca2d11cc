package bidrail.rules.bid_hazard_combo_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_hazard_combo

set(document, match_type, strategy) := object.union(document, {"facts": {
	"match_type": example.fact(example.text(match_type), 60),
	"bid_strategy": example.fact(example.text(strategy), 60),
}})

matched(document, match_type) := object.union(
	document,
	{"facts": {"match_type": example.claim(example.text(match_type))}},
)

switched(before, after) := example.document("bid_strategy", example.text(before), example.text(after), {})

on(platform) := example.bid(100, 110, {"change": {"target": {"platform": platform}}})

examples := {
	"broad match under fixed bids": {"input": set(example.bid(100, 110, {}), "BROAD", "MANUAL_CPC"), "expect": "block"},
	"in small letters": {"input": set(example.bid(100, 110, {}), "broad", "manual_cpc "), "expect": "block"},
	"on the way down": {"input": set(example.bid(110, 100, {}), "BROAD", "MANUAL_CPC"), "expect": "pass"},
	"phrase match under fixed bids": {"input": set(example.bid(100, 110, {}), "PHRASE", "MANUAL_CPC"), "expect": "pass"},
	"broad match under a target": {"input": set(example.bid(100, 110, {}), "BROAD", "TARGET_CPA"), "expect": "pass"},
	"where it is no hazard": {"input": set(on("amazon_ads"), "BROAD", "MANUAL_CPC"), "expect": "pass"},
	"in the words of Microsoft": {"input": set(on("microsoft"), "Broad", "ManualCpc"), "expect": "block"},
	"to fixed bids, where the match is broad": {
		"input": matched(switched("TARGET_CPA", "MANUAL_CPC"), "BROAD"),
		"expect": "block",
	},
	"to fixed bids, where it is not": {
		"input": matched(switched("TARGET_CPA", "MANUAL_CPC"), "EXACT"),
		"expect": "pass",
	},
	"away from fixed bids": {
		"input": set(switched("MANUAL_CPC", "TARGET_CPA"), "BROAD", "MANUAL_CPC"),
		"expect": "pass",
	},
	"nobody says how it matches": {"input": switched("TARGET_CPA", "MANUAL_CPC"), "expect": "pass"},
	"nobody says what bids": {"input": matched(example.bid(100, 110, {}), "BROAD"), "expect": "pass"},
}

test_the_hazard_is_explained if {
	some finding in bid_hazard_combo.block with input as set(example.bid(100, 110, {}), "BROAD", "MANUAL_CPC")
	finding.because != ""
	finding.limit != ""
}

test_facts_that_are_no_words_say_nothing if {
	odd := example.bid(100, 110, {"facts": {
		"match_type": example.claim(example.usd(1)),
		"bid_strategy": example.claim(example.usd(1)),
	}})
	count(bid_hazard_combo.block) == 0 with input as odd
}

test_the_table_is_written_as_it_is_read if {
	every hazard in data.hazards.combinations {
		every word in array.concat(hazard.match_types, hazard.strategies) {
			word == upper(word)
		}
		every platform in hazard.platforms {
			data.platforms[platform]
			every strategy in hazard.strategies {
				data.strategies[platform][strategy]
			}
		}
	}
}
