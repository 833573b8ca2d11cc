# METADATA
# title: A bid that pays
# description: |
#   What a click may cost is what it brings: of its conversions, the revenue less fees, returns, disputes and the
#   cost of goods. A rise above a share of that needs a person, and is refused from another on, or where every
#   conversion loses money. A target CPA is held against what one conversion brings. Deductions that nobody knows
#   are left out, which can only make a bid look better than it is, and a warning names them. Where revenue or
#   conversion rate is not known this says nothing. A cut is never held up.
# custom:
#   id: bid.net_economics
#   owner: media-governance
#   kinds: [bid, default_bid, target_cpa]
#   optional:
#     [
#       input.facts.conversion_rate, input.facts.revenue_per_conversion, input.facts.cost_of_goods,
#       input.facts.fee_share, input.facts.return_share, input.facts.dispute_share,
#     ]
#   source: "break-even, and twice that, are Bidrail's own proposal"
package bidrail.rules.bid_net_economics

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.window

revenue := input.facts.revenue_per_conversion if window.comparable(input.facts.revenue_per_conversion)

# How many conversions what is paid for brings: those of a click, or the one of a target CPA.
rate := limit.million if input.change.kind == "target_cpa"

rate := max([0, input.facts.conversion_rate.ppm]) if {
	change.is_bid
	input.facts.conversion_rate.type == "ratio"
}

# What is taken off the revenue, where it is known. Never below nothing, or a caller's word could add to it.
default fees := 0

fees := max([0, input.facts.fee_share.ppm]) if input.facts.fee_share.type == "ratio"

default returns := 0

returns := max([0, input.facts.return_share.ppm]) if input.facts.return_share.type == "ratio"

default disputes := 0

disputes := max([0, input.facts.dispute_share.ppm]) if input.facts.dispute_share.type == "ratio"

default goods := 0

goods := max([0, input.facts.cost_of_goods.micros]) if window.comparable(input.facts.cost_of_goods)

unknown contains "fees" if not input.facts.fee_share.type == "ratio"

unknown contains "returns" if not input.facts.return_share.type == "ratio"

unknown contains "disputes" if not input.facts.dispute_share.type == "ratio"

unknown contains "cost of goods" if not window.comparable(input.facts.cost_of_goods)

kept := ((limit.million - fees) - returns) - disputes

# What one conversion brings, in millionths of a micro.
contribution := (revenue.micros * kept) - (goods * limit.million)

# What is paid against what it brings, both in the same tiny unit: nothing is divided, so nothing is rounded. That
# is also why no amount is named that would pass.
paid := ((input.change.after.micros * limit.million) * limit.million) * limit.million if {
	change.may_rise
	input.change.after.type == "money"
	input.change.after.micros > 0
}

brought(share) := (rate * contribution) * share.ppm

block contains finding if {
	paid >= brought(input.limits.bid.net_share_block)
	contribution > 0
	rate > 0
	finding := described(
		input.limits.bid.net_share_block,
		"{observed} is {limit} or more of what it brings: {rate} × ({kept} of {revenue} − {goods}); ask for less",
	)
}

block contains finding if {
	paid >= brought(input.limits.bid.net_share_block)
	contribution <= 0
	finding := described(
		input.limits.bid.net_share_block,
		"no bid pays: of {revenue} a conversion keeps {kept}, and its goods cost {goods}; lower the bid or pause",
	)
}

# No conversion at all is what few clicks look like too, so that a person may know better.
approve contains finding if {
	paid > brought(input.limits.bid.net_share)
	contribution > 0
	finding := object.union(
		{"magnitude": input.change.after},
		described(
			input.limits.bid.net_share,
			"{observed} is above {limit} of what it brings: {rate} × ({kept} of {revenue} − {goods}); a person decides",
		),
	)
}

approve contains finding if {
	paid
	some amount in amounts
	amount.type == "money"
	not window.comparable(amount)
	finding := {
		"message": "{amount} a conversion cannot be compared with {observed}; have it sent in one currency, or ask a person",
		"observed": input.change.after,
		"amount": amount,
	}
}

amounts contains input.facts.revenue_per_conversion

amounts contains input.facts.cost_of_goods

warn contains finding if {
	paid <= brought(input.limits.bid.net_share)
	count(unknown) > 0
	finding := object.union(
		{"unknown": sort([each | some each in unknown])},
		described(
			input.limits.bid.net_share,
			"whether {observed} pays depends on {unknown}, which nobody says; have a connector send them",
		),
	)
}

described(share, message) := object.union(economics, {"message": message, "limit": share})

economics := {
	"observed": input.change.after,
	"rate": {"type": "ratio", "ppm": rate},
	"revenue": revenue,
	"kept": {"type": "ratio", "ppm": kept},
	"goods": window.written(goods),
}
