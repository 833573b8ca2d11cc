# METADATA
# title: Another bid strategy
# description: |
#   Another strategy bids by other rules from one hour to the next, learns anew and leaves what was learned behind.
#   Which one suits is for a person to say, whichever way it goes. Only what changes nothing passes.
# custom:
#   id: state.strategy_change
#   owner: media-governance
#   kinds: [bid_strategy]
#   source: "Google Ads: LEARNING_SETTING_CHANGE follows a change of strategy"
package bidrail.rules.state_strategy_change

approve contains finding if {
	not input.change.direction == "same"
	finding := {
		"message": "the strategy of {type} {target} goes from {before} to {observed}, and learns anew; a person decides",
		"observed": input.change.after,
		"before": input.change.before,
		"type": input.change.target.entity_type,
		"target": input.change.target.entity_id,
	}
}
