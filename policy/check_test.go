package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

// apart is a copy of a value whose objects share their keys with no others.
func apart(t rapid.TB, value term.Value) term.Value {
	t.Helper()
	copied, err := term.FromAST(value.AST())
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

func complaints(s *shape, document term.Value) []string {
	var texts []string
	for _, violation := range s.check(document) {
		texts = append(texts, violation.String())
	}
	return texts
}

// A document that the engine has built is checked by the keys that its objects share. What is wrong with it is found
// no less than in one that was read.
func TestBuiltAndReadDocumentsAreCheckedAlike(t *testing.T) {
	engine := compileSmall(t, nil)
	strange := []term.Value{term.Text("x"), term.Int(1), term.Decimal("0.1"), term.Decimal("99999999999999999999"), term.Bool(true), term.NullValue(), noItems, noMembers, term.NewSet()}
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		document := engine.document(requests().Draw(t, "request"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			path := rapid.SampledFrom(removable(engine.shape, document)).Draw(t, "path")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				document = remove(document, path)
			case 1:
				document = replace(document, path, rapid.SampledFrom(strange).Draw(t, "value"))
			case 2:
				document = replace(document, append(slices.Clone(path[:len(path)-1]), "extra"), term.Int(1))
			}
		}
		want := complaints(engine.shape, apart(t, document))
		for range 2 { // the second time the keys are known
			if diff := cmp.Diff(want, complaints(engine.shape, document)); diff != "" {
				t.Fatalf("(-read +built):\n%s", diff)
			}
		}
		found += len(want)
	})
	if found == 0 {
		t.Error("nothing was wrong with any document")
	}
}

// Which members a typed value must have depends on its type, and not only on its keys.
func TestATypeWithoutItsMembersIsFound(t *testing.T) {
	engine := compileSmall(t, nil)
	document := engine.document(bidRequest())
	if found := engine.shape.check(document); len(found) > 0 { // from here on the keys are known
		t.Fatal(found)
	}
	for form, want := range map[string][]string{
		"ratio": {"input.change.before.ppm is missing"}, "text": {"input.change.before.text is missing"}, "flag": {"input.change.before.flag is missing"}, "absent": nil,
	} {
		document := replace(document, []string{"change", "before", "type"}, term.Text(form))
		if diff := cmp.Diff(want, complaints(engine.shape, document)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form, diff)
		}
	}
}

func TestManyFormsOfOnePlaceAreChecked(t *testing.T) {
	properties := map[string]*shape{}
	for i := range 40 {
		properties[fmt.Sprint("name_", i)] = integer("")
	}
	properties["always"] = text("")
	names := []string{}
	for name := range properties {
		if name != "always" {
			names = append(names, name)
		}
	}
	s := object("", properties, names...)
	b := &builder{forms: newForms()}
	for range 2 {
		for _, name := range names {
			always := member{"always", term.Text("")}
			for _, test := range []struct {
				members []member
				want    []string
			}{
				{[]member{always, {name, term.Int(1)}}, nil},
				{[]member{{name, term.Int(1)}}, []string{"input.always is missing"}},
				{[]member{always, {name, term.Text("1")}}, []string{"input." + name + " is string and must be an integer"}},
				{[]member{always, {name + "x", term.Int(1)}}, []string{"input." + name + "x is not part of the input document"}},
			} {
				if diff := cmp.Diff(test.want, complaints(s, b.named(test.members))); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", name, diff)
				}
			}
		}
	}
}

func TestAnIntegerMayBeOfAnySize(t *testing.T) {
	for number, whole := range map[string]bool{"99999999999999999999": true, "-99999999999999999999": true, "-0": true, "1.0": false, "1e3": false} {
		value, err := term.ParseJSON([]byte(number))
		if err != nil {
			t.Fatal(err)
		}
		if found := integer("").check(value); (len(found) == 0) != whole {
			t.Errorf("%s: %v", number, found)
		}
	}
}
