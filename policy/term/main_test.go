package term

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ways are ways to write a number, many of them the same number.
var ways = []ast.Number{
	"0", "-0", "0.0", "0e5", "1", "1.0", "1e0", "10e-1", "1000", "1e3", "1E+3", "1.5", "1.50", "15e-1", "-1.5", "0.1", "0.10",
	"0.1000000000000000055511151231257827021181583404541015625", "9223372036854775807", "9223372036854775807.0",
	"9223372036854775807.00000000001", "9223372036854775808", "9223372036854775808.0", "-9223372036854775808", "-9223372036854775809",
	"9007199254740993", "9007199254740992", "9007199254740992.5", "1e30", "1000000000000000000000000000000", "1e400", "-1e400", "1e-400",
	"1.0000000000000000000000000000000000000000000000000000000000000000000000", "0.0000000000000000000000000000000000000000000000000000000000000000000000",
}

func numbers() *rapid.Generator[ast.Number] {
	return rapid.OneOf(rapid.SampledFrom(ways),
		rapid.Custom(func(t *rapid.T) ast.Number {
			return ast.Number(strconv.FormatInt(rapid.OneOf(rapid.Int64Range(-3, 12), rapid.Int64()).Draw(t, "integer"), 10))
		}))
}

// values are OPA's, nested, and small enough that many are equal.
func values(depth int) *rapid.Generator[ast.Value] {
	flat := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) ast.Value { return numbers().Draw(t, "number") }),
		rapid.Custom(func(t *rapid.T) ast.Value {
			return ast.String(rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "\"", "<ü>", "a\nb"}), rapid.String()).Draw(t, "text"))
		}),
		rapid.Custom(func(t *rapid.T) ast.Value { return ast.Boolean(rapid.Bool().Draw(t, "boolean")) }),
		rapid.Just[ast.Value](ast.NullValue),
	)
	if depth == 0 {
		return flat
	}
	some := func(t *rapid.T) []*ast.Term {
		members := rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "members")
		if rapid.IntRange(0, 20).Draw(t, "many") == 0 {
			for i := range 20 {
				members = append(members, ast.Number(strconv.Itoa(i)))
			}
		}
		terms := make([]*ast.Term, len(members))
		for i, member := range members {
			terms[i] = ast.NewTerm(member)
		}
		return terms
	}
	return rapid.OneOf(flat,
		rapid.Custom(func(t *rapid.T) ast.Value { return ast.NewArray(some(t)...) }),
		rapid.Custom(func(t *rapid.T) ast.Value { return ast.NewSet(some(t)...) }),
		rapid.Custom(func(t *rapid.T) ast.Value {
			// OPA loses a key of an object to another of the same hash, such as null to the empty set.
			object, hashes := ast.NewObject(), map[int]bool{}
			for _, key := range some(t) {
				if hash := key.Hash(); !hashes[hash] {
					hashes[hash] = true
					object.Insert(key, ast.NewTerm(values(depth-1).Draw(t, "value")))
				}
			}
			return object
		}),
	)
}

// documents are values that JSON can say.
func documents(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "\"", "<ü>", "a\nb", "<&>", "\u2028"}), rapid.String())
	flat := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return json.Number(numbers().Draw(t, "number")) }),
		rapid.Custom(func(t *rapid.T) any { return text.Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Bool().Draw(t, "boolean") }),
		rapid.Just[any](nil),
	)
	if depth == 0 {
		return flat
	}
	return rapid.OneOf(flat,
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(documents(depth-1), 0, 4).Draw(t, "list") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.MapOfN(text, documents(depth-1), 0, 15).Draw(t, "object") }),
	)
}

func fromAST(t rapid.TB, value ast.Value) Value {
	t.Helper()
	converted, err := FromAST(value)
	if err != nil {
		t.Fatal(err)
	}
	return converted
}
