# METADATA
# title: Bid floor
# description: |
#   A bid below the floor buys nothing, or was sent in the wrong unit. To stop buying, pause.
# custom:
#   id: bid.floor
#   owner: media-governance
#   kinds: [bid, default_bid]
#   source: >-
#     Amazon Sponsored Products takes bids from 0.02 in the US and UK, and from 2 in Japan;
#     Storelift ships 0.10
package bidrail.rules.bid_floor

import data.bidrail.lib.limit

block contains finding if {
	least := input.limits.bid.floor
	limit.below(input.change.after, least)
	finding := {
		"message": "the bid {observed} is below its floor {limit}; to stop buying, pause instead",
		"observed": input.change.after,
		"limit": least,
		"max_permitted": least,
	}
}
