package term

import (
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"
)

func sign(n int) int { return min(max(n, -1), 1) }

func TestOrderAndEqualityAreThoseOfOPA(t *testing.T) {
	equal, less := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		generator := rapid.OneOf(values(0), values(1), values(3))
		x := generator.Draw(t, "x")
		y := generator.Draw(t, "y")
		if rapid.IntRange(0, 3).Draw(t, "same") == 0 {
			y = x
		}
		a, b := fromAST(t, x), fromAST(t, y)
		want := sign(ast.Compare(x, y))
		if got := sign(Compare(a, b)); got != want {
			t.Fatalf("Compare(%v, %v) = %d, want %d", x, y, got, want)
		}
		if got := Equal(a, b); got != (want == 0) {
			t.Fatalf("Equal(%v, %v) = %v", x, y, got)
		}
		if want == 0 && a.Hash() != b.Hash() {
			t.Fatalf("%v and %v are equal and have two hashes", x, y)
		}
		if a.Kind().String() != ast.ValueName(x) {
			t.Fatalf("%v is %s, want %s", x, a.Kind(), ast.ValueName(x))
		}
		switch want {
		case 0:
			equal++
		case -1:
			less++
		}
	})
	if equal == 0 || less == 0 {
		t.Errorf("%d were equal and %d less", equal, less)
	}
}

// Two numbers are equal however they are written, and then they have one hash.
func TestEqualNumbersHaveOneHash(t *testing.T) {
	for _, x := range ways {
		for _, y := range ways {
			a, b := Decimal(x), Decimal(y)
			same := ast.Compare(x, y) == 0
			if Equal(a, b) != same || same && a.Hash() != b.Hash() {
				t.Errorf("%s and %s: OPA says that they are equal: %v; here %v, hashes %x and %x", x, y, same, Equal(a, b), a.Hash(), b.Hash())
			}
		}
	}
}

func TestANumberKeepsHowItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := numbers().Draw(t, "number")
		value := Decimal(number)
		if got, ok := value.Number(); !ok || got != number {
			t.Fatalf("%s became %s", number, got)
		}
		if integer, ok := value.Int(); ok && !Equal(value, Int(integer)) {
			t.Fatalf("%s is not %d", number, integer)
		}
	})
	if number, ok := Text("1").Number(); ok {
		t.Errorf("a text is the number %s", number)
	}
}

func TestValuesComeBackFromOPAAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := values(3).Draw(t, "value")
		value := fromAST(t, x)
		back := value.AST()
		if ast.Compare(x, back) != 0 || back.String() != x.String() {
			t.Fatalf("%v came back as %v", x, back)
		}
		if again := fromAST(t, back); !Equal(value, again) || value.Hash() != again.Hash() {
			t.Fatalf("%v and %v differ", value, again)
		}
	})
	if back := (Value{}).AST(); back != nil {
		t.Errorf("undefined is %v", back)
	}
}

func TestWhatIsNoValueIsRefused(t *testing.T) {
	variable := ast.VarTerm("x")
	for name, value := range map[string]ast.Value{
		"a variable": ast.Var("x"), "a reference": ast.MustParseRef("input.x"), "in a list": ast.NewArray(variable), "in a set": ast.NewSet(variable),
		"in an object": ast.NewObject(ast.Item(ast.StringTerm("a"), variable)), "as a key": ast.NewObject(ast.Item(variable, ast.StringTerm("a"))),
	} {
		if got, err := FromAST(value); err == nil {
			t.Errorf("%s became %v", name, got)
		}
	}
}

func TestMembersAreFoundAsOPAFindsThem(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		x := values(2).Draw(t, "value")
		key := values(1).Draw(t, "key")
		if object, ok := x.(ast.Object); ok && object.Len() > 0 && rapid.Bool().Draw(t, "there") {
			key = rapid.SampledFrom(object.Keys()).Draw(t, "one of them").Value
		}
		var want ast.Value
		switch x := x.(type) {
		case ast.Object:
			if member := x.Get(ast.NewTerm(key)); member != nil {
				want = member.Value
			}
		case *ast.Array:
			if member := x.Get(ast.NewTerm(key)); member != nil {
				want = member.Value
			}
		case ast.Set:
			if x.Contains(ast.NewTerm(key)) {
				want = key
			}
		}
		got := fromAST(t, x).Get(fromAST(t, key))
		if want == nil && got.Defined() || want != nil && !Equal(got, fromAST(t, want)) {
			t.Fatalf("%v[%v] is %v, want %v", x, key, got, want)
		}
		if got.Defined() {
			found++
		}
	})
	if found == 0 {
		t.Error("nothing was found")
	}
}

// Members come in one order, whichever they were put in.
func TestTheOrderOfMakingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringN(0, 3, -1), 0, 40, rapid.ID).Draw(t, "names")
		object, set, list := &Map{}, &Members{}, make([]Value, 0, len(names))
		for i, name := range names {
			object.Set(Text(name), Int(int64(i)))
			object.Set(Text(name), Text(name+"!"))
			if !set.Add(Text(name)) || set.Add(Text(name)) {
				t.Fatalf("%q is new once", name)
			}
			list = append(list, Text(name))
		}
		object.Sort()
		set.Sort()
		slices.Sort(names)
		for i, name := range names {
			key, value := object.At(i)
			if !Equal(key, Text(name)) || !Equal(value, Text(name+"!")) || !Equal(set.At(i), Text(name)) || set.Index(Text(name)) != i {
				t.Fatalf("at %d there is %v: %v, and in the set %v", i, key, value, set.At(i))
			}
		}
		if object.Len() != len(names) || set.Len() != len(names) || !Equal(set.Value(), NewSet(list...)) {
			t.Fatalf("got %v and %v", object.Value(), set.Value())
		}
	})
}
