# METADATA
# title: A fast shift of budget
# description: |
#   How much of a portfolio's budget may be added to its campaigns within a day, this rise included. Cuts
#   count against it once they are posted, so pacing up and down does not fill it; how much moves either
#   way is for budget.daily_movement. Where no connector knows the portfolio's budget the account stands
#   in for it; where nobody knows either this says nothing. Each share counts only together with a sum,
#   or small portfolios would ask for every change. Shifts between channels are left out, since no
#   connector sums up the budget of a channel yet.
# custom:
#   id: budget.rapid_shift
#   owner: media-governance
#   kinds: [daily_budget, shared_budget]
#   optional:
#     [
#       input.facts.portfolio_daily_budget, input.facts.account_daily_budget,
#       input.windows.portfolio.day.net_rise,
#     ]
#   overridable: emergency
#   source: "10% and 30% are Bidrail's own proposal"
package bidrail.rules.budget_rapid_shift

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.window

# What is added within a day, and to what: one for each whole that is judged.
shifts contains {
	"name": sprintf("portfolio %s", [input.change.target.portfolio]),
	"whole": input.facts.portfolio_daily_budget,
	"added": input.windows.portfolio.day.net_rise + window.own,
}

shifts contains shift if {
	not portfolio_known
	shift := {
		"name": sprintf("account %s", [input.change.target.account]),
		"whole": input.facts.account_daily_budget,
		"added": input.windows.account.day.net_rise + window.own,
	}
}

# By a connector: on a caller's word the account would not be looked at.
portfolio_known if {
	is_number(input.windows.portfolio.day.net_rise)
	window.comparable(input.facts.portfolio_daily_budget)
	input.facts.portfolio_daily_budget.caller == false
}

block contains finding if {
	some shift in shifts
	exceeds(shift, input.limits.budget.rapid_shift_block)
	finding := described(
		shift, input.limits.budget.rapid_shift_block,
		"{observed} would be added in a day to the {whole} of {name}, above {limit}; later, send it with a new change_id",
	)
}

# The sum may be missing for want of an exchange rate.
block contains finding if {
	change.may_rise
	input.change.target.portfolio != ""
	window.comparable(input.facts.portfolio_daily_budget)
	not is_number(input.windows.portfolio.day.net_rise)
	finding := {
		"message": "what was added to portfolio {name} in a day is not known; once it is, send it with a new change_id",
		"observed": input.change.after,
		"name": input.change.target.portfolio,
		"limit": input.limits.budget.rapid_shift_block,
	}
}

approve contains finding if {
	some shift in shifts
	exceeds(shift, input.limits.budget.rapid_shift)
	finding := object.union(
		{"magnitude": window.added},
		described(
			shift, input.limits.budget.rapid_shift,
			"{observed} would be added in a day to the {whole} of {name}; above {limit} ask a person",
		),
	)
}

approve contains finding if {
	change.may_rise
	some shift in shifts
	not window.comparable(shift.whole)
	finding := {
		"message": "the {whole} of {name} cannot be compared with this change; ask a person",
		"observed": input.change.after,
		"name": shift.name,
		"whole": shift.whole,
		"limit": input.limits.budget.rapid_shift,
	}
}

exceeds(shift, share) if {
	change.may_rise
	window.comparable(shift.whole)
	shift.added > input.limits.budget.step_up_amount.micros
	shift.added * limit.million > shift.whole.micros * share.ppm
}

described(shift, share, message) := {
	"message": message,
	"observed": window.written(shift.added),
	"name": shift.name,
	"whole": shift.whole,
	"limit": share,
}
