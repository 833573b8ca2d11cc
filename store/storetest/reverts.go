package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// reverting is the n-th revert of a test, due n hours after start.
func reverting(n int) calendar.Revert {
	return calendar.Revert{Target: policy.Target{Platform: "google_ads", Account: "123-456", EntityType: "campaign", EntityID: fmt.Sprint("c", n)},
		Kind: policy.KindDailyBudget, Baseline: policy.MoneyValue(int64(n)*1_000_000, "EUR"), Promises: []calendar.Promise{
			{DecisionID: fmt.Sprint("dec_", n), PromoID: "sale", Due: start.Add(time.Duration(n) * time.Hour), Made: start},
			{DecisionID: fmt.Sprint("dec_", n, "_b"), Due: start, Made: start, Applied: start.Add(time.Minute)},
		}}
}

func putReverts(t *testing.T, s store.Store, reverts ...calendar.Revert) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutReverts(reverts) }); err != nil {
		t.Fatal(err)
	}
}

// wantReverts checks the list of what is to be put back, read one by one, and what is found by field.
func wantReverts(t *testing.T, s store.Store, want ...calendar.Revert) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		var got []calendar.Revert
		var place store.RevertPlace
		for {
			page, err := r.ListReverts(place, 1)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			got, place = append(got, page...), store.PlaceOf(page[0])
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("reverts (-want +got):\n%s", difference)
		}
		fields := []ledger.Scope{ledger.FieldScope(policy.TargetKey{Platform: "meta"}, policy.KindBid)}
		byField := map[ledger.Scope]calendar.Revert{}
		for _, revert := range want {
			fields = append(fields, store.FieldOf(revert))
			byField[store.FieldOf(revert)] = revert
		}
		found, err := r.Reverts(fields)
		if difference := cmp.Diff(byField, found); difference != "" {
			t.Errorf("by field (-want +got):\n%s", difference)
		}
		return err
	})
}

func reverts(t *testing.T, s store.Store) {
	wantReverts(t, s)
	first, second, third := reverting(1), reverting(2), reverting(3)
	putReverts(t, s, third, first, second)
	wantReverts(t, s, first, second, third)
	// Another kind of the same entity is another field, and of those due at one time each is there.
	beside := reverting(2)
	beside.Kind = policy.KindBid
	later := first
	later.Promises = []calendar.Promise{{DecisionID: "dec_x", Due: start.Add(time.Hour * 9), Made: start}}
	done := third
	done.Promises = nil
	putReverts(t, s, beside, later, done)
	wantReverts(t, s, beside, second, later)
	failed := errors.New("no")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.PutReverts([]calendar.Revert{third, {Target: second.Target, Kind: second.Kind}}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Error(err)
	}
	wantReverts(t, s, beside, second, later)
	view(t, s, func(r store.Reader) error {
		if _, err := r.ListReverts(store.RevertPlace{}, 0); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("none of them: %v", err)
		}
		return nil
	})
}
