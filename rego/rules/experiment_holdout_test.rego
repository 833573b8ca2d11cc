package bidrail.rules.experiment_holdout_test

import data.bidrail.lib.example
import data.bidrail.rules.experiment_holdout

# A change of targeting that touches a region or a list of the control.
region(type, overrides) := touching(object.union({"type": type, "holdout_geos": ["DE-BE"]}, overrides))

list(type, overrides) := touching(object.union({"type": type, "holdout_audiences": ["crm-1"]}, overrides))

touching(overrides) := example.document(
	"targeting",
	example.absent,
	example.text("wider"),
	{"experiments": [example.test("", object.union({"relation": "reach", "frozen_fields": []}, overrides))]},
)

safely(of) := object.union(of, {"change": {"direction": "cut", "reason": {"code": "legal"}}})

examples := {
	"a region of the control": {"input": region("geo_holdout", {}), "expect": "block"},
	"a region of the control, by a member": {
		"input": region("geo_holdout", {"relation": "member", "arm": "trial"}),
		"expect": "block",
	},
	"a region of the control of a scale test": {"input": region("incrementality", {}), "expect": "block"},
	"a region, and the test goes by campaigns": {"input": region("ab", {}), "expect": "pass"},
	"a list of the control": {"input": list("audience_holdout", {}), "expect": "block"},
	"a list of the control of a lift study": {"input": list("lift", {}), "expect": "block"},
	"a list of the control of a campaign test": {"input": list("ab", {}), "expect": "warn"},
	"a list of the control of a synchronised test": {"input": list("ab", {"sync": true}), "expect": "warn"},
	"a region and a list": {
		"input": region("geo_holdout", {"holdout_audiences": ["crm-1"]}),
		"expect": "block",
	},
	"before the start": {"input": region("geo_holdout", {"state": "scheduled"}), "expect": "pass"},
	"in the cooldown": {"input": region("geo_holdout", {"state": "cooldown"}), "expect": "block"},
	"nothing of the control": {"input": touching({"type": "geo_holdout"}), "expect": "pass"},
	"no test": {"input": example.bid(100, 110, {}), "expect": "pass"},
	"in an emergency": {"input": safely(region("geo_holdout", {})), "expect": "warn"},
}

test_it_is_said_what_is_touched if {
	some finding in experiment_holdout.block with input as region("geo_holdout", {})
	finding.what == ["DE-BE"]
	finding.contaminates == {"experiment": "spring", "arm": "", "emergency": false, "aborts": false}
}

test_what_the_table_does_not_know_is_refused if {
	every document in [region("lottery", {}), list("lottery", {})] {
		count(experiment_holdout.block) > 0 with input as document
	}
	count(experiment_holdout.block) > 0 with input as region("geo_holdout", {}) with data.contamination as {}
}

test_the_table_may_only_warn if {
	document := region("geo_holdout", {})
	every word, counts in {"warn": [0, 1], "pass": [0, 0], "approve": [1, 0]} {
		table := object.union(data.contamination, {"effects": {"holdout_geo": {"geo_holdout": word}}})
		count(experiment_holdout.block) == counts[0] with input as document with data.contamination as table
		count(experiment_holdout.warn) == counts[1] with input as document with data.contamination as table
	}
}
