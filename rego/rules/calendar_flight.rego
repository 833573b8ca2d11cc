# METADATA
# title: Inside its flight
# description: |
#   What is raised outside the dates of its flight buys nothing that was planned, and a large rise in
#   its last day spends in hours what was meant for weeks: both need a person, at the time the change
#   takes effect. Cuts pass. Other flight dates need a person whatever they say, since no rule reads
#   them. Dates that cannot be read count as outside; cuts then pass with a warning. Where no dates
#   are known this says nothing; governance.freshness speaks for what is expected.
# custom:
#   id: calendar.flight
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, shared_budget, budget_type, pacing,
#       status, flight_dates, conversion_goal, targeting, targeting_exclusion,
#     ]
#   optional: [input.facts.flight_starts, input.facts.flight_ends, input.change.effective_at]
#   source: "Bidrail's own proposal"
package bidrail.rules.calendar_flight

import data.bidrail.lib.change
import data.bidrail.lib.clock
import data.bidrail.lib.limit

# The facts that are known, by what they say.
told["begins"] := input.facts.flight_starts

told["ends"] := input.facts.flight_ends

at := change.takes_effect

starts := clock.moment(told.begins.text)

ends := clock.moment(told.ends.text)

judged if input.change.kind != "flight_dates"

approve contains finding if {
	judged
	change.may_rise
	at < starts
	finding := described("the flight begins at {limit}, and this takes effect at {at}; wait, or a person decides", starts)
}

approve contains finding if {
	judged
	change.may_rise
	at >= ends
	finding := described("the flight ends at {limit}, and this takes effect at {at}; extend it, or a person decides", ends)
}

approve contains finding if {
	judged
	change.may_rise
	at < ends
	ends - at <= input.limits.calendar.flight_end.seconds * 1000000000
	large
	finding := object.union(
		described("{before} to {observed} shortly before the flight ends ({limit}); above {share} a person decides", ends),
		{"before": input.change.before, "share": input.limits.calendar.flight_step},
	)
}

approve contains finding if {
	judged
	change.may_rise
	some finding in unreadable
}

approve contains finding if {
	not judged
	not input.change.direction == "same"
	finding := {
		"message": "the flight of {type} {target} goes from {before} to {observed}; who planned it decides",
		"observed": input.change.after,
		"before": input.change.before,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}

warn contains finding if {
	change.cut
	some finding in unreadable
}

large if limit.rises_over(change.move, input.limits.calendar.flight_step)

# A target ROAS that falls is a rise too.
large if limit.cuts_over(change.move, input.limits.calendar.flight_step)

large if not sized

# What has no order has no size either: it may claim to be a cut and be a rise from what the ledger knows.
sized if {
	input.change.direction != "unordered"
	change.move.from > 0
}

unreadable contains finding if {
	some end, fact in told
	not clock.moment(fact.text)
	finding := {
		"message": "when the flight {end} cannot be read from \"{limit}\"; have {source} write it as 2026-03-01T00:00:00Z",
		"observed": input.change.after,
		"limit": fact,
		"end": end,
		"source": fact.source,
	}
}

described(message, moment) := {
	"message": message,
	"observed": input.change.after,
	"limit": clock.utc(moment),
	"at": clock.utc(at),
}
