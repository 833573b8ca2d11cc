package bidrail.rules.state_taxonomy_test

import data.bidrail.lib.example
import data.bidrail.rules.state_taxonomy

# A campaign of the platform example, which asks for a cost centre and a market.
labelled(labels) := {"change": {"target": {"platform": "example", "labels": labels}}}

whole := {"cost_centre": "4711", "market": "de"}

created(labels) := example.document("name", example.absent, example.text("spring"), labelled(labels))

renamed(labels) := example.document("name", example.text("spring"), example.text("summer"), labelled(labels))

enabled(labels) := example.document("status", example.text("PAUSED"), example.text("ENABLED"), labelled(labels))

examples := {
	"a new campaign with all labels": {"input": created(whole), "expect": "pass"},
	"a new campaign with one more": {"input": created(object.union(whole, {"brand": "shoes"})), "expect": "pass"},
	"a new campaign without a market": {"input": created({"cost_centre": "4711"}), "expect": "block"},
	"a new campaign with an empty market": {"input": created({"cost_centre": "4711", "market": " "}), "expect": "block"},
	"a new campaign with a strange cost centre": {
		"input": created({"cost_centre": "4713", "market": "de"}),
		"expect": "block",
	},
	"an old campaign that is renamed": {"input": renamed({"cost_centre": "4711"}), "expect": "warn"},
	"an old campaign that is enabled": {"input": enabled({}), "expect": "warn"},
	"a campaign with all labels that is enabled": {"input": enabled(whole), "expect": "pass"},
	"an old campaign that is paused": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), labelled({})),
		"expect": "pass",
	},
	"a first status": {
		"input": example.document("status", example.absent, example.text("ENABLED"), labelled({})),
		"expect": "warn",
	},
	"a name that stays": {
		"input": example.document("name", example.text("spring"), example.text("spring"), labelled({})),
		"expect": "pass",
	},
	"a type of which nothing is asked": {
		"input": object.union(created({}), {"change": {"target": {"entity_type": "ad_group"}}}),
		"expect": "pass",
	},
	"a platform of which nothing is asked": {
		"input": object.union(created({}), {"change": {"target": {"platform": "unheard_of"}}}),
		"expect": "pass",
	},
}

test_each_label_is_named if {
	labels := {finding.label | some finding in state_taxonomy.block with input as created({})}
	labels == {"cost_centre", "market"}
	count(state_taxonomy.block) == 2 with input as created({})
	count(state_taxonomy.warn) == 0 with input as created({})
}

test_finding_says_what_to_use if {
	some finding in state_taxonomy.block with input as created({"cost_centre": "4713", "market": "de"})
	finding.observed == "4713"
	finding.allowed == ["4711", "4712"]
}

test_no_value_is_allowed if {
	nothing := {"example": {"campaign": [{"label": "market", "allowed": []}]}}
	count(state_taxonomy.block) == 1 with input as created(whole) with data.taxonomy.labels as nothing
}
