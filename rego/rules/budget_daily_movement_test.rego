package bidrail.rules.budget_daily_movement_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_daily_movement

# In cents.
after_moves(document, cents) := example.moved(document, "account", "day", {"moved": cents * 10000})

examples := {
	"a rise beyond what may move": {"input": after_moves(example.budget(10000, 12001, {}), 998000), "expect": "approve"},
	"a rise up to what may move": {"input": after_moves(example.budget(10000, 12000, {}), 998000), "expect": "pass"},
	"a cut beyond what may move": {"input": after_moves(example.budget(12001, 10000, {}), 998000), "expect": "warn"},
	"a cut up to what may move": {"input": after_moves(example.budget(12000, 10000, {}), 998000), "expect": "pass"},
	"a first budget counts whole": {
		"input": after_moves(example.document("daily_budget", example.absent, example.usd(2001), {}), 998000),
		"expect": "approve",
	},
	"one that is taken away counts whole": {
		"input": after_moves(example.document("daily_budget", example.usd(2001), example.absent, {}), 998000),
		"expect": "approve",
	},
	"no budget any more": {
		"input": example.document("daily_budget", example.usd(2000), example.unlimited, {}),
		"expect": "approve",
	},
	"a shared budget": {
		"input": after_moves(example.document("shared_budget", example.usd(10000), example.usd(12001), {}), 998000),
		"expect": "approve",
	},
	"the same budget": {"input": after_moves(example.budget(10000, 10000, {}), 2000000), "expect": "pass"},
}

test_finding_shows_the_sum if {
	some finding in budget_daily_movement.approve with input as after_moves(example.budget(10000, 12001, {}), 998000)
	finding.observed == example.usd(1000001)
}

test_no_limit if {
	without := example.without_limit(after_moves(example.budget(10000, 12001, {}), 998000), "budget", "daily_movement")
	count(budget_daily_movement.approve) == 0 with input as without
}

# What others move meanwhile is theirs.
test_people_agree_to_its_own_part if {
	some finding in budget_daily_movement.approve with input as after_moves(example.budget(10000, 12001, {}), 998000)
	finding.magnitude == example.usd(2001)
}

test_people_agree_to_no_end if {
	endless := example.document("daily_budget", example.usd(2000), example.unlimited, {})
	some finding in budget_daily_movement.approve with input as endless
	finding.magnitude == example.unlimited
}
