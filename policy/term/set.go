package term

import "slices"

// Union is the set of what either set has.
func (m *Members) Union(other *Members) *Members {
	union := &Members{Keys{names: slices.Clone(m.names), hashes: slices.Clone(m.hashes),
		table: slices.Clone(m.table), unsorted: m.unsorted}}
	for i, member := range other.names {
		union.addHashed(member, other.hashes[i])
	}
	return union
}

// Intersection is the set of what both sets have.
func (m *Members) Intersection(other *Members) *Members {
	fewer, more := m, other
	if more.Len() < fewer.Len() {
		fewer, more = more, fewer
	}
	both := &Members{}
	for i, member := range fewer.names {
		if more.find(member, fewer.hashes[i]) >= 0 {
			both.addHashed(member, fewer.hashes[i])
		}
	}
	return both
}

// Difference is the set of what the set has and the other has not.
func (m *Members) Difference(other *Members) *Members {
	rest := &Members{}
	for i, member := range m.names {
		if other.find(member, m.hashes[i]) < 0 {
			rest.addHashed(member, m.hashes[i])
		}
	}
	return rest
}

// Includes reports whether the set has all that the other has.
func (m *Members) Includes(other *Members) bool {
	for i, member := range other.names {
		if m.find(member, other.hashes[i]) < 0 {
			return false
		}
	}
	return true
}

// List is the array of the members in their order.
func (m *Members) List() Value {
	m.Sort()
	return NewList(slices.Clip(m.names)...)
}

// Names are the keys as they lie, in no order. They must not be changed.
func (k *Keys) Names() []Value { return k.names }

// Items are the items of the array. They must not be changed.
func (l *List) Items() []Value { return l.items }

// Slice is the array of the items from one index up to, and without, another.
func (l *List) Slice(from, to int) Value { return NewList(l.items[from:to:to]...) }

// Keys are the keys of the object. They must not be added to.
func (m *Map) Keys() *Keys {
	if m.keys == nil {
		return &Keys{}
	}
	return m.keys
}

// Values are the values of the object, each at the place that its key has in [Keys.Names] of [Map.Keys]. They must not be changed.
func (m *Map) Values() []Value { return m.values }

// KeySet is the set of the keys.
func (m *Map) KeySet() Value {
	m.Sort()
	set := &Members{*m.Keys()}
	set.table = slices.Clone(set.table) // that of an object which is still being made changes
	return set.Value()
}
