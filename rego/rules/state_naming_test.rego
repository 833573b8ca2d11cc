package bidrail.rules.state_naming_test

import data.bidrail.lib.example
import data.bidrail.rules.state_naming

# A campaign of the platform example, so that the patterns of real ones can be changed.
campaign := {"change": {"target": {"platform": "example"}}}

renamed(name) := example.document("name", example.text("old"), example.text(name), campaign)

created(name) := example.document("name", example.absent, example.text(name), campaign)

examples := {
	"a new name that follows the pattern": {
		"input": created("SEA-US-BRAND-SPRING-SALES-202603"),
		"expect": "pass",
	},
	"more parts than needed": {"input": created("SEA-US-BRAND-SPRING-SALES-202603-TEST"), "expect": "pass"},
	"a new name with too few parts": {"input": created("SEA-US-BRAND"), "expect": "block"},
	"an old name with too few parts": {"input": renamed("SEA-US-BRAND"), "expect": "warn"},
	"an empty part": {"input": created("SEA-US- -SPRING-SALES-202603"), "expect": "block"},
	"an unknown channel": {"input": created("TV-US-BRAND-SPRING-SALES-202603"), "expect": "block"},
	"a month in words": {"input": created("SEA-US-BRAND-SPRING-SALES-MAR26X"), "expect": "block"},
	"a month that is too short": {"input": created("SEA-US-BRAND-SPRING-SALES-20263"), "expect": "block"},
	"a month that there is not": {"input": created("SEA-US-BRAND-SPRING-SALES-202699"), "expect": "block"},
	"the month before January": {"input": created("SEA-US-BRAND-SPRING-SALES-202600"), "expect": "block"},
	"the last month": {"input": created("SEA-US-BRAND-SPRING-SALES-202612"), "expect": "pass"},
	"an old name of a month that there is not": {
		"input": renamed("SEA-US-BRAND-SPRING-SALES-202613"),
		"expect": "warn",
	},
	"a type without a pattern": {
		"input": example.document(
			"name", example.absent, example.text("anything"),
			{"change": {"target": {"platform": "example", "entity_type": "ad_group"}}},
		),
		"expect": "pass",
	},
}

test_each_fault_is_named if {
	count(state_naming.block) == 4 with input as created("TV-US--SPRING-SALES-MARCH")
}

test_finding_shows_the_month if {
	some finding in state_naming.block with input as created("SEA-US-BRAND-SPRING-SALES-202699")
	finding.month == "99"
}

test_finding_shows_an_example if {
	some finding in state_naming.block with input as created("SEA-US-BRAND")
	finding.example == "SEA-US-BRAND-SPRING-SALES-202603"
	finding.found == 3
}
