# Gives such an object as what was observed.

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

block contains {"message": "hostile {observed}", "observed": x40} if input.batch.size >= 0
