package bidrail.rules.calendar_flight_test

import data.bidrail.lib.example
import data.bidrail.rules.calendar_flight

# It is noon on 1 January 2026.
flight(starts, ends) := {"facts": {
	"flight_starts": example.fact(example.text(starts), 3600),
	"flight_ends": example.fact(example.text(ends), 3600),
}}

whole_month := flight("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")

last_day := flight("2025-12-01T00:00:00Z", "2026-01-02T12:00:00Z")

later(overrides) := object.union(overrides, {"change": {"effective_at": example.now + example.day}})

dates(before, after) := example.document("flight_dates", before, after, {})

january := example.text("2026-01-01/2026-01-31")

examples := {
	"a rise in the flight": {"input": example.budget(10000, 20000, whole_month), "expect": "pass"},
	"a rise as the flight begins": {
		"input": example.budget(10000, 10001, flight("2026-01-01T12:00:00Z", "2026-02-01T00:00:00Z")),
		"expect": "pass",
	},
	"a rise before the flight": {
		"input": example.budget(10000, 10001, flight("2026-01-01T12:00:01Z", "2026-02-01T00:00:00Z")),
		"expect": "approve",
	},
	"a rise before the flight that takes effect in it": {
		"input": example.budget(10000, 10001, later(flight("2026-01-01T12:00:01Z", "2026-02-01T00:00:00Z"))),
		"expect": "pass",
	},
	"a rise as the flight ends": {
		"input": example.budget(10000, 10001, flight("2025-12-01T00:00:00Z", "2026-01-01T12:00:00Z")),
		"expect": "approve",
	},
	"a rise in the last moment": {
		"input": example.budget(10000, 10001, flight("2025-12-01T00:00:00Z", "2026-01-01T12:00:01Z")),
		"expect": "pass",
	},
	"a rise that takes effect after the flight": {
		"input": example.budget(10000, 10001, later(last_day)),
		"expect": "approve",
	},
	"a campaign is enabled after its flight": {
		"input": example.document(
			"status", example.text("PAUSED"), example.text("ENABLED"),
			flight("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
		),
		"expect": "approve",
	},
	"a cut after the flight": {
		"input": example.budget(10000, 9000, flight("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z")),
		"expect": "pass",
	},
	"a large rise in the last day": {"input": example.budget(10000, 12001, last_day), "expect": "approve"},
	"a rise of a fifth in the last day": {"input": example.budget(10000, 12000, last_day), "expect": "pass"},
	"a large rise before the last day": {
		"input": example.budget(10000, 12001, flight("2025-12-01T00:00:00Z", "2026-01-02T12:00:01Z")),
		"expect": "pass",
	},
	"a much lower target ROAS in the last day": {
		"input": example.document("target_roas", example.percent(400), example.percent(319), last_day),
		"expect": "approve",
	},
	"a somewhat lower target ROAS in the last day": {
		"input": example.document("target_roas", example.percent(400), example.percent(320), last_day),
		"expect": "pass",
	},
	"a rise from nothing in the last day": {"input": example.budget(0, 100, last_day), "expect": "approve"},
	"a strategy in the last day": {
		"input": example.document("bid_strategy", example.text("MANUAL"), example.text("AUTO"), last_day),
		"expect": "approve",
	},
	"a cut before the flight": {
		"input": example.budget(10000, 9000, flight("2026-01-01T12:00:01Z", "2026-02-01T00:00:00Z")),
		"expect": "pass",
	},
	"the same strategy in the last day": {
		"input": example.document("bid_strategy", example.text("AUTO"), example.text("AUTO"), last_day),
		"expect": "pass",
	},
	"what the ledger knows to be no cut in the last day": {
		"input": example.budget(10000, 9000, object.union(last_day, {"change": {"direction": "unordered"}})),
		"expect": "approve",
	},
	"a large cut in the last day": {"input": example.budget(10000, 1000, last_day), "expect": "pass"},
	"a rise, and an end that cannot be read": {
		"input": example.budget(10000, 10001, flight("2026-01-01T00:00:00Z", "end of January")),
		"expect": "approve",
	},
	"a cut, and a beginning that cannot be read": {
		"input": example.budget(10000, 9000, flight("", "2026-02-01T00:00:00Z")),
		"expect": "warn",
	},
	"a rise, and no dates": {"input": example.budget(10000, 20000, {}), "expect": "pass"},
	"other dates": {"input": dates(january, example.text("2026-01-01/2026-12-31")), "expect": "approve"},
	"first dates": {"input": dates(example.absent, january), "expect": "approve"},
	"an end that is taken away": {"input": dates(january, example.absent), "expect": "approve"},
	"the same dates": {"input": dates(january, january), "expect": "pass"},
}

# Other dates are judged once, in the flight and out of it.
test_other_dates_are_judged_once if {
	every overrides in [
		last_day,
		flight("", ""),
		flight("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
		flight("2026-01-01T12:00:01Z", "2026-02-01T00:00:00Z"),
	] {
		document := example.document("flight_dates", january, example.text("2026-02-01/2026-02-28"), overrides)
		count(calendar_flight.approve) == 1 with input as document
	}
}

# After the end it is too late to be shortly before it.
test_after_the_flight_one_finding_is_enough if {
	every ends in ["2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z"] {
		document := example.budget(10000, 20000, flight("2025-12-01T00:00:00Z", ends))
		count(calendar_flight.approve) == 1 with input as document
	}
}

test_a_rise_is_not_pointed_out_besides if {
	document := example.budget(10000, 10001, flight("2026-01-01T00:00:00Z", "soon"))
	count(calendar_flight.warn) == 0 with input as document
}

# A fact that is no text is no time.
test_what_is_no_text_cannot_be_read if {
	flag := {"facts": {"flight_ends": example.fact({"type": "flag", "flag": true}, 60)}}
	count(calendar_flight.approve) == 1 with input as example.budget(10000, 10001, flag)
}

test_what_took_effect_before_counts_as_now if {
	before := object.union(last_day, {"change": {"effective_at": example.now - (90 * example.day)}})
	count(calendar_flight.approve) == 0 with input as example.budget(10000, 10001, before)
}

test_no_limits if {
	document := example.budget(10000, 30000, last_day)
	endless := example.with_limit(document, "calendar", "flight_end", example.no_limit)
	count(calendar_flight.approve) == 0 with input as endless
	any_step := example.with_limit(document, "calendar", "flight_step", example.no_limit)
	count(calendar_flight.approve) == 0 with input as any_step
}

test_finding_says_when if {
	some finding in calendar_flight.approve with input as example.budget(10000, 12001, last_day)
	finding.limit == "2026-01-02 12:00 UTC"
	finding.at == "2026-01-01 12:00 UTC"
}
