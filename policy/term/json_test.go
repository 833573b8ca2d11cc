package term

import (
	"bytes"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"
)

// appendOPA writes a value of OPA's that JSON can say. Every recorded document was written like this.
func appendOPA(dst []byte, value ast.Value) []byte {
	switch value := value.(type) {
	case ast.Boolean:
		return strconv.AppendBool(dst, bool(value))
	case ast.Number:
		return append(dst, value...)
	case ast.String:
		for _, c := range []byte(value) {
			if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
				quoted, _ := json.Marshal(string(value))
				return append(dst, quoted...)
			}
		}
		return append(append(append(dst, '"'), value...), '"')
	case *ast.Array:
		dst = append(dst, '[')
		for i := range value.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendOPA(dst, value.Elem(i).Value)
		}
		return append(dst, ']')
	case ast.Object:
		dst = append(dst, '{')
		for i, key := range value.Keys() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendOPA(dst, key.Value), ':')
			dst = appendOPA(dst, value.Get(key).Value)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// Digests of documents are on record: the bytes must stay what they are.
func TestDocumentsAreWrittenAsTheyEverWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(documents(3).Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		opa, err := ast.ValueFromReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		value, err := ParseJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		written := value.AppendJSON([]byte("before "))
		if want := appendOPA([]byte("before "), opa); !bytes.Equal(written, want) {
			t.Fatalf("got  %s\nwant %s", written, want)
		}
		if !json.Valid(written[len("before "):]) {
			t.Fatalf("not JSON: %s", written)
		}
	})
}

// An object of a form is written as one that was put together.
func TestObjectsOfAFormAreWrittenLikeAllOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.String(), 0, 15, rapid.ID).Draw(t, "names")
		keys := NewKeys(names...)
		values, object := make([]Value, keys.Len()), &Map{}
		for i := range values {
			values[i] = fromAST(t, rapid.Custom(func(t *rapid.T) ast.Value { return numbers().Draw(t, "number") }).Draw(t, "value"))
			object.Set(keys.At(i), values[i])
		}
		formed := NewMap(keys, values)
		if got, want := formed.String(), object.Value().String(); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		if !Equal(formed, object.Value()) || formed.Hash() != object.Value().Hash() {
			t.Fatal("the two are not equal")
		}
		object.Set(Text("another"), Int(1))
		clone := formed.Map().Clone()
		clone.Set(Text("another"), Int(1))
		if got, want := clone.Value().String(), object.Value().String(); got != want {
			t.Fatalf("with another member: got  %s\nwant %s", got, want)
		}
	})
}

func TestWhatJSONCannotSayIsSaidAllTheSame(t *testing.T) {
	object := &Map{}
	object.Set(NewList(Int(1), Text("a")), NewSet(Int(3), Int(2), Int(3)))
	object.Set(Int(5), NullValue())
	object.Set(Text("b"), Value{})
	for _, test := range []struct {
		value Value
		want  string
	}{
		{object.Value(), `{"5":null,"b":null,"[1,\"a\"]":[2,3]}`},
		{Value{}, "undefined"},
		{new(Map).Value(), "{}"},
		{NewList(), "[]"},
		{NewSet(), "[]"},
	} {
		if got := test.value.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	for _, text := range []string{"", "{", "nothing"} {
		if got, err := ParseJSON([]byte(text)); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}
