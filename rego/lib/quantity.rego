# METADATA
# title: Counts
# description: |
#   Counts among facts are ratios, since conversions come in parts. Here they are compared with counts of limits,
#   and written for people.
package bidrail.lib.quantity

import data.bidrail.lib.limit

fewer(amount, least) if amount.ppm < least.count * limit.million

more(amount, most) if amount.ppm > most.count * limit.million

# Whole ones, without what is left over.
whole(amount) := substring(digits, 0, count(digits) - 6) if {
	amount.ppm >= limit.million
	digits := format_int(amount.ppm, 10)
}

whole(amount) := "0" if amount.ppm < limit.million
