# METADATA
# title: A limit taken away
# description: |
#   To remove a limit is the largest rise there is, and on some platforms zero or an empty field
#   does it. Whoever really wants no limit does that by hand.
# custom:
#   id: integrity.limit_removed
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_limit, target_cpa, target_roas, daily_budget, monthly_budget,
#       lifetime_budget, shared_budget, account_budget,
#     ]
#   source: >-
#     Naver #732: a partial update dropped the budget lock; Taboola: daily_cap 0.0 is unlimited;
#     Google PercentCpc: a zero bid_ceiling is undefined
package bidrail.rules.integrity_limit_removed

import data.bidrail.lib.change

block contains finding if {
	input.change.after.type == "unlimited"
	input.change.before.type != "unlimited"
	finding := {
		"message": "the {kind} of {before} would become unlimited; set an amount",
		"observed": input.change.after,
		"before": input.change.before,
		"kind": input.change.kind,
	}
}

block contains finding if {
	input.change.after.type == "money"
	input.change.after.micros == 0
	not was_unlimited
	input.change.kind in data.platforms[input.change.target.platform].zero_is_unlimited
	finding := {
		"message": "{platform} reads a {kind} of zero as unlimited; to stop spending, pause instead",
		"observed": input.change.after,
		"platform": data.platforms[input.change.target.platform].name,
		"kind": input.change.kind,
	}
}

block contains finding if {
	input.change.after.type == "absent"
	input.change.before.type != "absent"
	not change.is_bid
	finding := {
		"message": "the {kind} of {before} would be taken away, and nothing would limit spending in its place; set an amount",
		"observed": input.change.after,
		"before": input.change.before,
		"kind": input.change.kind,
	}
}

# Without a bid of its own a keyword takes its group's, which this change does not show.
approve contains finding if {
	input.change.after.type == "absent"
	input.change.before.type != "absent"
	change.is_bid
	finding := {
		"message": "the bid of {before} would be taken away; set one, or check what takes its place",
		"observed": input.change.after,
		"before": input.change.before,
	}
}

was_unlimited if input.change.before.type == "unlimited"

was_unlimited if {
	input.change.before.type == "money"
	input.change.before.micros == 0
}
