# METADATA
# title: Names
# description: |
#   Reports and budgets are cut by the parts of names, so a new name must follow the pattern of its
#   platform and entity type (data.naming). A rename that breaks it is only pointed out: old names
#   have to be mended step by step.
# custom:
#   id: state.naming
#   owner: media-governance
#   kinds: [name]
#   optional: [data.naming.patterns]
#   source: "CH-GEO-SEG-OFR-OBJ-YYYYMM, a convention several agencies describe"
package bidrail.rules.state_naming

pattern := data.naming.patterns[input.change.target.platform][input.change.target.entity_type]

tokens := split(input.change.after.text, pattern.separator) if input.change.after.type == "text"

block contains finding if {
	input.change.before.type == "absent"
	some finding in faults
}

warn contains finding if {
	input.change.before.type != "absent"
	some finding in faults
}

faults contains finding if {
	count(tokens) < pattern.minimum_tokens
	finding := {
		"message": "the name {observed} has {found} parts between {separator} and needs {limit}, as in {example}",
		"observed": input.change.after,
		"found": count(tokens),
		"separator": pattern.separator,
		"limit": pattern.minimum_tokens,
		"example": pattern.example,
	}
}

faults contains finding if {
	"" in [trim_space(token) | some token in tokens]
	finding := {
		"message": "the name {observed} has an empty part, unlike {example}",
		"observed": input.change.after,
		"example": pattern.example,
	}
}

faults contains finding if {
	some required in pattern.positions
	allowed := required.allowed
	token := tokens[required.position]
	not token in allowed
	finding := {
		"message": "the name {observed} has {token} as its {part}; use one of {allowed}",
		"observed": input.change.after,
		"token": token,
		"part": required.name,
		"allowed": allowed,
	}
}

faults contains finding if {
	some required in pattern.positions
	digits := required.digits
	token := tokens[required.position]
	not numeric(token, digits)
	finding := {
		"message": "the name {observed} has {token} as its {part}; use {digits} digits",
		"observed": input.change.after,
		"token": token,
		"part": required.name,
		"digits": digits,
	}
}

faults contains finding if {
	some required in pattern.positions
	token := tokens[required.position]
	month := substring(token, required.month_at, 2)
	not month in months
	finding := {
		"message": "the name {observed} has {token} as its {part}, with {month} where a month from 01 to 12 stands",
		"observed": input.change.after,
		"token": token,
		"part": required.name,
		"month": month,
	}
}

months := {"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"}

numeric(token, digits) if {
	count(token) == digits
	trim(token, "0123456789") == ""
}
