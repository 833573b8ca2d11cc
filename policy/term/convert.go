package term

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// FromAST is a value of OPA's as a Value. What is no value, such as a variable or a reference, is an error.
func FromAST(value ast.Value) (Value, error) {
	switch value := value.(type) {
	case ast.Null:
		return NullValue(), nil
	case ast.Boolean:
		return Bool(bool(value)), nil
	case ast.Number:
		return Decimal(value), nil
	case ast.String:
		return Text(string(value)), nil
	case *ast.Array:
		list := &List{items: make([]Value, value.Len())}
		for i := range value.Len() {
			item, err := FromAST(value.Elem(i).Value)
			if err != nil {
				return Value{}, err
			}
			list.items[i] = item
		}
		return list.Value(), nil
	case ast.Object:
		object := &Map{}
		err := value.Iter(func(key, member *ast.Term) error {
			name, err := FromAST(key.Value)
			if err != nil {
				return err
			}
			converted, err := FromAST(member.Value)
			if err != nil {
				return err
			}
			object.Set(name, converted)
			return nil
		})
		if err != nil {
			return Value{}, err
		}
		object.Sort()
		return object.Value(), nil
	case ast.Set:
		set := &Members{}
		for _, each := range value.Slice() {
			member, err := FromAST(each.Value)
			if err != nil {
				return Value{}, err
			}
			set.Add(member)
		}
		set.Sort()
		return set.Value(), nil
	}
	return Value{}, fmt.Errorf("%v is no value", value)
}

// AST is the value in OPA's form, nil for undefined.
func (v Value) AST() ast.Value {
	switch ref := v.ref.(type) {
	case Kind:
		switch ref {
		case Boolean:
			return ast.InternedTerm(v.word != 0).Value
		case Number:
			return v.number()
		}
		return ast.NullValue
	case *wide:
		return ref.number()
	case *decimal:
		return ref.number
	case text:
		s, _ := v.Text()
		return ast.String(s)
	case *List:
		items := make([]*ast.Term, len(ref.items))
		for i, item := range ref.items {
			items[i] = item.term()
		}
		return ast.NewArray(items...)
	case *Map:
		members := make([][2]*ast.Term, ref.Len())
		for i := range members {
			key, value := ref.At(i)
			members[i] = [2]*ast.Term{key.term(), value.term()}
		}
		return ast.NewObject(members...)
	case *Members:
		members := make([]*ast.Term, ref.Len())
		for i := range members {
			members[i] = ref.At(i).term()
		}
		return ast.NewSet(members...)
	}
	return nil
}

// term is the value as a term. Those of small integers, which most are, of booleans and of the empty string are OPA's own.
func (v Value) term() *ast.Term {
	switch ref := v.ref.(type) {
	case Kind:
		switch {
		case ref == Boolean:
			return ast.InternedTerm(v.word != 0)
		case ref == Number && v.word < 512:
			return ast.InternedTerm(int64(v.word))
		}
	case text:
		if v.word == 0 {
			return ast.InternedEmptyString
		}
	}
	return ast.NewTerm(v.AST())
}
