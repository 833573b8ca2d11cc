# METADATA
# title: The platform's own bounds
# description: |
#   A value that the platform would refuse, or read in its own way, is refused here, before the rest
#   of its batch is sent. The bounds are data (data.platforms) and hold for one currency each.
# custom:
#   id: integrity.platform_limits
#   owner: media-governance
#   kinds:
#     [
#       bid, default_bid, bid_modifier, bid_limit, target_cpa, target_roas, daily_budget,
#       monthly_budget, lifetime_budget, shared_budget, account_budget,
#     ]
#   optional: [data.platforms]
#   source: "the platforms' documentation, named with each bound"
package bidrail.rules.integrity_platform_limits

rows := data.platforms[input.change.target.platform].limits[input.change.kind]

block contains finding if {
	input.change.after.type == "money"
	some row in rows
	matches(row)
	input.change.after.micros < row.min_micros
	not zero_counts(row)
	least := {"type": "money", "micros": row.min_micros, "currency": row.currency}
	finding := {
		"message": "{observed} is less than the {limit} that the platform takes",
		"observed": input.change.after,
		"limit": least,
		"max_permitted": least,
		"source": row.source,
	}
}

block contains finding if {
	input.change.after.type == "money"
	some row in rows
	matches(row)
	input.change.after.micros > row.max_micros
	most := {"type": "money", "micros": row.max_micros, "currency": row.currency}
	finding := {
		"message": "{observed} is more than the {limit} that the platform takes",
		"observed": input.change.after,
		"limit": most,
		"max_permitted": most,
		"source": row.source,
	}
}

block contains finding if {
	input.change.after.type == "ratio"
	some row in rows
	matches(row)
	input.change.after.ppm < row.min_ppm
	not zero_counts(row)
	least := {"type": "ratio", "ppm": row.min_ppm}
	finding := {
		"message": "{observed} is less than the {limit} that the platform takes",
		"observed": input.change.after,
		"limit": least,
		"max_permitted": least,
		"source": row.source,
	}
}

block contains finding if {
	input.change.after.type == "ratio"
	some row in rows
	matches(row)
	input.change.after.ppm > row.max_ppm
	most := {"type": "ratio", "ppm": row.max_ppm}
	finding := {
		"message": "{observed} is more than the {limit} that the platform takes",
		"observed": input.change.after,
		"limit": most,
		"max_permitted": most,
		"source": row.source,
	}
}

# A row for money holds for its own currency; all rows hold only for the entity types and labels
# they name.
matches(row) if {
	in_currency(row)
	input.change.target.entity_type in object.get(row, "entity_types", [input.change.target.entity_type])
	object.subset(input.change.target.labels, object.get(row, "labels", {}))
}

in_currency(row) if {
	input.change.after.type == "money"
	row.currency == input.change.after.currency
}

in_currency(row) if not row.currency

zero_counts(row) if {
	row.zero_allowed
	input.change.after.type == "ratio"
	input.change.after.ppm == 0
}
