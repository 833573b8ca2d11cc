# Quotes a text again and again, which escapes the escapes.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := sprintf("%q", [input.change.id])

x1 := sprintf("%q", [x0])

x2 := sprintf("%q", [x1])

x3 := sprintf("%q", [x2])

x4 := sprintf("%q", [x3])

x5 := sprintf("%q", [x4])

x6 := sprintf("%q", [x5])

x7 := sprintf("%q", [x6])

x8 := sprintf("%q", [x7])

x9 := sprintf("%q", [x8])

x10 := sprintf("%q", [x9])

x11 := sprintf("%q", [x10])

x12 := sprintf("%q", [x11])

x13 := sprintf("%q", [x12])

x14 := sprintf("%q", [x13])

x15 := sprintf("%q", [x14])

x16 := sprintf("%q", [x15])

x17 := sprintf("%q", [x16])

x18 := sprintf("%q", [x17])

x19 := sprintf("%q", [x18])

x20 := sprintf("%q", [x19])

x21 := sprintf("%q", [x20])

x22 := sprintf("%q", [x21])

x23 := sprintf("%q", [x22])

x24 := sprintf("%q", [x23])

x25 := sprintf("%q", [x24])

x26 := sprintf("%q", [x25])

x27 := sprintf("%q", [x26])

x28 := sprintf("%q", [x27])

x29 := sprintf("%q", [x28])

x30 := sprintf("%q", [x29])

x31 := sprintf("%q", [x30])

x32 := sprintf("%q", [x31])

x33 := sprintf("%q", [x32])

x34 := sprintf("%q", [x33])

x35 := sprintf("%q", [x34])

x36 := sprintf("%q", [x35])

x37 := sprintf("%q", [x36])

x38 := sprintf("%q", [x37])

x39 := sprintf("%q", [x38])

x40 := sprintf("%q", [x39])

block contains finding if {
	x40 != ""
	finding := {"message": "hostile"}
}
