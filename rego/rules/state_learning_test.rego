package bidrail.rules.state_learning_test

import data.bidrail.lib.example
import data.bidrail.rules.state_learning

told(word) := {"facts": {"learning_status": example.fact(example.text(word), 3600)}}

learning := told("LEARNING_NEW")

on_meta(word) := object.union(told(word), {"change": {"target": {"platform": "meta"}}})

examples := {
	"a large rise while it learns": {"input": example.budget(10000, 12001, learning), "expect": "approve"},
	"a rise of a fifth while it learns": {"input": example.budget(10000, 12000, learning), "expect": "pass"},
	"a large cut while it learns": {"input": example.budget(10000, 7999, learning), "expect": "warn"},
	"a cut of a fifth while it learns": {"input": example.budget(10000, 8000, learning), "expect": "pass"},
	"a lower target ROAS while it learns": {
		"input": example.document("target_roas", example.percent(400), example.percent(319), learning),
		"expect": "approve",
	},
	"another goal while it learns": {
		"input": example.document("conversion_goal", example.text("SALE"), example.text("LEAD"), learning),
		"expect": "approve",
	},
	"a first target while it learns": {
		"input": example.document("target_cpa", example.absent, example.usd(100), learning),
		"expect": "approve",
	},
	"a rise from nothing while it learns": {"input": example.budget(0, 100, learning), "expect": "approve"},
	"a large rise in a status that nobody knows": {
		"input": example.budget(10000, 12001, told("LEARNING_NEXT")),
		"expect": "approve",
	},
	"a small rise in a status that nobody knows": {
		"input": example.budget(10000, 12000, told("LEARNING_NEXT")),
		"expect": "pass",
	},
	"a word of another platform": {"input": example.budget(10000, 12001, on_meta("ENABLED")), "expect": "approve"},
	"a large rise when it has learned": {
		"input": example.budget(10000, 12001, told("LIMITED_BY_BUDGET")),
		"expect": "pass",
	},
	"a large cut when it has learned": {
		"input": example.budget(10000, 5000, told("LIMITED_BY_BUDGET")),
		"expect": "pass",
	},
	"what the ledger knows to be no cut": {
		"input": example.budget(10000, 9000, object.union(learning, {"change": {"direction": "unordered"}})),
		"expect": "approve",
	},
	"a higher ceiling when it has learned": {
		"input": example.document("bid_limit", example.usd(100), example.usd(121), told("ENABLED")),
		"expect": "approve",
	},
	"a somewhat higher ceiling when it has learned": {
		"input": example.document("bid_limit", example.usd(100), example.usd(120), told("ENABLED")),
		"expect": "pass",
	},
	"a lower ceiling when it has learned": {
		"input": example.document("bid_limit", example.usd(100), example.usd(79), told("ENABLED")),
		"expect": "warn",
	},
	"nobody knows whether it learns": {"input": example.budget(10000, 12001, {}), "expect": "pass"},
	"nothing changes while it learns": {
		"input": example.document("target_cpa", example.usd(0), example.usd(0), learning),
		"expect": "pass",
	},
}

test_finding_says_what_it_does if {
	some first in state_learning.approve with input as example.budget(10000, 12001, learning)
	startswith(first.message, "the strategy is still learning ({status})")
	first.status.text == "LEARNING_NEW"
	some second in state_learning.approve with input as example.budget(10000, 12001, told("soon"))
	startswith(second.message, "{status} is no known status of {platform}")
}

test_finding_says_what_starts_learning if {
	ceiling := example.document("bid_limit", example.usd(100), example.usd(121), told("ENABLED"))
	some third in state_learning.approve with input as ceiling
	startswith(third.message, "this makes the strategy learn anew")
}

# A fact that is no text is no status that anybody knows.
test_what_is_no_word_counts_as_learning if {
	flag := {"facts": {"learning_status": example.fact({"type": "flag", "flag": false}, 60)}}
	count(state_learning.approve) == 1 with input as example.budget(10000, 12001, flag)
}

test_platforms_without_words if {
	tiktok := object.union(told("LEARNED"), {"change": {"target": {"platform": "tiktok"}}})
	count(state_learning.approve) == 1 with input as example.budget(10000, 12001, tiktok)
}

test_no_limit if {
	document := example.with_limit(
		example.budget(10000, 20000, learning),
		"state", "learning_step", example.no_limit,
	)
	count(state_learning.approve) == 0 with input as document
}
