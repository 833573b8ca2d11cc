package bidrail.lib.limit_test

import data.bidrail.lib.example
import data.bidrail.lib.limit

test_above_is_strict if {
	limit.above(example.usd(5001), example.dollars(50))
	not limit.above(example.usd(5000), example.dollars(50))
}

test_no_limit_is_above_every_amount if {
	limit.above(example.unlimited, example.dollars(50))
	not limit.above(example.unlimited, {"unlimited": true, "source": "example"})
	not limit.above(example.usd(5000), {"unlimited": true, "source": "example", "currency": "USD"})
}

test_other_currencies_are_in_doubt if {
	limit.above(example.money(1000000, "EUR"), example.dollars(50))
	limit.below(example.money(90000000, "EUR"), example.dollars(50))
}

test_below_is_strict if {
	limit.below(example.usd(4999), example.dollars(50))
	not limit.below(example.usd(5000), example.dollars(50))
	not limit.below(example.unlimited, example.dollars(50))
}

test_shares_are_strict if {
	limit.rises_over({"from": 100, "to": 131}, example.share(30))
	not limit.rises_over({"from": 100, "to": 130}, example.share(30))
	limit.cuts_over({"from": 100, "to": 49}, example.share(50))
	not limit.cuts_over({"from": 100, "to": 50}, example.share(50))
}

test_nothing_has_no_share if not limit.rises_over({"from": 0, "to": 100}, example.share(30))

test_directions_do_not_mix if {
	not limit.rises_over({"from": 100, "to": 10}, example.share(30))
	not limit.cuts_over({"from": 100, "to": 1000}, example.share(30))
}

# The largest monthly budget that Microsoft takes in pesos is above what a float can hold exactly.
test_large_sums_are_exact if {
	limit.rises_over({"from": 55052500000000000, "to": 110105000000000001}, example.share(100))
	not limit.rises_over({"from": 55052500000000000, "to": 110105000000000000}, example.share(100))
}

test_factors_count_at_the_factor if {
	limit.multiplies_by({"from": 5, "to": 50}, {"count": 10})
	not limit.multiplies_by({"from": 5, "to": 49}, {"count": 10})
	limit.divides_by({"from": 50, "to": 5}, {"count": 10})
	not limit.divides_by({"from": 50, "to": 6}, {"count": 10})
	not limit.multiplies_by({"from": 0, "to": 50}, {"count": 10})
}
