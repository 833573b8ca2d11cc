package bidrail.lib.example_test

import data.bidrail.lib.example

test_directions_are_those_of_risk if {
	example.bid(100, 110, {}).change.direction == "rise"
	example.bid(110, 100, {}).change.direction == "cut"
	example.bid(100, 100, {}).change.direction == "same"
	roas := example.document("target_roas", example.percent(300), example.percent(200), {})
	roas.change.direction == "rise"
	removed := example.document("daily_budget", example.usd(100), example.unlimited, {})
	removed.change.direction == "rise"
	first := example.document("daily_budget", example.absent, example.usd(100), {})
	first.change.direction == "unordered"
	paused := example.document("status", example.text("ENABLED"), example.text("PAUSED"), {})
	paused.change.direction == "cut"
	enabled := example.document("status", example.text("PAUSED"), example.text("ENABLED"), {})
	enabled.change.direction == "rise"
	reworded := example.document("status", example.text("PAUSED"), example.text("Archived now"), {})
	reworded.change.direction == "unordered"
	same := example.document("status", example.text("ENABLED"), example.text("ENABLED"), {})
	same.change.direction == "same"
}

test_a_change_is_its_own_leg if {
	document := example.bid(100, 110, {"change": {"target": {"entity_id": "keyword-2"}}})
	document.group.legs == [example.leg(document)]
	document.group.legs[0].target.entity_id == "keyword-2"
}

test_groups_hold_all_legs if {
	grouped := example.grouped([example.budget(10000, 9000, {}), example.budget(10000, 11000, {})])
	[leg.direction | some leg in grouped.group.legs] == ["cut", "rise"]
}
