package plan

import "github.com/bidrail/bidrail/policy/term"

// arena is where a run makes its objects and arrays. They are gone when the run is over: what lasts is copied by lasting.
type arena struct {
	maps   chunk[term.Map]
	lists  chunk[term.List]
	sets   chunk[term.Members]
	values chunk[term.Value]
}

// chunk hands out parts of a slice, and takes a larger one when it is used up.
type chunk[T any] struct {
	space []T
	used  int
}

const firstChunk = 64

func (c *chunk[T]) take(n int) []T {
	if c.used+n > len(c.space) {
		c.space, c.used = make([]T, max(firstChunk, 2*len(c.space), n)), 0
	}
	part := c.space[c.used : c.used+n : c.used+n]
	c.used += n
	return part
}

// maxChunk is how many of a sort a run holds on to when it is put aside.
const maxChunk = 1 << 13

func (c *chunk[T]) reset() {
	if len(c.space) > maxChunk {
		c.space = nil
	}
	clear(c.space[:min(c.used, len(c.space))])
	c.used = 0
}

func (a *arena) reset() {
	a.maps.reset()
	a.lists.reset()
	a.sets.reset()
	a.values.reset()
}

// lasting is a copy of a value that does not use the arena.
func lasting(value term.Value) term.Value {
	switch value.Kind() {
	case term.Array:
		list := value.List()
		if list.Len() == 0 {
			return emptyArray
		}
		items := make([]term.Value, list.Len())
		for i := range items {
			items[i] = lasting(list.At(i))
		}
		return term.NewList(items...)
	case term.Object:
		object, copied := value.Map(), &term.Map{}
		for i := range object.Len() {
			key, member := object.At(i)
			copied.Set(lasting(key), lasting(member))
		}
		return copied.Value()
	case term.Set:
		set := value.Members()
		if set.Len() == 0 {
			return emptySet
		}
		copied := &term.Members{}
		for i := range set.Len() {
			copied.Add(lasting(set.At(i)))
		}
		return copied.Value()
	default:
		return value
	}
}
