# METADATA
# title: Audience lists that may be used
# description: |
#   Audience lists hold people's data, and what they may be used for is agreed with those responsible. A
#   change that adds or takes away a list, or bids on one, which its account has not approved
#   (data.audiences) needs a person. A lower bid passes. Which lists a change is about is the caller's
#   word. Where an account is not in the table, nothing is demanded.
# custom:
#   id: state.audiences
#   owner: media-governance
#   kinds: [targeting, targeting_exclusion, bid_modifier]
#   optional: [data.audiences.approved]
#   source: "Bidrail's own proposal"
package bidrail.rules.state_audiences

import data.bidrail.lib.change

approved := data.audiences.approved[input.change.target.platform][input.change.target.account]

used contains audience if some audience in input.change.audiences

used contains audience if some audience in input.change.target.audiences

strange := sort([audience |
	some audience in used
	not audience in approved
])

approve contains finding if {
	change.may_rise
	approved
	count(strange) > 0
	finding := {
		"message": "the audience lists {observed} are not approved for account {account}; add them, or a person decides",
		"observed": strange,
		"account": input.change.target.account,
	}
}
