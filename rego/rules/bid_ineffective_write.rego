# METADATA
# title: A bid that does nothing
# description: |
#   Under a strategy that bids by itself the platform takes a bid and ignores it, so whoever set it believes
#   in a safety or a push that is not there. The same goes for a ceiling that the platform does not keep to.
#   What each strategy makes of bids is data (data.strategies): some take the bid as a cap, and then it does
#   count. A cut passes with a warning, since what is known of the strategy may be a day old. Where nobody
#   says which strategy bids, this says nothing.
# custom:
#   id: bid.ineffective_write
#   owner: media-governance
#   kinds: [bid, default_bid, bid_limit]
#   optional: [input.facts.bid_strategy, data.strategies]
#   source: "mcp-google-ads-safe refuses manual bids under automated strategies; each strategy has its own source"
package bidrail.rules.bid_ineffective_write

import data.bidrail.lib.change
import data.bidrail.lib.strategy

block contains finding if {
	change.may_rise
	some finding in faults
}

warn contains finding if {
	change.cut
	some finding in faults
}

warn contains finding if {
	change.may_rise
	strategy.named
	not strategy.present
	finding := object.union(
		written,
		{"message": "whether {observed} counts under {strategy} is not known; add the strategy to strategies"},
	)
}

faults contains finding if {
	change.is_bid
	input.change.after.type == "money"
	strategy.present.bids == "ignored"
	finding := object.union(written, {
		"message": "{platform} bids by itself under {strategy} and ignores {observed}; change its target instead",
		"limit": strategy.present.source,
	})
}

faults contains finding if {
	input.change.kind == "bid_limit"
	strategy.disregards_ceiling(strategy.present)
	finding := object.union(written, {
		"message": "{platform} keeps to no ceiling under {strategy}, so {observed} limits nothing; set a target instead",
		"limit": strategy.present.source,
	})
}

written := {
	"observed": input.change.after,
	"platform": input.change.target.platform,
	"strategy": input.facts.bid_strategy.text,
}
