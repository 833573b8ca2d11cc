# METADATA
# title: Bid strategies
# description: |
#   What becomes of a bid, a target and a ceiling under the strategy that bids for a target. That is data
#   (data.strategies); what the table does not know is not known here either.
package bidrail.lib.strategy

# A strategy in the words of the platform; how it is capitalised does not matter.
word(text) := upper(trim_space(text))

known(text) := data.strategies[input.change.target.platform][word(text)]

# The strategy that bids for the target now, where anybody says.
present := known(input.facts.bid_strategy.text) if named

named if input.facts.bid_strategy.type == "text"

# The bids that people set are what is bid.
manual(row) if row.bids == "set"

# It has none by which a connector could have been misled: on its word a bound may go.
surely_manual if {
	input.facts.bid_strategy.caller == false
	manual(present)
}

# The platform takes a ceiling of the strategy and does not keep to it. Where nobody says which channel it is,
# it may be one of those.
disregards_ceiling(row) if input.change.target.channel in object.get(row, "ceiling_disregarded", [])

disregards_ceiling(row) if {
	count(object.get(row, "ceiling_disregarded", [])) > 0
	input.change.target.channel == ""
}

# A target or a ceiling that holds. Of 0 platforms make no bound at all.
holds(value) if {
	value.type == "money"
	value.micros > 0
}

holds(value) if {
	value.type == "ratio"
	value.ppm > 0
}

# Changes of the kinds that land together with this one, on the same entity.
beside(kinds) := [leg |
	some leg in input.group.legs
	leg.kind in kinds
	key(leg.target) == key(input.change.target)
]

key(target) := [target.platform, target.account, target.entity_type, target.entity_id]
