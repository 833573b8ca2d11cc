package bidrail.rules.integrity_currency_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_currency

euros := example.money(1000000, "EUR")

account(known, currency) := {"account": {"known": known, "currency": currency}}

examples := {
	"two currencies": {"input": example.document("bid", euros, example.usd(100), {}), "expect": "block"},
	"another currency than the account's": {
		"input": example.document("bid", euros, example.money(1100000, "EUR"), {}),
		"expect": "block",
	},
	"an account without a currency": {"input": example.bid(100, 110, account(true, "")), "expect": "block"},
	"the account's currency": {"input": example.bid(100, 110, {}), "expect": "pass"},
	"an unknown account": {"input": example.bid(100, 110, account(false, "")), "expect": "approve"},
	"no money": {
		"input": example.document("daily_budget", example.usd(100), example.unlimited, account(false, "")),
		"expect": "pass",
	},
}

test_the_account_is_named if {
	some finding in integrity_currency.approve with input as example.bid(100, 110, account(false, ""))
	finding.account == "example"
}
