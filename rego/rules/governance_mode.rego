# METADATA
# title: Switched off by people
# description: |
#   People can switch what is in danger, from an ad group up to everything, to reduce only or to a halt.
#   Reduce only lets nothing through but cuts, a halt nothing at all. The strictest switch of all that
#   the target is in holds. There is no smaller proposal that passes; only people switch it back.
# custom:
#   id: governance.mode
#   owner: media-governance
#   source: "AdRails; a script of crealytics, 2015"
package bidrail.rules.governance_mode

import data.bidrail.lib.change

block contains finding if {
	input.mode == "reduce_only"
	not change.cut
	finding := {
		"message": switched("to reduce only, so only cuts pass; a smaller rise does not"),
		"observed": input.change.direction,
		"limit": input.mode,
	}
}

block contains finding if {
	input.mode == "halted"
	finding := {
		"message": switched("to a halt, so nothing passes, cuts included; a smaller one does not"),
		"observed": input.change.direction,
		"limit": input.mode,
	}
}

switched(to) := sprintf("people switched this %s; when they switch it back, send it with a new change_id", [to])
