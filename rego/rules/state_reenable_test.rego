package bidrail.rules.state_reenable_test

import data.bidrail.lib.example
import data.bidrail.rules.state_reenable

paused_by(who) := {"facts": {"paused_by": example.fact(example.text(who), 3600)}}

enable(overrides) := example.document("status", example.text("PAUSED"), example.text("ENABLED"), overrides)

examples := {
	"what a person paused": {"input": enable(paused_by("person")), "expect": "approve"},
	"what somebody paused": {"input": enable(paused_by("somebody")), "expect": "approve"},
	"a name in other letters": {"input": enable(paused_by("Automation")), "expect": "approve"},
	"what an automation paused": {"input": enable(paused_by("automation")), "expect": "pass"},
	"what the platform paused": {"input": enable(paused_by("platform")), "expect": "pass"},
	"nobody knows who paused it": {"input": enable({}), "expect": "pass"},
	"what a person paused is paused": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), paused_by("person")),
		"expect": "pass",
	},
	"what a person paused goes to a status without order": {
		"input": example.document("status", example.text("PAUSED"), example.text("LIVE"), paused_by("person")),
		"expect": "approve",
	},
}

# A fact that is no text names nobody.
test_what_is_no_word_names_nobody if {
	flag := {"facts": {"paused_by": example.fact({"type": "flag", "flag": true}, 60)}}
	count(state_reenable.approve) == 1 with input as enable(flag)
}

test_finding_says_who if {
	some finding in state_reenable.approve with input as enable(paused_by("person"))
	finding.who.text == "person"
}
