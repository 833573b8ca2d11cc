package bidrail.lib.effective_test

import data.bidrail.lib.effective
import data.bidrail.lib.example

told(facts) := example.bid(100, 110, {"facts": facts})

test_what_nobody_gives_counts_as_one if {
	effective.multipliers == [1000000, 3000000, 1000000] with input as told({
		"bid_modifier_max": example.fact(example.percent(50), 60),
		"placement_modifier_max": example.fact(example.percent(300), 60),
	})
}

test_only_a_connector_knows if {
	effective.known with input as told({"dynamic_up_max": example.fact(example.percent(100), 60)})
	not effective.known with input as told({"dynamic_up_max": example.claim(example.percent(100))})
	not effective.known with input as told({"dynamic_up_max": example.fact(example.usd(1), 60)})
}

test_the_product_is_exact if {
	once := [1000000, 1000000, 1000000]
	ceiling := {"micros": 9007199254740992}
	effective.exceeds(example.money(9007199254740993, "USD"), once, ceiling)
	not effective.exceeds(example.money(9007199254740992, "USD"), once, ceiling)
	not effective.exceeds(example.absent, once, {"micros": 0})
}
