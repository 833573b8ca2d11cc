package bidrail.rules.bid_net_economics_test

import data.bidrail.lib.example
import data.bidrail.rules.bid_net_economics

ppm(parts) := {"type": "ratio", "ppm": parts}

# One click in fifty buys for 100.00. Fees take 10%, returns 15%, disputes 5%, the goods cost 20.00: a conversion
# brings 50.00, and a click 1.00.
economics := {
	"conversion_rate": ppm(20000),
	"revenue_per_conversion": example.usd(10000),
	"fee_share": example.percent(10),
	"return_share": example.percent(15),
	"dispute_share": example.percent(5),
	"cost_of_goods": example.usd(2000),
}

paying(before, after, facts) := example.document("bid", before, after, {"facts": {name: example.fact(fact, 60) |
	some name, fact in facts
}})

rise(after, facts) := paying(example.usd(90), after, facts)

altered(facts) := object.union(economics, facts)

without(names) := object.remove(economics, names)

micros(amount) := example.money(amount, "USD")

target(before, after) := example.document(
	"target_cpa", example.usd(before), example.usd(after),
	{"facts": {name: example.fact(fact, 60) |
		some name, fact in object.remove(economics, ["conversion_rate"])
	}},
)

loss := altered({"cost_of_goods": example.usd(7001)})

examples := {
	"above what a click brings": {"input": rise(micros(1000001), economics), "expect": "approve"},
	"what a click brings": {"input": rise(example.usd(100), economics), "expect": "pass"},
	"a micro below twice of it": {"input": rise(micros(1999999), economics), "expect": "approve"},
	"twice of it": {"input": rise(example.usd(200), economics), "expect": "block"},
	"a cut": {"input": paying(example.usd(300), example.usd(250), economics), "expect": "pass"},
	"every conversion loses money": {"input": rise(example.usd(91), loss), "expect": "block"},
	"a conversion brings nothing": {
		"input": rise(example.usd(91), altered({"cost_of_goods": example.usd(7000)})),
		"expect": "block",
	},
	"a cut where every conversion loses money": {
		"input": paying(example.usd(90), example.usd(80), loss),
		"expect": "pass",
	},
	"fees take more than there is": {
		"input": rise(example.usd(91), altered({"fee_share": example.percent(101), "cost_of_goods": example.usd(0)})),
		"expect": "block",
	},
	"no conversions": {"input": rise(example.usd(91), altered({"conversion_rate": ppm(0)})), "expect": "approve"},
	"a target above what a conversion brings": {"input": target(4900, 5001), "expect": "approve"},
	"a target of what a conversion brings": {"input": target(4900, 5000), "expect": "pass"},
	"a target of twice of it": {"input": target(4900, 10000), "expect": "block"},
	"the revenue is not known": {"input": rise(example.usd(300), without(["revenue_per_conversion"])), "expect": "pass"},
	"the conversion rate is not known": {"input": rise(example.usd(300), without(["conversion_rate"])), "expect": "pass"},
	"fees are not known": {"input": rise(example.usd(100), without(["fee_share"])), "expect": "warn"},
	"too much whatever the fees are": {"input": rise(micros(1200001), without(["fee_share"])), "expect": "approve"},
	"nothing is known of what goes": {
		"input": rise(
			example.usd(200),
			without(["fee_share", "return_share", "dispute_share", "cost_of_goods"]),
		),
		"expect": "warn",
	},
	"revenue in another currency": {
		"input": rise(example.usd(91), altered({"revenue_per_conversion": example.money(1, "EUR")})),
		"expect": "approve",
	},
	"goods in another currency": {
		"input": rise(example.usd(91), altered({"cost_of_goods": example.money(1, "EUR")})),
		"expect": "approve",
	},
	"a first bid": {"input": paying(example.absent, example.usd(200), economics), "expect": "block"},
	"nothing": {"input": paying(example.absent, example.usd(0), loss), "expect": "pass"},
}

test_exact_beyond_floats if {
	facts := {
		"conversion_rate": ppm(1000000),
		"revenue_per_conversion": micros(9007199254740993),
		"fee_share": ppm(0), "return_share": ppm(0), "dispute_share": ppm(0),
		"cost_of_goods": micros(0),
	}
	count(bid_net_economics.approve) == 0 with input as rise(micros(9007199254740993), facts)
	count(bid_net_economics.approve) == 1 with input as rise(micros(9007199254740994), facts)
}

test_no_word_of_the_caller_adds_to_it if {
	every name in ["fee_share", "return_share", "dispute_share"] {
		document := object.union(rise(example.usd(200), without([name])), {"facts": {name: example.claim(ppm(-5000000))}})
		count(bid_net_economics.approve) == 1 with input as document
	}
	goods := object.union(
		rise(example.usd(200), without(["cost_of_goods"])),
		{"facts": {"cost_of_goods": example.claim(micros(-90000000000))}},
	)
	count(bid_net_economics.approve) == 1 with input as goods
}

test_facts_of_another_type_are_not_known if {
	document := rise(example.usd(100), altered({"fee_share": example.text("much"), "return_share": example.usd(1)}))
	some finding in bid_net_economics.warn with input as document
	finding.unknown == ["fees", "returns"]
}

test_finding_shows_the_sum if {
	some finding in bid_net_economics.approve with input as rise(micros(1000001), economics)
	finding.rate == ppm(20000)
	finding.revenue.micros == 100000000
	finding.kept == example.percent(70)
	finding.goods == example.usd(2000)
	finding.magnitude == micros(1000001)
}

test_a_limit_that_is_unlimited_holds_nothing if {
	open := example.with_limit(
		example.with_limit(rise(example.usd(500), economics), "bid", "net_share", example.no_limit),
		"bid", "net_share_block", example.no_limit,
	)
	count(((bid_net_economics.approve | bid_net_economics.block) | bid_net_economics.warn)) == 0 with input as open
}

test_no_limit if {
	document := example.without_limit(rise(example.usd(500), economics), "bid", "net_share_block")
	count(bid_net_economics.block) == 0 with input as document
}
