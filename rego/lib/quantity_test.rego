package bidrail.lib.quantity_test

import data.bidrail.lib.example
import data.bidrail.lib.quantity

test_counts_are_compared_as_they_are if {
	quantity.fewer({"type": "ratio", "ppm": 9999999}, {"count": 10})
	not quantity.fewer(example.pieces(10), {"count": 10})
	quantity.more({"type": "ratio", "ppm": 10000001}, {"count": 10})
	not quantity.more(example.pieces(10), {"count": 10})
}

test_a_limit_that_is_unlimited_holds_nothing if {
	not quantity.fewer(example.pieces(0), example.no_limit)
	not quantity.more(example.pieces(10), example.no_limit)
}

test_whole_ones_are_written if {
	every ppm, written in {0: "0", 999999: "0", 1000000: "1", 12500000: "12", -1: "0"} {
		quantity.whole({"ppm": ppm}) == written
	}
}
