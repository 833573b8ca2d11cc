# METADATA
# title: Comparing with limits
# description: |
#   Comparisons of values with limits. A percentage is compared by multiplying both sides, never by
#   dividing, so nothing is rounded. A limit that says it is unlimited has no amount, and nothing is
#   above or below it.
package bidrail.lib.limit

million := 1000000

# A value is above a limit. No limit at all is above every amount. Sums in different currencies
# cannot be compared: in doubt the value counts as above, and as below too.
above(value, limit) if {
	value.type == "money"
	value.currency == limit.currency
	value.micros > limit.micros
}

above(value, limit) if {
	value.type == "money"
	value.currency != limit.currency
}

above(value, limit) if {
	value.type == "unlimited"
	limit.micros
}

below(value, limit) if {
	value.type == "money"
	value.currency == limit.currency
	value.micros < limit.micros
}

below(value, limit) if {
	value.type == "money"
	value.currency != limit.currency
}

# The move rises by more than the share. From zero there is no share to compare with.
rises_over(move, share) if {
	move.to > move.from
	move.from > 0
	(move.to - move.from) * million > move.from * share.ppm
}

cuts_over(move, share) if {
	move.to < move.from
	(move.from - move.to) * million > move.from * share.ppm
}

# The move multiplies by at least the factor, or divides by it.
multiplies_by(move, factor) if {
	move.from > 0
	move.to >= move.from * factor.count
}

divides_by(move, factor) if {
	move.from > 0
	move.from >= move.to * factor.count
}

# How far the move goes, either way.
distance(move) := abs(move.to - move.from)
