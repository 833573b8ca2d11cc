# Looks for a long list in another, at each place.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

l0 := [1]

l1 := array.concat(l0, l0)

l2 := array.concat(l1, l1)

l3 := array.concat(l2, l2)

l4 := array.concat(l3, l3)

l5 := array.concat(l4, l4)

l6 := array.concat(l5, l5)

l7 := array.concat(l6, l6)

l8 := array.concat(l7, l7)

l9 := array.concat(l8, l8)

l10 := array.concat(l9, l9)

l11 := array.concat(l10, l10)

l12 := array.concat(l11, l11)

l13 := array.concat(l12, l12)

l14 := array.concat(l13, l13)

l15 := array.concat(l14, l14)

l16 := array.concat(l15, l15)

block contains finding if {
	not object.subset(l16, array.concat(l15, [input.batch.size + 5]))
	finding := {"message": "hostile"}
}
