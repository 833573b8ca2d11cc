package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// issued is the n-th permit of a test, which expires n minutes after start.
func issued(n int) permit.Permit {
	d := decision(n)
	return permit.Issue(permit.Permit{
		ID: fmt.Sprintf("permit_%04d", n), Automation: "bidder", Audience: []string{"google_ads/123-456"}, Digest: "sha256:d",
		Legs: []permit.Leg{{DecisionID: d.ID, ChangeID: d.ChangeID, ChangeDigest: "sha256:d", Kind: d.Kind, Target: d.Target,
			Before: d.Before, After: d.After, Direction: policy.Rise}},
		IssuedAt: start.Add(-time.Hour), ExpiresAt: start.Add(time.Duration(n) * time.Minute),
	})
}

func claimed(t *testing.T, p permit.Permit) permit.Permit {
	t.Helper()
	step := p.Claim("claim", p.Automation, mode.Standing{}, 2*time.Hour, p.IssuedAt)
	if step.Refusal != nil {
		t.Fatal(step.Refusal)
	}
	return step.Permit
}

func told(t *testing.T, p permit.Permit, outcome permit.State) permit.Permit {
	t.Helper()
	step := p.Tell(permit.Report{Outcome: outcome, Note: "as told"}, p.Automation, p.ChangedAt.Add(time.Second))
	if step.Refusal != nil {
		t.Fatal(step.Refusal)
	}
	return step.Permit
}

func issue(t *testing.T, s store.Store, from, to int) (permits []permit.Permit) {
	t.Helper()
	for n := from; n < to; n++ {
		permits = append(permits, issued(n))
	}
	mustUpdate(t, s, func(tx store.Tx) error { return tx.InsertPermits(permits) })
	return permits
}

func step(t *testing.T, s store.Store, permits ...permit.Permit) {
	t.Helper()
	mustUpdate(t, s, func(tx store.Tx) error { return tx.UpdatePermits(permits) })
}

func wantPermits(t *testing.T, got, want []permit.Permit) {
	t.Helper()
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("permits (-want +got):\n%s", difference)
	}
}

func permits(t *testing.T, s store.Store) {
	all := issue(t, s, 0, 100)
	claim := claimed(t, all[7])
	applied := told(t, claim, permit.Applied)
	expired := all[9].Pass(all[9].ExpiresAt.Add(time.Nanosecond)).Permit // nothing is whole microseconds
	step(t, s, claim)
	step(t, s, applied, claimed(t, all[8]), expired)
	all[7], all[8], all[9] = applied, claimed(t, all[8]), expired
	view(t, s, func(r store.Reader) error {
		ids := []string{"permit_none"}
		for _, p := range all {
			ids = append(ids, p.ID, p.ID)
		}
		got, err := r.Permits(ids)
		if len(got) != len(all) {
			t.Errorf("got %d permits, want %d", len(got), len(all))
		}
		for _, p := range all {
			wantPermits(t, []permit.Permit{got[p.ID]}, []permit.Permit{p})
		}
		none, noneErr := r.Permits(nil)
		if len(none) != 0 {
			t.Errorf("got %d permits for no ids", len(none))
		}
		return errors.Join(err, noneErr)
	})

	third := claimed(t, all[20])
	third.Version = 3
	for _, test := range []struct {
		name string
		do   func(store.Tx) error
		want error
	}{
		{"a permit that is there", func(tx store.Tx) error { return tx.InsertPermits([]permit.Permit{issued(500), issued(20)}) }, store.ErrConflict},
		{"a permit twice", func(tx store.Tx) error { return tx.InsertPermits([]permit.Permit{issued(500), issued(500)}) }, store.ErrConflict},
		{"a new one that is claimed", func(tx store.Tx) error { return tx.InsertPermits([]permit.Permit{claimed(t, issued(500))}) }, policy.ErrInvalid},
		{"none", func(tx store.Tx) error { return tx.InsertPermits([]permit.Permit{{}}) }, policy.ErrInvalid},
		{"one without an id", func(tx store.Tx) error {
			return tx.InsertPermits([]permit.Permit{permit.Issue(permit.Permit{Automation: "a"})})
		}, policy.ErrInvalid},
		{"claimed again", func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{claimed(t, all[20]), claim}) }, store.ErrConflict},
		{"claimed twice", func(tx store.Tx) error {
			return tx.UpdatePermits([]permit.Permit{claimed(t, all[20]), claimed(t, all[20])})
		}, store.ErrConflict},
		{"a version left out", func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{third}) }, store.ErrConflict},
		{"a permit that never was", func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{claimed(t, issued(500))}) }, store.ErrConflict},
		{"no next version", func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{all[20]}) }, policy.ErrInvalid},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			wantError(t, test.name, test.do(tx), test.want)
			return nil
		})
		wantError(t, test.name, err, test.want)
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Permits([]string{all[20].ID, issued(500).ID, all[7].ID})
		if difference := cmp.Diff(map[string]permit.Permit{all[20].ID: all[20], all[7].ID: applied}, got); difference != "" {
			t.Errorf("after what was refused (-want +got):\n%s", difference)
		}
		return err
	})
}

