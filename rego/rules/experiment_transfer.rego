# METADATA
# title: No transfer across the edge of a test
# description: |
#   A transfer that moves budget between a running test and anything else, or from one test to
#   another, changes what the test measures. The row transfer of the table of edits (data.contamination)
#   says so for every type of test; one for which it says pass is left alone. A leg does not say of which
#   type the tests of the others are: for those it must say pass throughout.
# custom:
#   id: experiment.transfer
#   owner: experimentation
#   kinds: [daily_budget, monthly_budget, lifetime_budget, shared_budget, account_budget]
#   overridable: emergency
#   source: >-
#     Smartly: keep the budgets of cells proportional to the split; the rule is Bidrail's own
#     proposal
package bidrail.rules.experiment_transfer

import data.bidrail.lib.experiment
import data.bidrail.lib.group

# The tests each leg is in. Legs that are in the same tests, or all in none, do not cross an edge.
memberships contains {test | some test in leg.experiments} if some leg in group.budget_legs

crossed := union(memberships)

tolerated contains test.id if {
	some test in experiment.members
	data.contamination.effects.transfer[experiment.column(test)] == "pass"
}

tolerated contains id if {
	throughout
	some id in crossed
	not id in {test.id | some test in experiment.members}
}

throughout if {
	count(data.contamination.effects.transfer) > 0
	every answer in data.contamination.effects.transfer {
		answer == "pass"
	}
}

block contains finding if {
	count(memberships) > 1
	count(crossed - tolerated) > 0
	finding := {
		"message": "the transfer crosses the edge of a test ({tests}); when the test ends, send it with a new change_id",
		"observed": count(group.budget_legs),
		"tests": sort(crossed),
	}
}
