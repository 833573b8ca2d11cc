# METADATA
# title: No transfer across the edge of a test
# description: |
#   A transfer that moves budget between a running test and anything else, or from one test to
#   another, changes what the test measures.
# custom:
#   id: experiment.transfer
#   owner: experimentation
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   overridable: emergency
#   source: >-
#     Smartly: keep the budgets of cells proportional to the split; the rule is Bidrail's own
#     proposal
package bidrail.rules.experiment_transfer

import data.bidrail.lib.group

# The tests each leg is in. Legs that are in the same tests, or all in none, do not cross an edge.
memberships contains {test | some test in leg.experiments} if some leg in group.budget_legs

block contains finding if {
	count(memberships) > 1
	finding := {
		"message": "the transfer crosses the edge of a test ({tests}); when the test ends, send it with a new change_id",
		"observed": count(group.budget_legs),
		"tests": sort([test | some test in union(memberships)]),
	}
}
