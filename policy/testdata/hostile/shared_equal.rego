# Compares two arrays that hold each part of them twice, sixty levels deep.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

twice(x) := [x, x]

x0 := [input.change.id]

x1 := twice(x0)

x2 := twice(x1)

x3 := twice(x2)

x4 := twice(x3)

x5 := twice(x4)

x6 := twice(x5)

x7 := twice(x6)

x8 := twice(x7)

x9 := twice(x8)

x10 := twice(x9)

x11 := twice(x10)

x12 := twice(x11)

x13 := twice(x12)

x14 := twice(x13)

x15 := twice(x14)

x16 := twice(x15)

x17 := twice(x16)

x18 := twice(x17)

x19 := twice(x18)

x20 := twice(x19)

x21 := twice(x20)

x22 := twice(x21)

x23 := twice(x22)

x24 := twice(x23)

x25 := twice(x24)

x26 := twice(x25)

x27 := twice(x26)

x28 := twice(x27)

x29 := twice(x28)

x30 := twice(x29)

x31 := twice(x30)

x32 := twice(x31)

x33 := twice(x32)

x34 := twice(x33)

x35 := twice(x34)

x36 := twice(x35)

x37 := twice(x36)

x38 := twice(x37)

x39 := twice(x38)

x40 := twice(x39)

x41 := twice(x40)

x42 := twice(x41)

x43 := twice(x42)

x44 := twice(x43)

x45 := twice(x44)

x46 := twice(x45)

x47 := twice(x46)

x48 := twice(x47)

x49 := twice(x48)

x50 := twice(x49)

x51 := twice(x50)

x52 := twice(x51)

x53 := twice(x52)

x54 := twice(x53)

x55 := twice(x54)

x56 := twice(x55)

x57 := twice(x56)

x58 := twice(x57)

x59 := twice(x58)

x60 := twice(x59)

y0 := [input.change.id]

y1 := twice(y0)

y2 := twice(y1)

y3 := twice(y2)

y4 := twice(y3)

y5 := twice(y4)

y6 := twice(y5)

y7 := twice(y6)

y8 := twice(y7)

y9 := twice(y8)

y10 := twice(y9)

y11 := twice(y10)

y12 := twice(y11)

y13 := twice(y12)

y14 := twice(y13)

y15 := twice(y14)

y16 := twice(y15)

y17 := twice(y16)

y18 := twice(y17)

y19 := twice(y18)

y20 := twice(y19)

y21 := twice(y20)

y22 := twice(y21)

y23 := twice(y22)

y24 := twice(y23)

y25 := twice(y24)

y26 := twice(y25)

y27 := twice(y26)

y28 := twice(y27)

y29 := twice(y28)

y30 := twice(y29)

y31 := twice(y30)

y32 := twice(y31)

y33 := twice(y32)

y34 := twice(y33)

y35 := twice(y34)

y36 := twice(y35)

y37 := twice(y36)

y38 := twice(y37)

y39 := twice(y38)

y40 := twice(y39)

y41 := twice(y40)

y42 := twice(y41)

y43 := twice(y42)

y44 := twice(y43)

y45 := twice(y44)

y46 := twice(y45)

y47 := twice(y46)

y48 := twice(y47)

y49 := twice(y48)

y50 := twice(y49)

y51 := twice(y50)

y52 := twice(y51)

y53 := twice(y52)

y54 := twice(y53)

y55 := twice(y54)

y56 := twice(y55)

y57 := twice(y56)

y58 := twice(y57)

y59 := twice(y58)

y60 := twice(y59)

block contains finding if {
	x60 == y60
	finding := {"message": "hostile"}
}
