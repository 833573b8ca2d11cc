# METADATA
# title: What a bid can become
# description: |
#   The multipliers that platforms lay over a bid. That they multiply each other is Bidrail's reading, on the
#   safe side.
package bidrail.lib.effective

import data.bidrail.lib.limit

# A multiplier below 1 lowers some clicks and leaves the others as they are, so the most that can
# be paid is not less than the bid. One that nobody gives while others are given counts as 1.
default bid_modifier := 1000000

bid_modifier := max([limit.million, input.facts.bid_modifier_max.ppm]) if input.facts.bid_modifier_max.type == "ratio"

default placement := 1000000

placement := max([limit.million, input.facts.placement_modifier_max.ppm]) if {
	input.facts.placement_modifier_max.type == "ratio"
}

default dynamic := 1000000

dynamic := max([limit.million, input.facts.dynamic_up_max.ppm]) if input.facts.dynamic_up_max.type == "ratio"

multipliers := [bid_modifier, placement, dynamic]

# A connector knows one of them.
known if seen(input.facts.bid_modifier_max)

known if seen(input.facts.placement_modifier_max)

known if seen(input.facts.dynamic_up_max)

# By a connector, and as a multiplier: the caller's own word would switch an assumption off.
seen(fact) if {
	fact.type == "ratio"
	fact.caller == false
}

# The bid times all multipliers is above the ceiling; each multiplier is in millionths.
exceeds(bid, [a, b, c], ceiling) if {
	bid.type == "money"
	((bid.micros * a) * b) * c > ((ceiling.micros * limit.million) * limit.million) * limit.million
}
