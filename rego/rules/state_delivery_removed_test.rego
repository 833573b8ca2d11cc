package bidrail.rules.state_delivery_removed_test

import data.bidrail.lib.example
import data.bidrail.rules.state_delivery_removed

# A target of so many per cent of the account's delivery, where so many per cent are gone already.
removing(kind, before, after, share, gone) := example.moved(
	example.document(
		kind, before, after,
		{"facts": {"delivery_share": example.fact({"type": "ratio", "ppm": share}, 60)}},
	),
	"account", "month", {"moved": gone * 10000},
)

pause(share, gone) := removing("status", example.text("ENABLED"), example.text("PAUSED"), share, gone)

exclude(share, gone) := removing("targeting_exclusion", example.absent, example.text("free"), share, gone)

unknown(document) := json.remove(document, ["facts/delivery_share"])

forgotten(document) := object.union(document, {"unknown": [example.stale("delivery_share", 200000)]})

unlimited(document) := example.with_limit(
	example.with_limit(document, "state", "delivery_removed", example.no_limit),
	"state", "delivery_removed_block", example.no_limit,
)

in_emergency(document) := object.union(
	document,
	{"change": {"reason": {"code": "tracking_down", "text": "no conversions since noon"}}},
)

examples := {
	"a pause that takes more than a tenth": {"input": pause(50001, 5), "expect": "approve"},
	"a pause that takes a tenth": {"input": pause(50000, 5), "expect": "pass"},
	"a pause that takes more than three tenths": {"input": pause(50001, 25), "expect": "block"},
	"a pause that takes three tenths": {"input": pause(50000, 25), "expect": "approve"},
	"an exclusion that takes more than a tenth": {"input": exclude(50001, 5), "expect": "approve"},
	"an exclusion that takes a tenth": {"input": exclude(50000, 5), "expect": "pass"},
	"an exclusion that takes more than three tenths": {"input": exclude(50001, 25), "expect": "block"},
	"an archived campaign": {
		"input": removing("status", example.text("ENABLED"), example.text("ARCHIVED"), 300001, 0),
		"expect": "block",
	},
	"a pause in an emergency": {"input": in_emergency(pause(50001, 25)), "expect": "warn"},
	"a small pause in an emergency": {"input": in_emergency(pause(50000, 5)), "expect": "pass"},
	"an exclusion is no emergency": {"input": in_emergency(exclude(50001, 25)), "expect": "block"},
	"nobody knows its share, and much is gone": {"input": unknown(pause(0, 11)), "expect": "approve"},
	"nobody knows its share": {"input": unknown(pause(0, 10)), "expect": "pass"},
	"its share was told too long ago": {"input": forgotten(unknown(pause(0, 10))), "expect": "approve"},
	"its share was told too long ago, in an emergency": {
		"input": in_emergency(forgotten(unknown(pause(0, 10)))),
		"expect": "pass",
	},
	"its share was told too long ago, and it is turned on": {
		"input": forgotten(unknown(removing("status", example.text("PAUSED"), example.text("ENABLED"), 0, 0))),
		"expect": "pass",
	},
	"any share, where that is the limit": {"input": unlimited(pause(900000, 90)), "expect": "pass"},
	"a campaign that is turned on": {
		"input": removing("status", example.text("PAUSED"), example.text("ENABLED"), 300001, 40),
		"expect": "pass",
	},
	"an exclusion that is taken back": {
		"input": removing("targeting_exclusion", example.text("free"), example.absent, 300001, 40),
		"expect": "pass",
	},
}

# Exclusions over several sittings, none of which takes more than a hundredth.
test_many_small_exclusions if {
	refused := [gone |
		some gone in [0, 8, 9, 10, 29, 30]
		count(state_delivery_removed.approve) > 0 with input as exclude(10000, gone)
	]
	refused == [10, 29, 30]
}

test_a_share_below_nothing_pays_for_nothing if {
	some finding in state_delivery_removed.block with input as pause(-100000, 31)
	finding.observed == example.percent(31)
}

test_no_limit if {
	without := example.without_limit(pause(50001, 5), "state", "delivery_removed")
	count(state_delivery_removed.approve) == 0 with input as without
}

test_people_agree_to_its_own_share if {
	some finding in state_delivery_removed.approve with input as pause(50001, 5)
	finding.magnitude == {"type": "ratio", "ppm": 50001}
}
