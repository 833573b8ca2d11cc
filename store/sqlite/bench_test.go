package sqlite

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bidrail/bidrail/store"
)

// One decision an update, by one caller and by many at once.
func BenchmarkUpdate(b *testing.B) {
	for _, synchronous := range []string{"FULL", "OFF"} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", synchronous, callers), func(b *testing.B) {
				s := quiet(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db"), Synchronous: synchronous})
				defer shut(b, s)
				var next atomic.Int64
				var group sync.WaitGroup
				b.ResetTimer()
				for range callers {
					group.Go(func() {
						for {
							n := next.Add(1)
							if n > int64(b.N) {
								return
							}
							if err := insert(b.Context(), s, record(fmt.Sprintf("change-%09d", n))); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(s.writer.updates.Load())/float64(s.writer.commits.Load()), "updates/commit")
			})
		}
	}
}

// The largest batch in one update, in rows.
func BenchmarkInsertBatch(b *testing.B) {
	s := quiet(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db")})
	defer shut(b, s)
	for round := range b.N {
		b.StopTimer()
		records := make([]store.DecisionRecord, 10_000)
		for n := range records {
			records[n] = record(fmt.Sprintf("change-%d-%05d", round, n))
		}
		b.StartTimer()
		if err := insert(b.Context(), s, records...); err != nil {
			b.Fatal(err)
		}
	}
}

// Looking up the keys of the largest batch, none or all of which are there.
func BenchmarkDecisionsByKeys(b *testing.B) {
	s := quiet(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db"), Synchronous: "OFF"})
	defer shut(b, s)
	records := make([]store.DecisionRecord, 10_000)
	keys := map[string][]store.DecisionKey{}
	for n := range records {
		records[n] = record(fmt.Sprintf("change-%05d", n))
		keys["all"] = append(keys["all"], records[n].Key())
		keys["none"] = append(keys["none"], store.DecisionKey{Automation: "bidder", ChangeID: fmt.Sprintf("other-%05d", n)})
	}
	if err := insert(b.Context(), s, records...); err != nil {
		b.Fatal(err)
	}
	for name, keys := range keys {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := s.View(b.Context(), func(r store.Reader) error { _, err := r.DecisionsByKeys(keys); return err })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One decision by its key, as a replay needs it.
func BenchmarkView(b *testing.B) {
	s := quiet(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db"), Synchronous: "OFF"})
	defer shut(b, s)
	r := record("change-1")
	if err := insert(b.Context(), s, r); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := s.View(b.Context(), func(reader store.Reader) error { _, err := reader.DecisionByKey(r.Key()); return err })
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// quiet opens a store that logs nothing: what a benchmark logs ends up between its figures.
func quiet(b *testing.B, config Config) *Store {
	b.Helper()
	s, err := Open(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	return s
}
