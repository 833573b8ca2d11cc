package ledger

import "math"

// largest is what a sum that does not fit reads as. It is larger than any limit, so whatever is
// judged by it is refused.
const largest = math.MaxInt64

// add is a+b, or the nearest int64: a sum that is too large never looks small.
func add(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return largest
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// take is a-b for a part b of the sum a. A sum that once did not fit stays as it is: nobody knows
// any more how much of it is left.
func take(a, b int64) int64 {
	if a == largest {
		return largest
	}
	return max(a-b, 0)
}

// distance is |a-b|, largest when it does not fit.
func distance(a, b int64) int64 {
	if a < b {
		a, b = b, a
	}
	// The subtraction wraps around to the right answer, which fits 64 bits without a sign.
	return int64(min(uint64(a)-uint64(b), largest))
}
