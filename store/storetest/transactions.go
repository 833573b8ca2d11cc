package storetest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

func readsItsWrites(t *testing.T, s store.Store) {
	r := record(t, decision(1))
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.InsertDecisions([]store.DecisionRecord{r}); err != nil {
			return err
		}
		got, err := tx.DecisionByKey(r.Key())
		if err != nil {
			return err
		}
		wantRecord(t, got, r)
		page, err := tx.ListDecisions(store.DecisionFilter{Account: r.Decision.Target.Account}, store.Page{})
		if len(page.Records) != 1 {
			t.Errorf("listed %d decisions, want 1", len(page.Records))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func errorStoresNothing(t *testing.T, s store.Store) {
	mine := errors.New("changed my mind")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.InsertDecisions(recordsOf(t, 0, 300)); err != nil {
			return err
		}
		if err := tx.PutRevision("sha256:a", start, []byte("archive")); err != nil {
			return err
		}
		return mine
	})
	if err != mine { //nolint:errorlint // not wrapped: it is handed through as it is
		t.Errorf("got error %v, want the function's own", err)
	}
	if got := stored(t, s, 0, 300); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	view(t, s, func(r store.Reader) error {
		_, err := r.Revision("sha256:a")
		wantError(t, "Revision", err, policy.ErrNotFound)
		return nil
	})
	mustInsert(t, s, recordsOf(t, 0, 300)...)
}

func panicStoresNothing(t *testing.T, s store.Store) {
	recovered := func() (value any) {
		defer func() { value = recover() }()
		_ = s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.InsertDecisions(recordsOf(t, 0, 2)); err != nil {
				return err
			}
			panic("on purpose")
		})
		return nil
	}()
	if recovered != "on purpose" {
		t.Errorf("recovered %v, want the function's own panic", recovered)
	}
	if got := stored(t, s, 0, 2); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	mustInsert(t, s, recordsOf(t, 0, 2)...)
}

// What t.Fatal does inside a function.
func goexitStoresNothing(t *testing.T, s store.Store) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.InsertDecisions(recordsOf(t, 0, 2)); err != nil {
				return err
			}
			runtime.Goexit()
			return nil
		})
	}()
	<-ended
	if got := stored(t, s, 0, 2); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	mustInsert(t, s, recordsOf(t, 0, 2)...)
}

// A function that goes on as if nothing had happened stores nothing.
func failureSticks(t *testing.T, s store.Store) {
	mustInsert(t, s, record(t, decision(1)))
	err := s.Update(t.Context(), func(tx store.Tx) error {
		wantError(t, "insert", tx.InsertDecisions(recordsOf(t, 1, 2)), store.ErrConflict)
		wantError(t, "insert after a conflict", tx.InsertDecisions(recordsOf(t, 2, 3)), store.ErrConflict)
		return nil
	})
	wantError(t, "Update", err, store.ErrConflict)
	err = s.Update(t.Context(), func(tx store.Tx) error {
		wantError(t, "insert", tx.InsertDecisions([]store.DecisionRecord{{}}), policy.ErrInvalid)
		return tx.InsertDecisions(recordsOf(t, 2, 3))
	})
	wantError(t, "Update", err, policy.ErrInvalid)
	if got := stored(t, s, 2, 3); got != 0 {
		t.Error("something was stored after a failure")
	}
}

func keptArgument(t *testing.T, s store.Store) {
	var (
		kept       store.Tx
		keptReader store.Reader
	)
	if err := s.Update(t.Context(), func(tx store.Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(r store.Reader) error { keptReader = r; return nil })
	if err := kept.InsertDecisions(recordsOf(t, 0, 1)); err == nil {
		t.Error("a transaction could be used after its end")
	}
	if _, err := keptReader.Revisions(); err == nil {
		t.Error("a view could be used after its end")
	}
	if got := stored(t, s, 0, 1); got != 0 {
		t.Error("something was stored after the end of its transaction")
	}
}

func viewIsOneState(t *testing.T, s store.Store) {
	mustInsert(t, s, recordsOf(t, 0, 3)...)
	view(t, s, func(r store.Reader) error {
		for n := range 3 {
			page, err := r.ListDecisions(store.DecisionFilter{}, store.Page{})
			if err != nil {
				return err
			}
			if got := len(page.Records); got != 3 {
				t.Errorf("reading for the %d. time: got %d decisions, want 3", n+1, got)
			}
			inserted := make(chan error)
			go func() { inserted <- insert(t.Context(), s, record(t, decision(10+n))) }()
			if err := <-inserted; err != nil {
				return err
			}
		}
		return nil
	})
	if got := stored(t, s, 0, 20); got != 6 {
		t.Errorf("got %d decisions after the view, want 6", got)
	}
	mine := errors.New("seen enough")
	if err := s.View(t.Context(), func(store.Reader) error { return mine }); err != mine { //nolint:errorlint // as above
		t.Errorf("got error %v, want the function's own", err)
	}
}

func viewPanics(t *testing.T, s store.Store) {
	mustInsert(t, s, recordsOf(t, 0, 1)...)
	for range 50 { // more often than there can be connections to lose
		func() {
			defer func() {
				if recovered := recover(); recovered != "on purpose" {
					t.Errorf("recovered %v", recovered)
				}
			}()
			_ = s.View(t.Context(), func(r store.Reader) error {
				if _, err := r.Revisions(); err != nil {
					return err
				}
				panic("on purpose")
			})
		}()
	}
	if got := stored(t, s, 0, 1); got != 1 {
		t.Errorf("got %d decisions, want 1", got)
	}
}

func now(t *testing.T, s store.Store) {
	var last time.Time
	check := func(r store.Reader) error {
		at := r.Now()
		switch {
		case at.Before(last):
			t.Errorf("the store's time went back from %v to %v", last, at)
		case at.Location() != time.UTC || !at.Equal(at.Truncate(time.Microsecond)):
			t.Errorf("got %v, want whole microseconds in UTC", at)
		case !r.Now().Equal(at):
			t.Error("time passed inside a transaction")
		}
		last = at
		return nil
	}
	for range 20 {
		if err := s.Update(t.Context(), func(tx store.Tx) error { return check(tx) }); err != nil {
			t.Fatal(err)
		}
		view(t, s, check)
	}
	if distance := time.Since(last).Abs(); distance > 10*time.Second {
		t.Errorf("the store's time is %v away from this machine's", distance)
	}
}

func contextEndedBefore(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(store.Tx) error { t.Error("the function of an Update ran"); return nil })
	wantError(t, "Update", err, context.Canceled)
	err = s.View(ctx, func(store.Reader) error { t.Error("the function of a View ran"); return nil })
	wantError(t, "View", err, context.Canceled)
}

func contextEndsInside(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.InsertDecisions(recordsOf(t, 0, 1)); err != nil {
			return err
		}
		cancel()
		wantError(t, "insert", tx.InsertDecisions(recordsOf(t, 1, 2)), context.Canceled)
		return nil
	})
	wantError(t, "Update", err, context.Canceled)
	if errors.Is(err, store.ErrUnknownOutcome) {
		t.Error("the outcome is known: nothing is stored")
	}
	if got := stored(t, s, 0, 2); got != 0 {
		t.Errorf("got %d decisions, want none", got)
	}
	ctx, cancel = context.WithCancel(t.Context())
	err = s.View(ctx, func(r store.Reader) error {
		cancel()
		_, err := r.Revisions()
		return err
	})
	wantError(t, "View", err, context.Canceled)
	mustInsert(t, s, recordsOf(t, 0, 2)...)
}
