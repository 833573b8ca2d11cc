# Lays more and more over the input, each time for a rule that lays something over it too.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

y0 := count([k | some k, _ in input.change])

y1 := a + b if {
	a := y0 with input.batch.size as 1
	b := y0 with input.batch.size as 101
}

y2 := a + b if {
	a := y1 with input.batch.size as 2
	b := y1 with input.batch.size as 102
}

y3 := a + b if {
	a := y2 with input.batch.size as 3
	b := y2 with input.batch.size as 103
}

y4 := a + b if {
	a := y3 with input.batch.size as 4
	b := y3 with input.batch.size as 104
}

y5 := a + b if {
	a := y4 with input.batch.size as 5
	b := y4 with input.batch.size as 105
}

y6 := a + b if {
	a := y5 with input.batch.size as 6
	b := y5 with input.batch.size as 106
}

y7 := a + b if {
	a := y6 with input.batch.size as 7
	b := y6 with input.batch.size as 107
}

y8 := a + b if {
	a := y7 with input.batch.size as 8
	b := y7 with input.batch.size as 108
}

y9 := a + b if {
	a := y8 with input.batch.size as 9
	b := y8 with input.batch.size as 109
}

y10 := a + b if {
	a := y9 with input.batch.size as 10
	b := y9 with input.batch.size as 110
}

y11 := a + b if {
	a := y10 with input.batch.size as 11
	b := y10 with input.batch.size as 111
}

y12 := a + b if {
	a := y11 with input.batch.size as 12
	b := y11 with input.batch.size as 112
}

y13 := a + b if {
	a := y12 with input.batch.size as 13
	b := y12 with input.batch.size as 113
}

y14 := a + b if {
	a := y13 with input.batch.size as 14
	b := y13 with input.batch.size as 114
}

y15 := a + b if {
	a := y14 with input.batch.size as 15
	b := y14 with input.batch.size as 115
}

y16 := a + b if {
	a := y15 with input.batch.size as 16
	b := y15 with input.batch.size as 116
}

y17 := a + b if {
	a := y16 with input.batch.size as 17
	b := y16 with input.batch.size as 117
}

y18 := a + b if {
	a := y17 with input.batch.size as 18
	b := y17 with input.batch.size as 118
}

y19 := a + b if {
	a := y18 with input.batch.size as 19
	b := y18 with input.batch.size as 119
}

y20 := a + b if {
	a := y19 with input.batch.size as 20
	b := y19 with input.batch.size as 120
}

y21 := a + b if {
	a := y20 with input.batch.size as 21
	b := y20 with input.batch.size as 121
}

y22 := a + b if {
	a := y21 with input.batch.size as 22
	b := y21 with input.batch.size as 122
}

y23 := a + b if {
	a := y22 with input.batch.size as 23
	b := y22 with input.batch.size as 123
}

y24 := a + b if {
	a := y23 with input.batch.size as 24
	b := y23 with input.batch.size as 124
}

y25 := a + b if {
	a := y24 with input.batch.size as 25
	b := y24 with input.batch.size as 125
}

y26 := a + b if {
	a := y25 with input.batch.size as 26
	b := y25 with input.batch.size as 126
}

y27 := a + b if {
	a := y26 with input.batch.size as 27
	b := y26 with input.batch.size as 127
}

y28 := a + b if {
	a := y27 with input.batch.size as 28
	b := y27 with input.batch.size as 128
}

y29 := a + b if {
	a := y28 with input.batch.size as 29
	b := y28 with input.batch.size as 129
}

block contains finding if {
	y29 >= 0
	finding := {"message": "hostile"}
}
