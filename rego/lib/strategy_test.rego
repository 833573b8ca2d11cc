package bidrail.lib.strategy_test

import data.bidrail.lib.example
import data.bidrail.lib.strategy

on(channel) := example.bid(100, 110, {"change": {"target": {"channel": channel}}})

under(fact) := example.bid(100, 110, {"facts": {"bid_strategy": fact}})

test_strategies_are_found_however_they_are_written if {
	strategy.known(" target_cpa ").bound == "built_in" with input as on("search")
	not strategy.known("DIVINATION") with input as on("search")
	not strategy.known("COST_CAP") with input as on("search")
}

test_what_bids_now_is_a_word if {
	strategy.present.bids == "set" with input as under(example.fact(example.text("MANUAL_CPC"), 60))
	not strategy.present with input as under(example.fact(example.usd(1), 60))
	not strategy.named with input as on("search")
}

test_only_a_connector_makes_bids_surely_manual if {
	strategy.surely_manual with input as under(example.fact(example.text("MANUAL_CPC"), 60))
	not strategy.surely_manual with input as under(example.claim(example.text("MANUAL_CPC")))
	not strategy.surely_manual with input as under(example.fact(example.text("TARGET_CPA"), 60))
}

test_a_ceiling_is_disregarded_where_it_is_said_and_where_nobody_says if {
	row := {"ceiling_disregarded": ["search"]}
	strategy.disregards_ceiling(row) with input as on("search")
	strategy.disregards_ceiling(row) with input as on("")
	not strategy.disregards_ceiling(row) with input as on("app")
	not strategy.disregards_ceiling({}) with input as on("")
}

test_nothing_is_no_bound if {
	every value in [example.usd(0), example.percent(0), example.absent, example.unlimited, example.text("1")] {
		not strategy.holds(value)
	}
	strategy.holds(example.usd(1))
	strategy.holds(example.percent(1))
}

test_what_lands_beside_is_on_the_same_entity if {
	bid := on("search")
	limit := example.document("bid_limit", example.absent, example.usd(100), {})
	other := example.document("bid_limit", example.absent, example.usd(100), {"change": {"target": {"entity_id": "2"}}})
	count(strategy.beside({"bid_limit"})) == 1 with input as example.grouped([bid, limit, other])
	count(strategy.beside({"target_cpa"})) == 0 with input as example.grouped([bid, limit, other])
}
