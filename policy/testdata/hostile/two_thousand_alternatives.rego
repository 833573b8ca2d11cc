# Has a rule of two thousand alternatives.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

r := 0 if input.batch.size == -1
#repeat 2000 else := $i if input.batch.size == -$j

block contains finding if {
	not r
	finding := {"message": "hostile"}
}
