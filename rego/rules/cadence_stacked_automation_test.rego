package bidrail.rules.cadence_stacked_automation_test

import data.bidrail.lib.example
import data.bidrail.rules.cadence_stacked_automation

ruled(document, flag) := object.union(
	document,
	{"facts": {"platform_rules": example.claim({"type": "flag", "flag": flag})}},
)

examples := {
	"rules of the platform": {"input": ruled(example.bid(100, 110, {}), true), "expect": "approve"},
	"rules of the platform, and a cut": {"input": ruled(example.bid(110, 100, {}), true), "expect": "warn"},
	"no rules of the platform": {"input": ruled(example.bid(100, 110, {}), false), "expect": "pass"},
	"nobody says": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

# The register: a subject, and what it owns.
registered(subject, owns) := {subject: {"owner": "search-team", "owns": owns}}

rise := example.bid(100, 110, {"change": {"target": {"labels": {"team": "search", "brand": "yes"}}}})

test_fields_of_others_are_theirs if {
	every owns in [
		[{"kinds": ["bid"]}],
		[{"kinds": ["status"]}, {"kinds": ["daily_budget", "bid"]}],
		[{"platform": "google_ads", "account": "example", "kinds": ["bid"]}],
		[{"labels": {"team": "search"}, "kinds": ["bid"]}],
	] {
		automations := registered("pacer@example.com", owns)
		count(cadence_stacked_automation.approve) == 1 with input as rise with data.automations as automations
	}
}

test_all_else_is_not if {
	every owned in [
		{"kinds": ["daily_budget"]},
		{"platform": "meta", "kinds": ["bid"]},
		{"account": "another", "kinds": ["bid"]},
		{"labels": {"team": "social"}, "kinds": ["bid"]},
	] {
		automations := registered("pacer@example.com", [owned])
		count(cadence_stacked_automation.approve) == 0 with input as rise with data.automations as automations
	}
}

test_its_own_fields_and_nobodys_are_free if {
	every automations in [
		registered("bidder@example.com", [{"kinds": ["bid"]}]),
		{"pacer@example.com": {"owner": "search-team"}},
	] {
		count(cadence_stacked_automation.approve) == 0 with input as rise with data.automations as automations
	}
}

test_a_cut_is_pointed_out if {
	automations := registered("pacer@example.com", [{"kinds": ["bid"]}])
	cut := example.bid(110, 100, {})
	some finding in cadence_stacked_automation.warn with input as cut with data.automations as automations
	finding.limit == "pacer@example.com"
	finding.observed == "bidder@example.com"
}

test_what_owns_too_does_not_own_alone if {
	both := object.union(
		registered("bidder@example.com", [{"kinds": ["bid"]}]),
		registered("pacer@example.com", [{"kinds": ["bid"]}]),
	)
	count(cadence_stacked_automation.approve) == 1 with input as rise with data.automations as both
}

test_a_fact_of_another_type_is_no_yes if {
	odd := example.bid(100, 110, {"facts": {"platform_rules": example.claim(example.text("true"))}})
	count(cadence_stacked_automation.approve) == 0 with input as odd
}
