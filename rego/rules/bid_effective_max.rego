# METADATA
# title: What a bid can become
# description: |
#   Adjustments and dynamic bidding multiply a bid: on Amazon 1.00 may reach 20.00. The product is
#   held against a ceiling of its own. Multipliers that connectors know are taken as they are, and a
#   product above the ceiling is refused. Where they know none the most that the platform allows is
#   assumed, and a person looks. What the caller says of a multiplier can raise what is known or
#   assumed and never lower it. A cut is judged by the bid alone, since it lowers the product.
#   Changes of an adjustment itself are not judged here: the bid under it is not part of them.
# custom:
#   id: bid.effective_max
#   owner: media-governance
#   kinds: [bid, default_bid]
#   optional:
#     [
#       input.facts.bid_modifier_max, input.facts.placement_modifier_max,
#       input.facts.dynamic_up_max,
#     ]
#   source: >-
#     Amazon: placement up to +900%, dynamic bidding up to +100%; that they multiply is Bidrail's
#     reading
package bidrail.rules.bid_effective_max

import data.bidrail.lib.change
import data.bidrail.lib.effective
import data.bidrail.lib.limit

block contains finding if {
	limit.above(input.change.after, input.limits.bid.effective_ceiling)
	finding := {
		"message": "the bid {observed} is above {limit}, the most that a click may cost after all adjustments",
		"observed": input.change.after,
		"limit": input.limits.bid.effective_ceiling,
		"max_permitted": input.limits.bid.effective_ceiling,
	}
}

block contains finding if {
	change.may_rise
	effective.known
	effective.exceeds(input.change.after, effective.multipliers, input.limits.bid.effective_ceiling)
	finding := {
		"message": "a click at {observed} adjusted up to {bid_modifier} × {placement} × {dynamic} may cost over {limit}",
		"observed": input.change.after,
		"limit": input.limits.bid.effective_ceiling,
		"bid_modifier": {"type": "ratio", "ppm": effective.bid_modifier},
		"placement": {"type": "ratio", "ppm": effective.placement},
		"dynamic": {"type": "ratio", "ppm": effective.dynamic},
	}
}

approve contains finding if {
	change.may_rise
	not effective.known
	assumed := data.platforms[input.change.target.platform].bid_multiplier
	effective.exceeds(input.change.after, [assumed.ppm, limit.million, limit.million], input.limits.bid.effective_ceiling)
	finding := {
		"message": "a click at {observed} may cost over {limit} if adjusted up to {multiplier}, which is assumed",
		"magnitude": input.change.after,
		"observed": input.change.after,
		"limit": input.limits.bid.effective_ceiling,
		"multiplier": {"type": "ratio", "ppm": assumed.ppm},
		"assumption": assumed.source,
	}
}

approve contains finding if {
	change.may_rise
	not effective.known
	not limit.above(input.change.after, input.limits.bid.effective_ceiling) # refused without any figure
	effective.exceeds(input.change.after, effective.multipliers, input.limits.bid.effective_ceiling)
	finding := {
		"message": "a click at {observed} may cost over {limit} by the caller's {bid_modifier} × {placement} × {dynamic}",
		"magnitude": input.change.after,
		"observed": input.change.after,
		"limit": input.limits.bid.effective_ceiling,
		"bid_modifier": {"type": "ratio", "ppm": effective.bid_modifier},
		"placement": {"type": "ratio", "ppm": effective.placement},
		"dynamic": {"type": "ratio", "ppm": effective.dynamic},
	}
}

approve contains finding if {
	change.may_rise
	not effective.known
	not data.platforms[input.change.target.platform].bid_multiplier
	finding := {
		"message": "what a click at {observed} may cost is not known; add bid_multiplier to the platform",
		"observed": input.change.after,
		"limit": input.limits.bid.effective_ceiling,
	}
}
