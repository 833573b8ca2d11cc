# METADATA
# title: A stale reading
# description: |
#   A change computed from a value that no longer holds may do something else than was meant. When a
#   connector knows the present value and it differs, the caller reads again. Otherwise the
#   reading must be fresh: rises on an old one need a person, cuts pass with a warning. That a change
#   changes nothing is the caller's word as well. Of an amount it is held to a fresh reading; of a
#   word, such as a status or a strategy, nothing else would judge it, so a person looks unless a
#   connector confirms it.
# custom:
#   id: integrity.stale_baseline
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, bid_strategy,
#       daily_budget, monthly_budget, lifetime_budget, budget_type, shared_budget,
#       account_budget, budget_rule, pacing, status, flight_dates, experiment_control,
#       targeting_exclusion, conversion_goal, targeting,
#     ]
#   optional: [input.facts.current_value, input.change.before_age_s]
#   source: >-
#     approval-gated-mcp compares the live value before it writes; ages are Bidrail's own proposal
package bidrail.rules.integrity_stale_baseline

import data.bidrail.lib.change

block contains finding if {
	known := input.facts.current_value
	not change.same_value(known, input.change.before)
	finding := {
		"message": "the present value is {current} and not {before}; read it again and compute the change anew",
		"observed": input.change.before,
		"before": input.change.before,
		"current": known,
		"limit": known,
		"source": known.source,
	}
}

approve contains finding if {
	unconfirmed
	not change.cut
	some finding in doubts
}

# Whoever says that what is paused is on already would have it enabled unseen.
approve contains finding if {
	unconfirmed
	input.change.direction == "same"
	input.change.after.type in {"text", "flag"}
	finding := {
		"message": "only the caller says that it is {before} already; leave the change out, or a person has to look",
		"observed": input.change.after,
		"before": input.change.before,
	}
}

warn contains finding if {
	unconfirmed
	change.cut
	some finding in doubts
}

# Only a connector confirms a value, and only while what it saw is fresh. The caller's own word
# about the present value confirms nothing that its before does not say already.
unconfirmed if not confirmed

confirmed if {
	input.facts.current_value.caller == false
	input.facts.current_value.age_s <= input.limits.integrity.baseline_age.seconds
	change.same_value(input.facts.current_value, input.change.before)
}

doubts contains finding if {
	not known_age
	finding := {
		"message": "nobody says when {before} was read; send the time with it",
		"observed": "unknown",
		"before": input.change.before,
		"limit": input.limits.integrity.baseline_age,
	}
}

doubts contains finding if {
	input.change.before_age_s > input.limits.integrity.baseline_age.seconds
	finding := {
		"message": "{before} was read {observed} ago, and {limit} are allowed; read it again",
		"observed": {"seconds": input.change.before_age_s},
		"before": input.change.before,
		"limit": input.limits.integrity.baseline_age,
	}
}

# An age of zero is known too.
known_age if input.change.before_age_s >= 0
