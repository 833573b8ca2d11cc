package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

const writers = 64

// together runs fn so many times at once and waits.
func together(count int, fn func(n int)) {
	var group sync.WaitGroup
	for n := range count {
		group.Go(func() { fn(n) })
	}
	group.Wait()
}

func manyWritersOneKey(t *testing.T, s store.Store) {
	for round := range 5 {
		var won atomic.Int32
		winner := make(chan store.DecisionRecord, writers)
		together(writers, func(n int) {
			d := decision(round)
			d.ID = fmt.Sprintf("dec_%d_%d", round, n)
			r := record(t, d)
			switch err := insert(t.Context(), s, r); {
			case err == nil:
				won.Add(1)
				winner <- r
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("got error %v, want a conflict", err)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("%d writers stored the same key, want 1", won.Load())
		}
		want := <-winner
		view(t, s, func(r store.Reader) error {
			got, err := r.DecisionByKey(want.Key())
			if err == nil {
				wantRecord(t, got, want)
			}
			return err
		})
	}
}

func manyWritersManyKeys(t *testing.T, s store.Store) {
	const each = 10
	together(writers, func(n int) {
		for i := range each {
			r := record(t, decision(n*each+i))
			if err := insert(t.Context(), s, r); err != nil {
				t.Error(err)
				return
			}
			// Acknowledged is visible.
			err := s.View(t.Context(), func(reader store.Reader) error {
				_, err := reader.DecisionByKey(r.Key())
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	if got := stored(t, s, 0, writers*each); got != writers*each {
		t.Errorf("got %d decisions, want %d", got, writers*each)
	}
}

// Updates that go wrong, in all the ways there are, between others that go right.
func failuresStayApart(t *testing.T, s store.Store) {
	mustInsert(t, s, record(t, decision(100_000)))
	mine := errors.New("changed my mind")
	const each = 20
	together(writers, func(n int) {
		for i := range each {
			number := n*each + i
			r := []store.DecisionRecord{record(t, decision(number))}
			var err, want error
			switch number % 5 {
			case 0:
				want = mine
				err = s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.InsertDecisions(r), mine) })
			case 1:
				func() {
					defer func() { _ = recover() }()
					_ = s.Update(t.Context(), func(tx store.Tx) error { panic(tx.InsertDecisions(r)) })
				}()
			case 2:
				want = store.ErrConflict
				err = insert(t.Context(), s, append(r, record(t, decision(100_000)))...)
			default:
				err = insert(t.Context(), s, r...)
			}
			if !errors.Is(err, want) {
				t.Errorf("update %d: got error %v, want %v", number, err, want)
			}
		}
	})
	for number := range writers * each {
		want := 0
		if number%5 > 2 {
			want = 1
		}
		if got := stored(t, s, number, number+1); got != want {
			t.Errorf("decision %d: got %d stored, want %d", number, got, want)
		}
	}
}

// A store may be busy with one Update for as long as it takes; who waits behind it can give up,
// and then has done nothing.
func contextEndsWhileWaiting(t *testing.T, s store.Store) {
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.InsertDecisions(recordsOf(t, 0, 1)); err != nil {
				return err
			}
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	// The same key: an engine that runs Updates side by side has to wait here too.
	err := insert(ctx, s, recordsOf(t, 0, 2)...)
	wantError(t, "Update", err, context.DeadlineExceeded)
	if errors.Is(err, store.ErrUnknownOutcome) {
		t.Error("the outcome is known: nothing is stored")
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := stored(t, s, 0, 2); got != 1 {
		t.Errorf("got %d decisions, want the one of the first Update", got)
	}
}

// Whatever moment a context ends at: acknowledged is stored, refused is not, and the store goes on.
func contextsEndAtRandom(t *testing.T, s store.Store) {
	const each = 15
	var acknowledged, refused, unknown sync.Map
	together(writers, func(n int) {
		for i := range each {
			number := n*each + i
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(8*time.Millisecond))))
			switch err := insert(ctx, s, record(t, decision(number))); {
			case err == nil:
				acknowledged.Store(number, nil)
			case errors.Is(err, store.ErrUnknownOutcome):
				wantError(t, "unknown outcome", err, policy.ErrUnavailable)
				unknown.Store(number, nil)
			case errors.Is(err, context.DeadlineExceeded):
				refused.Store(number, nil)
			default:
				t.Errorf("got error %v, want the context's", err)
			}
			_ = s.View(ctx, func(r store.Reader) error {
				_, err := r.ListDecisions(store.DecisionFilter{}, store.Page{})
				return err
			})
			cancel()
		}
	})
	// An Update behind all of them: when it is there, so is everything that was going to be.
	mustInsert(t, s, record(t, decision(100_000)))
	check := func(numbers *sync.Map, want int) (count int) {
		numbers.Range(func(number, _ any) bool {
			count++
			if got := stored(t, s, number.(int), number.(int)+1); got != want {
				t.Errorf("decision %d: got %d stored, want %d", number, got, want)
			}
			return true
		})
		return count
	}
	unknowns := 0
	unknown.Range(func(_, _ any) bool { unknowns++; return true })
	t.Logf("%d acknowledged, %d refused, %d unknown", check(&acknowledged, 1), check(&refused, 0), unknowns)
}

func closeWaits(t *testing.T, s store.Store) {
	var started sync.WaitGroup
	started.Add(writers)
	results := make(chan error, writers)
	for n := range writers {
		go func() {
			started.Done()
			results <- insert(t.Context(), s, record(t, decision(n)))
		}()
	}
	started.Wait()
	shut(t, s)
	for range writers {
		// Either it got in and was finished, or it was told that it is too late.
		if err := <-results; err != nil {
			wantError(t, "Update", err, store.ErrClosed)
		}
	}
}
