# Has a body of five thousand expressions.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

block contains finding if {
	input.batch.size > 0
#repeat 5000 input.batch.size != -$j
	finding := {"message": "hostile"}
}
