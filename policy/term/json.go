package term

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// ParseJSON reads one JSON value, numbers exactly.
func ParseJSON(written []byte) (Value, error) {
	value, err := ast.ValueFromReader(strings.NewReader(string(written)))
	if err != nil {
		return Value{}, err
	}
	return FromAST(value)
}

// AppendJSON writes the value as JSON with sorted keys and without space: the same value is always the same bytes. JSON has no
// sets and no keys but strings; a set is written as the list of its members, and another key as the string of its JSON.
func (v Value) AppendJSON(dst []byte) []byte {
	switch ref := v.ref.(type) {
	case Kind:
		switch ref {
		case Boolean:
			return strconv.AppendBool(dst, v.word != 0)
		case Number:
			return strconv.AppendInt(dst, int64(v.word), 10)
		}
		return append(dst, "null"...)
	case *wide:
		return append(dst, ref.number()...)
	case *decimal:
		return append(dst, ref.number...)
	case text:
		s, _ := v.Text()
		return appendString(dst, s)
	case *List:
		dst = append(dst, '[')
		for i, item := range ref.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.AppendJSON(dst)
		}
		return append(dst, ']')
	case *Members:
		dst = append(dst, '[')
		for i := range ref.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = ref.At(i).AppendJSON(dst)
		}
		return append(dst, ']')
	case *Map:
		return ref.appendJSON(dst)
	}
	return append(dst, "null"...)
}

func (m *Map) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	m.Sort()
	for i := range m.values {
		switch {
		case m.keys.written == nil:
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendKey(dst, m.keys.names[i]), ':')
		case i == 0:
			dst = append(dst, m.keys.written[i][1:]...)
		default:
			dst = append(dst, m.keys.written[i]...)
		}
		dst = m.values[i].AppendJSON(dst)
	}
	return append(dst, '}')
}

func appendKey(dst []byte, key Value) []byte {
	name, ok := key.Text()
	if !ok {
		name = string(key.AppendJSON(nil))
	}
	return appendString(dst, name)
}

// String is the value as JSON, for messages.
func (v Value) String() string {
	if !v.Defined() {
		return "undefined"
	}
	return string(v.AppendJSON(nil))
}

func appendString(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // a string always marshals
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}
