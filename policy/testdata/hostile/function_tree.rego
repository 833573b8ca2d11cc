# Calls functions that each call the next one twice, forty levels deep.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

f0(x) := f1(x + 1) + f1(x + 2)

f1(x) := f2(x + 1) + f2(x + 2)

f2(x) := f3(x + 1) + f3(x + 2)

f3(x) := f4(x + 1) + f4(x + 2)

f4(x) := f5(x + 1) + f5(x + 2)

f5(x) := f6(x + 1) + f6(x + 2)

f6(x) := f7(x + 1) + f7(x + 2)

f7(x) := f8(x + 1) + f8(x + 2)

f8(x) := f9(x + 1) + f9(x + 2)

f9(x) := f10(x + 1) + f10(x + 2)

f10(x) := f11(x + 1) + f11(x + 2)

f11(x) := f12(x + 1) + f12(x + 2)

f12(x) := f13(x + 1) + f13(x + 2)

f13(x) := f14(x + 1) + f14(x + 2)

f14(x) := f15(x + 1) + f15(x + 2)

f15(x) := f16(x + 1) + f16(x + 2)

f16(x) := f17(x + 1) + f17(x + 2)

f17(x) := f18(x + 1) + f18(x + 2)

f18(x) := f19(x + 1) + f19(x + 2)

f19(x) := f20(x + 1) + f20(x + 2)

f20(x) := f21(x + 1) + f21(x + 2)

f21(x) := f22(x + 1) + f22(x + 2)

f22(x) := f23(x + 1) + f23(x + 2)

f23(x) := f24(x + 1) + f24(x + 2)

f24(x) := f25(x + 1) + f25(x + 2)

f25(x) := f26(x + 1) + f26(x + 2)

f26(x) := f27(x + 1) + f27(x + 2)

f27(x) := f28(x + 1) + f28(x + 2)

f28(x) := f29(x + 1) + f29(x + 2)

f29(x) := f30(x + 1) + f30(x + 2)

f30(x) := f31(x + 1) + f31(x + 2)

f31(x) := f32(x + 1) + f32(x + 2)

f32(x) := f33(x + 1) + f33(x + 2)

f33(x) := f34(x + 1) + f34(x + 2)

f34(x) := f35(x + 1) + f35(x + 2)

f35(x) := f36(x + 1) + f36(x + 2)

f36(x) := f37(x + 1) + f37(x + 2)

f37(x) := f38(x + 1) + f38(x + 2)

f38(x) := f39(x + 1) + f39(x + 2)

f39(x) := f40(x + 1) + f40(x + 2)

f40(x) := x

block contains finding if {
	f0(input.batch.size) > 0
	finding := {"message": "hostile"}
}
