# METADATA
# title: Above what is usual, only for a promo
# description: |
#   A budget may go above what is usual (budget.usual) without a person only inside a registered promo that is open when
#   the change takes effect, that the change names, and that lets it: up to the share the promo adds, for no longer
#   than promos last, and back again soon after the promo's end. What names a promo is held to it below the usual as
#   well. Everything else needs a person. What is no rise passes. As shipped nothing is usual, so this only reads
#   changes that name a promo.
# custom:
#   id: calendar.promo_window
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   optional: [input.change.effective_at, input.change.revert_at]
#   source: >-
#     Google's seasonality adjustments are for 1 to 7 days, and for 14 at most; Amazon raises budgets for events; the
#     grace after a promo is Bidrail's own proposal
package bidrail.rules.calendar_promo_window

import data.bidrail.lib.change
import data.bidrail.lib.clock
import data.bidrail.lib.limit

usual := input.limits.budget.usual

second := 1000000000

above_usual if limit.above(input.change.after, usual)

begins := change.takes_effect

promos := [promo |
	some promo in input.calendar.promos
	promo.id == input.change.promo_id
]

approve contains finding if {
	change.may_rise
	some fault in faults
	finding := object.union({"observed": input.change.after, "promo": input.change.promo_id}, fault)
}

faults contains fault if {
	above_usual
	input.change.promo_id == ""
	fault := {
		"message": "{observed} is above the usual {limit} and names no promo; name an open one, or a person decides",
		"limit": usual,
	}
}

faults contains fault if {
	input.change.promo_id != ""
	count(promos) == 0
	fault := {"message": "no promo {promo} is open here then; look in the calendar, a person decides about {observed}"}
}

faults contains fault if {
	some promo in promos
	not input.change.revert_at
	fault := {
		"message": "the rise for {promo} does not say when it goes back; send revert_at, the promo ends at {until}",
		"until": clock.utc(promo.until),
	}
}

faults contains fault if {
	some promo in promos
	input.change.revert_at - promo.until > input.limits.calendar.promo_grace.seconds * second
	fault := {
		"message": "the rise goes back at {back}; more than {limit} after {promo} ends ({until}) a person decides",
		"back": clock.utc(input.change.revert_at),
		"until": clock.utc(promo.until),
		"limit": input.limits.calendar.promo_grace,
	}
}

faults contains fault if {
	count(promos) > 0
	input.change.revert_at <= begins
	fault := {
		"message": "the rise for {promo} goes back at {back}, before it begins ({begins}); send another revert_at",
		"back": clock.utc(input.change.revert_at),
		"begins": clock.utc(begins),
	}
}

faults contains fault if {
	count(promos) > 0
	input.change.revert_at - begins > input.limits.calendar.promo_length.seconds * second
	fault := {
		"message": "the rise for {promo} lasts from {begins} to {back}; longer than {limit} needs a person",
		"back": clock.utc(input.change.revert_at),
		"begins": clock.utc(begins),
		"limit": input.limits.calendar.promo_length,
	}
}

faults contains fault if {
	above_usual
	some promo in promos
	not within(promo)
	fault := {
		"message": "{observed} is above what {promo} lets it be, {raise} more than the usual {limit}; a person decides",
		"raise": {"type": "ratio", "ppm": promo.raise_ppm},
		"limit": usual,
	}
}

within(promo) if {
	input.change.after.currency == usual.currency
	input.change.after.micros * limit.million <= usual.micros * (limit.million + promo.raise_ppm)
}
