package bidrail.rules.state_protected_test

import data.bidrail.lib.example
import data.bidrail.rules.state_protected

labelled(value) := {"change": {"target": {"labels": {"protected": value}}}}

flagged := {"limits": {"state": {"protected": {"flag": true}}}}

examples := {
	"protected by a limit": {"input": example.bid(100, 110, flagged), "expect": "block"},
	"a cut of what is protected": {"input": example.bid(110, 100, flagged), "expect": "block"},
	"labelled": {"input": example.bid(100, 110, labelled("true")), "expect": "block"},
	"labelled with what it is": {"input": example.bid(100, 110, labelled("brand")), "expect": "block"},
	"labelled as not protected": {"input": example.bid(100, 110, labelled(" No ")), "expect": "pass"},
	"not protected": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

test_finding_names_the_target if {
	some finding in state_protected.block with input as example.bid(100, 110, flagged)
	finding.target == "keyword-1"
}

test_no_limit if {
	without := example.without_limit(example.bid(100, 110, flagged), "state", "protected")
	count(state_protected.block) == 0 with input as without
}
