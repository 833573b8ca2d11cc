package bidrail.rules.integrity_stale_baseline_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_stale_baseline

read(seconds) := {"change": {"before_age_s": seconds}}

seen(value, age_s) := {"facts": {"current_value": example.fact(value, age_s)}}

said(value) := {"facts": {"current_value": example.claim(value)}}

unread(document) := object.union(
	object.remove(document, ["change"]),
	{"change": object.remove(document.change, ["before_age_s"])},
)

# A status that is sent as it is said to be.
unchanged(overrides) := example.document("status", example.text("ENABLED"), example.text("ENABLED"), overrides)

examples := {
	"a status that only the caller says holds already": {"input": unchanged({}), "expect": "approve"},
	"a status that the caller says twice holds already": {
		"input": unchanged(said(example.text("ENABLED"))),
		"expect": "approve",
	},
	"a status that holds already, as a connector has just seen": {
		"input": unchanged(seen(example.text("ENABLED"), 900)),
		"expect": "pass",
	},
	"a status that holds already, as a connector saw too long ago": {
		"input": unchanged(seen(example.text("ENABLED"), 901)),
		"expect": "approve",
	},
	"a status that does not hold any more": {"input": unchanged(seen(example.text("PAUSED"), 60)), "expect": "block"},
	"an amount that stays, as just read": {"input": example.bid(100, 100, read(900)), "expect": "pass"},
	"an amount that stays, on an old reading": {"input": example.bid(100, 100, read(901)), "expect": "approve"},
	"another value holds now": {"input": example.bid(100, 110, seen(example.usd(120), 60)), "expect": "block"},
	"the caller contradicts itself": {"input": example.bid(100, 110, said(example.usd(120))), "expect": "block"},
	"an old reading before a rise": {"input": example.bid(100, 110, read(901)), "expect": "approve"},
	"an old reading before a cut": {"input": example.bid(110, 100, read(901)), "expect": "warn"},
	"a reading of unknown age before a rise": {"input": unread(example.bid(100, 110, {})), "expect": "approve"},
	"a reading of unknown age before a cut": {"input": unread(example.bid(110, 100, {})), "expect": "warn"},
	"a fresh reading": {"input": example.bid(100, 110, read(900)), "expect": "pass"},
	"a reading of this second": {"input": example.bid(100, 110, read(0)), "expect": "pass"},
	"an old reading that a connector confirms": {
		"input": example.bid(100, 110, object.union(read(901), seen(example.usd(100), 900))),
		"expect": "pass",
	},
	"an old reading that a connector saw too long ago": {
		"input": example.bid(100, 110, object.union(read(901), seen(example.usd(100), 901))),
		"expect": "approve",
	},
	"an old reading that only the caller confirms": {
		"input": example.bid(100, 110, object.union(read(901), said(example.usd(100)))),
		"expect": "approve",
	},
}

test_finding_names_the_present_value if {
	some finding in integrity_stale_baseline.block with input as example.bid(100, 110, seen(example.usd(120), 60))
	finding.current.micros == 1200000
	finding.before.micros == 1000000
}

test_no_age_limit if {
	without := example.without_limit(example.bid(100, 110, read(901)), "integrity", "baseline_age")
	count(integrity_stale_baseline.approve) == 0 with input as without
}
