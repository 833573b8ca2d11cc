package bidrail.rules.calendar_promo_window_test

import data.bidrail.lib.example
import data.bidrail.rules.calendar_promo_window

# A promo that ends in two days and lets budgets be half as high again.
sale := {"calendar": {"promos": [{"id": "sale", "until": ends, "raise_ppm": 500000}]}}

ends := example.now + (2 * example.day)

# A budget of 100.00 and upwards where up to 120.00 is usual, in cents.
rise(after, edits) := example.with_limit(
	example.budget(10000, after, object.union(sale, {"change": edits})),
	"budget", "usual", example.dollars(120),
)

# The change of the sale, which goes back so many nanoseconds after it ends.
for_sale(after, late) := rise(after, {"promo_id": "sale", "revert_at": ends + late})

hour := 3600000000000

# As shipped, nothing is usual.
unlimited(edits) := example.budget(10000, 18001, object.union(sale, {"change": edits}))

examples := {
	"above the usual": {"input": rise(12001, {}), "expect": "approve"},
	"what is usual": {"input": rise(12000, {}), "expect": "pass"},
	"above the usual for a promo": {"input": for_sale(18000, 0), "expect": "pass"},
	"above what the promo lets it be": {"input": for_sale(18001, 0), "expect": "approve"},
	"a promo that is not open": {"input": rise(11000, {"promo_id": "spring", "revert_at": ends}), "expect": "approve"},
	"a promo without a way back": {"input": rise(11000, {"promo_id": "sale"}), "expect": "approve"},
	"back a day after the promo": {"input": for_sale(18000, example.day), "expect": "pass"},
	"back later than that": {"input": for_sale(18000, example.day + 1), "expect": "approve"},
	"back before it begins": {
		"input": rise(11000, {"promo_id": "sale", "effective_at": example.now + hour, "revert_at": example.now + hour}),
		"expect": "approve",
	},
	"unlimited for a promo": {
		"input": example.with_limit(
			example.document(
				"daily_budget", example.usd(10000), example.unlimited,
				object.union(sale, {"change": {"promo_id": "sale", "revert_at": ends}}),
			),
			"budget", "usual", example.dollars(120),
		),
		"expect": "approve",
	},
	"a cut to above the usual": {
		"input": example.with_limit(example.budget(20000, 15000, {}), "budget", "usual", example.dollars(120)),
		"expect": "pass",
	},
	"nothing is usual": {"input": unlimited({}), "expect": "pass"},
	"nothing is usual, for a promo": {"input": unlimited({"promo_id": "sale", "revert_at": ends}), "expect": "pass"},
	"nothing is usual, for a promo that is not open": {
		"input": unlimited({"promo_id": "spring", "revert_at": ends}),
		"expect": "approve",
	},
	"nothing is usual, without a way back": {"input": unlimited({"promo_id": "sale"}), "expect": "approve"},
}

# A promo may be open for long, and one rise for it may not.
lasting(nanoseconds) := object.union(
	object.remove(document, ["calendar"]),
	{"calendar": {"freezes": [], "promos": [{"id": "sale", "until": until, "raise_ppm": 500000}], "reverts": []}},
) if {
	document := rise(18000, {"promo_id": "sale", "revert_at": example.now + nanoseconds})
	until := example.now + (60 * example.day)
}

test_a_rise_lasts_no_longer_than_promos_do if {
	count(calendar_promo_window.approve) == 0 with input as lasting(14 * example.day)
	count(calendar_promo_window.approve) == 1 with input as lasting((14 * example.day) + 1)
}

# One that takes effect later begins later.
test_what_takes_effect_later_lasts_from_then if {
	later := object.union(lasting(15 * example.day), {"change": {"effective_at": example.now + example.day}})
	count(calendar_promo_window.approve) == 0 with input as later
}

test_without_limits_of_time if {
	document := example.with_limit(
		example.with_limit(lasting(90 * example.day), "calendar", "promo_length", example.no_limit),
		"calendar", "promo_grace", example.no_limit,
	)
	count(calendar_promo_window.approve) == 0 with input as document
}

test_each_fault_is_named if {
	wrong := rise(18001, {"promo_id": "sale", "revert_at": ends + (20 * example.day)})
	count(calendar_promo_window.approve) == 3 with input as wrong
	past := rise(11000, {"promo_id": "sale", "revert_at": example.now})
	count(calendar_promo_window.approve) == 1 with input as past
}

# Of a promo that is not open only that is said, however long it would last.
test_what_is_not_open_is_one_fault if {
	every back in [example.now, ends, ends + (20 * example.day)] {
		document := rise(11000, {"promo_id": "spring", "revert_at": back})
		count(calendar_promo_window.approve) == 1 with input as document
	}
}

test_finding_says_until_when if {
	some finding in calendar_promo_window.approve with input as rise(11000, {"promo_id": "sale"})
	finding.until == "2026-01-03 12:00 UTC"
	finding.promo == "sale"
}

test_sums_in_other_currencies_are_in_doubt if {
	document := example.with_limit(
		for_sale(11000, 0),
		"budget", "usual", {"micros": 900000000, "currency": "EUR", "source": "example"},
	)
	count(calendar_promo_window.approve) == 1 with input as document
}
