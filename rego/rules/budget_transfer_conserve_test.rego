package bidrail.rules.budget_transfer_conserve_test

import data.bidrail.lib.example
import data.bidrail.rules.budget_transfer_conserve

giver(before, after) := example.budget(before, after, {})

spent(fact) := example.budget(10000, 8000, {"facts": {"spend_today": fact}})

receiver(before, after) := leg(example.usd(before), example.usd(after))

leg(before, after) := example.document("daily_budget", before, after, {"change": {"target": {"entity_id": "102"}}})

monthly := example.document(
	"monthly_budget",
	example.usd(10000),
	example.usd(12000),
	{"change": {"target": {"entity_id": "102"}}},
)

examples := {
	"what is taken is given": {
		"input": example.grouped([giver(10000, 8000), receiver(10000, 12000)]),
		"expect": "pass",
	},
	"more is given than taken": {
		"input": example.grouped([giver(10000, 8000), receiver(10000, 12001)]),
		"expect": "block",
	},
	"less is given than taken": {
		"input": example.grouped([giver(10000, 8000), receiver(10000, 11000)]),
		"expect": "block",
	},
	"the giver keeps too little": {
		"input": example.grouped([giver(1000, 499), receiver(1000, 1501)]),
		"expect": "block",
	},
	"the giver keeps the floor": {
		"input": example.grouped([giver(1000, 500), receiver(1000, 1500)]),
		"expect": "pass",
	},
	"the giver keeps less than it has spent": {
		"input": example.grouped([spent(example.fact(example.usd(8001), 60)), receiver(10000, 12000)]),
		"expect": "block",
	},
	"the giver keeps less than it has spent, says the caller": {
		"input": example.grouped([spent(example.claim(example.usd(8001))), receiver(10000, 12000)]),
		"expect": "block",
	},
	"the giver keeps what it has spent": {
		"input": example.grouped([spent(example.fact(example.usd(8000), 60)), receiver(10000, 12000)]),
		"expect": "pass",
	},
	"kinds are mixed": {"input": example.grouped([giver(10000, 8000), monthly]), "expect": "block"},
	"currencies are mixed": {
		"input": example.grouped([
			giver(10000, 8000),
			leg(example.money(100000000, "EUR"), example.money(120000000, "EUR")),
		]),
		"expect": "block",
	},
	"the receiver has no amount": {
		"input": example.grouped([giver(10000, 8000), leg(example.absent, example.usd(2000))]),
		"expect": "block",
	},
	"a change that stands alone": {"input": giver(10000, 8000), "expect": "pass"},
	"two rises are no transfer": {
		"input": example.grouped([giver(10000, 11000), receiver(10000, 11000)]),
		"expect": "pass",
	},
}

# The sum is zero, but the budget that is named twice is set once: 50.00 would come from nowhere.
test_a_budget_named_twice if {
	twice := example.grouped([giver(20000, 15000), giver(20000, 15000), receiver(10000, 20000)])
	some finding in budget_transfer_conserve.block with input as twice
	contains(finding.message, "more than once")
}

test_the_difference_is_named if {
	more := example.grouped([giver(10000, 8000), receiver(10000, 12001)])
	some surplus in budget_transfer_conserve.block with input as more
	surplus.observed == example.usd(1)
}

test_the_shortfall_is_named if {
	less := example.grouped([giver(10000, 8000), receiver(10000, 11000)])
	some shortfall in budget_transfer_conserve.block with input as less
	shortfall.observed == example.usd(1000)
}

test_the_receiver_does_not_answer_for_the_giver if {
	from_receiver := example.grouped([receiver(1000, 1501), giver(1000, 499)])
	count(budget_transfer_conserve.block) == 0 with input as from_receiver
}

# The facts of a document are those of the leg that is judged.
test_what_the_receiver_has_spent_does_not_matter if {
	spending := example.document(
		"daily_budget", example.usd(10000), example.usd(12000),
		{"change": {"target": {"entity_id": "102"}}, "facts": {"spend_today": example.fact(example.usd(20000), 60)}},
	)
	count(budget_transfer_conserve.block) == 0 with input as example.grouped([spending, giver(10000, 8000)])
}

test_a_cut_that_stands_alone_may_fall_below_what_is_spent if {
	count(budget_transfer_conserve.block) == 0 with input as spent(example.fact(example.usd(9000), 60))
}

test_spend_in_another_currency_is_in_doubt if {
	euros := example.fact(example.money(1000000, "EUR"), 60)
	count(budget_transfer_conserve.block) == 1 with input as example.grouped([spent(euros), receiver(10000, 12000)])
}

test_no_floor if {
	kept := example.grouped([giver(1000, 499), receiver(1000, 1501)])
	count(budget_transfer_conserve.block) == 0 with input as example.without_limit(kept, "budget", "floor")
}

test_bids_in_the_group_do_not_count if {
	mixed := example.grouped([giver(10000, 8000), example.bid(100, 110, {})])
	count(budget_transfer_conserve.block) == 0 with input as mixed
}
