# METADATA
# title: A rise from nothing
# description: |
#   From zero, or from no value at all, there is no percentage, so every rule that compares shares
#   would stay silent. A person looks instead.
# custom:
#   id: integrity.zero_baseline
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget,
#     ]
#   source: >-
#     mureo, test_strategy_gate_zero_budget.py: from 0 to anything skipped the cap on percentages
package bidrail.rules.integrity_zero_baseline

import data.bidrail.lib.change

approve contains finding if {
	change.move.from == 0
	change.move.to > 0
	finding := {
		"message": "the value rises from zero to {after}, so there is no percentage to judge it by",
		"observed": input.change.after,
		"after": change.after,
	}
}

# A multiplier or a target that is set for the first time starts from "no adjustment" and not from
# nothing, so only bids, their limits and budgets count here. A first limit may be a floor under every bid: nothing
# in the change tells it from a ceiling.
approve contains finding if {
	input.change.before.type == "absent"
	input.change.after.type == "money"
	input.change.after.micros > 0
	sets_amount
	finding := {
		"message": "there was no value before {observed}, so there is no percentage to judge it by",
		"observed": input.change.after,
	}
}

sets_amount if change.is_bid

sets_amount if change.is_budget

sets_amount if input.change.kind == "bid_limit"
