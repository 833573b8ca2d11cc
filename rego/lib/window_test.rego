package bidrail.lib.window_test

import data.bidrail.lib.example
import data.bidrail.lib.window

bid := example.bid(150, 160, {"windows": {"field": {
	"day": {"start_low": 1200000, "start_high": 1300000, "low": 1100000, "peak": 1500000},
	"week": {"start_low": 1000000, "start_high": 1400000, "low": 900000, "peak": 1500000},
}}})

# No start, only what was seen since.
started_within := json.remove(bid, [
	"windows/field/day/start_low", "windows/field/week/start_low",
	"windows/field/week/start_high",
])

first := example.document("bid", example.absent, example.usd(100), {})

test_starts_are_taken_as_they_are if {
	[window.day_start_low, window.week_start_low, window.week_start_high] == [1200000, 1000000, 1400000] with input as bid
}

test_without_a_start_the_extreme_counts if {
	starts := [window.day_start_low, window.week_start_low, window.week_start_high] with input as started_within
	starts == [1100000, 900000, 1500000]
}

test_a_start_is_missed_where_there_should_be_one if {
	not window.start_unclear with input as bid
	not window.start_unclear with input as first
	window.start_unclear with input as example.moved(first, "field", "day", {"count": 1})
	window.start_unclear with input as example.moved(first, "field", "week", {"count": 1})
	window.start_unclear with input as json.remove(bid, ["windows/field/day"])
	window.start_unclear with input as json.remove(bid, ["windows/field/week"])
}

test_drift_needs_share_and_sum if {
	window.drifts(1000000, example.share(59), example.dollars(0)) with input as bid
	not window.drifts(1000000, example.share(60), example.dollars(0)) with input as bid
	not window.drifts(1000000, example.share(59), example.dollars(1)) with input as bid
	window.drifts(0, example.share(1000), example.dollars(1)) with input as bid
}

test_a_cut_does_not_drift if {
	not window.drifts(1000000, example.share(10), example.dollars(0)) with input as example.bid(300, 200, {})
}

test_what_a_change_adds if {
	window.own == 100000 with input as bid
	window.own == 100000 with input as example.bid(160, 150, {})
	window.own == 1000000 with input as first
	window.own == 1000000 with input as example.document("bid", example.usd(100), example.absent, {})
	window.own == 0 with input as example.bid(100, 100, {})
	not window.own with input as example.document("name", example.text("A"), example.text("B"), {})
}

test_sums_hold_the_change_too if {
	window.with_own(900000) == example.usd(100) with input as bid
	taken := example.document("bid", example.usd(100), example.absent, {})
	window.with_own(1000000) == example.usd(200) with input as taken
}

test_unlimited_is_beyond_every_sum if {
	opened := example.document("daily_budget", example.usd(100), example.unlimited, {})
	window.with_own(0) == example.unlimited with input as opened
	closed := example.document("daily_budget", example.unlimited, example.usd(100), {})
	window.with_own(0) == example.usd(100) with input as closed
}

test_amounts_are_written_in_the_unit_of_the_change if {
	window.written(1000000) == example.usd(100) with input as bid
	roas := example.document("target_roas", example.absent, example.percent(300), {})
	window.written(1000000) == example.percent(100) with input as roas
}

test_only_sums_in_one_currency_compare if {
	window.comparable(example.fact(example.usd(1), 60)) with input as bid
	not window.comparable(example.fact(example.money(1, "EUR"), 60)) with input as bid
	not window.comparable(example.fact(example.percent(1), 60)) with input as bid
}

test_what_a_change_adds_is_a_value_too if {
	window.added == example.usd(10) with input as bid
	modifier := example.document("bid_modifier", example.percent(100), example.percent(120), {})
	window.added == example.percent(20) with input as modifier
	endless := example.document("daily_budget", example.usd(100), example.unlimited, {})
	window.added == example.unlimited with input as endless
}
