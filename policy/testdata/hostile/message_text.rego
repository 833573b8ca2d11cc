# Gives a finding a message of many megabytes.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := input.change.id

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

block contains {"message": x20}
