package server_test

import (
	"errors"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// An entry that cannot be read may hold anything still, so that nothing is decided; and it is not the caller who is wrong.
func TestAnEntryThatCannotBeRead(t *testing.T) {
	for _, kind := range []registry.Kind{registry.Experiment, registry.Calendar} {
		t.Run(string(kind), func(t *testing.T) {
			s := servertest.New(t)
			put := func(entry registry.Entry) {
				t.Helper()
				if err := s.Store.Update(t.Context(), func(tx store.Tx) error { return tx.PutEntry(entry) }); err != nil {
					t.Fatal(err)
				}
			}
			entry := registry.Entry{Kind: kind, ID: "later", Version: 1, At: s.Clock.Now(), By: "ines", Body: []byte(`{"a_word_of_later": 1}`)}
			put(entry)
			for _, dryRun := range []bool{false, true} {
				results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(servertest.Bid("a", 100, 110)), DryRun: dryRun})
				if results != nil || !errors.Is(err, policy.ErrUnavailable) || errors.Is(err, policy.ErrInvalid) {
					t.Errorf("dry run %v: got %v, %v; want ErrUnavailable and no results", dryRun, results, err)
				}
			}
			if got := s.Recorded(t); got != 0 {
				t.Errorf("%d decisions are recorded", got)
			}
			// Taken away, it is in nobody's way.
			entry.Version, entry.Removed = 2, true
			put(entry)
			if result := decide(t, s, servertest.Bid("a", 100, 110))[0]; result.Decision.Verdict != policy.Allow {
				t.Errorf("afterwards: %v", result.Decision.Verdict)
			}
		})
	}
}
