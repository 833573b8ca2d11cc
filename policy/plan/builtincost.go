package plan

import (
	"math"
	"strconv"
	"strings"

	"github.com/bidrail/bidrail/policy/term"
)

// textPerStep is how many bytes of text a built-in looks at in one step.
const textPerStep = 16

// What a value that a built-in makes takes of the memory budget, and each of its members: about what they take up.
const (
	valueRoom  = 64
	memberRoom = 72
)

// weigh spends what it takes to go through all of a value, as comparing it, hashing it or writing it does. It comes before that:
// values that share members can be far larger than the memory they take, so only the steps bound what there is to go through.
func (b *budget) weigh(value term.Value) error {
	switch value.Kind() {
	case term.Number:
		if !value.IsInteger() {
			return b.spend(digits(value.String()))
		}
	case term.String:
		text, _ := value.Text()
		return b.spend(int64(len(text) / textPerStep))
	case term.Array:
		return b.weighAll(value.List().Items())
	case term.Set:
		return b.weighAll(value.Members().Names())
	case term.Object:
		if err := b.weighAll(value.Map().Keys().Names()); err != nil {
			return err
		}
		return b.weighAll(value.Map().Values())
	}
	return nil
}

func (b *budget) weighAll(values []term.Value) error {
	if err := b.spend(int64(len(values))); err != nil {
		return err
	}
	for _, value := range values {
		if err := b.weigh(value); err != nil {
			return err
		}
	}
	return nil
}

// digits is about how many digits a number has where it is written without an exponent, which is how OPA reckons with it.
func digits(number string) int64 {
	at := strings.IndexAny(number, "eE")
	if at < 0 {
		return int64(len(number))
	}
	exponent, err := strconv.ParseInt(number[at+1:], 10, 32)
	if err != nil {
		return math.MaxInt32
	}
	return int64(len(number)) + max(exponent, -exponent)
}

// weighed is what [budget.weigh] spent on a value.
func (b *budget) weighed(value term.Value) (steps int64, err error) {
	before := b.steps
	err = b.weigh(value)
	return before - b.steps, err
}

// weighPair spends what it takes to compare two values at most.
func (b *budget) weighPair(x, y term.Value) error {
	switch kind := x.Kind(); {
	case kind != y.Kind():
		return nil
	case kind == term.String:
		text, _ := x.Text()
		other, _ := y.Text()
		return b.spend(int64(min(len(text), len(other)) / textPerStep))
	case kind == term.Number:
		if err := b.weigh(x); err != nil {
			return err
		}
		return b.weigh(y)
	case members(x) <= members(y):
		return b.weigh(x)
	}
	return b.weigh(y)
}

// members is how many members an array, an object or a set has, and 0 for anything else.
func members(value term.Value) int {
	switch value.Kind() {
	case term.Array:
		return value.List().Len()
	case term.Object:
		return value.Map().Len()
	case term.Set:
		return value.Members().Len()
	}
	return 0
}

// read spends what it takes to go through texts.
func (b *budget) read(a, c string) error { return b.spend(int64((len(a) + len(c)) / textPerStep)) }

// make takes the room of a value with so many members, and the steps to fill it.
func (b *budget) make(members int) error {
	if err := b.spend(int64(members)); err != nil {
		return err
	}
	return b.grow(valueRoom + memberRoom*int64(members))
}

// equal is [term.Equal] within the budget.
func (b *budget) equal(x, y term.Value) (bool, error) {
	if err := b.weighPair(x, y); err != nil {
		return false, err
	}
	return term.Equal(x, y), nil
}
