package bidrail.rules.bid_evidence_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_evidence

# A rise by 30 cents, with what connectors say.
on(facts) := example.bid(100, 130, {"facts": {name: example.fact(fact, 60) | some name, fact in facts}})

clicks(number) := {"clicks_30d": example.pieces(number)}

both(clicked, converted) := {"clicks_30d": example.pieces(clicked), "conversions_30d": example.pieces(converted)}

days(number) := {"days_active_30d": example.pieces(number)}

# The figures are complete through so many seconds ago.
through(seconds) := object.union(on(clicks(500)), {"facts": {"clicks_30d": {
	"complete_through": example.now - (seconds * 1000000000),
}}})

claimed(document, name, fact) := object.union(document, {"facts": {name: example.claim(fact)}})

examples := {
	"hardly any clicks": {"input": on(clicks(9)), "expect": "approve"},
	"some clicks": {"input": on(clicks(10)), "expect": "warn"},
	"not quite enough clicks": {
		"input": on({"clicks_30d": {"type": "ratio", "ppm": 99999999}}),
		"expect": "warn",
	},
	"enough clicks": {"input": on(clicks(100)), "expect": "pass"},
	"few clicks and enough conversions": {"input": on(both(9, 10)), "expect": "pass"},
	"few clicks and a conversion": {"input": on(both(9, 1)), "expect": "warn"},
	"few clicks and a part of a conversion": {
		"input": on({"clicks_30d": example.pieces(9), "conversions_30d": {"type": "ratio", "ppm": 999999}}),
		"expect": "approve",
	},
	"many clicks and no conversion": {"input": on(both(100, 0)), "expect": "pass"},
	"a cut": {
		"input": example.bid(130, 100, {"facts": {"clicks_30d": example.fact(example.pieces(1), 60)}}),
		"expect": "pass",
	},
	"a rise too small to ask": {
		"input": example.bid(100, 125, {"facts": {"clicks_30d": example.fact(example.pieces(1), 60)}}),
		"expect": "pass",
	},
	"nobody knows any figure": {"input": example.bid(100, 130, {}), "expect": "pass"},
	"the caller knows of few": {
		"input": claimed(example.bid(100, 130, {}), "clicks_30d", example.pieces(9)),
		"expect": "approve",
	},
	"the caller knows of more than connectors": {
		"input": claimed(on(clicks(9)), "conversions_30d", example.pieces(50)),
		"expect": "approve",
	},
	"the caller knows of less than connectors": {
		"input": claimed(on(clicks(500)), "conversions_30d", example.pieces(0)),
		"expect": "pass",
	},
	"two days": {"input": on(days(2)), "expect": "approve"},
	"three days": {"input": on(days(3)), "expect": "warn"},
	"nine days": {"input": on(days(9)), "expect": "warn"},
	"ten days": {"input": on(days(10)), "expect": "pass"},
	"figures of three days ago": {"input": through(259200), "expect": "pass"},
	"figures of more than three days ago": {"input": through(259201), "expect": "warn"},
	"figures of ten days ago": {"input": through(864000), "expect": "warn"},
	"figures of more than ten days ago": {"input": through(864001), "expect": "approve"},
	"figures read four days ago": {
		"input": example.bid(100, 130, {"facts": {"clicks_30d": example.fact(example.pieces(500), 345600)}}),
		"expect": "warn",
	},
	"a target": {
		"input": example.document(
			"target_cpa", example.usd(2000), example.usd(2100),
			{"facts": {"conversions_30d": example.fact(example.pieces(0), 60)}},
		),
		"expect": "approve",
	},
}

test_finding_names_the_figures if {
	some finding in bid_evidence.approve with input as on(both(9, 0))
	finding.figures == ["0 conversions", "9 clicks"]
	finding.limit.count == 10
	finding.conversions.count == 1
	finding.magnitude == example.usd(130)
}

test_finding_names_the_days if {
	some finding in bid_evidence.warn with input as on(days(9))
	finding.days == "9"
}

test_what_is_asked_is_not_pointed_out_too if {
	count(bid_evidence.warn) == 0 with input as on(both(9, 0))
	count(bid_evidence.warn) == 0 with input as on(days(2))
	count(bid_evidence.warn) == 0 with input as through(864001)
}

test_figures_of_another_type_are_not_known if {
	odd := on({
		"clicks_30d": example.usd(1),
		"conversions_30d": example.text("none"),
		"days_active_30d": example.unlimited,
	})
	count(bid_evidence.approve | bid_evidence.warn) == 0 with input as odd
}

test_a_limit_that_is_unlimited_asks_nobody if {
	every name in ["evidence_clicks_approval", "evidence_clicks"] {
		open := example.with_limit(on(clicks(9)), "bid", name, example.no_limit)
		count(bid_evidence.approve) + count(bid_evidence.warn) <= 1 with input as open
	}
}

test_no_limit if {
	count(bid_evidence.approve) == 0 with input as example.without_limit(on(clicks(9)), "bid", "evidence_clicks_approval")
}
