# METADATA
# title: How much one run changes
# description: |
#   How many changes one run of an automation may make in a day: a run that goes wrong goes wrong
#   everywhere at once. Those count that add up with the change: bids with default bids, daily with
#   shared budgets, status with exclusions, every other kind by itself. Above that every rise needs a
#   person; cuts pass with a warning. A run is what the automation calls so, or else its call: each start
#   of a job needs a run id of its own, since one that stays the same adds up a whole day. A change of
#   somebody who is in no run is judged by the size of the call it came in. What share of the account's
#   entities a run touches is left out, since no connector counts them yet.
# custom:
#   id: state.blast_radius
#   owner: media-governance
#   optional: [input.windows.run.day.count, input.windows.automation.day.count]
#   cap: {scope: run, window: day, measure: count, limit: state.blast_radius}
#   source: "500, and 50,000 for bids, are Bidrail's own proposal; Google takes 10,000 operations a call"
package bidrail.rules.state_blast_radius

import data.bidrail.lib.change

# What the automation calls its run, or else its call.
run := named if {
	named := input.actor.run
	named != ""
} else := input.batch.id

# This change is in a run, so the run has windows.
in_run if {
	input.windows.automation.day.count >= 0
	run != ""
}

counted := input.windows.run.day.count + 1

wide contains finding if {
	counted > input.limits.state.blast_radius.count
	finding := described("change {observed} of its sort by run {run} in a day, {limit} are the most; look at it", counted)
}

wide contains finding if {
	not counted
	not in_run
	input.batch.size > input.limits.state.blast_radius.count
	finding := described("this call makes {observed} changes at once, {limit} are the most; send fewer", input.batch.size)
}

wide contains finding if {
	not counted
	in_run
	finding := described("how much run {run} has changed is not known, {limit} are the most; ask a person", "unknown")
}

approve contains finding if {
	change.may_rise
	some finding in wide
}

warn contains finding if {
	change.cut
	some finding in wide
}

described(message, observed) := {
	"message": message,
	"observed": observed,
	"limit": input.limits.state.blast_radius,
	"run": run,
}
