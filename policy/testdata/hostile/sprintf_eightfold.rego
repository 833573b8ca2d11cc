# Writes a text eight times over, twelve times.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := input.change.id

x1 := sprintf("%v%v%v%v%v%v%v%v", [x0, x0, x0, x0, x0, x0, x0, x0])

x2 := sprintf("%v%v%v%v%v%v%v%v", [x1, x1, x1, x1, x1, x1, x1, x1])

x3 := sprintf("%v%v%v%v%v%v%v%v", [x2, x2, x2, x2, x2, x2, x2, x2])

x4 := sprintf("%v%v%v%v%v%v%v%v", [x3, x3, x3, x3, x3, x3, x3, x3])

x5 := sprintf("%v%v%v%v%v%v%v%v", [x4, x4, x4, x4, x4, x4, x4, x4])

x6 := sprintf("%v%v%v%v%v%v%v%v", [x5, x5, x5, x5, x5, x5, x5, x5])

x7 := sprintf("%v%v%v%v%v%v%v%v", [x6, x6, x6, x6, x6, x6, x6, x6])

x8 := sprintf("%v%v%v%v%v%v%v%v", [x7, x7, x7, x7, x7, x7, x7, x7])

x9 := sprintf("%v%v%v%v%v%v%v%v", [x8, x8, x8, x8, x8, x8, x8, x8])

x10 := sprintf("%v%v%v%v%v%v%v%v", [x9, x9, x9, x9, x9, x9, x9, x9])

x11 := sprintf("%v%v%v%v%v%v%v%v", [x10, x10, x10, x10, x10, x10, x10, x10])

x12 := sprintf("%v%v%v%v%v%v%v%v", [x11, x11, x11, x11, x11, x11, x11, x11])

block contains finding if {
	x12 != ""
	finding := {"message": "hostile"}
}
