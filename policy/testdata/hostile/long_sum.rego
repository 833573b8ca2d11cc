# Adds up five thousand numbers in one expression.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

block contains finding if {
	0 < (
#repeat 5000 input.batch.size +
1)
	finding := {"message": "hostile"}
}
