package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func entry() Entry {
	return Entry{Kind: Experiment, ID: "spring_1-a", Version: 2, At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), By: "ines", Reason: "longer",
		Body: []byte(`{"owner":"growth"}`)}
}

func TestAnEntryIsReadAsItWasWritten(t *testing.T) {
	removed := entry()
	removed.Removed, removed.Kind = true, Calendar
	for _, want := range []Entry{entry(), removed} {
		encoded, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(encoded)
		if difference := cmp.Diff(want, got); err != nil || difference != "" {
			t.Errorf("%v\n%s", err, difference)
		}
	}
	if _, err := Decode([]byte("{")); err == nil {
		t.Error("half a record was read")
	}
}

func TestWhatIsNoEntry(t *testing.T) {
	if err := entry().Validate(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*Entry){
		"kind":          func(e *Entry) { e.Kind = "mode" },
		"no id":         func(e *Entry) { e.ID = "" },
		"capitals":      func(e *Entry) { e.ID = "Spring" },
		"a blank":       func(e *Entry) { e.ID = "spring test" },
		"a long id":     func(e *Entry) { e.ID = strings.Repeat("a", 129) },
		"version 0":     func(e *Entry) { e.Version = 0 },
		"nobody":        func(e *Entry) { e.By = "" },
		"a long reason": func(e *Entry) { e.Reason = strings.Repeat("a", maxReason+1) },
		"no body":       func(e *Entry) { e.Body = nil },
		"half a body":   func(e *Entry) { e.Body = []byte("{") },
	} {
		wrong := entry()
		edit(&wrong)
		if err := wrong.Validate(); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
