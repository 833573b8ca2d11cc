# Doubles an array and turns it round, again and again.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := [input.change.id, 1]

x1 := array.concat(array.reverse(x0), x0)

x2 := array.concat(array.reverse(x1), x1)

x3 := array.concat(array.reverse(x2), x2)

x4 := array.concat(array.reverse(x3), x3)

x5 := array.concat(array.reverse(x4), x4)

x6 := array.concat(array.reverse(x5), x5)

x7 := array.concat(array.reverse(x6), x6)

x8 := array.concat(array.reverse(x7), x7)

x9 := array.concat(array.reverse(x8), x8)

x10 := array.concat(array.reverse(x9), x9)

x11 := array.concat(array.reverse(x10), x10)

x12 := array.concat(array.reverse(x11), x11)

x13 := array.concat(array.reverse(x12), x12)

x14 := array.concat(array.reverse(x13), x13)

x15 := array.concat(array.reverse(x14), x14)

x16 := array.concat(array.reverse(x15), x15)

x17 := array.concat(array.reverse(x16), x16)

x18 := array.concat(array.reverse(x17), x17)

x19 := array.concat(array.reverse(x18), x18)

x20 := array.concat(array.reverse(x19), x19)

x21 := array.concat(array.reverse(x20), x20)

x22 := array.concat(array.reverse(x21), x21)

x23 := array.concat(array.reverse(x22), x22)

x24 := array.concat(array.reverse(x23), x23)

x25 := array.concat(array.reverse(x24), x24)

x26 := array.concat(array.reverse(x25), x25)

x27 := array.concat(array.reverse(x26), x26)

x28 := array.concat(array.reverse(x27), x27)

x29 := array.concat(array.reverse(x28), x28)

x30 := array.concat(array.reverse(x29), x29)

x31 := array.concat(array.reverse(x30), x30)

x32 := array.concat(array.reverse(x31), x31)

block contains finding if {
	count(x32) > 0
	finding := {"message": "hostile"}
}
