# METADATA
# title: Creative templates that may go live
# description: |
#   What is enabled shows a creative, and which templates are approved is data (data.creatives). One that
#   uses another, or does not say which (its label creative_template), needs a person. It is not refused:
#   a new template is ordinary work that somebody has to look at once, and the label is the caller's word.
#   Where a platform or a type of entity is not in the table, nothing is demanded.
# custom:
#   id: state.creative
#   owner: media-governance
#   kinds: [status]
#   optional: [data.creatives.approved]
#   source: "Bidrail's own proposal"
package bidrail.rules.state_creative

import data.bidrail.lib.change

approved := data.creatives.approved[input.change.target.platform][input.change.target.entity_type]

template := trim_space(object.get(input.change.target.labels, "creative_template", ""))

approve contains finding if {
	change.may_rise
	approved
	template == ""
	finding := described("{type} {target} does not say which creative template it uses; send the label creative_template")
}

approve contains finding if {
	change.may_rise
	template != ""
	approved
	not template in approved
	finding := described("{type} {target} uses {observed}, which is no approved template; a person looks at it")
}

described(message) := object.union(live, {"message": message})

live := {
	"observed": template,
	"limit": approved,
	"type": input.change.target.entity_type,
	"target": input.change.target.entity_id,
}
