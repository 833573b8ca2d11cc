package term

import (
	"math/big"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"
)

// integers are drawn near where something changes: zero, the ends of int64, 64 and 127 bits.
func integers() *rapid.Generator[*big.Int] {
	return rapid.Custom(func(t *rapid.T) *big.Int {
		base := new(big.Int).Lsh(big.NewInt(1), rapid.SampledFrom([]uint{0, 20, 31, 32, 62, 63, 64, 65, 100, 126, 127, 130}).Draw(t, "bits"))
		base.Add(base, big.NewInt(rapid.Int64Range(-3, 3).Draw(t, "off")))
		if rapid.Bool().Draw(t, "negative") {
			base.Neg(base)
		}
		return base
	})
}

func valueOfInteger(integer *big.Int) Value { return Decimal(ast.Number(integer.String())) }

func TestIntegersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := integers().Draw(t, "a"), integers().Draw(t, "b")
		for name, operation := range map[string]struct {
			exact *big.Int
			ours  func(a, b Value) (Value, bool)
		}{
			"sum":        {new(big.Int).Add(a, b), Add},
			"difference": {new(big.Int).Sub(a, b), Subtract},
			"product":    {new(big.Int).Mul(a, b), Multiply},
		} {
			got, ok := operation.ours(valueOfInteger(a), valueOfInteger(b))
			fits := a.BitLen() <= 127 && b.BitLen() <= 127 && operation.exact.BitLen() <= 127
			if ok != fits {
				t.Fatalf("%s of %v and %v: done is %v", name, a, b, ok)
			}
			if ok && got.String() != operation.exact.String() {
				t.Fatalf("%s of %v and %v: %v, want %v", name, a, b, got, operation.exact)
			}
			if ok && (!Equal(got, valueOfInteger(operation.exact)) || got.Hash() != valueOfInteger(operation.exact).Hash()) {
				t.Fatalf("%s of %v and %v is not the same value as the number written", name, a, b)
			}
		}
		if got := Compare(valueOfInteger(a), valueOfInteger(b)); got != a.Cmp(b) {
			t.Fatalf("%v compared with %v is %d", a, b, got)
		}
		if got := Compare(Decimal(ast.Number(a.String()+".0")), valueOfInteger(b)); got != a.Cmp(b) {
			t.Fatalf("%v.0 compared with %v is %d", a, b, got)
		}
		if x := valueOfInteger(a); x.Hash() != Decimal(ast.Number(a.String()+".0")).Hash() {
			t.Fatalf("%v and %v.0 are the same number and have two hashes", a, a)
		}
	})
}
