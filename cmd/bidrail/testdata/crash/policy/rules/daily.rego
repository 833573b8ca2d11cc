# METADATA
# title: Budgets of a campaign in a day
# description: A person looks when a campaign's budgets have moved far in a day.
# custom: {id: crash.daily, owner: tests, kinds: [daily_budget], source: test}
package bidrail.rules.daily

approve contains finding if {
	moved := input.windows.campaign.day.moved
	moved > input.limits.budget.daily.micros
	finding := {
		"message": "{observed} has moved, above {limit}",
		"observed": {"type": "money", "micros": moved, "currency": "USD"},
		"limit": input.limits.budget.daily,
	}
}
