# Holds an array of two thousand levels.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

deep := [
#repeat 2000 [
input.batch.size
#repeat 2000 ]
]

block contains finding if {
	count(deep) > 0
	finding := {"message": "hostile"}
}
