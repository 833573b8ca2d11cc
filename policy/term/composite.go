package term

import "slices"

// List is an array.
type List struct{ items []Value }

// NewList is the array of the items, which are not copied.
func NewList(items ...Value) Value { return Value{ref: &List{items}} }

// Len is how many items there are.
func (l *List) Len() int { return len(l.items) }

// At is the item at an index, which must be less than Len.
func (l *List) At(i int) Value { return l.items[i] }

// Append adds an item to an array that is still being made.
func (l *List) Append(item Value) { l.items = append(l.items, item) }

// Value is the array as a value.
func (l *List) Value() Value { return Value{ref: l} }

func compareLists(a, b *List) int { return slices.CompareFunc(a.items, b.items, Compare) }

// Members is a set. The zero value is the empty set.
type Members struct{ Keys }

// NewSet is the set of the members.
func NewSet(members ...Value) Value {
	set := &Members{}
	for _, member := range members {
		set.Add(member)
	}
	set.Sort()
	return set.Value()
}

// Add puts a member into a set that is still being made. It says whether it is new.
func (m *Members) Add(member Value) bool {
	_, added := m.add(member)
	return added
}

// Value is the set as a value.
func (m *Members) Value() Value { return Value{ref: m} }

// Map is an object. The zero value is the empty object.
type Map struct {
	keys   *Keys // nil: none
	shared bool  // the keys are of others too, so they are copied before one is added
	values []Value
}

// NewMap is the object with the keys and the values, each at the place of its key. Neither is copied.
func NewMap(keys *Keys, values []Value) Value {
	object := MapOf(keys, values)
	return object.Value()
}

// MapOf is like NewMap, for objects that are made many at a time.
func MapOf(keys *Keys, values []Value) Map {
	if keys.Len() != len(values) {
		panic("term: an object needs a value for each key")
	}
	return Map{keys: keys, shared: true, values: values}
}

// Len is how many members there are.
func (m *Map) Len() int { return len(m.values) }

// SharedKeys are the keys that the object shares with all of its form, nil where it has keys of its own. They do not change, so what
// was found out about them once holds for each object that has them.
func (m *Map) SharedKeys() *Keys {
	if !m.shared {
		return nil
	}
	return m.keys
}

// At is the key and the value at a place of the order of keys, which must be less than Len.
func (m *Map) At(i int) (key, value Value) {
	m.Sort()
	return m.keys.names[i], m.values[i]
}

// Get is the value at a key, undefined where there is none.
func (m *Map) Get(key Value) Value { return m.get(key, key.Hash()) }

func (m *Map) get(key Value, hash uint64) Value {
	if m.keys == nil {
		return Value{}
	}
	if i := m.keys.find(key, hash); i >= 0 {
		return m.values[i]
	}
	return Value{}
}

// Set puts a value at a key of an object that is still being made, in the place of what was there.
func (m *Map) Set(key, value Value) {
	if m.shared {
		if place := m.keys.find(key, key.Hash()); place >= 0 {
			m.values[place] = value
			return
		}
		m.own()
	}
	if m.keys == nil {
		m.keys = &Keys{}
	}
	if place, added := m.keys.add(key); added {
		m.values = append(m.values, value)
	} else {
		m.values[place] = value
	}
}

// own gives the object a copy of its keys, which it shares with nobody.
func (m *Map) own() {
	m.keys = &Keys{names: slices.Clone(m.keys.names), hashes: slices.Clone(m.keys.hashes),
		table: slices.Clone(m.keys.table), unsorted: m.keys.unsorted}
	m.shared = false
}

// Sort puts the members in the order of their keys.
func (m *Map) Sort() {
	if m.keys != nil && m.keys.unsorted {
		m.keys.sort(m.values)
	}
}

// Clone is a copy that can be added to. The members are the same.
func (m *Map) Clone() *Map {
	if m.keys == nil {
		return &Map{}
	}
	clone := &Map{keys: m.keys, shared: m.shared, values: slices.Clone(m.values)}
	if !m.shared {
		clone.own()
	}
	return clone
}

// Value is the object as a value.
func (m *Map) Value() Value { return Value{ref: m} }

func compareMaps(a, b *Map) int {
	a.Sort()
	b.Sort()
	for i := range min(a.Len(), b.Len()) {
		keyA, valueA := a.At(i)
		keyB, valueB := b.At(i)
		if c := Compare(keyA, keyB); c != 0 {
			return c
		}
		if c := Compare(valueA, valueB); c != 0 {
			return c
		}
	}
	return a.Len() - b.Len()
}

func (m *Map) equal(other *Map) bool {
	if len(m.values) != len(other.values) {
		return false
	}
	for i, value := range m.values {
		place := other.keys.find(m.keys.names[i], m.keys.hashes[i])
		if place < 0 || !Equal(value, other.values[place]) {
			return false
		}
	}
	return true
}

// EmptySet is the set without members.
func EmptySet() Value { return Value{ref: &Members{}} }

// Same reports whether two values are one and the same object, array or set, and not only equal.
func Same(a, b Value) bool {
	switch x := a.ref.(type) {
	case *Map:
		y, ok := b.ref.(*Map)
		return ok && x == y
	case *List:
		y, ok := b.ref.(*List)
		return ok && x == y
	case *Members:
		y, ok := b.ref.(*Members)
		return ok && x == y
	}
	return false
}

// A Key is a string that objects are looked into with again and again.
type Key struct {
	name Value
	hash uint64
}

// NewKey is the string as a key.
func NewKey(name string) Key { return KeyOf(Text(name)) }

// KeyOf is the value as a key.
func KeyOf(value Value) Key { return Key{value, value.Hash()} }

// Value is the key as a value.
func (k Key) Value() Value { return k.name }

// At is the member of an object at the key. See [Value.Get] for what else there is.
func (k Key) At(v Value) Value {
	if object, ok := v.ref.(*Map); ok {
		return object.get(k.name, k.hash)
	}
	return v.Get(k.name)
}

// ListIn is an empty array that is to be made in the space.
func ListIn(space []Value) List { return List{space[:0]} }

// Put puts the value at a place of an object that is still being made, as [MapOf] made it.
func (m *Map) Put(place int, value Value) { m.values[place] = value }

// Identity stands for the very object, array or set that a value is, and is comparable; nil for others.
func (v Value) Identity() any {
	switch v.ref.(type) {
	case *Map, *List, *Members:
		return v.ref
	}
	return nil
}
