package bidrail.rules.integrity_schema_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_schema

target(overrides) := {"change": {"target": overrides}}

mask(fields) := {"change": {"field_mask": fields}}

nowhere := target({"campaign": ""})

status(before, after) := example.document("status", example.text(before), example.text(after), {})

examples := {
	"a status from text to a switch": {
		"input": example.document("status", example.text("PAUSED"), {"type": "flag", "flag": true}, {}),
		"expect": "block",
	},
	"a shared budget from its name to an amount": {
		"input": example.document("shared_budget", example.text("budget-1"), example.usd(1000), {}),
		"expect": "block",
	},
	"a first budget": {
		"input": example.document("daily_budget", example.absent, example.usd(1000), {}),
		"expect": "pass",
	},
	"a limit is put on": {
		"input": example.document("daily_budget", example.unlimited, example.usd(1000), {}),
		"expect": "pass",
	},
	"a target is taken away": {
		"input": example.document("target_roas", example.percent(400), example.absent, {}),
		"expect": "pass",
	},
	"an unknown platform": {"input": example.bid(100, 110, target({"platform": "gogle_ads"})), "expect": "block"},
	"an update without an id": {"input": example.bid(100, 110, target({"entity_id": ""})), "expect": "block"},
	"a new name without an id": {
		"input": example.document("name", example.absent, example.text("A"), target({"entity_id": ""})),
		"expect": "pass",
	},
	"a keyword without its campaign": {"input": example.bid(100, 110, nowhere), "expect": "block"},
	"a new ad group without its campaign": {
		"input": example.document(
			"name", example.absent, example.text("A"),
			target({"entity_type": "ad_group", "entity_id": "", "campaign": ""}),
		),
		"expect": "block",
	},
	"a new campaign has no campaign yet": {
		"input": example.document(
			"name", example.absent, example.text("A"),
			target({"entity_id": "", "campaign": ""}),
		),
		"expect": "pass",
	},
	"the budget of an account": {
		"input": example.document("account_budget", example.usd(1000), example.usd(1100), nowhere),
		"expect": "pass",
	},
	"a status on the side": {"input": example.bid(100, 110, mask(["cpc_bid_micros", "status"])), "expect": "block"},
	"a field by its full path": {
		"input": example.bid(100, 110, mask(["ad_group_criterion.cpc_bid_micros"])),
		"expect": "pass",
	},
	"an archived campaign": {"input": status("ENABLED", "REMOVED"), "expect": "block"},
	"a paused campaign": {"input": status("ENABLED", "PAUSED"), "expect": "pass"},
}

test_other_words_for_archived if {
	every word in ["archived", "Deleted", "ENTITY_STATUS_ARCHIVED", "CAMPAIGN_STATUS_DELETE", " Archived "] {
		count(integrity_schema.block) == 1 with input as status("ENABLED", word)
	}
	count(integrity_schema.block) == 0 with input as status("REMOVED", "ENABLED")
}

test_a_type_that_is_not_listed_needs_a_campaign if {
	every type in ["Account", "ad_group", "campaign", "insertion_order", ""] {
		document := example.bid(100, 110, target({"entity_type": type, "campaign": ""}))
		count(integrity_schema.block) == 1 with input as document
	}
	count(integrity_schema.block) == 1 with input as example.budget(1000, 1100, nowhere) with data.entities as {}
}

test_finding_asks_for_the_campaign if {
	some finding in integrity_schema.block with input as example.bid(100, 110, nowhere)
	contains(finding.message, "which campaign")
	finding.target == "keyword-1"
}

test_masks_of_unlisted_kinds_are_not_checked if {
	free := example.document("pacing", example.text("A"), example.text("B"), mask(["whatever"]))
	count(integrity_schema.block) == 0 with input as free
}

test_finding_lists_what_may_be_sent if {
	some finding in integrity_schema.block with input as example.bid(100, 110, mask(["status"]))
	finding.observed == "status"
	"cpc_bid_micros" in finding.fields
}
