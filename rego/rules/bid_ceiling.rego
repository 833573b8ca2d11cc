# METADATA
# title: Bid ceiling
# description: |
#   A bid may not be set above the ceiling that holds for its target, not even on the way down: what
#   a bid was before is the caller's word, and this is the limit that rests on nobody's word.
# custom:
#   id: bid.ceiling
#   owner: media-governance
#   kinds: [bid, default_bid, bid_limit]
#   source: "two open-source gates ship 50 per click"
package bidrail.rules.bid_ceiling

import data.bidrail.lib.limit

block contains finding if {
	ceiling := input.limits.bid.ceiling
	limit.above(input.change.after, ceiling)
	finding := {
		"message": "the bid {observed} is above its ceiling {limit}",
		"observed": input.change.after,
		"limit": ceiling,
		"max_permitted": ceiling,
	}
}
