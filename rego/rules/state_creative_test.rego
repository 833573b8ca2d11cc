package bidrail.rules.state_creative_test

import data.bidrail.lib.example
import data.bidrail.rules.state_creative

# An ad of the platform example, which has approved carousel-v2 and video-15s.
ad(labels) := {"change": {"target": {"platform": "example", "entity_type": "ad", "entity_id": "7", "labels": labels}}}

enabled(labels) := example.document("status", example.text("PAUSED"), example.text("ENABLED"), ad(labels))

examples := {
	"a template that is approved": {"input": enabled({"creative_template": "video-15s"}), "expect": "pass"},
	"a template that is not": {"input": enabled({"creative_template": "video-60s"}), "expect": "approve"},
	"no template is named": {"input": enabled({}), "expect": "approve"},
	"an empty name": {"input": enabled({"creative_template": " "}), "expect": "approve"},
	"an ad is paused": {
		"input": example.document(
			"status", example.text("ENABLED"), example.text("PAUSED"),
			ad({"creative_template": "video-60s"}),
		),
		"expect": "pass",
	},
	"an ad without a template is paused": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), ad({})),
		"expect": "pass",
	},
	"a type of which nothing is asked": {
		"input": object.union(enabled({}), {"change": {"target": {"entity_type": "campaign"}}}),
		"expect": "pass",
	},
	"a platform of which nothing is asked": {
		"input": object.union(enabled({}), {"change": {"target": {"platform": "unheard_of"}}}),
		"expect": "pass",
	},
}

test_none_is_not_all if {
	nothing := {"example": {"ad": []}}
	count(state_creative.approve) == 1 with input as enabled({"creative_template": "video-15s"})
		with data.creatives.approved as nothing
	count(state_creative.approve) == 0 with input as enabled({}) with data.creatives.approved as {}
}

test_one_finding_each if {
	every labels in [{}, {"creative_template": "video-60s"}] {
		count(state_creative.approve) == 1 with input as enabled(labels)
	}
}

test_finding_shows_what_is_approved if {
	some finding in state_creative.approve with input as enabled({"creative_template": "video-60s"})
	finding.observed == "video-60s"
	finding.limit == ["carousel-v2", "video-15s"]
}
