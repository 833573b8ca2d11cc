# Counts a short text in a long one, ten thousand times.

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

xs := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100]

block contains finding if {
	every a in xs { every b in xs { strings.count(t15, sprintf("%d %d", [a, b])) == 0 } }
	finding := {"message": "hostile"}
}
