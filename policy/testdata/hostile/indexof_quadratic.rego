# Looks for what is almost there at every place of a long text.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

t0 := sprintf("%s-", [input.change.id])

t1 := sprintf("%s%s", [t0, t0])

t2 := sprintf("%s%s", [t1, t1])

t3 := sprintf("%s%s", [t2, t2])

t4 := sprintf("%s%s", [t3, t3])

t5 := sprintf("%s%s", [t4, t4])

t6 := sprintf("%s%s", [t5, t5])

t7 := sprintf("%s%s", [t6, t6])

t8 := sprintf("%s%s", [t7, t7])

t9 := sprintf("%s%s", [t8, t8])

t10 := sprintf("%s%s", [t9, t9])

t11 := sprintf("%s%s", [t10, t10])

t12 := sprintf("%s%s", [t11, t11])

t13 := sprintf("%s%s", [t12, t12])

t14 := sprintf("%s%s", [t13, t13])

t15 := sprintf("%s%s", [t14, t14])

block contains finding if {
	indexof(sprintf("%s%s", [t15, t15]), sprintf("%sx", [t15])) == -1
	finding := {"message": "hostile"}
}
