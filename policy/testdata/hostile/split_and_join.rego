# Splits a text and puts it together longer than it was.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := input.change.id

x1 := sprintf("%v", [split(x0, "")])

x2 := sprintf("%v", [split(x1, "")])

x3 := sprintf("%v", [split(x2, "")])

x4 := sprintf("%v", [split(x3, "")])

x5 := sprintf("%v", [split(x4, "")])

x6 := sprintf("%v", [split(x5, "")])

x7 := sprintf("%v", [split(x6, "")])

x8 := sprintf("%v", [split(x7, "")])

x9 := sprintf("%v", [split(x8, "")])

x10 := sprintf("%v", [split(x9, "")])

x11 := sprintf("%v", [split(x10, "")])

x12 := sprintf("%v", [split(x11, "")])

x13 := sprintf("%v", [split(x12, "")])

x14 := sprintf("%v", [split(x13, "")])

x15 := sprintf("%v", [split(x14, "")])

x16 := sprintf("%v", [split(x15, "")])

block contains finding if {
	x16 != ""
	finding := {"message": "hostile"}
}
