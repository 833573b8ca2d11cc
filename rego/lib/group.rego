# METADATA
# title: The atomic group
# description: What rules ask about the changes that land together with the one they judge.
package bidrail.lib.group

import data.bidrail.lib.change

# The budget legs of a group of several. A change that stands alone has none: it moves nothing from
# one budget to another.
budget_legs := [leg |
	count(input.group.legs) > 1
	some leg in input.group.legs
	leg.kind in change.budget_kinds
]
