# METADATA
# title: Calendar freeze
# description: |
#   While a freeze is open nothing may be raised: the freeze says whether a person may still allow
#   it or nobody. What lowers the risk passes. A move that has no order counts as a rise.
# custom:
#   id: calendar.freeze
#   owner: media-governance
#   overridable: emergency
#   source: "agencies' rule never to launch on a Friday; incidents of platforms"
package bidrail.rules.calendar_freeze

import data.bidrail.lib.change
import data.bidrail.lib.clock

block contains finding if {
	change.may_rise
	some freeze in input.calendar.freezes
	freeze.effect != "approve"
	finding := described(freeze, "changes are frozen until {until}: {reason}; only reductions pass")
}

approve contains finding if {
	change.may_rise
	some freeze in input.calendar.freezes
	freeze.effect == "approve"
	finding := described(freeze, "changes are frozen until {until}: {reason}; a person may allow this one")
}

described(freeze, message) := {
	"message": message,
	"observed": input.change.direction,
	"limit": freeze.id,
	"until": clock.utc(freeze.until),
	"reason": freeze.reason,
}
