package bidrail.rules.governance_heartbeat_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_heartbeat

beats(name, alive) := {"facts": {name: example.fact({"type": "flag", "flag": alive}, 60)}}

without(name) := {"unknown": [{"name": name, "why": "missing"}]}

examples := {
	"a rise after the automation fell silent": {
		"input": example.bid(100, 110, {"unknown": [example.stale("automation_heartbeat", 901)]}),
		"expect": "block",
	},
	"a rise without a reconciler": {"input": example.bid(100, 110, without("reconciler_heartbeat")), "expect": "block"},
	"a cut without a reconciler": {"input": example.bid(110, 100, without("reconciler_heartbeat")), "expect": "pass"},
	"a move without an order": {
		"input": example.document(
			"bid_strategy", example.text("MANUAL"), example.text("AUTO"),
			without("automation_heartbeat"),
		),
		"expect": "block",
	},
	"an automation that is alive": {
		"input": example.bid(100, 110, beats("automation_heartbeat", true)),
		"expect": "pass",
	},
	"an automation that is not": {
		"input": example.bid(100, 110, beats("automation_heartbeat", false)),
		"expect": "block",
	},
	"a cut by an automation that is not": {
		"input": example.bid(110, 100, beats("automation_heartbeat", false)),
		"expect": "pass",
	},
	"a reconciler that is not": {
		"input": example.bid(100, 110, beats("reconciler_heartbeat", false)),
		"expect": "block",
	},
	"another fact that is not known": {"input": example.bid(100, 110, without("conversions_30d")), "expect": "pass"},
	"no heartbeat is asked for": {"input": example.bid(100, 110, {}), "expect": "pass"},
}

# What is no flag says of nobody that he is alive.
test_what_is_no_flag_is_no_sign if {
	word := {"facts": {"automation_heartbeat": example.fact(example.text("yes"), 60)}}
	count(governance_heartbeat.block) == 1 with input as example.bid(100, 110, word)
}

test_finding_says_whose if {
	some finding in governance_heartbeat.block with input as example.bid(100, 110, without("reconciler_heartbeat"))
	finding.who == "the reconciler"
	finding.observed == "reconciler_heartbeat (told by nobody)"
	some other in governance_heartbeat.block with input as example.bid(100, 110, beats("automation_heartbeat", false))
	other.source == "connector"
}
