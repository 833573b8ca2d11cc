package term

import (
	"cmp"
	"math/big"
	"math/bits"

	"github.com/open-policy-agent/opa/v1/ast"
)

// wide is an integer beyond int64, of up to 127 bits and a sign: what products of two amounts need. Every such integer is one,
// so two of different forms are never the same number.
type wide struct {
	negative  bool
	high, low uint64
}

// integerOf takes a number apart that is an integer of at most 127 bits.
func integerOf(v Value) (wide, bool) {
	switch ref := v.ref.(type) {
	case Kind:
		if ref != Number {
			return wide{}, false
		}
		number := int64(v.word)
		if number < 0 {
			return wide{true, 0, uint64(-number)}, true // also right for the smallest
		}
		return wide{false, 0, uint64(number)}, true
	case *wide:
		return *ref, true
	}
	return wide{}, false
}

// value is an int64 wherever it is one.
func (w wide) value() Value {
	switch {
	case w.high == 0 && w.low < 1<<63:
		if w.negative {
			return Int(-int64(w.low))
		}
		return Int(int64(w.low))
	case w.high == 0 && w.low == 1<<63 && w.negative:
		return Int(-1 << 63)
	}
	kept := w // so that only what is kept is allocated
	return Value{ref: &kept}
}

// IsInteger reports whether the value is an integer of at most 127 bits.
func (v Value) IsInteger() bool {
	_, is := integerOf(v)
	return is
}

// wideOf reads an integer that is written with digits alone.
func wideOf(number ast.Number) (Value, bool) {
	if len(number) > 40 || !plainInteger(string(number)) {
		return Value{}, false
	}
	integer, ok := new(big.Int).SetString(string(number), 10)
	if !ok || integer.BitLen() > 127 {
		return Value{}, false
	}
	w := wide{negative: integer.Sign() < 0}
	integer.Abs(integer)
	w.low = new(big.Int).And(integer, new(big.Int).SetUint64(1<<64-1)).Uint64()
	w.high = integer.Rsh(integer, 64).Uint64()
	return w.value(), true
}

func (w *wide) integer() *big.Int {
	integer := new(big.Int).SetUint64(w.high)
	integer.Lsh(integer, 64).Or(integer, new(big.Int).SetUint64(w.low))
	if w.negative {
		integer.Neg(integer)
	}
	return integer
}

func (w *wide) number() ast.Number { return ast.Number(w.integer().String()) }

func (w *wide) compare(other *wide) int {
	if w.negative != other.negative {
		if w.negative {
			return -1
		}
		return 1
	}
	c := cmp.Or(cmp.Compare(w.high, other.high), cmp.Compare(w.low, other.low))
	if w.negative {
		return -c
	}
	return c
}

// Add is the sum of two integers, exactly. It reports false where one is none, or the sum takes more than 127 bits.
func Add(a, b Value) (Value, bool) {
	x, isInteger := integerOf(a)
	y, isToo := integerOf(b)
	if !isInteger || !isToo {
		return Value{}, false
	}
	if x.high|y.high == 0 && x.low|y.low < 1<<62 { // nearly all
		return Int(int64(a.word) + int64(b.word)), true
	}
	return add(x, y)
}

// Subtract is the difference of two integers. See [Add].
func Subtract(a, b Value) (Value, bool) {
	x, isInteger := integerOf(a)
	y, isToo := integerOf(b)
	if !isInteger || !isToo {
		return Value{}, false
	}
	y.negative = !y.negative
	return add(x, y)
}

func add(x, y wide) (Value, bool) {
	if x.negative == y.negative {
		low, carry := bits.Add64(x.low, y.low, 0)
		high, over := bits.Add64(x.high, y.high, carry)
		if over != 0 || high>>63 != 0 {
			return Value{}, false
		}
		return wide{x.negative, high, low}.value(), true
	}
	if x.high < y.high || x.high == y.high && x.low < y.low {
		x, y = y, x
	}
	low, borrow := bits.Sub64(x.low, y.low, 0)
	high, _ := bits.Sub64(x.high, y.high, borrow)
	return wide{x.negative && (high != 0 || low != 0), high, low}.value(), true
}

// Multiply is the product of two integers. See [Add].
func Multiply(a, b Value) (Value, bool) {
	x, isInteger := integerOf(a)
	y, isToo := integerOf(b)
	if !isInteger || !isToo || x.high != 0 && y.high != 0 {
		return Value{}, false
	}
	if x.high != 0 {
		x, y = y, x
	}
	high, low := bits.Mul64(x.low, y.low)
	over, more := bits.Mul64(x.low, y.high)
	high, carry := bits.Add64(high, more, 0)
	if over != 0 || carry != 0 || high>>63 != 0 {
		return Value{}, false
	}
	return wide{x.negative != y.negative && (high != 0 || low != 0), high, low}.value(), true
}
