# METADATA
# title: Back after the promo
# description: |
#   Who raised a value for a time promised when it goes back. When that time has passed and the value is still above
#   where it was to go, it is raised no further without a person. Going back, or below, passes; a cut that stops short
#   of it passes with a warning. Above means riskier: of a target ROAS, lower. What cannot be compared counts as above.
# custom:
#   id: calendar.promo_revert
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget, status,
#     ]
#   source: "Bidrail's own proposal"
package bidrail.rules.calendar_promo_revert

import data.bidrail.lib.change
import data.bidrail.lib.clock

overdue contains revert if {
	some revert in input.calendar.reverts
	revert.due <= input.now
	not back(change.before, change.counted(input.change.kind, revert.baseline))
}

approve contains finding if {
	change.may_rise
	some revert in kept_up
	finding := described(revert, "put it back first, or a person decides about {observed}")
}

warn contains finding if {
	change.cut
	some revert in kept_up
	finding := described(revert, "{observed} does not go all the way")
}

# The change leaves it above where it was to go.
kept_up contains revert if {
	some revert in overdue
	not back(change.after, change.counted(input.change.kind, revert.baseline))
}

described(revert, advice) := {
	"message": sprintf("{before} was to be {limit} again by {due}{promo}; %s", [advice]),
	"observed": input.change.after,
	"before": input.change.before,
	"limit": revert.baseline,
	"due": clock.utc(revert.due),
	"promo": named(revert),
	"decision": revert.decision_id,
}

named(revert) := sprintf(" (%s)", [revert.promo_id]) if revert.promo_id != ""

named(revert) := "" if revert.promo_id == ""

# The value is where it was to go, or less risky.
back(value, baseline) if change.same_value(value, baseline)

back(_, baseline) if baseline.type == "unlimited"

back(value, baseline) if {
	value.type == "money"
	baseline.type == "money"
	value.currency == baseline.currency
	value.micros <= baseline.micros
}

back(value, baseline) if {
	value.type == "ratio"
	baseline.type == "ratio"
	input.change.kind != "target_roas"
	value.ppm <= baseline.ppm
}

back(value, baseline) if {
	value.type == "ratio"
	baseline.type == "ratio"
	input.change.kind == "target_roas"
	value.ppm >= baseline.ppm
}
