package bidrail.rules.integrity_platform_limits_test

import data.bidrail.lib.example
import data.bidrail.rules.integrity_platform_limits

on(platform, labels) := {"change": {"target": {"platform": platform, "labels": labels}}}

of(entity_type) := {"change": {"target": {"platform": "tiktok", "entity_type": entity_type}}}

brands := on("amazon_ads", {"ad_product": "sponsored_brands"})

modifier(after, platform) := example.document(
	"bid_modifier",
	example.percent(100),
	example.percent(after),
	on(platform, {}),
)

yen(micros) := example.document(
	"bid",
	example.money(5000000, "JPY"),
	example.money(micros, "JPY"),
	on("amazon_ads", {}),
)

examples := {
	"less than Amazon takes": {"input": example.bid(5, 1, on("amazon_ads", {})), "expect": "block"},
	"the least Amazon takes": {"input": example.bid(5, 2, on("amazon_ads", {})), "expect": "pass"},
	"more than Amazon takes": {"input": example.bid(90000, 100001, on("amazon_ads", {})), "expect": "block"},
	"the most Amazon takes": {"input": example.bid(90000, 100000, on("amazon_ads", {})), "expect": "pass"},
	"more than Sponsored Brands take": {"input": example.bid(4000, 4901, brands), "expect": "block"},
	"the most Sponsored Brands take": {"input": example.bid(4000, 4900, brands), "expect": "pass"},
	"a modifier too low": {"input": modifier(9, "google_ads"), "expect": "block"},
	"a modifier too high": {"input": modifier(1001, "google_ads"), "expect": "block"},
	"a modifier of zero opts out": {"input": modifier(0, "google_ads"), "expect": "pass"},
	"a budget too low for a campaign": {"input": example.budget(6000, 4999, of("campaign")), "expect": "block"},
	"the same budget for an ad group": {"input": example.budget(6000, 4999, of("ad_group")), "expect": "pass"},
	"a platform without known bounds": {"input": example.bid(5, 1, on("pinterest", {})), "expect": "pass"},
}

test_a_bound_holds_for_its_own_currency if {
	count(integrity_platform_limits.block) == 1 with input as yen(1000000)
	count(integrity_platform_limits.block) == 0 with input as yen(2000000)
}

test_no_limit_is_not_below_it if {
	gone := example.document("daily_budget", example.usd(6000), example.unlimited, of("campaign"))
	count(integrity_platform_limits.block) == 0 with input as gone
}

test_finding_names_the_bound if {
	some finding in integrity_platform_limits.block with input as example.bid(4000, 4901, brands)
	finding.max_permitted == example.usd(4900)
	finding.source == "Amazon Sponsored Brands, US: 0.10 to 49"
}
