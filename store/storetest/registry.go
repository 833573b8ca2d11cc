package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/store"
)

func entry(kind registry.Kind, id string, version int64) registry.Entry {
	return registry.Entry{Kind: kind, ID: id, Version: version, At: start.Add(time.Duration(version) * time.Minute), By: "ines",
		Reason: fmt.Sprint("reason ", version), Body: []byte(fmt.Sprintf(`{"about":"%s %d"}`, id, version))}
}

func putEntry(t *testing.T, s store.Store, entry registry.Entry) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) error { return tx.PutEntry(entry) })
}

// wantEntries checks what is in the registry, and returns its epoch.
func wantEntries(t *testing.T, s store.Store, want ...registry.Entry) (epoch int64) {
	t.Helper()
	view(t, s, func(r store.Reader) (err error) {
		got, err := r.RegistryEntries()
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("entries (-want +got):\n%s", difference)
		}
		var epochErr error
		epoch, epochErr = r.RegistryEpoch()
		return errors.Join(err, epochErr)
	})
	return epoch
}

func registryEntries(t *testing.T, s store.Store) {
	if epoch := wantEntries(t, s); epoch != 0 {
		t.Errorf("the epoch is %d and nothing was put", epoch)
	}
	// The same id in both kinds is two entries.
	spring, sale := entry(registry.Experiment, "spring", 1), entry(registry.Calendar, "spring", 1)
	longer := entry(registry.Experiment, "spring", 2)
	gone := entry(registry.Calendar, "spring", 2)
	gone.Removed = true
	for _, each := range []registry.Entry{spring, sale} {
		if err := putEntry(t, s, each); err != nil {
			t.Fatal(err)
		}
	}
	first := wantEntries(t, s, sale, spring)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.PutEntry(longer), tx.PutEntry(gone)) }); err != nil {
		t.Fatal(err)
	}
	second := wantEntries(t, s, gone, longer)
	if first <= 0 || second <= first {
		t.Errorf("the epochs are %d and then %d", first, second)
	}
	for _, wrong := range []registry.Entry{longer, entry(registry.Experiment, "spring", 4), entry(registry.Experiment, "autumn", 2)} {
		if err := putEntry(t, s, wrong); !errors.Is(err, store.ErrConflict) {
			t.Errorf("version %d of %s: %v, want a conflict", wrong.Version, wrong.ID, err)
		}
	}
	nameless := spring
	nameless.ID = ""
	if err := putEntry(t, s, nameless); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("without an id: %v", err)
	}
	if third := wantEntries(t, s, gone, longer); third != second {
		t.Errorf("what failed has moved the epoch from %d to %d", second, third)
	}
	view(t, s, func(r store.Reader) error {
		events, err := r.Events(audit.Experiment, "spring")
		if len(events) != 2 || events[0].Version != 1 || events[1].Version != 2 || events[1].Subject != "ines" {
			t.Errorf("the events are %v", events)
		}
		return err
	})
}

// manyEditOneEntry: of many who edit the same version, one does.
func manyEditOneEntry(t *testing.T, s store.Store) {
	const writers, versions = 8, 5
	for version := int64(1); version <= versions; version++ {
		var done sync.WaitGroup
		results := make([]error, writers)
		for i := range writers {
			done.Go(func() {
				mine := entry(registry.Experiment, "spring", version)
				mine.By = fmt.Sprint("writer-", i)
				results[i] = putEntry(t, s, mine)
			})
		}
		done.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, store.ErrConflict):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("version %d was put by %d", version, won)
		}
	}
}
