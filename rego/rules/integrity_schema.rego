# METADATA
# title: A change that can be read
# description: |
#   Refuses what cannot be judged: an unknown platform, a move between types that means nothing, a
#   target without its campaign, an update that would write other fields too, and one that would
#   create or archive an entity by accident. Values that were never sent, or are of a type that their
#   field cannot hold, are refused by the engine before any rule sees them.
# custom:
#   id: integrity.schema
#   owner: media-governance
#   optional: [data.platforms]
#   source: >-
#     Amazon: a batch update without an id creates, state=archived archives for good
package bidrail.rules.integrity_schema

# Last words of the statuses that platforms use for an entity that is gone.
gone := {"ARCHIVED", "ARCHIVE", "REMOVED", "REMOVE", "DELETED", "DELETE"}

block contains finding if {
	input.change.before.type != input.change.after.type
	not meaningful
	finding := {
		"message": "{before} cannot become {after}; read the present value again and send both in one form",
		"observed": input.change.after.type,
		"before": input.change.before.type,
		"after": input.change.after.type,
	}
}

block contains finding if {
	not data.platforms[input.change.target.platform]
	finding := {
		"message": "the platform {observed} is not known; check its spelling, or add it to platforms",
		"observed": input.change.target.platform,
	}
}

block contains finding if {
	input.change.target.entity_id == ""
	not names_new_entity
	finding := {
		"message": "the change does not say which {type} it edits and might create a new one; send its id",
		"observed": "no id",
		"type": input.change.target.entity_type,
	}
}

# Without it no test, freeze or limit of the campaign is found.
block contains finding if {
	input.change.target.campaign == ""
	not input.change.target.entity_type in data.entities.without_campaign
	not names_new_campaign
	finding := {
		"message": "the change does not say which campaign the {type} {target} is in; send target.campaign",
		"observed": "no campaign",
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}

block contains finding if {
	known := data.platforms[input.change.target.platform].fields[input.change.kind]
	some field in input.change.field_mask
	parts := split(field, ".")
	not parts[count(parts) - 1] in known
	finding := {
		"message": "the update would also write {observed}, which is not part of a {kind}; send only {fields}",
		"observed": field,
		"kind": input.change.kind,
		"fields": known,
	}
}

block contains finding if {
	input.change.kind == "status"
	is_gone(input.change.after)
	not is_gone(input.change.before)
	finding := {
		"message": "the status {observed} takes the entity away for good; pause it instead, or archive it by hand",
		"observed": input.change.after,
	}
}

# Setting a value for the first time, removing it, and putting a limit on or off are moves.
meaningful if input.change.before.type == "absent"

meaningful if input.change.after.type == "absent"

meaningful if {input.change.before.type, input.change.after.type} == {"money", "unlimited"}

# Whatever is named for the first time may not have an id yet.
names_new_entity if {
	input.change.kind == "name"
	input.change.before.type == "absent"
}

names_new_campaign if {
	names_new_entity
	input.change.target.entity_type == "campaign"
	input.change.target.entity_id == ""
}

is_gone(value) if {
	value.type == "text"
	words := split(upper(trim_space(value.text)), "_")
	words[count(words) - 1] in gone
}
