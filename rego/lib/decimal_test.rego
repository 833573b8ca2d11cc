package bidrail.lib.decimal_test

import data.bidrail.lib.decimal

test_amounts_are_written_as_decimals if {
	written := [decimal.written(millionths) | some millionths in [0, 1, 500000, 1000000, 12500000, 50000001, 1234000000]]
	written == ["0", "0.000001", "0.5", "1", "12.5", "50.000001", "1234"]
}
