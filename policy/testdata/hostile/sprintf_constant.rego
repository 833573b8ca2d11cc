# Doubles a constant text forty times.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := "x"

x1 := sprintf("%s%s", [x0, x0])

x2 := sprintf("%s%s", [x1, x1])

x3 := sprintf("%s%s", [x2, x2])

x4 := sprintf("%s%s", [x3, x3])

x5 := sprintf("%s%s", [x4, x4])

x6 := sprintf("%s%s", [x5, x5])

x7 := sprintf("%s%s", [x6, x6])

x8 := sprintf("%s%s", [x7, x7])

x9 := sprintf("%s%s", [x8, x8])

x10 := sprintf("%s%s", [x9, x9])

x11 := sprintf("%s%s", [x10, x10])

x12 := sprintf("%s%s", [x11, x11])

x13 := sprintf("%s%s", [x12, x12])

x14 := sprintf("%s%s", [x13, x13])

x15 := sprintf("%s%s", [x14, x14])

x16 := sprintf("%s%s", [x15, x15])

x17 := sprintf("%s%s", [x16, x16])

x18 := sprintf("%s%s", [x17, x17])

x19 := sprintf("%s%s", [x18, x18])

x20 := sprintf("%s%s", [x19, x19])

x21 := sprintf("%s%s", [x20, x20])

x22 := sprintf("%s%s", [x21, x21])

x23 := sprintf("%s%s", [x22, x22])

x24 := sprintf("%s%s", [x23, x23])

x25 := sprintf("%s%s", [x24, x24])

x26 := sprintf("%s%s", [x25, x25])

x27 := sprintf("%s%s", [x26, x26])

x28 := sprintf("%s%s", [x27, x27])

x29 := sprintf("%s%s", [x28, x28])

x30 := sprintf("%s%s", [x29, x29])

x31 := sprintf("%s%s", [x30, x30])

x32 := sprintf("%s%s", [x31, x31])

x33 := sprintf("%s%s", [x32, x32])

x34 := sprintf("%s%s", [x33, x33])

x35 := sprintf("%s%s", [x34, x34])

x36 := sprintf("%s%s", [x35, x35])

x37 := sprintf("%s%s", [x36, x36])

x38 := sprintf("%s%s", [x37, x37])

x39 := sprintf("%s%s", [x38, x38])

x40 := sprintf("%s%s", [x39, x39])

block contains finding if {
	input.change.id != ""
	x40 != ""
	finding := {"message": "hostile"}
}
