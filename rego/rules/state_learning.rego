# METADATA
# title: A strategy that is learning
# description: |
#   While a strategy learns, a large step starts its learning over, and days of results are lost however small the
#   budget: so a percentage counts here without a sum. Some changes do so even when it has learned
#   (data.learning.restarts). What has no size, such as a first target or another goal, counts as large. Small steps
#   pass, and cuts with a warning: money comes first. A status that data.learning does not know counts as
#   learning. Where no status is known this says nothing; governance.freshness speaks for what is expected.
# custom:
#   id: state.learning
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_limit, target_cpa, target_roas, daily_budget, monthly_budget,
#       lifetime_budget, shared_budget, pacing, conversion_goal, targeting, targeting_exclusion,
#     ]
#   optional: [input.facts.learning_status, data.learning.words]
#   source: >-
#     Google Ads: LEARNING_ statuses of bid strategies; Meta: about 50 results in 7 days, TikTok: about 25 or 7 days;
#     20% is from third-party guides to Meta
package bidrail.rules.state_learning

import data.bidrail.lib.change
import data.bidrail.lib.limit

status := input.facts.learning_status

words := data.learning.words[input.change.target.platform]

learned if status.text in words.learned

learning if status.text in words.learning

restarts if input.change.kind in data.learning.restarts

# What it does to the learning, in words.
default harm := "{status} is no known status of {platform}, so it may be learning"

harm := "the strategy is still learning ({status})" if learning

harm := "this makes the strategy learn anew" if learned

disturbed if {
	status.type
	not learned
}

disturbed if {
	learned
	restarts
}

large if limit.rises_over(change.move, input.limits.state.learning_step)

large if limit.cuts_over(change.move, input.limits.state.learning_step)

large if not sized

# What has no order has no size either: it may claim to be a cut and be a rise from what the ledger knows.
sized if {
	input.change.direction != "unordered"
	change.move.from > 0
}

approve contains finding if {
	change.may_rise
	disturbed
	large
	finding := described("go by up to {limit}, or a person decides on {before} to {observed}")
}

warn contains finding if {
	change.cut
	disturbed
	large
	finding := described("{before} to {observed} passes as a cut, and may cost days of results")
}

described(advice) := object.union(step, {"message": sprintf("%s; %s", [harm, advice])})

step := {
	"observed": input.change.after,
	"before": input.change.before,
	"status": status,
	"platform": input.change.target.platform,
	"limit": input.limits.state.learning_step,
	"source": status.source,
}
