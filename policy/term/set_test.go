package term

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawnSet(t *rapid.T, label string) ([]int, *Members) {
	numbers := rapid.SliceOfDistinct(rapid.IntRange(0, 40), rapid.ID[int]).Draw(t, label)
	set := &Members{}
	for _, number := range numbers {
		set.Add(Int(int64(number)))
	}
	return numbers, set
}

func setOf(numbers []int) Value {
	members := make([]Value, len(numbers))
	for i, number := range numbers {
		members[i] = Int(int64(number))
	}
	return NewSet(members...)
}

func TestSetsAreCombined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, x := drawnSet(t, "a")
		b, y := drawnSet(t, "b")
		inB := func(number int) bool { return slices.Contains(b, number) }
		notInB := func(number int) bool { return !inB(number) }
		for _, test := range []struct {
			name string
			got  *Members
			want []int
		}{
			{"union", x.Union(y), append(slices.Clone(a), slices.DeleteFunc(slices.Clone(b), func(n int) bool { return slices.Contains(a, n) })...)},
			{"intersection", x.Intersection(y), slices.DeleteFunc(slices.Clone(a), notInB)},
			{"difference", x.Difference(y), slices.DeleteFunc(slices.Clone(a), inB)},
		} {
			if want := setOf(test.want); Compare(test.got.Value(), want) != 0 || test.got.Value().Hash() != want.Hash() {
				t.Errorf("%s of %v and %v is %v, want %v", test.name, x.Value(), y.Value(), test.got.Value(), want)
			}
		}
		if got, want := x.Includes(y), !slices.ContainsFunc(b, func(n int) bool { return !slices.Contains(a, n) }); got != want {
			t.Errorf("%v includes %v: %v", x.Value(), y.Value(), got)
		}
		if Compare(x.Value(), setOf(a)) != 0 || Compare(y.Value(), setOf(b)) != 0 {
			t.Error("a set was changed by what was made of it")
		}
		if list := x.List().List(); !slices.IsSortedFunc(list.Items(), Compare) || list.Len() != len(a) {
			t.Errorf("the list of %v is %v", x.Value(), list.Value())
		}
	})
}

func TestPartsAreNotChangedByWhatTheyAreOf(t *testing.T) {
	list := &List{}
	for i := range int64(4) {
		list.Append(Int(i))
	}
	part := list.Slice(1, 3)
	part.List().Append(Text("more"))
	if got := list.Value().String(); got != "[0,1,2,3]" {
		t.Errorf("appending to a slice made the array %s", got)
	}
	if got := part.String(); got != `[1,2,"more"]` {
		t.Errorf("the slice is %s", got)
	}

	object := &Map{}
	for i := range int64(3 * few) {
		object.Set(Int(-i), NullValue())
	}
	keys := object.KeySet()
	for i := range int64(3 * few) {
		object.Set(Int(i), NullValue())
	}
	if set := keys.Members(); set.Len() != 3*few || !set.Has(Int(-3)) || set.Has(Int(3)) {
		t.Errorf("the keys are %v", keys)
	}
	if got := new(Map).KeySet().String(); got != "[]" {
		t.Errorf("the keys of nothing are %s", got)
	}
}
