package term

import (
	"fmt"
	"slices"
	"testing"
)

func letters(count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("name_%04d", i)
	}
	return names
}

func TestKeysAreFoundHoweverManyThereAre(t *testing.T) {
	for _, count := range []int{0, 1, few - 1, few, few + 1, 2 * few, 48, 49, 1000} {
		names := letters(count)
		backwards := slices.Clone(names)
		slices.Reverse(backwards)
		for _, keys := range []*Keys{NewKeys(names...), NewKeys(backwards...)} {
			values := make([]Value, count)
			for i, name := range names {
				if keys.Index(Text(name)) != i || !Equal(keys.At(i), Text(name)) {
					t.Fatalf("%d keys: %s is at %d", count, name, keys.Index(Text(name)))
				}
				values[i] = Int(int64(i))
			}
			if keys.Has(Text("name")) || keys.Index(Int(1)) != -1 || keys.Len() != count {
				t.Errorf("%d keys: there is one that nobody gave", count)
			}
			object := NewMap(keys, values)
			for i, name := range names {
				if got, ok := object.Field(name).Int(); !ok || got != int64(i) {
					t.Fatalf("%d keys: %s is %v", count, name, object.Field(name))
				}
			}
		}
	}
}

func panics(t *testing.T, what string, run func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	run()
}

func TestKeysAndObjectsThatCannotBeArePanics(t *testing.T) {
	panics(t, "a name given twice", func() { NewKeys("a", "b", "a") })
	panics(t, "a key without a value", func() { NewMap(NewKeys("a", "b"), []Value{Int(1)}) })
}

// Objects of one form share their keys until something is added to one of them.
func TestAddingToAnObjectLeavesThoseOfItsFormAlone(t *testing.T) {
	for _, count := range []int{1, few, 3 * few} {
		keys := NewKeys(letters(count)...)
		one, other := MapOf(keys, make([]Value, count)), MapOf(keys, make([]Value, count))
		if one.SharedKeys() != keys || other.Keys() != keys {
			t.Fatal("they do not share the keys they were made with")
		}
		one.Set(Text("name_0000"), Int(5))
		if one.SharedKeys() != keys || !Equal(one.Get(Text("name_0000")), Int(5)) || other.Get(Text("name_0000")).Defined() {
			t.Errorf("%d keys: a value was put in the place of another: %v and %v", count, one.Value(), other.Value())
		}
		clone := one.Clone()
		for i := range 2 * few {
			clone.Set(Text(fmt.Sprintf("later_%02d", i)), Int(int64(i)))
		}
		clone.Set(Text("name_0000"), Int(6))
		if keys.Len() != count || one.Len() != count || other.Len() != count || clone.Len() != count+2*few {
			t.Fatalf("%d keys: there are %d, and %d, %d and %d members", count, keys.Len(), one.Len(), other.Len(), clone.Len())
		}
		if clone.SharedKeys() != nil || !Equal(clone.Get(Text("later_03")), Int(3)) || !Equal(clone.Get(Text("name_0000")), Int(6)) ||
			one.Get(Text("later_03")).Defined() || !Equal(one.Get(Text("name_0000")), Int(5)) {
			t.Errorf("%d keys: got %v and %v", count, one.Value(), clone.Value())
		}
		if first, _ := clone.At(0); !Equal(first, Text("later_00")) {
			t.Errorf("%d keys: the first is %v", count, first)
		}
		again := clone.Clone()
		again.Set(Text("last"), Int(1))
		if clone.Get(Text("last")).Defined() || again.Len() != clone.Len()+1 {
			t.Errorf("%d keys: a copy of an object with keys of its own is not a copy", count)
		}
	}
}

func TestTheEmptyObjectCanBeCopiedAndAddedTo(t *testing.T) {
	var empty Map
	clone := empty.Clone()
	clone.Set(Text("a"), Int(1))
	if empty.Len() != 0 || clone.Len() != 1 || empty.Get(Text("a")).Defined() {
		t.Errorf("got %v and %v", empty.Value(), clone.Value())
	}
}
