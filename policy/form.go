package policy

import (
	"hash/maphash"
	"slices"

	"github.com/bidrail/bidrail/policy/term"
)

// form is the form of objects that have some members always and others, in groups, only sometimes. The keys for each
// choice of groups are made once and shared by all objects of the form.
type form struct {
	places []int        // of each group of names: where the first of them is among all names
	keys   []*term.Keys // by the groups that are there, a bit for each
}

// newForm is the form of objects that have these names, which must be sorted, and all of a group of optional names or none.
func newForm(names []string, optional ...[]string) *form {
	if !slices.IsSorted(names) {
		panic("policy: the names of a form are not sorted")
	}
	f := &form{}
	for _, group := range optional {
		f.places = append(f.places, slices.Index(names, group[0]))
	}
	for there := range 1 << len(optional) {
		present := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			group := slices.IndexFunc(optional, func(group []string) bool { return slices.Contains(group, name) })
			return group >= 0 && there&(1<<group) == 0
		})
		f.keys = append(f.keys, term.NewKeys(present...))
	}
	return f
}

// of is the keys of an object that has these of the form's values; the others are undefined.
func (f *form) of(values []term.Value) *term.Keys {
	there := 0
	for group, place := range f.places {
		if values[place].Defined() {
			there |= 1 << group
		}
	}
	return f.keys[there]
}

// forms are the keys that lately met objects have whose names depend on the request or on the revision, such as the facts
// that are known of a target.
type forms struct {
	seed   maphash.Seed
	recent recent[term.Keys]
}

func newForms() *forms { return &forms{seed: maphash.MakeSeed()} }

// of is the keys with the names of the members, which must be sorted and different.
func (f *forms) of(members []member) *term.Keys {
	hash := uint64(len(members))
	for i := range members {
		hash = hash*31 ^ maphash.String(f.seed, members[i].name)
	}
	place := f.recent.at(hash)
	if keys := place.Load(); keys != nil && sameNames(keys, members) {
		return keys
	}
	names := make([]string, len(members))
	for i := range members {
		names[i] = members[i].name
	}
	keys := term.NewKeys(names...)
	place.Store(keys)
	return keys
}

func sameNames(keys *term.Keys, members []member) bool {
	if keys.Len() != len(members) {
		return false
	}
	for i := range members {
		if name, _ := keys.At(i).Text(); name != members[i].name {
			return false
		}
	}
	return true
}
