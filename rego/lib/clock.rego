# METADATA
# title: Times for people
# description: Writes a time so that a person can read it. There is no clock here, only arithmetic.
package bidrail.lib.clock

# UTC, because the account's time zone is not always known.
utc(nanoseconds) := sprintf("%d-%02d-%02d %02d:%02d UTC", [year, month, day, hour, minute]) if {
	[year, month, day] := time.date(nanoseconds)
	[hour, minute, _] := time.clock(nanoseconds)
}
