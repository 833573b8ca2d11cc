# METADATA
# title: A budget of several
# description: |
#   A budget that several campaigns draw on moves all of them, and not only the one somebody thinks of. Raising one
#   needs a person, a cut passes with a warning. Which shared budget a campaign draws on is not changed without a
#   person either, whichever way. How many draw on a budget is a fact; where nobody knows it this says nothing.
# custom:
#   id: budget.shared
#   owner: media-governance
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget]
#   optional: [input.facts.reference_count]
#   source: "mcp-google-ads-safe edits no shared budget unless told to; Google: reference_count"
package bidrail.rules.budget_shared

import data.bidrail.lib.change
import data.bidrail.lib.quantity
import data.bidrail.lib.window

fans_out if {
	input.facts.reference_count.type == "ratio"
	quantity.more(input.facts.reference_count, input.limits.budget.references)
}

approve contains finding if {
	change.may_rise
	not attaches
	fans_out
	finding := object.union(
		{"magnitude": window.added},
		described("{count} campaigns draw on this budget, and {observed} would hold for all; a person decides"),
	)
}

approve contains finding if {
	attaches
	input.change.direction != "same"
	finding := {
		"message": "the shared budget would be {observed} and no longer {before}; a person looks who else draws on both",
		"observed": input.change.after,
		"before": input.change.before,
	}
}

warn contains finding if {
	change.cut
	fans_out
	finding := described("{count} campaigns draw on this budget, and {observed} cuts all of them")
}

described(message) := {
	"message": message,
	"observed": input.change.after,
	"limit": input.limits.budget.references,
	"count": quantity.whole(input.facts.reference_count),
}

# A text says which budget it is, an amount how much it is.
attaches if {
	input.change.kind == "shared_budget"
	some value in [input.change.before, input.change.after]
	value.type == "text"
}
