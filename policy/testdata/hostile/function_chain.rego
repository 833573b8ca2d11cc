# Calls three thousand functions, each from the one before.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

#repeat 3000 f$i(x) := f$j(x) + 1

f3000(x) := x

block contains finding if {
	f0(input.batch.size) > 0
	finding := {"message": "hostile"}
}
