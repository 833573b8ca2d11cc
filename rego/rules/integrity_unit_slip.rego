# METADATA
# title: Slip of the unit
# description: |
#   A value that becomes almost exactly 100, 1,000, 10,000 or 1,000,000 times what it was, or that
#   part of it, was most likely sent in cents, micros or a currency without decimals by mistake.
#   Real moves of that size do not land so close to a round factor.
# custom:
#   id: integrity.unit_slip
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget,
#     ]
#   source: "mureo #372: 5,000 JPY would have gone out as 500,000; googleads #704 forgot micros"
package bidrail.rules.integrity_unit_slip

import data.bidrail.lib.change

# What is taken away was not sent in any unit.
move := change.move if input.change.after.type != "absent"

# Cents, thousandths, hundredths of cents, micros: how amounts are written, not numbers to tune.
factors := [
	{"times": 100, "name": "100"},
	{"times": 1000, "name": "1,000"},
	{"times": 10000, "name": "10,000"},
	{"times": 1000000, "name": "1,000,000"},
]

block contains finding if {
	move.from > 0
	move.to > move.from * 10 # far below the least factor: most changes end here
	some factor in factors
	close(move.to, move.from * factor.times, input.limits.integrity.unit_slip_tolerance)
	finding := {
		"message": "{observed} is {factor} times {before}; were cents or micros sent as whole units?",
		"observed": input.change.after,
		"before": change.before,
		"factor": factor.name,
		"limit": input.limits.integrity.unit_slip_tolerance,
	}
}

block contains finding if {
	move.to > 0
	move.from > move.to * 10
	some factor in factors
	close(move.to * factor.times, move.from, input.limits.integrity.unit_slip_tolerance)
	finding := {
		"message": "{before} is {factor} times {observed}; were whole units sent as cents or micros?",
		"observed": input.change.after,
		"before": change.before,
		"factor": factor.name,
		"limit": input.limits.integrity.unit_slip_tolerance,
	}
}

close(value, expected, tolerance) if abs(value - expected) * 1000000 <= expected * tolerance.ppm
