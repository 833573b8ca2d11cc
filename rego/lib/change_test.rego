package bidrail.lib.change_test

import data.bidrail.lib.change
import data.bidrail.lib.example

test_families_of_kinds if {
	change.is_bid with input as example.bid(100, 110, {})
	not change.is_bid with input as example.budget(100, 110, {})
	change.is_budget with input as example.budget(100, 110, {})
	not change.is_budget with input as example.bid(100, 110, {})
}

test_what_has_no_order_may_rise if {
	change.may_rise with input as example.document("name", example.text("a"), example.text("b"), {})
	change.may_rise with input as example.bid(100, 110, {})
	not change.may_rise with input as example.bid(110, 100, {})
	change.cut with input as example.bid(110, 100, {})
}

test_changes_take_effect_now_or_later if {
	change.takes_effect == example.now with input as example.bid(100, 110, {})
	later := example.bid(100, 110, {"change": {"effective_at": example.now + 1}})
	change.takes_effect == example.now + 1 with input as later
	earlier := example.bid(100, 110, {"change": {"effective_at": example.now - 1}})
	change.takes_effect == example.now with input as earlier
}

test_moves_of_sums_and_ratios if {
	change.move == {"from": 1000000, "to": 1100000} with input as example.bid(100, 110, {})
	change.move == {"from": 2000000, "to": 3000000} with input as example.document(
		"target_roas",
		example.percent(200),
		example.percent(300),
		{},
	)
}

test_two_currencies_make_no_move if {
	not change.move with input as example.document("bid", example.usd(100), example.money(1100000, "EUR"), {})
	not change.move with input as example.document("bid", example.absent, example.usd(100), {})
}

test_no_modifier_counts_as_one if {
	first := example.document("bid_modifier", example.absent, example.percent(120), {})
	change.move == {"from": 1000000, "to": 1200000} with input as first
	change.before == example.percent(100) with input as first
	change.after == example.percent(120) with input as first
	last := example.document("bid_modifier", example.percent(10), example.absent, {})
	change.move == {"from": 100000, "to": 1000000} with input as last
	change.move_of(example.leg(last)) == {"from": 100000, "to": 1000000}
}

test_nothing_else_counts_as_one if {
	not change.move with input as example.document("target_roas", example.absent, example.percent(120), {})
	change.before == example.absent with input as example.document("bid", example.absent, example.usd(100), {})
}

test_a_fact_is_the_same_value if {
	change.same_value(example.fact(example.usd(100), 5), example.usd(100))
	not change.same_value(example.fact(example.usd(101), 5), example.usd(100))
	not change.same_value(example.unlimited, example.absent)
	not change.same_value(example.money(1000000, "EUR"), example.usd(100))
}

test_values_of_every_type_are_the_same_as_themselves if {
	values := [
		example.usd(0), example.usd(100), example.percent(0), example.percent(100), example.text(""), example.text("a"),
		{"type": "flag", "flag": false}, {"type": "flag", "flag": true}, example.unlimited, example.absent,
	]
	every i, a in values {
		every j, b in values {
			agrees(a, b, i, j)
		}
	}
}

agrees(a, b, i, j) if {
	i == j
	change.same_value(a, b)
}

agrees(a, b, i, j) if {
	i != j
	not change.same_value(a, b)
}
