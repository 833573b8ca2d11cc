# METADATA
# title: Up and down again
# description: |
#   A field that turns around again and again within a week is most often two rules that undo each
#   other, or one that answers its own echo. A turn is a cut after a rise or a rise after a cut,
#   whoever makes it. Beyond so many turns every rise needs a person who finds out what fights; cuts
#   pass with a warning. A bidder follows its auction up and down all day, so bids have no limit here.
# custom:
#   id: cadence.oscillation
#   owner: media-governance
#   cap: {scope: field, window: week, measure: reversals, limit: cadence.reversals}
#   source: "3 in a week is Bidrail's own proposal; practitioners tell of rules that fight each other"
package bidrail.rules.cadence_oscillation

import data.bidrail.lib.change

reversals := input.windows.field.week.reversals + turn

turn := 1 if input.windows.field.reverses

turn := 0 if not input.windows.field.reverses

approve contains finding if {
	change.may_rise
	reversals > input.limits.cadence.reversals.count
	finding := described("find out which two rules fight, or ask a person")
}

warn contains finding if {
	change.cut
	reversals > input.limits.cadence.reversals.count
	finding := described("find out which two rules fight")
}

described(advice) := object.union(
	turns,
	{"message": sprintf("{kind} of {target} turns {observed} times in a week, {limit} are the most; %s", [advice])},
)

turns := {
	"observed": reversals,
	"limit": input.limits.cadence.reversals,
	"kind": input.change.kind,
	"target": input.change.target.entity_id,
}
