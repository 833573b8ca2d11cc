# Holds an expression of two thousand levels.

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
#repeat 2000 (
input.batch.size
#repeat 2000 + 1)
	)
	finding := {"message": "hostile"}
}
