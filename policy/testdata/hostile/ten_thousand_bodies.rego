# Has ten thousand bodies.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

#repeat 10000 block contains {"message": "hostile"} if input.batch.size == $i
