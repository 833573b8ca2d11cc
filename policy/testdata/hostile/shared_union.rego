# Merges two objects that hold each part of them twice, forty levels deep.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

x0 := {"k": input.change.id}

x1 := {"a": x0, "b": x0}

x2 := {"a": x1, "b": x1}

x3 := {"a": x2, "b": x2}

x4 := {"a": x3, "b": x3}

x5 := {"a": x4, "b": x4}

x6 := {"a": x5, "b": x5}

x7 := {"a": x6, "b": x6}

x8 := {"a": x7, "b": x7}

x9 := {"a": x8, "b": x8}

x10 := {"a": x9, "b": x9}

x11 := {"a": x10, "b": x10}

x12 := {"a": x11, "b": x11}

x13 := {"a": x12, "b": x12}

x14 := {"a": x13, "b": x13}

x15 := {"a": x14, "b": x14}

x16 := {"a": x15, "b": x15}

x17 := {"a": x16, "b": x16}

x18 := {"a": x17, "b": x17}

x19 := {"a": x18, "b": x18}

x20 := {"a": x19, "b": x19}

x21 := {"a": x20, "b": x20}

x22 := {"a": x21, "b": x21}

x23 := {"a": x22, "b": x22}

x24 := {"a": x23, "b": x23}

x25 := {"a": x24, "b": x24}

x26 := {"a": x25, "b": x25}

x27 := {"a": x26, "b": x26}

x28 := {"a": x27, "b": x27}

x29 := {"a": x28, "b": x28}

x30 := {"a": x29, "b": x29}

x31 := {"a": x30, "b": x30}

x32 := {"a": x31, "b": x31}

x33 := {"a": x32, "b": x32}

x34 := {"a": x33, "b": x33}

x35 := {"a": x34, "b": x34}

x36 := {"a": x35, "b": x35}

x37 := {"a": x36, "b": x36}

x38 := {"a": x37, "b": x37}

x39 := {"a": x38, "b": x38}

x40 := {"a": x39, "b": x39}

y0 := {"l": input.change.id}

y1 := {"a": y0, "b": y0}

y2 := {"a": y1, "b": y1}

y3 := {"a": y2, "b": y2}

y4 := {"a": y3, "b": y3}

y5 := {"a": y4, "b": y4}

y6 := {"a": y5, "b": y5}

y7 := {"a": y6, "b": y6}

y8 := {"a": y7, "b": y7}

y9 := {"a": y8, "b": y8}

y10 := {"a": y9, "b": y9}

y11 := {"a": y10, "b": y10}

y12 := {"a": y11, "b": y11}

y13 := {"a": y12, "b": y12}

y14 := {"a": y13, "b": y13}

y15 := {"a": y14, "b": y14}

y16 := {"a": y15, "b": y15}

y17 := {"a": y16, "b": y16}

y18 := {"a": y17, "b": y17}

y19 := {"a": y18, "b": y18}

y20 := {"a": y19, "b": y19}

y21 := {"a": y20, "b": y20}

y22 := {"a": y21, "b": y21}

y23 := {"a": y22, "b": y22}

y24 := {"a": y23, "b": y23}

y25 := {"a": y24, "b": y24}

y26 := {"a": y25, "b": y25}

y27 := {"a": y26, "b": y26}

y28 := {"a": y27, "b": y27}

y29 := {"a": y28, "b": y28}

y30 := {"a": y29, "b": y29}

y31 := {"a": y30, "b": y30}

y32 := {"a": y31, "b": y31}

y33 := {"a": y32, "b": y32}

y34 := {"a": y33, "b": y33}

y35 := {"a": y34, "b": y34}

y36 := {"a": y35, "b": y35}

y37 := {"a": y36, "b": y36}

y38 := {"a": y37, "b": y37}

y39 := {"a": y38, "b": y38}

y40 := {"a": y39, "b": y39}

block contains finding if {
	count(object.union(x40, y40)) > 0
	finding := {"message": "hostile"}
}
