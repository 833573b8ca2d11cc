# METADATA
# title: What an automation may touch
# description: |
#   An automation that is in the registry (data.automations) touches the accounts, kinds and amounts that
#   its row names, and nothing that the row does not: a key that is left out is not a permission. This
#   holds for cuts too, since who may not touch an account may not cut there either, and for amounts on
#   the way down: what it was before is the caller's word. One that is switched off there makes nothing
#   any more but cuts. That there is an emergency counts only from those whose row says emergencies; the
#   others' cuts are judged as any other, and a warning says why. Of those that are not in the registry
#   governance.registration speaks.
# custom:
#   id: governance.authority
#   owner: media-governance
#   optional: [data.automations]
#   source: >-
#     mcp-google-ads-safe: the accounts that may be written are some of those that may be read; the rest is Bidrail's
#     own proposal
package bidrail.rules.governance_authority

import data.bidrail.lib.automation
import data.bidrail.lib.change
import data.bidrail.lib.experiment

row := automation.row

block contains finding if {
	switched_off
	not change.cut
	finding := described("{automation} is switched off in the registry, so only cuts pass; ask {owner}", "switched off")
}

block contains finding if {
	row
	not in_account
	finding := described(
		"{automation} may not touch account {observed}; ask {owner} to add it to the registry",
		sprintf("%s/%s", [input.change.target.platform, input.change.target.account]),
	)
}

block contains finding if {
	row
	not of_kind
	finding := described(
		"{automation} may not change the {observed}; ask {owner} to add it to the registry",
		input.change.kind,
	)
}

block contains finding if {
	row
	not within_most
	finding := described(
		"{automation} may not set {observed}: its most is {limit}; ask for less, or ask {owner}",
		input.change.after,
	)
}

warn contains finding if {
	row
	experiment.called
	not automation.heard_in_emergencies
	finding := described(
		"{automation} may not call an emergency, so {observed} counts for nothing; ask {owner} to add it to the registry",
		input.change.reason.code,
	)
}

warn contains finding if {
	switched_off
	change.cut
	finding := described("{automation} is switched off in the registry; its cuts still pass, tell {owner}", "switched off")
}

# Whoever says nothing of it is switched off.
switched_off if {
	row
	not row.enabled == true
}

in_account if row.accounts == "all"

in_account if input.change.target.account in row.accounts[input.change.target.platform]

of_kind if row.kinds == "all"

of_kind if input.change.kind in row.kinds

within_most if row.most == "unlimited"

within_most if not input.change.after.type in {"money", "unlimited"}

within_most if {
	input.change.after.type == "money"
	input.change.after.micros <= row.most[input.change.after.currency]
}

# What it may set at most, in words where the registry does not say.
default most := "not in the registry"

most := {"type": "money", "micros": row.most[input.change.after.currency], "currency": input.change.after.currency} if {
	input.change.after.type == "money"
	row.most[input.change.after.currency]
}

described(message, observed) := object.union(known, {"message": message, "observed": observed})

known := {
	"limit": most,
	"automation": input.actor.subject,
	"owner": automation.owner,
}