func duePermits(t *testing.T, s store.Store) {
	all := issue(t, s, 0, 30)
	due := func(at time.Time, limit int, want ...permit.Permit) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			got, err := r.DuePermits(at, limit)
			wantPermits(t, got, want)
			return err
		})
	}
	due(start.Add(-time.Nanosecond), 10)
	due(start, 10, all[0])
	due(start.Add(5*time.Minute-time.Nanosecond), 10, all[:5]...)
	due(start.Add(5*time.Minute), 10, all[:6]...)
	due(start.Add(time.Hour), 3, all[:3]...)
	// A claimed one is due when it has to be reported, one that is settled or unknown never.
	late := claimed(t, all[1]) // an hour after start
	unknown := told(t, claimed(t, all[2]), permit.Unknown)
	step(t, s, late, claimed(t, all[2]), claimed(t, all[3]))
	step(t, s, unknown, told(t, claimed(t, all[3]), permit.Applied), all[0].Pass(start).Permit)
	due(start.Add(6*time.Minute), 10, all[4:7]...)
	due(start.Add(2*time.Hour), 100, append(slices.Clone(all[4:]), late)...)
	view(t, s, func(r store.Reader) error {
		for _, limit := range []int{-1, 0, store.MaxPage + 1} {
			_, err := r.DuePermits(start, limit)
			wantError(t, fmt.Sprint("a limit of ", limit), err, policy.ErrInvalid)
		}
		return nil
	})
}

func listPermits(t *testing.T, s store.Store) {
	var all []permit.Permit
	for n := range 30 { // one by one, so that last issued first means something in every engine
		all = append(all, issue(t, s, n, n+1)...)
	}
	for n := 0; n < 30; n += 3 {
		all[n] = claimed(t, all[n])
		step(t, s, all[n])
	}
	for n := 0; n < 30; n += 6 {
		all[n] = told(t, all[n], permit.Failed)
		step(t, s, all[n])
	}
	for _, state := range []permit.State{permit.None, permit.Issued, permit.Claimed, permit.Failed, permit.Revoked} {
		var want []permit.Permit
		for _, p := range slices.Backward(all) {
			if state == permit.None || p.State == state {
				want = append(want, p)
			}
		}
		for _, limit := range []int{0, 1, 5, 7, store.MaxPage} {
			var got []permit.Permit
			for page := (store.Page{Limit: limit}); ; {
				var some []permit.Permit
				view(t, s, func(r store.Reader) (err error) {
					some, page.After, err = r.ListPermits(state, page)
					return err
				})
				if limit > 0 && len(some) > limit {
					t.Errorf("a page has %d permits, want at most %d", len(some), limit)
				}
				if got = append(got, some...); page.After == "" {
					break
				}
			}
			wantPermits(t, got, want)
		}
	}
	view(t, s, func(r store.Reader) error {
		for _, page := range []store.Page{{Limit: -1}, {Limit: store.MaxPage + 1}, {After: "x"}} {
			_, _, err := r.ListPermits(permit.None, page)
			wantError(t, fmt.Sprint(page), err, policy.ErrInvalid)
		}
		return nil
	})
}

// However many want it, a permit is claimed once.
func manyClaimOnePermit(t *testing.T, s store.Store) {
	for n := range 5 {
		p := issue(t, s, n, n+1)[0]
		var won atomic.Int32
		together(writers, func(int) {
			err := s.Update(t.Context(), func(tx store.Tx) error { return tx.UpdatePermits([]permit.Permit{claimed(t, p)}) })
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("got error %v, want a conflict", err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d claims were granted, want 1", won.Load())
		}
		view(t, s, func(r store.Reader) error {
			events, err := r.Events(audit.Permit, p.ID)
			if len(events) != 1 {
				t.Errorf("got %d events, want 1", len(events))
			}
			return err
		})
	}
}
