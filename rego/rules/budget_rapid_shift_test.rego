package bidrail.rules.budget_rapid_shift_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_rapid_shift

# 500.00 were added within a day in the portfolio and in the account; the budget goes from 1,000.00 to
# after. The facts say what both have.
within_portfolio(after, facts) := example.moved(
	example.moved(
		example.budget(100000, after, {"facts": facts, "change": {"target": {"portfolio": "shoes"}}}),
		"portfolio", "day", {"net_rise": 500000000},
	),
	"account", "day", {"net_rise": 500000000},
)

without_portfolio(after, facts) := added(example.budget(100000, after, {"facts": facts}))

added(document) := example.moved(document, "account", "day", {"net_rise": 500000000})

portfolio := {"portfolio_daily_budget": example.fact(example.usd(1000000), 60)}

account := {"account_daily_budget": example.fact(example.usd(1000000), 60)}

both := {
	"portfolio_daily_budget": example.fact(example.usd(1000000), 60),
	"account_daily_budget": example.fact(example.usd(100000), 60),
}

# The caller would make the portfolio large.
claimed := {
	"portfolio_daily_budget": example.claim(example.usd(900000000)),
	"account_daily_budget": example.fact(example.usd(1000000), 60),
}

euros := {"account_daily_budget": example.fact(example.money(10000000000, "EUR"), 60)}

examples := {
	"more than a tenth of the portfolio": {"input": within_portfolio(150001, portfolio), "expect": "approve"},
	"a tenth of the portfolio": {"input": within_portfolio(150000, portfolio), "expect": "pass"},
	"more than three tenths of the portfolio": {"input": within_portfolio(350001, portfolio), "expect": "block"},
	"three tenths of the portfolio": {"input": within_portfolio(350000, portfolio), "expect": "approve"},
	"more than a tenth of the account": {"input": without_portfolio(150001, account), "expect": "approve"},
	"a tenth of the account": {"input": without_portfolio(150000, account), "expect": "pass"},
	"more than three tenths of the account": {"input": without_portfolio(350001, account), "expect": "block"},
	"a portfolio that nobody knows": {"input": within_portfolio(350001, account), "expect": "block"},
	"a portfolio that the caller makes large": {"input": within_portfolio(350001, claimed), "expect": "block"},
	"a portfolio that a connector knows": {"input": within_portfolio(150000, both), "expect": "pass"},
	"what was added is not known": {
		"input": json.remove(within_portfolio(100001, portfolio), ["windows/portfolio/day/net_rise"]),
		"expect": "block",
	},
	"nobody knows either": {"input": within_portfolio(500000, {}), "expect": "pass"},
	"an account in another currency": {"input": without_portfolio(150000, euros), "expect": "approve"},
	"pacing up and down adds nothing": {
		"input": example.moved(without_portfolio(100100, account), "account", "day", {"raised": 9000000000, "net_rise": 0}),
		"expect": "pass",
	},
	"a portfolio that shrank": {
		"input": example.moved(within_portfolio(250000, both), "portfolio", "day", {"net_rise": -500000000}),
		"expect": "pass",
	},
	"a cut": {"input": added(example.budget(500000, 1000, {"facts": account})), "expect": "pass"},
	"a first budget counts whole": {
		"input": added(example.document("daily_budget", example.absent, example.usd(50001), {"facts": account})),
		"expect": "approve",
	},
}

test_a_small_sum_needs_nobody if {
	small := {"account_daily_budget": example.fact(example.usd(10000), 60)}
	count(budget_rapid_shift.approve) == 0 with input as example.budget(1000, 6000, {"facts": small})
	count(budget_rapid_shift.approve) == 1 with input as example.budget(1000, 6001, {"facts": small})
}

test_finding_names_the_portfolio if {
	some finding in budget_rapid_shift.block with input as within_portfolio(350001, portfolio)
	finding.name == "portfolio shoes"
	finding.observed == example.usd(300001)
}

test_no_limit if {
	without := example.without_limit(without_portfolio(150001, account), "budget", "rapid_shift")
	count(budget_rapid_shift.approve) == 0 with input as without
}

# What others add meanwhile is theirs.
test_people_agree_to_its_own_part if {
	some finding in budget_rapid_shift.approve with input as within_portfolio(150001, portfolio)
	finding.magnitude == example.usd(50001)
}
