# METADATA
# title: Labels that reports need
# description: |
#   Reports add up budgets and results by labels, so an entity must have those that its platform and type
#   ask for (data.taxonomy), with one of the values that are known. A new entity without them is refused;
#   one that is renamed, or enabled, is only pointed out: old ones have to be mended step by step. Labels
#   are the caller's word.
# custom:
#   id: state.taxonomy
#   owner: media-governance
#   kinds: [name, status]
#   source: "naming conventions of agencies, which ask for the same in names: see state.naming"
package bidrail.rules.state_taxonomy

import data.bidrail.lib.change

# Nothing, where the table does not know the platform or the type.
demanded := object.get(data.taxonomy.labels, [input.change.target.platform, input.change.target.entity_type], [])

created if {
	input.change.kind == "name"
	input.change.before.type == "absent"
}

# Renamed, or about to be enabled.
touched if {
	input.change.kind == "name"
	not created
	not input.change.direction == "same"
}

touched if {
	input.change.kind == "status"
	change.may_rise
}

block contains finding if {
	created
	some finding in faults
}

warn contains finding if {
	touched
	some finding in faults
}

held(label) := trim_space(object.get(input.change.target.labels, label, ""))

faults contains finding if {
	some demand in demanded
	held(demand.label) == ""
	finding := object.union(described(demand), {"message": "{type} {target} has no label {label}; add it"})
}

faults contains finding if {
	some demand in demanded
	value := held(demand.label)
	value != ""
	not value in object.get(demand, "allowed", [value])
	finding := object.union(described(demand), {
		"message": "{type} {target} has {observed} as its {label}; use one of {allowed}",
		"allowed": demand.allowed,
	})
}

described(demand) := object.union(entity, {"observed": held(demand.label), "label": demand.label})

entity := {
	"type": input.change.target.entity_type,
	"target": input.change.target.entity_id,
}
