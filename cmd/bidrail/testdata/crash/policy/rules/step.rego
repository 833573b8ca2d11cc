# METADATA
# title: Step
# description: A person looks at rises above a fifth.
# custom: {id: crash.step, owner: tests, kinds: [bid, daily_budget], source: test}
package bidrail.rules.step

approve contains finding if {
	input.change.after.micros * 5 > input.change.before.micros * 6
	finding := {
		"message": "{before} to {observed} needs a person",
		"before": input.change.before,
		"observed": input.change.after,
	}
}
