# METADATA
# title: An amount that can be billed
# description: |
#   Amounts are not negative, not beyond reckoning, in a known currency and a whole multiple of
#   what the platform bills. A sum with more decimals than its currency has is a rounding error or
#   a wrong unit.
# custom:
#   id: integrity.amount
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget, budget_rule,
#       experiment_control,
#     ]
#   optional: [data.currencies]
#   source: >-
#     mureo #419; Google Ads: VALUE_NOT_MULTIPLE_OF_BILLABLE_UNIT; googleads-php-lib #559: 33.51
#     sent as 33,509,999 micros
package bidrail.rules.integrity_amount

# Nine hundred billion units. Nothing real comes near, and ten such sums still add up within 64
# bits; it is a bound of arithmetic and not a limit to tune.
largest := 900000000000000000

block contains finding if {
	some side, value in {"before": input.change.before, "after": input.change.after}
	amount(value) < 0
	finding := {
		"message": "the value {side}, {observed}, is negative",
		"observed": value,
		"side": side,
	}
}

block contains finding if {
	amount(input.change.after) > largest
	finding := {
		"message": "{observed} is too large to be meant; check the unit it was sent in",
		"observed": input.change.after,
	}
}

block contains finding if {
	input.change.after.type == "money"
	not data.currencies[input.change.after.currency]
	finding := {
		"message": "the currency {currency} is not known; check its code, or add it to currencies",
		"observed": input.change.after,
		"currency": input.change.after.currency,
	}
}

block contains finding if {
	input.change.after.type == "money"
	input.change.after.micros % unit != 0
	finding := {
		"message": "{observed} cannot be billed: amounts go in steps of {limit}; round it",
		"observed": input.change.after,
		"limit": {"type": "money", "micros": unit, "currency": input.change.after.currency},
	}
}

# The platform's own step where it differs from the currency's.
unit := object.get(
	data.platforms,
	[input.change.target.platform, "unit_micros", input.change.after.currency],
	data.currencies[input.change.after.currency].unit_micros,
)

amount(value) := value.micros if value.type == "money"

amount(value) := value.ppm if value.type == "ratio"
