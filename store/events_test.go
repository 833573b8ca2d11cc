package store_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/store"
)

func TestEventObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.StringMatching(`[a-z#0-9/]{0,12}`).Draw(t, "object")
		version := rapid.Int64().Draw(t, "version")
		gotObject, gotVersion, ok := store.ParseEventObject(store.EventObject(object, version))
		if gotObject != object || gotVersion != version || !ok {
			t.Fatalf("there and back: got %q, %d, %v, want %q, %d", gotObject, gotVersion, ok, object, version)
		}
		// Whatever else can be read is what would have been written.
		other := rapid.StringMatching(`[a-z#]{0,4}#?[-+0-9]{0,5}`).Draw(t, "text")
		if object, version, ok := store.ParseEventObject(other); ok && store.EventObject(object, version) != other {
			t.Fatalf("%q was read as %q, %d", other, object, version)
		}
	})
}
