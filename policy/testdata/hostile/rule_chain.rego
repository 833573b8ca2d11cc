# Asks three thousand rules, each from the one before.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

#repeat 3000 r$i := r$j + 1

r3000 := input.batch.size

block contains finding if {
	r0 > 0
	finding := {"message": "hostile"}
}
