package store_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/store"
)

func TestCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Min(1).Draw(t, "sequence")
		if got, err := store.CursorAt(want).Sequence(); err != nil || got != want {
			t.Fatalf("there and back: got %d, error %v, want %d", got, err, want)
		}
		// Whatever else is taken for a cursor is one that could have been given out.
		other := store.Cursor(rapid.StringMatching(`d?[-+0-9a-zA-Z_]{0,14}`).Draw(t, "cursor"))
		if sequence, err := other.Sequence(); err == nil && store.CursorAt(sequence) != other {
			t.Fatalf("%q was taken for %q", other, store.CursorAt(sequence))
		}
	})
}
