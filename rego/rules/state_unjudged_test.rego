package bidrail.rules.state_unjudged_test

import data.bidrail.lib.example
import data.bidrail.rules.state_unjudged

switched(kind, before, after) := example.document(kind, example.text(before), example.text(after), {})

on := {"type": "flag", "flag": true}

off := {"type": "flag", "flag": false}

examples := {
	"accelerated delivery": {"input": switched("pacing", "STANDARD", "ACCELERATED"), "expect": "approve"},
	"another goal": {"input": switched("conversion_goal", "PURCHASE", "PAGE_VIEW"), "expect": "approve"},
	"an exclusion switched off": {"input": example.document("targeting_exclusion", on, off, {}), "expect": "approve"},
	"a budget rule in money": {
		"input": example.document(
			"budget_rule", example.usd(10000), example.usd(10100),
			{"change": {"direction": "unordered"}},
		),
		"expect": "approve",
	},
	"a smaller share of an experiment": {
		"input": example.document(
			"experiment_control", example.percent(50), example.percent(49),
			{"change": {"direction": "unordered"}},
		),
		"expect": "approve",
	},
	"a goal where none was": {
		"input": example.document("conversion_goal", example.absent, example.text("PURCHASE"), {}),
		"expect": "approve",
	},
	"a goal taken away": {
		"input": example.document("conversion_goal", example.text("PURCHASE"), example.absent, {}),
		"expect": "approve",
	},
	"a status in words that nobody knows": {"input": switched("status", "PAUSED", "Removed."), "expect": "approve"},
	"a first status": {
		"input": example.document("status", example.absent, example.text("ENABLED"), {}),
		"expect": "approve",
	},
	"a campaign is enabled": {"input": switched("status", "PAUSED", "ENABLED"), "expect": "pass"},
	"a campaign is paused": {"input": switched("status", "ENABLED", "PAUSED"), "expect": "pass"},
	"the same status": {"input": switched("status", "Archived now", "Archived now"), "expect": "pass"},
	"the same goal": {"input": switched("conversion_goal", "PURCHASE", "PURCHASE"), "expect": "pass"},
	"the same budget rule": {
		"input": example.document("budget_rule", example.usd(10000), example.usd(10000), {}),
		"expect": "pass",
	},
}

# Even if one of these kinds is given an order some day, a cut is not let through unseen.
test_no_direction_passes_but_same if {
	every direction in ["rise", "cut", "unordered"] {
		document := example.document(
			"pacing", example.text("STANDARD"), example.text("ACCELERATED"),
			{"change": {"direction": direction}},
		)
		count(state_unjudged.approve) == 1 with input as document
	}
}

test_statuses_beside_on_and_off if {
	every word in ["Removed.", "Archived now", "LEARNING", ""] {
		count(state_unjudged.approve) == 1 with input as switched("status", "PAUSED", word)
		count(state_unjudged.approve) == 1 with input as switched("status", word, "ENABLED")
	}
}

test_finding_names_the_field if {
	document := switched("pacing", "STANDARD", "ACCELERATED")
	some finding in state_unjudged.approve with input as document
	finding.field == "pacing"
	finding.before.text == "STANDARD"
	finding.observed.text == "ACCELERATED"
}
