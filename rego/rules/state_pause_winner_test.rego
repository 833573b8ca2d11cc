package bidrail.rules.state_pause_winner_test

import data.bidrail.lib.example
import data.bidrail.rules.state_pause_winner

# In thousandths of a conversion.
converting(after, thousandths) := example.document("status", example.text("ENABLED"), example.text(after), {"facts": {
	"conversions_30d": example.fact({"type": "ratio", "ppm": thousandths * 1000}, 3600),
}})

pause(thousandths) := converting("PAUSED", thousandths)

# A connector knew it, too long ago.
forgotten(after) := example.document(
	"status", example.text("ENABLED"), example.text(after),
	{"unknown": [example.stale("conversions_30d", 200000)]},
)

in_emergency(document) := object.union(
	document,
	{"change": {"reason": {"code": "tracking_down", "text": "no conversions since noon"}}},
)

examples := {
	"a pause of what converts well": {"input": pause(50001), "expect": "block"},
	"a pause of what has had fifty": {"input": pause(50000), "expect": "approve"},
	"a pause of what converts": {"input": pause(10001), "expect": "approve"},
	"a pause of what has had ten": {"input": pause(10000), "expect": "pass"},
	"an archived campaign that converts": {"input": converting("ARCHIVED", 50001), "expect": "block"},
	"a pause in an emergency": {"input": in_emergency(pause(50001)), "expect": "warn"},
	"a pause in an emergency, of what hardly converts": {"input": in_emergency(pause(10000)), "expect": "pass"},
	"nobody knows whether it converts": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), {}),
		"expect": "pass",
	},
	"its conversions were told too long ago": {"input": forgotten("PAUSED"), "expect": "approve"},
	"its conversions were told too long ago, in an emergency": {
		"input": in_emergency(forgotten("PAUSED")),
		"expect": "pass",
	},
	"its conversions should be known": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), {"unknown": [{
			"name": "conversions_30d",
			"why": "missing",
		}]}),
		"expect": "approve",
	},
	"another fact is not known": {
		"input": example.document("status", example.text("ENABLED"), example.text("PAUSED"), {"unknown": [{
			"name": "clicks_30d",
			"why": "missing",
		}]}),
		"expect": "pass",
	},
	"its conversions were told too long ago, and it stays": {"input": forgotten("ENABLED"), "expect": "pass"},
	"a status that is taken away": {
		"input": object.union(pause(50001), {"change": {"after": {"type": "absent"}, "direction": "unordered"}}),
		"expect": "pass",
	},
	"what converts is enabled": {
		"input": object.union(pause(50001), {"change": {
			"before": example.text("PAUSED"),
			"after": example.text("ENABLED"),
			"direction": "rise",
		}}),
		"expect": "pass",
	},
}

test_finding_says_how_many if {
	some finding in state_pause_winner.block with input as pause(62500)
	finding.conversions == "62.5"
	finding.limit.count == 50
}

test_only_emergencies_are_pointed_out if {
	count(state_pause_winner.warn) == 0 with input as pause(50001)
	count(state_pause_winner.block) == 0 with input as in_emergency(pause(50001))
	count(state_pause_winner.approve) == 0 with input as in_emergency(pause(50001))
}

test_no_limits if {
	unlimited := example.with_limit(
		example.with_limit(pause(99000), "state", "winner_conversions", example.no_limit),
		"state", "winner_conversions_block", example.no_limit,
	)
	count(state_pause_winner.block) == 0 with input as unlimited
	count(state_pause_winner.approve) == 0 with input as unlimited
}

# The reason alone switches nothing off: once there is a registry, it says whose word counts.
test_an_emergency_is_nobodys_word if {
	calls := object.union(in_emergency(pause(50001)), {"actor": {"subject": "bidder"}})
	every row in [{}, {"emergencies": false}, {"emergencies": "yes"}] {
		count(state_pause_winner.block) == 1 with input as calls with data.automations as {"bidder": row}
	}
	count(state_pause_winner.block) == 1 with input as calls with data.automations as {"pacer": {"emergencies": true}}
	count(state_pause_winner.block) == 0 with input as calls with data.automations as {"bidder": {"emergencies": true}}
}
