# METADATA
# title: One currency
# description: |
#   A change is in the currency of its account. A sum in another currency passes every cap that was
#   set in the account's, or none of them.
# custom:
#   id: integrity.currency
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_limit, target_cpa, daily_budget, monthly_budget,
#       lifetime_budget, shared_budget, account_budget, budget_rule,
#     ]
#   source: "mureo #783: caps in one unit compared with amounts in another"
package bidrail.rules.integrity_currency

block contains finding if {
	input.change.before.type == "money"
	input.change.after.type == "money"
	input.change.before.currency != input.change.after.currency
	finding := {
		"message": "the change goes from {before} to {observed}, two currencies; send both in the account's",
		"observed": input.change.after,
		"before": input.change.before,
	}
}

block contains finding if {
	input.account.known
	some value in [input.change.before, input.change.after]
	value.type == "money"
	value.currency != input.account.currency
	finding := {
		"message": "{observed} is not in the account's currency, {currency}",
		"observed": value,
		"limit": input.account.currency,
		"currency": input.account.currency,
	}
}

approve contains finding if {
	not input.account.known
	input.change.after.type == "money"
	finding := {
		"message": "the currency of account {account} is not known; add it to accounts",
		"observed": input.change.after,
		"account": input.change.target.account,
	}
}
