package bidrail.rules.state_audiences_test

import data.bidrail.lib.example
import data.bidrail.rules.state_audiences

# The example account has approved buyers-30d and newsletter.
targeting(audiences) := example.document(
	"targeting", example.absent, example.text("list"),
	{"change": {"audiences": audiences}},
)

modifier(before, after, audiences) := example.document(
	"bid_modifier", example.percent(before), example.percent(after),
	{"change": {"target": {"audiences": audiences}}},
)

examples := {
	"a list that is approved": {"input": targeting(["buyers-30d"]), "expect": "pass"},
	"a list that is not": {"input": targeting(["buyers-30d", "bought-elsewhere"]), "expect": "approve"},
	"no list at all": {"input": targeting([]), "expect": "pass"},
	"an exclusion by a list that is not approved": {
		"input": example.document(
			"targeting_exclusion", example.absent, example.text("list"),
			{"change": {"audiences": ["bought-elsewhere"]}},
		),
		"expect": "approve",
	},
	"a higher bid on a list that is not approved": {
		"input": modifier(100, 120, ["bought-elsewhere"]),
		"expect": "approve",
	},
	"a lower bid on a list that is not approved": {"input": modifier(120, 100, ["bought-elsewhere"]), "expect": "pass"},
	"a higher bid on a list that is approved": {"input": modifier(100, 120, ["newsletter"]), "expect": "pass"},
	"an account that approves of none in particular": {
		"input": object.union(targeting(["bought-elsewhere"]), {"change": {"target": {"account": "other"}}}),
		"expect": "pass",
	},
}

test_none_is_not_all if {
	nobody := {"google_ads": {"example": []}}
	count(state_audiences.approve) == 1 with input as targeting(["newsletter"])
		with data.audiences.approved as nobody
	count(state_audiences.approve) == 0 with input as targeting(["newsletter"])
		with data.audiences.approved as {}
}

test_finding_names_each_once if {
	document := object.union(targeting(["b", "a", "newsletter"]), {"change": {"target": {"audiences": ["a"]}}})
	some finding in state_audiences.approve with input as document
	finding.observed == ["a", "b"]
}
