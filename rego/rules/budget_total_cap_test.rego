package bidrail.rules.budget_total_cap_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_total_cap

# All budgets were 9,000.00, read so many seconds ago. In the last hour 100.00 were raised, in the last
# day 800.00.
read(after, age_s) := read_from(example.usd(10000), after, age_s)

read_from(before, after, age_s) := raised(example.document(
	"daily_budget", before, example.usd(after),
	{"facts": {"account_daily_budget": example.fact(example.usd(900000), age_s)}},
))

raised(document) := example.moved(
	example.moved(document, "account", "hour", {"raised": 100000000}),
	"account", "day", {"raised": 800000000},
)

claimed(after) := told(after, example.claim(example.usd(900000)))

told(after, fact) := raised(example.budget(10000, after, {"facts": {"account_daily_budget": fact}}))

euros := told(11000, example.fact(example.money(9000000000, "EUR"), 60))

examples := {
	"read within the hour, above the cap": {"input": read(100001, 3600), "expect": "block"},
	"read within the hour, at the cap": {"input": read(100000, 3600), "expect": "pass"},
	"read within the day, above the cap": {"input": read(30001, 3601), "expect": "block"},
	"read within the day, at the cap": {"input": read(30000, 86400), "expect": "pass"},
	"cuts may be in what was read already": {
		"input": example.moved(read(30001, 3601), "account", "day", {"lowered": 5000000000, "net_rise": -4200000000}),
		"expect": "block",
	},
	"read too long ago": {"input": read(10100, 86401), "expect": "approve"},
	"read too long ago, above the cap even so": {"input": read(30001, 86401), "expect": "block"},
	"the caller's word, above the cap": {"input": claimed(30001), "expect": "block"},
	"the caller's word, without a time": {"input": claimed(10100), "expect": "approve"},
	"read in another currency": {"input": euros, "expect": "approve"},
	"not read": {"input": raised(example.budget(10000, 100001, {})), "expect": "pass"},
	"a cut": {"input": read_from(example.usd(200000), 100001, 60), "expect": "pass"},
	"a first budget counts whole": {"input": read_from(example.absent, 90001, 60), "expect": "block"},
	"a first budget at the cap": {"input": read_from(example.absent, 90000, 60), "expect": "pass"},
}

test_finding_shows_the_sum if {
	some finding in budget_total_cap.block with input as read(100001, 60)
	finding.observed == example.usd(1000001)
}

test_no_limit if {
	without := example.without_limit(read(200000, 60), "budget", "total_cap")
	count(budget_total_cap.block) == 0 with input as without
}
