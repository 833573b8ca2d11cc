# METADATA
# title: Automation without a bound
# description: |
#   A strategy that bids by itself, with no target and no ceiling, pays whatever the budget allows for a
#   result. Switching to one needs a person, and so does taking away the last bound of one. A target or a
#   ceiling that is set beside the switch, in the same atomic group, bounds it; what is known of the strategy
#   that bids now says nothing of the next one. A ceiling that the platform does not keep to is none:
#   Google Ads disregards it on Search for MAXIMIZE_CONVERSIONS. Only a connector's word that another bound
#   remains counts, and only where the group does not take that one away too.
# custom:
#   id: bid.uncapped_automation
#   owner: media-governance
#   kinds: [bid_strategy, target_cpa, target_roas, bid_limit]
#   optional: [input.facts.strategy_target, input.facts.strategy_ceiling, input.facts.bid_strategy, data.strategies]
#   source: >-
#     Google Ads API v24 and v26, MaximizeConversions: on Search, bid limits are disregarded; that a person looks is
#     Bidrail's own proposal
package bidrail.rules.bid_uncapped_automation

import data.bidrail.lib.strategy

target_kinds := {"target_cpa", "target_roas"}

ceiling_kinds := {"bid_limit"}

approve contains finding if {
	switched
	next := strategy.known(input.change.after.text)
	not strategy.manual(next)
	not bounded(next)
	finding := described("{observed} bids by itself without a target or a ceiling that holds; set one in the same group")
}

approve contains finding if {
	switched
	not strategy.known(input.change.after.text)
	finding := described("whether {observed} bids without a bound is not known; add it to strategies, or ask a person")
}

approve contains finding if {
	taken_away(target_kinds)
	not strategy.surely_manual
	not ceiling_remains
	finding := described("without its target of {before} the strategy bids without a bound; set another, or a ceiling")
}

approve contains finding if {
	taken_away(ceiling_kinds)
	not strategy.surely_manual
	not target_remains
	finding := described("without its ceiling of {before} the strategy bids without a bound; set another, or a target")
}

switched if {
	input.change.kind == "bid_strategy"
	input.change.after.type == "text"
	input.change.direction != "same"
}

bounded(next) if next.bound == "built_in"

bounded(next) if {
	next.bound == "optional"
	set_beside(target_kinds)
}

bounded(next) if {
	set_beside(ceiling_kinds)
	not strategy.disregards_ceiling(next)
}

set_beside(kinds) if {
	some leg in strategy.beside(kinds)
	strategy.holds(leg.after)
}

taken_away(kinds) if {
	input.change.kind in kinds
	strategy.holds(input.change.before)
	not strategy.holds(input.change.after)
}

ceiling_remains if {
	says(input.facts.strategy_ceiling)
	not strategy.disregards_ceiling(strategy.present)
	not gone_beside(ceiling_kinds)
}

target_remains if {
	says(input.facts.strategy_target)
	not gone_beside(target_kinds)
}

# A connector's yes.
says(fact) if {
	fact.type == "flag"
	fact.caller == false
	fact.flag
}

gone_beside(kinds) if {
	some leg in strategy.beside(kinds)
	not strategy.holds(leg.after)
}

described(message) := {
	"message": message,
	"observed": input.change.after,
	"before": input.change.before,
}
