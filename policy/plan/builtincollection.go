package plan

import (
	"math/bits"
	"slices"

	"github.com/bidrail/bidrail/policy/term"
)

// collected are the members of an array or, in no order, of a set.
func (b *budget) collected(collection term.Value) (items []term.Value, ok bool, err error) {
	switch collection.Kind() {
	case term.Array:
		items = collection.List().Items()
	case term.Set:
		items = collection.Members().Names()
	default:
		return nil, false, nil
	}
	return items, true, b.spend(int64(len(items)))
}

func count(b *budget, arguments []term.Value) (term.Value, bool, error) {
	if text, ok := arguments[0].Text(); ok {
		if err := b.read(text, ""); err != nil {
			return term.Value{}, false, err
		}
	}
	length, ok := arguments[0].Len()
	return term.Int(int64(length)), ok, nil
}

func sum(b *budget, arguments []term.Value) (term.Value, bool, error) {
	items, ok, err := b.collected(arguments[0])
	if !ok || err != nil {
		return term.Value{}, false, err
	}
	total := term.Int(0)
	for _, item := range items {
		if total, ok = term.Add(total, item); !ok {
			return leave()
		}
	}
	return total, true, nil
}

// extreme is the largest member, or with -1 the smallest. Of what is equal it is the last, which shows where one number is written in
// two ways.
func extreme(sign int) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		items, ok, err := b.collected(arguments[0])
		if !ok || err != nil || len(items) == 0 {
			return term.Value{}, ok, err
		}
		result := items[0]
		for _, item := range items[1:] {
			if err := b.weighPair(item, result); err != nil {
				return term.Value{}, false, err
			}
			if sign*term.Compare(item, result) >= 0 {
				result = item
			}
		}
		return result, true, nil
	}
}

func sorted(b *budget, arguments []term.Value) (term.Value, bool, error) {
	kind := arguments[0].Kind()
	if kind != term.Array && kind != term.Set {
		return leave()
	}
	weight, err := b.weighed(arguments[0])
	if err == nil {
		err = b.spend(weight * int64(bits.Len(uint(members(arguments[0])))))
	}
	if err == nil {
		err = b.make(members(arguments[0]))
	}
	if err != nil {
		return term.Value{}, false, err
	}
	if kind == term.Set {
		return arguments[0].Members().List(), true, nil
	}
	items := slices.Clone(arguments[0].List().Items())
	slices.SortFunc(items, term.Compare)
	return term.NewList(items...), true, nil
}

// ofSets is a set made of two.
func ofSets(combine func(a, b *term.Members) *term.Members) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		x, y := arguments[0].Members(), arguments[1].Members()
		if x == nil || y == nil {
			return leave()
		}
		if err := b.combining(x, y); err != nil {
			return term.Value{}, false, err
		}
		return combine(x, y).Value(), true, nil
	}
}

// combining takes what it takes to look for the members of either set in the other.
func (b *budget) combining(x, y *term.Members) error {
	if x.Len() < y.Len() {
		x, y = y, x
	}
	if err := b.weighAll(y.Names()); err != nil { // those that are in both are compared
		return err
	}
	return b.make(x.Len() + y.Len())
}

// ofSetOfSets is a set made of the sets in one.
func ofSetOfSets(combine func(a, b *term.Members) *term.Members) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		if arguments[0].Kind() != term.Set {
			return leave()
		}
		sets, _, err := b.collected(arguments[0])
		if err != nil {
			return term.Value{}, false, err
		}
		for _, set := range sets {
			if set.Kind() != term.Set {
				return leave()
			}
		}
		result := &term.Members{}
		for i, set := range sets {
			if i == 0 {
				result = set.Members()
				continue
			}
			if err := b.combining(result, set.Members()); err != nil {
				return term.Value{}, false, err
			}
			result = combine(result, set.Members())
		}
		return result.Value(), true, nil
	}
}

func isMember(b *budget, arguments []term.Value) (term.Value, bool, error) {
	wanted, within := arguments[0], arguments[1]
	var among []term.Value
	switch within.Kind() {
	case term.Set:
		if err := b.weigh(wanted); err != nil {
			return term.Value{}, false, err
		}
		return term.Bool(within.Members().Has(wanted)), true, nil
	case term.Array:
		among = within.List().Items()
	case term.Object:
		among = within.Map().Values()
	}
	for _, each := range among {
		if err := b.spend(1); err != nil {
			return term.Value{}, false, err
		}
		if equal, err := b.equal(wanted, each); equal || err != nil {
			return term.Bool(equal), true, err
		}
	}
	return term.Bool(false), true, nil
}

// isMemberAt is isMember at one key: of a set, the member is its own key.
func isMemberAt(b *budget, arguments []term.Value) (term.Value, bool, error) {
	key, wanted, within := arguments[0], arguments[1], arguments[2]
	if within.Kind() == term.Array && key.Kind() == term.Number {
		if _, fits := key.Int(); !fits {
			return leave() // which of 1.0 and 1e0 is an index is for OPA to say
		}
	}
	if members(within) == 0 {
		return term.Bool(false), true, nil
	}
	if err := b.weigh(key); err != nil {
		return term.Value{}, false, err
	}
	there := within.Get(key)
	if !there.Defined() {
		return term.Bool(false), true, nil
	}
	equal, err := b.equal(wanted, there)
	return term.Bool(equal), true, err
}

func arrayConcat(b *budget, arguments []term.Value) (term.Value, bool, error) {
	first, second := arguments[0].List(), arguments[1].List()
	switch {
	case first == nil || second == nil:
		return leave()
	case first.Len() == 0:
		return arguments[1], true, nil
	case second.Len() == 0:
		return arguments[0], true, nil
	}
	if err := b.make(first.Len() + second.Len()); err != nil {
		return term.Value{}, false, err
	}
	return term.NewList(slices.Concat(first.Items(), second.Items())...), true, nil
}

func arraySlice(b *budget, arguments []term.Value) (term.Value, bool, error) {
	array := arguments[0].List()
	from, fromFits := arguments[1].Int()
	to, toFits := arguments[2].Int()
	if array == nil || !fromFits || !toFits {
		return leave()
	}
	to = min(max(to, 0), int64(array.Len()))
	from = min(max(from, 0), to)
	if from == 0 && to == int64(array.Len()) {
		return arguments[0], true, nil
	}
	if err := b.make(0); err != nil {
		return term.Value{}, false, err
	}
	return array.Slice(int(from), int(to)), true, nil
}

func arrayReverse(b *budget, arguments []term.Value) (term.Value, bool, error) {
	array := arguments[0].List()
	if array == nil {
		return leave()
	}
	if err := b.make(array.Len()); err != nil {
		return term.Value{}, false, err
	}
	items := slices.Clone(array.Items())
	slices.Reverse(items)
	return term.NewList(items...), true, nil
}
