package bidrail.rules.governance_authority_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_authority

# The example of data.automations: bids and daily budgets up to 1,000.00 USD in one account.
own := {"actor": {"subject": "example"}}

elsewhere(target) := object.union(own, {"change": {"target": target}})

examples := {
	"what it may do": {"input": example.bid(100, 110, own), "expect": "pass"},
	"a cut that it may make": {"input": example.bid(110, 100, own), "expect": "pass"},
	"the most that it may set": {"input": example.budget(90000, 100000, own), "expect": "pass"},
	"more than that": {"input": example.budget(90000, 100001, own), "expect": "block"},
	"more than that on the way down": {"input": example.budget(200000, 100001, own), "expect": "block"},
	"no limit at all": {
		"input": example.document("daily_budget", example.usd(90000), example.unlimited, own),
		"expect": "block",
	},
	"another currency": {
		"input": example.document("bid", example.money(1000000, "EUR"), example.money(1100000, "EUR"), own),
		"expect": "block",
	},
	"another account": {"input": example.bid(100, 110, elsewhere({"account": "other"})), "expect": "block"},
	"a cut in another account": {"input": example.bid(110, 100, elsewhere({"account": "other"})), "expect": "block"},
	"another platform": {"input": example.bid(100, 110, elsewhere({"platform": "meta"})), "expect": "block"},
	"another kind": {
		"input": example.document("bid_modifier", example.percent(100), example.percent(110), own),
		"expect": "block",
	},
	"one that is not registered": {"input": example.budget(90000, 100001, {}), "expect": "pass"},
	"a cut by one that is switched off": {
		"input": example.bid(110, 100, {"actor": {"subject": "example-off"}}),
		"expect": "warn",
	},
}

row := {
	"owner": "ines",
	"enabled": true,
	"versions": "any",
	"accounts": "all",
	"kinds": "all",
	"most": "unlimited",
	"owns": [],
}

huge := example.budget(90000, 900000000, elsewhere({"platform": "meta", "account": "other"}))

test_what_is_left_open_in_so_many_words if {
	count(governance_authority.block) == 0 with input as huge with data.automations as {"example": row}
}

# An empty list allows nothing, and neither does what is not said.
test_nothing_is_not_all if {
	every key, nothing in {"accounts": {"meta": []}, "kinds": [], "most": {}, "enabled": false} {
		rest := object.remove(row, [key])
		count(governance_authority.block) == 1 with input as huge with data.automations as {"example": rest}
		said := object.union(rest, {key: nothing})
		count(governance_authority.block) == 1 with input as huge with data.automations as {"example": said}
	}
}

test_words_and_ratios_have_no_most if {
	poor := {"example": object.union(object.remove(row, ["most"]), {"most": {}})}
	renamed := example.document("name", example.text("A"), example.text("B"), own)
	count(governance_authority.block) == 0 with input as renamed with data.automations as poor
	modified := example.document("bid_modifier", example.percent(100), example.percent(110), own)
	count(governance_authority.block) == 0 with input as modified with data.automations as poor
}

test_the_kill_switch_lets_cuts_pass if {
	off := {"example": object.union(row, {"enabled": false})}
	count(governance_authority.block) == 1 with input as example.bid(100, 110, own) with data.automations as off
	count(governance_authority.warn) == 0 with input as example.bid(100, 110, own) with data.automations as off
	count(governance_authority.block) == 0 with input as example.bid(110, 100, own) with data.automations as off
	count(governance_authority.warn) == 1 with input as example.bid(110, 100, own) with data.automations as off
}

test_finding_says_what_it_may if {
	some finding in governance_authority.block with input as example.budget(90000, 100001, own)
	finding.limit == example.usd(100000)
	finding.owner == "media-governance"
}

open_row := {
	"owner": "ines",
	"enabled": true,
	"versions": "any",
	"accounts": "all",
	"kinds": "all",
	"most": "unlimited",
	"owns": [],
}

# A cut for a reason that would be an emergency.
called := example.bid(110, 100, {"actor": {"subject": "bidder"}, "change": {"reason": {"code": "safety_stop"}}})

test_who_may_not_call_an_emergency_is_told if {
	some finding in governance_authority.warn with input as called with data.automations as {"bidder": open_row}
	finding.observed == "safety_stop"
	finding.owner == "ines"
}

test_who_may_call_an_emergency_is_not_told if {
	row_of_bidder := object.union(open_row, {"emergencies": true})
	count(governance_authority.warn) == 0 with input as called with data.automations as {"bidder": row_of_bidder}
}

test_while_the_registry_is_not_in_use_nobody_is_told if {
	calls := example.bid(110, 100, {"actor": {"subject": "example"}, "change": {"reason": {"code": "safety_stop"}}})
	unused := object.filter(data.automations, ["example", "example-off"])
	count(governance_authority.warn) == 0 with input as calls with data.automations as unused
}
