package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
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

// keyword is the n-th change of a bid, of an account with a hundred campaigns.
func keyword(n int) *policy.Change {
	return &policy.Change{
		ID: fmt.Sprintf("change-%09d", n), Kind: policy.KindBid, Before: policy.MoneyValue(1_000_000, "EUR"), After: policy.MoneyValue(1_100_000, "EUR"),
		Target: policy.Target{
			Platform: "google_ads", Account: "123-456-7890", Channel: "search", Portfolio: "autumn", Campaign: fmt.Sprint(10_000_000 + n%100),
			AdGroup: fmt.Sprint(20_000_000 + n%1000), EntityType: "keyword", EntityID: fmt.Sprint(30_000_000_000 + n),
		},
	}
}

// month is a store in which wide scopes have moved for a month, so that they have all the buckets there can
// be; how many scopes of single fields there are comes on top.
func month(b *testing.B, config Config, fields int) *Store {
	b.Helper()
	s := quiet(b, config)
	state, at := ledger.State{}, time.Now().Add(-31*24*time.Hour)
	for n := 0; at.Before(time.Now()); n++ {
		hold := ledger.NewHold("", keyword(0), "bidder")
		for _, scope := range hold.Scopes() {
			if _, known := state[scope]; !known || scope.Kind == ledger.Field {
				state[scope] = nil
			}
		}
		changed, hold, err := ledger.Place(state, hold, nil, ledger.Rates{}, at)
		if err == nil {
			maps.Copy(state, changed)
			changed, _, err = ledger.Post(state, hold, hold.Movement.After, at)
		}
		if err != nil {
			b.Fatal(err)
		}
		maps.Copy(state, changed)
		at = at.Add(10 * time.Minute)
		if time.Since(at) < time.Hour {
			at = at.Add(-9 * time.Minute)
		}
	}
	err := s.Update(b.Context(), func(tx store.Tx) error {
		var tallies []store.ScopeTally
		for scope, sheet := range state {
			if scope.Kind != ledger.Field {
				tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: sheet[0]})
			}
		}
		return tx.PutTallies(tallies)
	})
	if err != nil {
		b.Fatal(err)
	}
	// The tally of a field that was changed once, stored under as many names.
	for from := 0; from < fields; from += 10_000 {
		err := s.Update(b.Context(), func(tx store.Tx) error {
			tallies := make([]store.ScopeTally, 0, 10_000)
			for n := from; n < min(from+10_000, fields); n++ {
				change := keyword(n)
				scope := ledger.FieldScope(change.Target.Key(), change.Kind)
				tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: field(b, state)})
			}
			return tx.PutTallies(tallies)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func field(b *testing.B, state ledger.State) ledger.Tally {
	for scope, sheet := range state {
		if scope.Kind == ledger.Field {
			return sheet[0]
		}
	}
	b.Fatal("no field has moved")
	return ledger.Tally{}
}

// The scopes of one change read in a view, among so many fields that have moved.
func BenchmarkSheets(b *testing.B) {
	for _, fields := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(fields), func(b *testing.B) {
			folder := b.TempDir()
			empty := month(b, Config{Path: filepath.Join(folder, "empty.db"), Synchronous: "OFF"}, 0)
			shut(b, empty)
			s := month(b, Config{Path: filepath.Join(folder, "bidrail.db"), Synchronous: "OFF"}, fields)
			n := 0
			for b.Loop() {
				n += 7919
				err := s.View(b.Context(), func(r store.Reader) error {
					state, err := r.Sheets(ledger.ScopesOf(keyword(n%fields), "bidder"))
					if len(state) != 8 {
						b.Fatalf("got %d sheets", len(state))
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			shut(b, s)
			b.ReportMetric(float64(size(b, filepath.Join(folder, "bidrail.db"))-size(b, filepath.Join(folder, "empty.db")))/float64(fields), "bytes/scope")
		})
	}
}

// The scopes of the largest batch, each change with a field of its own.
func BenchmarkSheetsBatch(b *testing.B) {
	s := month(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db"), Synchronous: "OFF"}, 10_000)
	defer shut(b, s)
	var scopes []ledger.Scope
	for n := range 10_000 {
		scopes = append(scopes, ledger.ScopesOf(keyword(n), "bidder")...)
	}
	for b.Loop() {
		if err := s.View(b.Context(), func(r store.Reader) error { _, err := r.Sheets(scopes); return err }); err != nil {
			b.Fatal(err)
		}
	}
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// All that one ALLOW writes, in an update: sheets read, the hold placed, tallies, hold, permit and
// decision stored; by one caller and by many at once.
func BenchmarkPlace(b *testing.B) {
	for _, synchronous := range []string{"FULL", "OFF"} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", synchronous, callers), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "bidrail.db")
				s := month(b, Config{Path: path, Synchronous: synchronous}, 0)
				var next, inLedger atomic.Int64
				var group sync.WaitGroup
				b.ResetTimer()
				for range callers {
					group.Go(func() {
						for {
							n := next.Add(1)
							if n > int64(b.N) {
								return
							}
							if err := allow(b.Context(), s, int(n), &inLedger); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.StopTimer()
				b.ReportMetric(float64(s.writer.updates.Load())/float64(s.writer.commits.Load()), "updates/commit")
				b.ReportMetric(float64(inLedger.Load())/float64(b.N), "ns/ledger")
				shut(b, s)
				b.ReportMetric(float64(size(b, path))/float64(b.N), "bytes/decision")
			})
		}
	}
}

// The largest batch in one update, all of it allowed.
func BenchmarkPlaceBatch(b *testing.B) {
	const changes = 10_000
	s := month(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db")}, 0)
	defer shut(b, s)
	for round := range b.N {
		b.StopTimer()
		holds, permits, records := make([]ledger.Hold, changes), make([]permit.Permit, changes), make([]store.DecisionRecord, changes)
		var scopes []ledger.Scope
		for n := range changes {
			records[n], holds[n], permits[n] = allowed(round*changes + n)
			scopes = append(scopes, holds[n].Scopes()...)
		}
		b.StartTimer()
		err := s.Update(b.Context(), func(tx store.Tx) error {
			state, err := tx.Sheets(scopes)
			if err != nil {
				return err
			}
			moved := make(map[ledger.Scope]bool, len(state))
			for n := range holds {
				changed, held, err := ledger.Place(state, holds[n], nil, ledger.Rates{}, tx.Now())
				if err != nil {
					return err
				}
				maps.Copy(state, changed)
				for scope := range changed {
					moved[scope] = true
				}
				holds[n] = held
			}
			tallies := make([]store.ScopeTally, 0, len(moved))
			for scope := range moved {
				tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: state[scope][0]})
			}
			return errors.Join(tx.PutTallies(tallies), tx.InsertHolds(holds), tx.InsertPermits(permits), tx.InsertDecisions(records))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// allowed is what the n-th ALLOW comes to.
func allowed(n int) (store.DecisionRecord, ledger.Hold, permit.Permit) {
	change := keyword(n)
	decided := record(change.ID)
	return decided, ledger.NewHold(decided.Decision.ID, change, "bidder"), permit.Issue(permit.Permit{
		ID: "permit_" + change.ID, Automation: "bidder", Audience: []string{"google_ads/123-456-7890"}, Digest: decided.Decision.Revision,
		Legs: []permit.Leg{{
			DecisionID: decided.Decision.ID, ChangeID: change.ID, ChangeDigest: decided.Decision.Revision, Kind: change.Kind,
			Target: change.Target, Before: change.Before, After: change.After, Direction: policy.Rise,
		}},
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(5 * time.Minute),
	})
}

// allow stores the n-th ALLOW and adds to inLedger how long all but the decision took.
func allow(ctx context.Context, s *Store, n int, inLedger *atomic.Int64) error {
	decided, hold, given := allowed(n)
	return s.Update(ctx, func(tx store.Tx) error {
		from := time.Now()
		state, err := tx.Sheets(hold.Scopes())
		if err != nil {
			return err
		}
		changed, hold, err := ledger.Place(state, hold, nil, ledger.Rates{}, tx.Now())
		if err != nil {
			return err
		}
		tallies := make([]store.ScopeTally, 0, len(changed))
		for _, scope := range hold.Scopes() {
			tallies = append(tallies, store.ScopeTally{Scope: scope, Tally: changed[scope][0]})
		}
		err = errors.Join(tx.PutTallies(tallies), tx.InsertHolds([]ledger.Hold{hold}), tx.InsertPermits([]permit.Permit{given}))
		inLedger.Add(int64(time.Since(from)))
		return errors.Join(err, tx.InsertDecisions([]store.DecisionRecord{decided}))
	})
}
