# METADATA
# title: A transfer moves money and makes none
# description: |
#   In an atomic group that cuts one budget and raises another, what is taken must be what is given,
#   in one currency and between budgets of one kind, and the budget that gives must keep enough to
#   go on, and what it has spent today where that is known. The budget that receives is judged by
#   the rules for rises as well, as if it stood alone.
# custom:
#   id: budget.transfer_conserve
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   optional: [input.facts.spend_today]
#   source: "Bidrail's own proposal; Amazon's batches are not atomic"
package bidrail.rules.budget_transfer_conserve

import data.bidrail.lib.group
import data.bidrail.lib.limit

transfer if {
	count(group.budget_legs) > 1
	some giver in group.budget_legs
	giver.direction == "cut"
	some receiver in group.budget_legs
	receiver.direction in {"rise", "unordered"}
}

kinds contains leg.kind if some leg in group.budget_legs

values := [value | some leg in group.budget_legs; some value in [leg.before, leg.after]]

currencies contains value.currency if {
	some value in values
	value.type == "money"
}

# What cannot be added up.
sized if {
	every value in values {
		value.type == "money"
	}
}

# What the group adds to all its budgets together.
total := sum(moves)

moves := [move |
	some leg in group.budget_legs
	move := leg.after.micros - leg.before.micros
]

targets contains [leg.target.platform, leg.target.account, leg.target.entity_type, leg.target.entity_id] if {
	some leg in group.budget_legs
}

block contains finding if {
	transfer
	count(kinds) > 1
	finding := {
		"message": "the transfer mixes {observed}, which cover different periods; move between budgets of one kind",
		"observed": sort([kind | some kind in kinds]),
	}
}

block contains finding if {
	transfer
	count(currencies) > 1
	finding := {
		"message": "the transfer mixes {observed}, and rates of exchange are not available; move within one currency",
		"observed": sort([currency | some currency in currencies]),
	}
}

block contains finding if {
	transfer
	not sized
	finding := {
		"message": "a budget of the transfer has no amount, so it cannot be added up; set that one first",
		"observed": "not an amount",
	}
}

# The same budget twice would count what it gives twice and be set once.
block contains finding if {
	transfer
	count(targets) < count(group.budget_legs)
	finding := {
		"message": "the transfer names one budget more than once; send one change for each budget",
		"observed": count(group.budget_legs),
	}
}

block contains finding if {
	transfer
	sized
	count(currencies) == 1
	total > 0
	some currency in currencies
	finding := {
		"message": "the transfer gives {observed} more than it takes; balance it",
		"observed": {"type": "money", "micros": total, "currency": currency},
		"limit": {"type": "money", "micros": 0, "currency": currency},
	}
}

# Money that is taken and given to nobody is no transfer.
block contains finding if {
	transfer
	sized
	count(currencies) == 1
	total < 0
	some currency in currencies
	finding := {
		"message": "the transfer takes {observed} more than it gives; balance it",
		"observed": {"type": "money", "micros": abs(total), "currency": currency},
		"limit": {"type": "money", "micros": 0, "currency": currency},
	}
}

block contains finding if {
	input.change.direction == "cut"
	transfer
	limit.below(input.change.after, input.limits.budget.floor)
	finding := {
		"message": "the transfer leaves this budget {observed}, below its floor {limit}; move less, or pause it",
		"observed": input.change.after,
		"limit": input.limits.budget.floor,
		"max_permitted": input.limits.budget.floor,
	}
}

# What the budget has spent cannot be given away. The caller's word is enough: it can only make this
# stricter.
block contains finding if {
	input.change.direction == "cut"
	transfer
	limit.below(input.change.after, input.facts.spend_today)
	finding := {
		"message": "the transfer leaves this budget {observed}, below the {limit} that it has spent today; move less",
		"observed": input.change.after,
		"limit": input.facts.spend_today,
		"max_permitted": input.facts.spend_today,
	}
}
