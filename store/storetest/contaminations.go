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
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/store"
)

func contamination(id, decision string) experiment.Contamination {
	return experiment.Contamination{Experiment: id, Arm: "trial", At: start, DecisionID: decision, Automation: "pacer", Kind: policy.KindDailyBudget,
		Target: policy.Target{Platform: "google_ads", Account: "example", EntityType: "campaign", EntityID: "101"},
		Before: policy.MoneyValue(2_000_000, "USD"), After: policy.MoneyValue(1_000_000, "USD"), ReasonCode: "overspend", Rules: []string{"experiment.freeze"}, Emergency: true}
}

func insertContaminations(t *testing.T, s store.Store, each ...experiment.Contamination) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertContaminations(each) })
}

func wantContaminations(t *testing.T, s store.Store, id string, want ...experiment.Contamination) {
	t.Helper()
	for i := range want {
		want[i].Number = int64(i) + 1
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Contaminations(id)
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("contaminations of %s (-want +got):\n%s", id, difference)
		}
		return err
	})
}

func contaminations(t *testing.T, s store.Store) {
	wantContaminations(t, s, "spring")
	first, second, other := contamination("spring", "dec_1"), contamination("spring", "dec_2"), contamination("autumn", "dec_1")
	if err := insertContaminations(t, s, first, other, second); err != nil {
		t.Fatal(err)
	}
	third := contamination("spring", "dec_3")
	third.At, third.Arm, third.Aborted = start.Add(time.Minute), "", true
	if err := insertContaminations(t, s, third); err != nil {
		t.Fatal(err)
	}
	if err := insertContaminations(t, s); err != nil {
		t.Errorf("none: %v", err)
	}
	wantContaminations(t, s, "spring", first, second, third)
	wantContaminations(t, s, "autumn", other)
	nameless := first
	nameless.DecisionID = ""
	if err := insertContaminations(t, s, contamination("spring", "dec_4"), nameless); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("without a decision: %v", err)
	}
	wantContaminations(t, s, "spring", first, second, third)
	view(t, s, func(r store.Reader) error {
		events, err := r.Events(audit.Contamination, "spring")
		if len(events) != 3 || events[2].Version != 3 || events[2].Subject != "pacer" || !events[2].At.Equal(third.At) {
			t.Errorf("the events are %v", events)
		}
		return err
	})
}

// manyContaminateOneTest: each gets a number of its own.
func manyContaminateOneTest(t *testing.T, s store.Store) {
	const writers, each = 8, 5
	var done sync.WaitGroup
	for i := range writers {
		done.Go(func() {
			for j := range each {
				one := contamination("spring", fmt.Sprint("dec_", i, "_", j))
				err := insertContaminations(t, s, one)
				for errors.Is(err, store.ErrConflict) {
					err = insertContaminations(t, s, one)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	view(t, s, func(r store.Reader) error {
		got, err := r.Contaminations("spring")
		decisions := map[string]bool{}
		for i, one := range got {
			decisions[one.DecisionID] = true
			if one.Number != int64(i)+1 {
				t.Errorf("the %d. has the number %d", i+1, one.Number)
			}
		}
		if len(decisions) != writers*each {
			t.Errorf("%d of %d are there", len(decisions), writers*each)
		}
		return err
	})
}
