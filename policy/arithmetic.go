package policy

import "math/big"

// magnitude is |n|, exact for the most negative int64 too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}

// mulDivRound is a×b/c rounded to nearest, or nil when it does not fit an int64. It writes
// percentages for people; no decision uses it.
func mulDivRound(a, b, c int64) *int64 {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	product.Mul(product, big.NewInt(2))
	divisor := new(big.Int).Mul(big.NewInt(c), big.NewInt(2))
	if product.Sign() >= 0 == (divisor.Sign() >= 0) {
		product.Add(product, big.NewInt(c))
	} else {
		product.Sub(product, big.NewInt(c))
	}
	product.Quo(product, divisor)
	if !product.IsInt64() {
		return nil
	}
	result := product.Int64()
	return &result
}
