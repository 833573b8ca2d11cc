package plan

import "github.com/bidrail/bidrail/policy/term"

// objectGet looks at a key, or along a path of keys.
func objectGet(b *budget, arguments []term.Value) (term.Value, bool, error) {
	object, key, otherwise := arguments[0], arguments[1], arguments[2]
	if object.Kind() != term.Object {
		return leave()
	}
	if err := b.weigh(key); err != nil {
		return term.Value{}, false, err
	}
	path := key.List()
	if path == nil {
		if found := object.Map().Get(key); found.Defined() {
			return found, true, nil
		}
		return otherwise, true, nil
	}
	found := object
	for _, each := range path.Items() {
		if _, fits := each.Int(); !fits && found.Kind() == term.Array && each.Kind() == term.Number {
			return leave() // which of 1.0 and 1e0 is an index is for OPA to say
		}
		if found = found.Get(each); !found.Defined() {
			return otherwise, true, nil
		}
	}
	return found, true, nil
}

func objectKeys(b *budget, arguments []term.Value) (term.Value, bool, error) {
	object := arguments[0].Map()
	if object == nil {
		return leave()
	}
	if err := b.make(object.Len()); err != nil {
		return term.Value{}, false, err
	}
	return object.KeySet(), true, nil
}

func objectUnion(b *budget, arguments []term.Value) (term.Value, bool, error) {
	first, second := arguments[0].Map(), arguments[1].Map()
	switch {
	case first == nil || second == nil:
		return leave()
	case first.Len() == 0:
		return arguments[1], true, nil
	case second.Len() == 0:
		return arguments[0], true, nil
	}
	result, err := b.united(first, second)
	return result.Value(), true, err
}

func objectUnionAll(b *budget, arguments []term.Value) (term.Value, bool, error) {
	list := arguments[0].List()
	if list == nil {
		return leave()
	}
	for _, each := range list.Items() {
		if each.Kind() != term.Object {
			return leave()
		}
	}
	result := &term.Map{}
	for i, each := range list.Items() {
		var err error
		switch i {
		case 0:
			result = each.Map()
		case 1:
			result, err = b.united(result, each.Map())
		default:
			err = b.uniteInto(result, each.Map())
		}
		if err != nil {
			return term.Value{}, false, err
		}
	}
	return result.Value(), true, nil
}

// united is the object with what either has. Where both have an object, so has it; otherwise what the second has counts.
func (b *budget) united(first, second *term.Map) (*term.Map, error) {
	if err := b.make(first.Len()); err != nil {
		return nil, err
	}
	result := first.Clone()
	return result, b.uniteInto(result, second)
}

func (b *budget) uniteInto(result, second *term.Map) error {
	names, values := second.Keys().Names(), second.Values()
	if err := b.weighAll(names); err != nil {
		return err
	}
	if err := b.grow(memberRoom * int64(len(names))); err != nil {
		return err
	}
	for i, name := range names {
		value := values[i]
		if inner, before := value.Map(), result.Get(name).Map(); inner != nil && before != nil {
			both, err := b.united(before, inner)
			if err != nil {
				return err
			}
			value = both.Value()
		}
		result.Set(name, value)
	}
	return nil
}

// objectSelect is the object without the keys that are named, or with nothing but them.
func objectSelect(wanted bool) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		object := arguments[0].Map()
		if object == nil {
			return leave()
		}
		named, err := b.namedKeys(arguments[1])
		if named == nil || err != nil {
			return term.Value{}, false, err
		}
		names, values := object.Keys().Names(), object.Values()
		if err := b.weighAll(names); err != nil {
			return term.Value{}, false, err
		}
		if err := b.make(len(names)); err != nil {
			return term.Value{}, false, err
		}
		result := &term.Map{}
		for i, name := range names {
			if named.Has(name) == wanted {
				result.Set(name, values[i])
			}
		}
		return result.Value(), true, nil
	}
}

// namedKeys are the members of an array or a set, or the keys of an object; nil for anything else.
func (b *budget) namedKeys(collection term.Value) (*term.Keys, error) {
	switch collection.Kind() {
	case term.Set:
		return &collection.Members().Keys, nil
	case term.Object:
		return collection.Map().Keys(), nil
	case term.Array:
		items := collection.List().Items()
		if err := b.weighAll(items); err != nil {
			return nil, err
		}
		if err := b.make(len(items)); err != nil {
			return nil, err
		}
		set := &term.Members{}
		for _, item := range items {
			set.Add(item)
		}
		return &set.Keys, nil
	}
	return nil, nil
}

func objectSubset(b *budget, arguments []term.Value) (term.Value, bool, error) {
	super, sub := arguments[0], arguments[1]
	if super.Kind() == term.Array && sub.Kind() == term.Set {
		includes, err := b.listHasMembers(super.List(), sub.Members())
		return term.Bool(includes), true, err
	}
	if super.Kind() != sub.Kind() || super.List() == nil && super.Map() == nil && super.Members() == nil {
		return leave()
	}
	includes, err := b.includes(super, sub)
	return term.Bool(includes), true, err
}

// includes reports whether an array, an object or a set has all of another of its kind: an object all members, or such that include those
// of the other; an array the items in a row.
func (b *budget) includes(super, sub term.Value) (bool, error) {
	switch {
	case super.Kind() != sub.Kind():
		return false, nil
	case super.Kind() == term.Set:
		if err := b.weigh(sub); err != nil {
			return false, err
		}
		return super.Members().Includes(sub.Members()), nil
	case super.Kind() == term.Array:
		return b.includesRow(super.List().Items(), sub.List().Items())
	case super.Kind() == term.Object:
		return b.includesMembers(super.Map(), sub.Map())
	}
	return false, nil
}

func (b *budget) includesMembers(super, sub *term.Map) (bool, error) {
	names, values := sub.Keys().Names(), sub.Values()
	if err := b.weighAll(names); err != nil {
		return false, err
	}
	for i, name := range names {
		there := super.Get(name)
		if !there.Defined() {
			return false, nil
		}
		includes, err := b.equal(there, values[i])
		if err == nil && !includes {
			includes, err = b.includes(there, values[i])
		}
		if err != nil || !includes {
			return false, err
		}
	}
	return true, nil
}

func (b *budget) includesRow(super, sub []term.Value) (bool, error) {
	for from := range len(super) - len(sub) + 1 {
		found := true
		for i := 0; found && i < len(sub); i++ {
			err := b.spend(1)
			if err == nil {
				found, err = b.equal(super[from+i], sub[i])
			}
			if err != nil {
				return false, err
			}
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// listHasMembers is as OPA has it: an item that is in the array twice counts twice, and an empty array has not even all of nothing.
func (b *budget) listHasMembers(super *term.List, sub *term.Members) (bool, error) {
	if err := b.weighAll(super.Items()); err != nil {
		return false, err
	}
	missing := sub.Len()
	for _, item := range super.Items() {
		if sub.Has(item) {
			missing--
		}
		if missing == 0 {
			return true, nil
		}
	}
	return false, nil
}
