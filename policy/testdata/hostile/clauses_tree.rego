# Calls functions of many clauses that all hold.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

f0(x) := v if {
	v := f1(x)
}

f0(x) := v if {
	v := f1(x)
	v >= 0
}

f0(x) := v if {
	v := f1(x)
	v >= -1
}

f1(x) := v if {
	v := f2(x)
}

f1(x) := v if {
	v := f2(x)
	v >= 0
}

f1(x) := v if {
	v := f2(x)
	v >= -1
}

f2(x) := v if {
	v := f3(x)
}

f2(x) := v if {
	v := f3(x)
	v >= 0
}

f2(x) := v if {
	v := f3(x)
	v >= -1
}

f3(x) := v if {
	v := f4(x)
}

f3(x) := v if {
	v := f4(x)
	v >= 0
}

f3(x) := v if {
	v := f4(x)
	v >= -1
}

f4(x) := v if {
	v := f5(x)
}

f4(x) := v if {
	v := f5(x)
	v >= 0
}

f4(x) := v if {
	v := f5(x)
	v >= -1
}

f5(x) := v if {
	v := f6(x)
}

f5(x) := v if {
	v := f6(x)
	v >= 0
}

f5(x) := v if {
	v := f6(x)
	v >= -1
}

f6(x) := v if {
	v := f7(x)
}

f6(x) := v if {
	v := f7(x)
	v >= 0
}

f6(x) := v if {
	v := f7(x)
	v >= -1
}

f7(x) := v if {
	v := f8(x)
}

f7(x) := v if {
	v := f8(x)
	v >= 0
}

f7(x) := v if {
	v := f8(x)
	v >= -1
}

f8(x) := v if {
	v := f9(x)
}

f8(x) := v if {
	v := f9(x)
	v >= 0
}

f8(x) := v if {
	v := f9(x)
	v >= -1
}

f9(x) := v if {
	v := f10(x)
}

f9(x) := v if {
	v := f10(x)
	v >= 0
}

f9(x) := v if {
	v := f10(x)
	v >= -1
}

f10(x) := v if {
	v := f11(x)
}

f10(x) := v if {
	v := f11(x)
	v >= 0
}

f10(x) := v if {
	v := f11(x)
	v >= -1
}

f11(x) := v if {
	v := f12(x)
}

f11(x) := v if {
	v := f12(x)
	v >= 0
}

f11(x) := v if {
	v := f12(x)
	v >= -1
}

f12(x) := v if {
	v := f13(x)
}

f12(x) := v if {
	v := f13(x)
	v >= 0
}

f12(x) := v if {
	v := f13(x)
	v >= -1
}

f13(x) := v if {
	v := f14(x)
}

f13(x) := v if {
	v := f14(x)
	v >= 0
}

f13(x) := v if {
	v := f14(x)
	v >= -1
}

f14(x) := v if {
	v := f15(x)
}

f14(x) := v if {
	v := f15(x)
	v >= 0
}

f14(x) := v if {
	v := f15(x)
	v >= -1
}

f15(x) := v if {
	v := f16(x)
}

f15(x) := v if {
	v := f16(x)
	v >= 0
}

f15(x) := v if {
	v := f16(x)
	v >= -1
}

f16(x) := v if {
	v := f17(x)
}

f16(x) := v if {
	v := f17(x)
	v >= 0
}

f16(x) := v if {
	v := f17(x)
	v >= -1
}

f17(x) := v if {
	v := f18(x)
}

f17(x) := v if {
	v := f18(x)
	v >= 0
}

f17(x) := v if {
	v := f18(x)
	v >= -1
}

f18(x) := v if {
	v := f19(x)
}

f18(x) := v if {
	v := f19(x)
	v >= 0
}

f18(x) := v if {
	v := f19(x)
	v >= -1
}

f19(x) := v if {
	v := f20(x)
}

f19(x) := v if {
	v := f20(x)
	v >= 0
}

f19(x) := v if {
	v := f20(x)
	v >= -1
}

f20(x) := v if {
	v := f21(x)
}

f20(x) := v if {
	v := f21(x)
	v >= 0
}

f20(x) := v if {
	v := f21(x)
	v >= -1
}

f21(x) := v if {
	v := f22(x)
}

f21(x) := v if {
	v := f22(x)
	v >= 0
}

f21(x) := v if {
	v := f22(x)
	v >= -1
}

f22(x) := v if {
	v := f23(x)
}

f22(x) := v if {
	v := f23(x)
	v >= 0
}

f22(x) := v if {
	v := f23(x)
	v >= -1
}

f23(x) := v if {
	v := f24(x)
}

f23(x) := v if {
	v := f24(x)
	v >= 0
}

f23(x) := v if {
	v := f24(x)
	v >= -1
}

f24(x) := v if {
	v := f25(x)
}

f24(x) := v if {
	v := f25(x)
	v >= 0
}

f24(x) := v if {
	v := f25(x)
	v >= -1
}

f25(x) := v if {
	v := f26(x)
}

f25(x) := v if {
	v := f26(x)
	v >= 0
}

f25(x) := v if {
	v := f26(x)
	v >= -1
}

f26(x) := v if {
	v := f27(x)
}

f26(x) := v if {
	v := f27(x)
	v >= 0
}

f26(x) := v if {
	v := f27(x)
	v >= -1
}

f27(x) := v if {
	v := f28(x)
}

f27(x) := v if {
	v := f28(x)
	v >= 0
}

f27(x) := v if {
	v := f28(x)
	v >= -1
}

f28(x) := v if {
	v := f29(x)
}

f28(x) := v if {
	v := f29(x)
	v >= 0
}

f28(x) := v if {
	v := f29(x)
	v >= -1
}

f29(x) := v if {
	v := f30(x)
}

f29(x) := v if {
	v := f30(x)
	v >= 0
}

f29(x) := v if {
	v := f30(x)
	v >= -1
}

f30(x) := x

block contains finding if {
	f0(input.batch.size) > 0
	finding := {"message": "hostile"}
}
