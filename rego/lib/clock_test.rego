package bidrail.lib.clock_test

import data.bidrail.lib.clock

test_times_are_read_as_utc if clock.utc(1767268800000000000) == "2026-01-01 12:00 UTC"

test_times_are_padded if clock.utc(1772528647000000000) == "2026-03-03 09:04 UTC"
