# Calls functions that each put two of the next one's results into a list.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

f0(x) := [f1([x]), f1([x, x])]

f1(x) := [f2([x]), f2([x, x])]

f2(x) := [f3([x]), f3([x, x])]

f3(x) := [f4([x]), f4([x, x])]

f4(x) := [f5([x]), f5([x, x])]

f5(x) := [f6([x]), f6([x, x])]

f6(x) := [f7([x]), f7([x, x])]

f7(x) := [f8([x]), f8([x, x])]

f8(x) := [f9([x]), f9([x, x])]

f9(x) := [f10([x]), f10([x, x])]

f10(x) := [f11([x]), f11([x, x])]

f11(x) := [f12([x]), f12([x, x])]

f12(x) := [f13([x]), f13([x, x])]

f13(x) := [f14([x]), f14([x, x])]

f14(x) := [f15([x]), f15([x, x])]

f15(x) := [f16([x]), f16([x, x])]

f16(x) := [f17([x]), f17([x, x])]

f17(x) := [f18([x]), f18([x, x])]

f18(x) := [f19([x]), f19([x, x])]

f19(x) := [f20([x]), f20([x, x])]

f20(x) := [f21([x]), f21([x, x])]

f21(x) := [f22([x]), f22([x, x])]

f22(x) := [f23([x]), f23([x, x])]

f23(x) := [f24([x]), f24([x, x])]

f24(x) := [f25([x]), f25([x, x])]

f25(x) := [f26([x]), f26([x, x])]

f26(x) := [f27([x]), f27([x, x])]

f27(x) := [f28([x]), f28([x, x])]

f28(x) := [f29([x]), f29([x, x])]

f29(x) := [f30([x]), f30([x, x])]

f30(x) := x

block contains finding if {
	count(f0(input.batch.size)) > 0
	finding := {"message": "hostile"}
}
