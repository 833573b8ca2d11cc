# METADATA
# title: Automations that somebody has looked at
# description: |
#   Once the registry of automations is in use (data.automations has a row beside its examples), an
#   automation that is not in it, or a version of one that is not, is a change nobody has looked at yet:
#   what it raises needs a person, its cuts pass with a warning. As shipped the registry is not in use, and
#   nothing is asked. The subject comes from the credentials; the version is what the automation says.
# custom:
#   id: governance.registration
#   owner: media-governance
#   optional: [data.automations]
#   source: "Bidrail's own proposal: documented change control for automations"
package bidrail.rules.governance_registration

import data.bidrail.lib.automation
import data.bidrail.lib.change

approve contains finding if {
	change.may_rise
	some finding in strangers
}

warn contains finding if {
	change.cut
	some finding in strangers
}

strangers contains finding if {
	automation.in_use
	not automation.registered
	finding := {
		"message": "the automation {observed} is in no registry; add it to data.automations, until then a person decides",
		"observed": input.actor.subject,
		"version": input.actor.version,
	}
}

strangers contains finding if {
	automation.registered
	not automation.known_version
	finding := {
		"message": "version \"{observed}\" of {automation} is not registered; {owner} adds it, until then a person decides",
		"observed": input.actor.version,
		"automation": input.actor.subject,
		"owner": automation.owner,
	}
}
