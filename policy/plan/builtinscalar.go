package plan

import (
	"math"

	"github.com/bidrail/bidrail/policy/term"
)

// What is left to OPA's.
func leave() (term.Value, bool, error) { return term.Value{}, false, nil }

func isEqual(wanted bool) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		equal, err := b.equal(arguments[0], arguments[1])
		return term.Bool(equal == wanted), true, err
	}
}

func isOrdered(holds func(int) bool) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		if err := b.weighPair(arguments[0], arguments[1]); err != nil {
			return term.Value{}, false, err
		}
		return term.Bool(holds(term.Compare(arguments[0], arguments[1]))), true, nil
	}
}

// ofIntegers is arithmetic on two integers whose result is one that a value holds as such. OPA's has numbers of any sort, and the errors.
func ofIntegers(exactly func(x, y term.Value) (term.Value, bool)) builtin {
	return func(_ *budget, arguments []term.Value) (term.Value, bool, error) {
		result, done := exactly(arguments[0], arguments[1])
		return result, done, nil
	}
}

func remainder(x, y term.Value) (term.Value, bool) {
	of, fits := x.Int()
	by, fitsToo := y.Int()
	if !fits || !fitsToo || by == 0 || by == -1 {
		return term.Value{}, false
	}
	return term.Int(of % by), true
}

// minus is of two numbers, or of two sets.
func minus(b *budget, arguments []term.Value) (term.Value, bool, error) {
	if arguments[0].Kind() == term.Set {
		return ofSets((*term.Members).Difference)(b, arguments)
	}
	return ofIntegers(term.Subtract)(b, arguments)
}

func absolute(_ *budget, arguments []term.Value) (term.Value, bool, error) {
	number, fits := arguments[0].Int()
	if !fits || number == math.MinInt64 {
		return leave()
	}
	return term.Int(max(number, -number)), true, nil
}

func isOfKind(kind term.Kind) builtin {
	return func(_ *budget, arguments []term.Value) (term.Value, bool, error) {
		return term.Bool(arguments[0].Kind() == kind), true, nil
	}
}

func typeName(_ *budget, arguments []term.Value) (term.Value, bool, error) {
	return term.Text(arguments[0].Kind().String()), true, nil
}
