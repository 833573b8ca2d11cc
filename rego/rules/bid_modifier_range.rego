# METADATA
# title: Range of a bid modifier
# description: |
#   A modifier multiplies every bid of a device, a place or an hour, unseen by the limits of the bid
#   itself, so far smaller ones than the platform takes need a person. Where none is set the
#   platform multiplies by 100%: setting the first and taking the last away are judged as moves from
#   and to 100%. A modifier of 0, which on Google switches a device off, is below any floor but 0.
# custom:
#   id: bid.modifier_range
#   owner: media-governance
#   kinds: [bid_modifier]
#   source: "Bidrail's own proposal, 0.5 to 3.0; Google takes 0.1 to 10.0, Amazon up to +900%"
package bidrail.rules.bid_modifier_range

import data.bidrail.lib.change

approve contains finding if {
	change.after.type == "ratio"
	most := input.limits.bid.modifier_ceiling
	change.after.ppm > most.ppm
	finding := {
		"message": "the bid modifier goes from {before} to {after} (none counts as 100%); above {limit} a person has to look",
		"magnitude": change.after,
		"observed": input.change.after,
		"before": change.before,
		"after": change.after,
		"limit": most,
		"max_permitted": most,
	}
}

approve contains finding if {
	change.after.type == "ratio"
	least := input.limits.bid.modifier_floor
	change.after.ppm < least.ppm
	finding := {
		"message": "the bid modifier goes from {before} to {after} (none counts as 100%); below {limit} a person has to look",
		"observed": input.change.after,
		"before": change.before,
		"after": change.after,
		"limit": least,
		"max_permitted": least,
	}
}

approve contains finding if {
	input.change.after.type == "absent"
	change.before.type == "ratio"
	change.before.ppm == 0
	finding := {
		"message": "without its modifier of {before} the target bids again where it was off; a person has to look",
		"observed": input.change.after,
		"before": change.before,
	}
}
