# METADATA
# title: Times for people
# description: Writes a time so that a person can read it. There is no clock here, only arithmetic.
package bidrail.lib.clock

# UTC, because the account's time zone is not always known.
utc(nanoseconds) := sprintf("%d-%02d-%02d %02d:%02d UTC", [year, month, day, hour, minute]) if {
	[year, month, day] := time.date(nanoseconds)
	[hour, minute, _] := time.clock(nanoseconds)
}

# A time such as 2026-03-01T00:00:00Z in nanoseconds. What is not written so has no value here: the built-in that
# reads times fails on it, and a rule that fails has no answer at all. Years go from 1970 to 2261, which is where
# nanoseconds end.
moment(text) := time.parse_rfc3339_ns(text) if {
	[date, hours] := split(text, "T")
	[year, month, day] := split(date, "-")
	endswith(hours, "Z")
	[hour, minute, seconds] := split(trim_suffix(hours, "Z"), ":")
	count(year) == 4
	year_number := (100 * number(substring(year, 0, 2))) + number(substring(year, 2, 2))
	year_number >= 1970
	year_number < 2262
	number(month) in object.keys(days_of_months)
	number(day) > 0
	number(day) <= days(year_number, number(month))
	number(hour) < 24
	number(minute) < 60
	number(seconds) < 60
}

# What two digits say.
number(text) := (10 * digit(substring(text, 0, 1))) + digit(substring(text, 1, 1)) if count(text) == 2

digit(character) := indexof("0123456789", character) if trim(character, "0123456789") == ""

# How many days the month has.
days(_, month) := days_of_months[month] if month != 2

days(year, 2) := 29 if leap(year)

days(year, 2) := 28 if not leap(year)

days_of_months := {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

leap(year) if {
	year % 4 == 0
	year % 100 != 0
}

leap(year) if year % 400 == 0
