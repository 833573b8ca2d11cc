# METADATA
# title: Decimals for people
# description: |
#   Facts that count something are in millionths, since conversions come in parts. Writes one as a decimal; there is no
#   division, so it moves the point.
package bidrail.lib.decimal

written(millionths) := whole(digits(millionths)) if fraction(digits(millionths)) == ""

written(millionths) := sprintf("%s.%s", [whole(digits(millionths)), fraction(digits(millionths))]) if {
	fraction(digits(millionths)) != ""
}

digits(millionths) := sprintf("%07d", [millionths])

whole(text) := substring(text, 0, count(text) - 6)

fraction(text) := trim_right(substring(text, count(text) - 6, 6), "0")
