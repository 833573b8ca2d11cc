# Holds a constant of five thousand members, and compares it with itself.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

big := {
#repeat 5000 "k$i": [$i, "v$i"],
}

block contains finding if {
	every k, v in big { big[k] == v; input.batch.size >= 0 }
	finding := {"message": "hostile"}
}
