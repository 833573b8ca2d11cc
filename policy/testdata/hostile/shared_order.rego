# Orders such arrays.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := [input.change.id]

x1 := [x0, x0]

x2 := [x1, x1]

x3 := [x2, x2]

x4 := [x3, x3]

x5 := [x4, x4]

x6 := [x5, x5]

x7 := [x6, x6]

x8 := [x7, x7]

x9 := [x8, x8]

x10 := [x9, x9]

x11 := [x10, x10]

x12 := [x11, x11]

x13 := [x12, x12]

x14 := [x13, x13]

x15 := [x14, x14]

x16 := [x15, x15]

x17 := [x16, x16]

x18 := [x17, x17]

x19 := [x18, x18]

x20 := [x19, x19]

x21 := [x20, x20]

x22 := [x21, x21]

x23 := [x22, x22]

x24 := [x23, x23]

x25 := [x24, x24]

x26 := [x25, x25]

x27 := [x26, x26]

x28 := [x27, x27]

x29 := [x28, x28]

x30 := [x29, x29]

x31 := [x30, x30]

x32 := [x31, x31]

x33 := [x32, x32]

x34 := [x33, x33]

x35 := [x34, x34]

x36 := [x35, x35]

x37 := [x36, x36]

x38 := [x37, x37]

x39 := [x38, x38]

x40 := [x39, x39]

x41 := [x40, x40]

x42 := [x41, x41]

x43 := [x42, x42]

x44 := [x43, x43]

x45 := [x44, x44]

x46 := [x45, x45]

x47 := [x46, x46]

x48 := [x47, x47]

x49 := [x48, x48]

x50 := [x49, x49]

x51 := [x50, x50]

x52 := [x51, x51]

x53 := [x52, x52]

x54 := [x53, x53]

x55 := [x54, x54]

x56 := [x55, x55]

x57 := [x56, x56]

x58 := [x57, x57]

x59 := [x58, x58]

x60 := [x59, x59]

y0 := [input.change.id]

y1 := [y0, y0]

y2 := [y1, y1]

y3 := [y2, y2]

y4 := [y3, y3]

y5 := [y4, y4]

y6 := [y5, y5]

y7 := [y6, y6]

y8 := [y7, y7]

y9 := [y8, y8]

y10 := [y9, y9]

y11 := [y10, y10]

y12 := [y11, y11]

y13 := [y12, y12]

y14 := [y13, y13]

y15 := [y14, y14]

y16 := [y15, y15]

y17 := [y16, y16]

y18 := [y17, y17]

y19 := [y18, y18]

y20 := [y19, y19]

y21 := [y20, y20]

y22 := [y21, y21]

y23 := [y22, y22]

y24 := [y23, y23]

y25 := [y24, y24]

y26 := [y25, y25]

y27 := [y26, y26]

y28 := [y27, y27]

y29 := [y28, y28]

y30 := [y29, y29]

y31 := [y30, y30]

y32 := [y31, y31]

y33 := [y32, y32]

y34 := [y33, y33]

y35 := [y34, y34]

y36 := [y35, y35]

y37 := [y36, y36]

y38 := [y37, y37]

y39 := [y38, y38]

y40 := [y39, y39]

y41 := [y40, y40]

y42 := [y41, y41]

y43 := [y42, y42]

y44 := [y43, y43]

y45 := [y44, y44]

y46 := [y45, y45]

y47 := [y46, y46]

y48 := [y47, y47]

y49 := [y48, y48]

y50 := [y49, y49]

y51 := [y50, y50]

y52 := [y51, y51]

y53 := [y52, y52]

y54 := [y53, y53]

y55 := [y54, y54]

y56 := [y55, y55]

y57 := [y56, y56]

y58 := [y57, y57]

y59 := [y58, y58]

y60 := [y59, y59]

block contains finding if {
	x60 <= y60
	finding := {"message": "hostile"}
}
