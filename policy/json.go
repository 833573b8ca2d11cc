package policy

import (
	"encoding/json"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
)

// appendJSON writes a value as JSON with sorted keys: the same value is always the same bytes. A
// document holds no sets and no references, so there is nothing that JSON cannot say.
func appendJSON(dst []byte, value ast.Value) []byte {
	switch value := value.(type) {
	case ast.Null:
		return append(dst, "null"...)
	case ast.Boolean:
		return strconv.AppendBool(dst, bool(value))
	case ast.Number:
		return append(dst, value...)
	case ast.String:
		return appendJSONString(dst, string(value))
	case *ast.Array:
		dst = append(dst, '[')
		for i := range value.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, value.Elem(i).Value)
		}
		return append(dst, ']')
	case ast.Object:
		dst = append(dst, '{')
		for i, key := range value.Keys() { // sorted
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, key.Value)
			dst = append(dst, ':')
			dst = appendJSON(dst, value.Get(key).Value)
		}
		return append(dst, '}')
	default:
		return appendJSONString(dst, value.String())
	}
}

func appendJSONString(dst []byte, text string) []byte {
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
