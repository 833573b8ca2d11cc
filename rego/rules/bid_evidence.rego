# METADATA
# title: Evidence behind a rise
# description: |
#   A bid that is raised on a handful of clicks follows chance. Behind a rise stand enough clicks or enough
#   conversions of the last 30 days, on enough days, and figures that are not too old: below one threshold a
#   rise is pointed out, below another it needs a person. Rises up to a sum are too small to ask for evidence,
#   and a cut needs none. Figures of the caller count only where no connector has any. Where nobody knows any
#   this says nothing. A target ROAS is left out: its steps have no sum.
# custom:
#   id: bid.evidence
#   owner: media-governance
#   kinds: [bid, default_bid, target_cpa]
#   optional: [input.facts.clicks_30d, input.facts.conversions_30d, input.facts.days_active_30d]
#   source: >-
#     Amazon rule-based bidding: at least 10 days, and 10 conversions in 30 days; the other numbers are Bidrail's own
#     proposal
package bidrail.rules.bid_evidence

import data.bidrail.lib.change
import data.bidrail.lib.limit
import data.bidrail.lib.quantity

nanoseconds := 1000000000

rises if {
	change.may_rise
	limit.distance(change.move) > input.limits.bid.step_amount.micros
}

approve contains finding if {
	rises
	thin(input.limits.bid.evidence_clicks_approval, input.limits.bid.evidence_conversions_approval)
	finding := asked(counted(
		input.limits.bid.evidence_clicks_approval, input.limits.bid.evidence_conversions_approval,
		"{observed} rests on {figures} in 30 days; below {limit} clicks and {conversions} conversions ask a person",
	))
}

approve contains finding if {
	rises
	brief(input.limits.bid.evidence_days_approval)
	finding := asked(dated(
		input.limits.bid.evidence_days_approval,
		"{observed} rests on {days} days of delivery, fewer than {limit}; wait, or ask a person",
	))
}

approve contains finding if {
	rises
	old(input.limits.bid.evidence_age_approval)
	finding := asked(described(
		input.limits.bid.evidence_age_approval,
		"the figures behind {observed} end more than {limit} ago; have a connector send new ones, or ask a person",
	))
}

warn contains finding if {
	rises
	thin(input.limits.bid.evidence_clicks, input.limits.bid.evidence_conversions)
	not thin(input.limits.bid.evidence_clicks_approval, input.limits.bid.evidence_conversions_approval)
	finding := counted(
		input.limits.bid.evidence_clicks, input.limits.bid.evidence_conversions,
		"{observed} rests on {figures} in 30 days; {limit} clicks or {conversions} conversions would say more, go slowly",
	)
}

warn contains finding if {
	rises
	brief(input.limits.bid.evidence_days)
	not brief(input.limits.bid.evidence_days_approval)
	finding := dated(
		input.limits.bid.evidence_days,
		"{observed} rests on {days} days of delivery, fewer than {limit}; more days may say otherwise",
	)
}

warn contains finding if {
	rises
	old(input.limits.bid.evidence_age)
	not old(input.limits.bid.evidence_age_approval)
	finding := described(
		input.limits.bid.evidence_age,
		"the figures behind {observed} end more than {limit} ago; have a connector send new ones",
	)
}

# What is known, by connectors; the caller's word where they know nothing.
known contains {"name": "clicks", "fact": input.facts.clicks_30d} if input.facts.clicks_30d.type == "ratio"

known contains {"name": "conversions", "fact": input.facts.conversions_30d} if {
	input.facts.conversions_30d.type == "ratio"
}

vouched contains each if {
	some each in known
	each.fact.caller == false
}

figures := vouched if count(vouched) > 0

figures := known if count(vouched) == 0

# Each of the figures is below its least, and there is one.
thin(clicks, conversions) if {
	count(figures) > 0
	leasts := {"clicks": clicks, "conversions": conversions}
	every each in figures {
		quantity.fewer(each.fact, leasts[each.name])
	}
}

days := input.facts.days_active_30d if input.facts.days_active_30d.type == "ratio"

brief(least) if quantity.fewer(days, least)

# One of the figures ends longer ago. Until when it is complete, or else when it was read.
old(most) if {
	some each in figures
	input.now - ends(each.fact) > most.seconds * nanoseconds
}

ends(fact) := object.get(fact, "complete_through", object.get(fact, "observed_at", input.now))

described(least, message) := {
	"message": message,
	"observed": input.change.after,
	"limit": least,
}

counted(clicks, conversions, message) := object.union(described(clicks, message), {
	"conversions": conversions,
	"figures": sort([sprintf("%s %s", [quantity.whole(each.fact), each.name]) | some each in figures]),
})

dated(least, message) := object.union(described(least, message), {"days": quantity.whole(days)})

asked(finding) := object.union(finding, {"magnitude": input.change.after})
