# METADATA
# title: Words about the change
# description: What rules ask about the change they judge, so that each question has one answer.
package bidrail.lib.change

# Kinds that are a budget, whatever the period.
budget_kinds := {"daily_budget", "monthly_budget", "lifetime_budget", "shared_budget", "account_budget"}

# Kinds that set what is paid for one result.
bid_kinds := {"bid", "default_bid"}

is_budget if input.change.kind in budget_kinds

is_bid if input.change.kind in bid_kinds

cut if input.change.direction == "cut"

# A move that has no order may well raise the risk, so it is judged as if it did.
may_rise if input.change.direction == "rise"

may_rise if input.change.direction == "unordered"

# When the change takes effect: at once, or at the time that it says, never before now.
takes_effect := max(moments)

moments contains input.now

moments contains input.change.effective_at

# The values before and after as they count, which is not always as they were sent.
before := counted(input.change.kind, input.change.before)

after := counted(input.change.kind, input.change.after)

# Where no bid modifier is set the platform multiplies by 100%. Setting the first one and taking the
# last away are moves from and to that.
counted(kind, value) := {"type": "ratio", "ppm": 1000000} if {
	kind == "bid_modifier"
	value.type == "absent"
} else := value

# The amounts before and after, where they can be compared at all: two sums in one currency, or
# two ratios. As a member of a finding it is written as a percentage.
move := move_of(input.change)

# The same for one leg of a group.
move_of(leg) := {"from": leg.before.micros, "to": leg.after.micros} if {
	leg.before.type == "money"
	leg.after.type == "money"
	leg.before.currency == leg.after.currency
}

move_of(leg) := {"from": from.ppm, "to": to.ppm} if {
	from := counted(leg.kind, leg.before)
	to := counted(leg.kind, leg.after)
	from.type == "ratio"
	to.type == "ratio"
}

# Two values are the same when they are of one type and say the same; when a fact was observed
# and by whom does not matter.
same_value(a, b) if {
	a.type == "money"
	b.type == "money"
	a.micros == b.micros
	a.currency == b.currency
}

same_value(a, b) if {
	a.type == "ratio"
	b.type == "ratio"
	a.ppm == b.ppm
}

same_value(a, b) if {
	a.type == "text"
	b.type == "text"
	a.text == b.text
}

same_value(a, b) if {
	a.type == "flag"
	b.type == "flag"
	a.flag == b.flag
}

same_value(a, b) if {
	a.type in {"unlimited", "absent"}
	a.type == b.type
}
