# Doubles a text and changes its case, again and again.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := sprintf("ŉ%s", [input.change.id])

x1 := upper(sprintf("%s%s", [lower(x0), x0]))

x2 := upper(sprintf("%s%s", [lower(x1), x1]))

x3 := upper(sprintf("%s%s", [lower(x2), x2]))

x4 := upper(sprintf("%s%s", [lower(x3), x3]))

x5 := upper(sprintf("%s%s", [lower(x4), x4]))

x6 := upper(sprintf("%s%s", [lower(x5), x5]))

x7 := upper(sprintf("%s%s", [lower(x6), x6]))

x8 := upper(sprintf("%s%s", [lower(x7), x7]))

x9 := upper(sprintf("%s%s", [lower(x8), x8]))

x10 := upper(sprintf("%s%s", [lower(x9), x9]))

x11 := upper(sprintf("%s%s", [lower(x10), x10]))

x12 := upper(sprintf("%s%s", [lower(x11), x11]))

x13 := upper(sprintf("%s%s", [lower(x12), x12]))

x14 := upper(sprintf("%s%s", [lower(x13), x13]))

x15 := upper(sprintf("%s%s", [lower(x14), x14]))

x16 := upper(sprintf("%s%s", [lower(x15), x15]))

x17 := upper(sprintf("%s%s", [lower(x16), x16]))

x18 := upper(sprintf("%s%s", [lower(x17), x17]))

x19 := upper(sprintf("%s%s", [lower(x18), x18]))

x20 := upper(sprintf("%s%s", [lower(x19), x19]))

x21 := upper(sprintf("%s%s", [lower(x20), x20]))

x22 := upper(sprintf("%s%s", [lower(x21), x21]))

x23 := upper(sprintf("%s%s", [lower(x22), x22]))

x24 := upper(sprintf("%s%s", [lower(x23), x23]))

x25 := upper(sprintf("%s%s", [lower(x24), x24]))

x26 := upper(sprintf("%s%s", [lower(x25), x25]))

x27 := upper(sprintf("%s%s", [lower(x26), x26]))

x28 := upper(sprintf("%s%s", [lower(x27), x27]))

x29 := upper(sprintf("%s%s", [lower(x28), x28]))

x30 := upper(sprintf("%s%s", [lower(x29), x29]))

x31 := upper(sprintf("%s%s", [lower(x30), x30]))

x32 := upper(sprintf("%s%s", [lower(x31), x31]))

block contains finding if {
	x32 != ""
	finding := {"message": "hostile"}
}
