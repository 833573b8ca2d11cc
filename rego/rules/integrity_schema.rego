# METADATA
# title: A change that can be read
# description: |
#   Refuses what cannot be judged: an unknown platform, a value of the wrong type for its field, a
#   move between types that means nothing, an update that would write other fields too, and one that
#   would create or archive an entity by accident. Values that were never sent are refused by the
#   engine before any rule sees them.
# custom:
#   id: integrity.schema
#   owner: media-governance
#   source: >-
#     Amazon: a batch update without an id creates, state=archived archives for good; Google:
#     percent_cpc_bid_micros is a share, not money
package bidrail.rules.integrity_schema

# What each kind of field may hold. Google's percent CPC is a share and therefore not a bid here: as
# money it would be read a million times too small or too large.
types := {
	"bid": {"money", "absent"},
	"default_bid": {"money", "absent"},
	"bid_modifier": {"ratio", "absent"},
	"bid_limit": {"money", "unlimited", "absent"},
	"target_cpa": {"money", "absent"},
	"target_roas": {"ratio", "absent"},
	"bid_strategy": {"text", "absent"},
	"daily_budget": {"money", "unlimited", "absent"},
	"monthly_budget": {"money", "unlimited", "absent"},
	"lifetime_budget": {"money", "unlimited", "absent"},
	"budget_type": {"text", "absent"},
	"shared_budget": {"money", "unlimited", "absent"},
	"account_budget": {"money", "unlimited", "absent"},
	"budget_rule": {"text", "flag", "money", "ratio", "absent"},
	"pacing": {"text", "flag", "absent"},
	"status": {"text", "flag", "absent"},
	"flight_dates": {"text", "absent"},
	"experiment_control": {"text", "flag", "ratio", "absent"},
	"targeting_exclusion": {"text", "flag", "absent"},
	"name": {"text", "absent"},
	"conversion_goal": {"text", "flag", "absent"},
}

# Last words of the statuses that platforms use for an entity that is gone.
gone := {"ARCHIVED", "ARCHIVE", "REMOVED", "REMOVE", "DELETED", "DELETE"}

sides := {"before": input.change.before, "after": input.change.after}

block contains finding if {
	some side, value in sides
	not fits(value)
	finding := {
		"message": "the value {side} is {type}, which a {kind} cannot be; send money as money and shares as ratios",
		"observed": value.type,
		"side": side,
		"type": value.type,
		"kind": input.change.kind,
	}
}

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

# A rule of its own: "not x in y" says nothing at all when y is not there, and a kind without types
# must be refused.
fits(value) if value.type in types[input.change.kind]

# Setting a value for the first time, removing it, and putting a limit on or off are moves.
meaningful if input.change.before.type == "absent"

meaningful if input.change.after.type == "absent"

meaningful if {input.change.before.type, input.change.after.type} == {"money", "unlimited"}

# Whatever is named for the first time may not have an id yet.
names_new_entity if {
	input.change.kind == "name"
	input.change.before.type == "absent"
}

is_gone(value) if {
	words := split(upper(value.text), "_")
	words[count(words) - 1] in gone
}
