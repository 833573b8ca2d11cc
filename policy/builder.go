package policy

import (
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy/term"
)

// builder makes the objects and lists of one document. All of them lie in two blocks of memory, which saves an allocation
// for each; where a block turns out too small there is another.
type builder struct {
	forms  *forms
	values []term.Value
	maps   []term.Map

	windowsMade [4]madeWindow // the first that differ
}

// member is one member of an object.
type member struct {
	name  string
	value term.Value
}

// What a document refers to where there is nothing.
var (
	noItems   = term.NewList()
	noMembers = new(term.Map).Value()
)

// room is space for so many values, which the caller fills.
func (b *builder) room(length int) []term.Value {
	start := len(b.values)
	if cap(b.values)-start < length {
		b.values, start = make([]term.Value, 0, max(length, 128)), 0
	}
	b.values = b.values[:start+length]
	return b.values[start : start+length : start+length]
}

// made is the object of the keys and the values, each at the place of its key.
func (b *builder) made(keys *term.Keys, values []term.Value) term.Value {
	if len(b.maps) == cap(b.maps) {
		b.maps = make([]term.Map, 0, 32)
	}
	b.maps = append(b.maps, term.MapOf(keys, values))
	return b.maps[len(b.maps)-1].Value()
}

// object is the object of a form with its values in the order of its names, undefined where it has none.
func (b *builder) object(f *form, values ...term.Value) term.Value {
	keys := f.of(values)
	into := b.room(keys.Len())
	if len(into) == len(values) {
		copy(into, values)
		return b.made(keys, into)
	}
	at := 0
	for i := range values {
		if values[i].Defined() {
			into[at] = values[i]
			at++
		}
	}
	if at < len(into) {
		panic("policy: an object has only a part of what belongs together in its form")
	}
	return b.made(keys, into)
}

// named is the object of the members, which are put in order. Of several with one name the last counts.
func (b *builder) named(members []member) term.Value {
	if len(members) == 0 {
		return noMembers
	}
	inOrder := true
	for i := 1; i < len(members); i++ {
		inOrder = inOrder && members[i-1].name < members[i].name
	}
	if !inOrder {
		members = ordered(members)
	}
	values := b.room(len(members))
	for i := range members {
		values[i] = members[i].value
	}
	return b.made(b.forms.of(members), values)
}

// insert puts a member in its place among members that are in order.
func insert(members []member, another member) []member {
	members = append(members, another)
	for i := len(members) - 1; i > 0 && members[i-1].name > another.name; i-- {
		members[i], members[i-1] = members[i-1], another
	}
	return members
}

func ordered(members []member) []member {
	slices.SortStableFunc(members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	last := 0
	for _, each := range members[1:] {
		if each.name != members[last].name {
			last++
		}
		members[last] = each
	}
	return members[:last+1]
}

// list is a list of so many items, each made by item.
func (b *builder) list(length int, item func(i int) term.Value) term.Value {
	if length == 0 {
		return noItems
	}
	items := b.room(length)
	for i := range items {
		items[i] = item(i)
	}
	return term.NewList(items...)
}

func (b *builder) texts(texts []string) term.Value {
	return b.list(len(texts), func(i int) term.Value { return term.Text(texts[i]) })
}
