# Doubles an array and slices it.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := [input.change.id, 1, 2]

x1 := array.concat(array.slice(x0, 1, count(x0)), x0)

x2 := array.concat(array.slice(x1, 1, count(x1)), x1)

x3 := array.concat(array.slice(x2, 1, count(x2)), x2)

x4 := array.concat(array.slice(x3, 1, count(x3)), x3)

x5 := array.concat(array.slice(x4, 1, count(x4)), x4)

x6 := array.concat(array.slice(x5, 1, count(x5)), x5)

x7 := array.concat(array.slice(x6, 1, count(x6)), x6)

x8 := array.concat(array.slice(x7, 1, count(x7)), x7)

x9 := array.concat(array.slice(x8, 1, count(x8)), x8)

x10 := array.concat(array.slice(x9, 1, count(x9)), x9)

x11 := array.concat(array.slice(x10, 1, count(x10)), x10)

x12 := array.concat(array.slice(x11, 1, count(x11)), x11)

x13 := array.concat(array.slice(x12, 1, count(x12)), x12)

x14 := array.concat(array.slice(x13, 1, count(x13)), x13)

x15 := array.concat(array.slice(x14, 1, count(x14)), x14)

x16 := array.concat(array.slice(x15, 1, count(x15)), x15)

x17 := array.concat(array.slice(x16, 1, count(x16)), x16)

x18 := array.concat(array.slice(x17, 1, count(x17)), x17)

x19 := array.concat(array.slice(x18, 1, count(x18)), x18)

x20 := array.concat(array.slice(x19, 1, count(x19)), x19)

x21 := array.concat(array.slice(x20, 1, count(x20)), x20)

x22 := array.concat(array.slice(x21, 1, count(x21)), x21)

x23 := array.concat(array.slice(x22, 1, count(x22)), x22)

x24 := array.concat(array.slice(x23, 1, count(x23)), x23)

x25 := array.concat(array.slice(x24, 1, count(x24)), x24)

x26 := array.concat(array.slice(x25, 1, count(x25)), x25)

x27 := array.concat(array.slice(x26, 1, count(x26)), x26)

x28 := array.concat(array.slice(x27, 1, count(x27)), x27)

x29 := array.concat(array.slice(x28, 1, count(x28)), x28)

x30 := array.concat(array.slice(x29, 1, count(x29)), x29)

x31 := array.concat(array.slice(x30, 1, count(x30)), x30)

x32 := array.concat(array.slice(x31, 1, count(x31)), x31)

x33 := array.concat(array.slice(x32, 1, count(x32)), x32)

x34 := array.concat(array.slice(x33, 1, count(x33)), x33)

x35 := array.concat(array.slice(x34, 1, count(x34)), x34)

x36 := array.concat(array.slice(x35, 1, count(x35)), x35)

x37 := array.concat(array.slice(x36, 1, count(x36)), x36)

x38 := array.concat(array.slice(x37, 1, count(x37)), x37)

x39 := array.concat(array.slice(x38, 1, count(x38)), x38)

x40 := array.concat(array.slice(x39, 1, count(x39)), x39)

block contains finding if {
	count(x40) > 0
	finding := {"message": "hostile"}
}
