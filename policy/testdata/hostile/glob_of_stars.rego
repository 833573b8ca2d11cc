# Matches a pattern of many stars with a text that almost fits.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := "aaaaaaaa"

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

block contains finding if {
	not glob.match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", [], sprintf("%s%s", [x10, input.change.target.platform]))
	finding := {"message": "hostile"}
}
