# METADATA
# title: A hazardous combination
# description: |
#   Some settings are fine alone and lose money together, such as broad match under fixed bids. Under such a
#   combination no bid is raised, and no strategy is switched into one; a cut passes. Which they are is data
#   (data.hazards). Where nobody says how the target matches or which strategy bids, this says nothing.
# custom:
#   id: bid.hazard_combo
#   owner: media-governance
#   kinds: [bid, default_bid, bid_strategy]
#   optional: [input.facts.match_type, input.facts.bid_strategy]
#   source: "FGRibreau/mcp-google-ads refuses broad keywords under manual CPC; each combination has its own source"
package bidrail.rules.bid_hazard_combo

import data.bidrail.lib.change
import data.bidrail.lib.strategy

block contains finding if {
	change.may_rise
	some hazard in data.hazards.combinations
	input.change.target.platform in hazard.platforms
	match_type in hazard.match_types
	bidding in hazard.strategies
	finding := {
		"message": "{match_type} under {strategy}: {because}; change one of the two first",
		"observed": input.change.after,
		"match_type": match_type,
		"strategy": bidding,
		"because": hazard.because,
		"limit": hazard.source,
	}
}

match_type := strategy.word(input.facts.match_type.text) if input.facts.match_type.type == "text"

# What bids once the change is made.
bidding := strategy.word(input.change.after.text) if {
	input.change.kind == "bid_strategy"
	input.change.after.type == "text"
}

bidding := strategy.word(input.facts.bid_strategy.text) if {
	input.change.kind != "bid_strategy"
	input.facts.bid_strategy.type == "text"
}
