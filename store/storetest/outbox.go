package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// noticing is the n-th notice of a test.
func noticing(n int) store.Notice {
	return store.Notice{ID: fmt.Sprintf("ntc_%04d", n), Topic: "approval", Object: "apr_1", Version: int64(n), State: "PENDING",
		Groups: []string{"growth"}, Coalesce: "run-1", CreatedAt: start.Add(time.Duration(n) * time.Second)}
}

// notify writes notices from up to to, each to one receiver, and returns their deliveries as they should be.
func notify(t *testing.T, s store.Store, from, to int) (deliveries []store.Delivery) {
	t.Helper()
	for n := from; n < to; n++ { // one by one, so that newest first means something in every engine
		mustUpdate(t, s, func(tx store.Tx) error {
			deliveries = append(deliveries, store.Delivery{Notice: noticing(n), Receiver: "chat", State: store.DeliveryWaiting, DueAt: tx.Now(), ChangedAt: tx.Now()})
			return tx.InsertNotices([]store.AddressedNotice{{Notice: noticing(n), Receivers: []string{"chat"}}})
		})
	}
	return deliveries
}

func listedDeliveries(t *testing.T, s store.Store, state store.DeliveryState, limit int) (all []store.Delivery) {
	t.Helper()
	for page := (store.Page{Limit: limit}); ; {
		var some []store.Delivery
		view(t, s, func(r store.Reader) (err error) {
			some, page.After, err = r.ListDeliveries(state, page)
			return err
		})
		if limit > 0 && len(some) > limit {
			t.Errorf("a page has %d deliveries, want at most %d", len(some), limit)
		}
		if all = append(all, some...); page.After == "" {
			return all
		}
	}
}

// wantDeliveries compares all but the sequences, which are the store's.
func wantDeliveries(t *testing.T, doing string, got, want []store.Delivery) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	for _, deliveries := range [][]store.Delivery{got, want} {
		for i := range deliveries {
			deliveries[i].Sequence = 0
		}
	}
	if difference := cmp.Diff(append([]store.Delivery{}, want...), append([]store.Delivery{}, got...)); difference != "" {
		t.Errorf("%s (-want +got):\n%s", doing, difference)
	}
}

func lease(t *testing.T, s store.Store, at, until time.Time, limit int) (leased []store.Delivery, now time.Time) {
	t.Helper()
	mustUpdate(t, s, func(tx store.Tx) (err error) {
		now = tx.Now()
		leased, err = tx.LeaseDeliveries(at, until, limit)
		return err
	})
	return leased, now
}

func notices(t *testing.T, s store.Store) {
	var now time.Time
	plain := store.Notice{ID: "ntc_plain", Topic: "approval", Object: "apr_2", CreatedAt: start}
	mustUpdate(t, s, func(tx store.Tx) error {
		now = tx.Now()
		return errors.Join(tx.InsertNotices(nil), tx.InsertNotices([]store.AddressedNotice{
			{Notice: noticing(1), Receivers: []string{"chat", "mail"}}, {Notice: noticing(2)}, {Notice: plain, Receivers: []string{"mail"}},
		}))
	})
	to := func(notice store.Notice, receiver string) store.Delivery {
		return store.Delivery{Notice: notice, Receiver: receiver, State: store.DeliveryWaiting, DueAt: now, ChangedAt: now}
	}
	got := listedDeliveries(t, s, "", 0)
	wantDeliveries(t, "notices", got, []store.Delivery{to(plain, "mail"), to(noticing(1), "mail"), to(noticing(1), "chat")})
	seen := map[int64]bool{}
	for _, delivery := range got {
		seen[delivery.Sequence] = true
	}
	if len(seen) != 3 || seen[0] {
		t.Errorf("got the sequences %v, want three", seen)
	}
	changed := func(change func(*store.AddressedNotice)) []store.AddressedNotice {
		notice := store.AddressedNotice{Notice: noticing(5), Receivers: []string{"chat"}}
		change(&notice)
		return []store.AddressedNotice{{Notice: noticing(4), Receivers: []string{"chat"}}, notice}
	}
	for name, notices := range map[string][]store.AddressedNotice{
		"without an id":         changed(func(n *store.AddressedNotice) { n.Notice.ID = "" }),
		"without a topic":       changed(func(n *store.AddressedNotice) { n.Notice.Topic = "" }),
		"to nobody":             changed(func(n *store.AddressedNotice) { n.Receivers = []string{"chat", ""} }),
		"to what is no text":    changed(func(n *store.AddressedNotice) { n.Receivers = []string{"\xff"} }),
		"to a long name":        changed(func(n *store.AddressedNotice) { n.Receivers = []string{strings.Repeat("x", store.MaxWord+1)} }),
		"of a year without end": changed(func(n *store.AddressedNotice) { n.Notice.CreatedAt = time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC) }),
	} {
		wantError(t, name, s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertNotices(notices) }), policy.ErrInvalid)
	}
	if got := listedDeliveries(t, s, "", 0); len(got) != 3 {
		t.Errorf("got %d deliveries after refusals, want the 3 from before", len(got))
	}
	mine := errors.New("changed my mind")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.InsertNotices(changed(func(*store.AddressedNotice) {})), mine)
	})
	if got := listedDeliveries(t, s, "", 0); !errors.Is(err, mine) || len(got) != 3 {
		t.Errorf("got error %v and %d deliveries, want none of what was not committed", err, len(got))
	}
}

func deliveries(t *testing.T, s store.Store) {
	all := notify(t, s, 0, 10)
	at := all[9].DueAt
	leased, _ := lease(t, s, all[0].DueAt.Add(-time.Microsecond), at.Add(time.Hour), 5)
	wantDeliveries(t, "leased before any is due", leased, nil)
	// Leased, counted, and not due again until the lease is over.
	leasing := func(doing string, at, until time.Time, limit int, numbers ...int) []store.Delivery {
		t.Helper()
		leased, now := lease(t, s, at, until, limit)
		var want []store.Delivery
		for _, n := range numbers {
			all[n].Attempts++
			all[n].DueAt, all[n].ChangedAt = until, now
			want = append(want, all[n])
		}
		wantDeliveries(t, doing, leased, want)
		return leased
	}
	first := leasing("the first", at, at.Add(time.Hour), 3, 0, 1, 2)
	leasing("the next", at, at.Add(2*time.Hour), 3, 3, 4, 5)
	leasing("the rest", at, at.Add(3*time.Hour), 100, 6, 7, 8, 9)
	leasing("none that is leased", at.Add(time.Hour-time.Microsecond), at.Add(2*time.Hour), 100)
	again := leasing("whose lease has ended", at.Add(time.Hour), at.Add(4*time.Hour), 2, 0, 1)
	// What comes of the first lease of those is not believed any more.
	settle := func(doing string, settled ...store.Delivery) (now time.Time) {
		t.Helper()
		mustUpdate(t, s, func(tx store.Tx) error { now = tx.Now(); return tx.SettleDeliveries(settled) })
		return now
	}
	for i := range first {
		first[i].State, first[i].LastError, first[i].DueAt = store.DeliveryGivenUp, "503", at.Add(9*time.Hour)
	}
	now := settle("some too late", first...)
	all[2].State, all[2].LastError, all[2].DueAt, all[2].ChangedAt = store.DeliveryGivenUp, "503", at.Add(9*time.Hour), now
	again[0].State = store.DeliveryDelivered
	again[1].LastError, again[1].DueAt = "502", at.Add(90*time.Minute)
	now = settle("delivered, and to be tried again", again...)
	all[0].State, all[0].ChangedAt = store.DeliveryDelivered, now
	all[1].LastError, all[1].DueAt, all[1].ChangedAt = "502", at.Add(90*time.Minute), now
	// What has ended stays.
	again[0].State = store.DeliveryGivenUp
	never := again[1]
	never.Sequence = 1 << 40
	settle("once more", again[0], never)
	settle("nothing")
	leasing("what is to be tried again", at.Add(90*time.Minute), at.Add(5*time.Hour), 100, 1)

	for _, state := range []store.DeliveryState{"", store.DeliveryWaiting, store.DeliveryDelivered, store.DeliveryGivenUp, "unheard of"} {
		var want []store.Delivery
		for _, delivery := range slices.Backward(all) {
			if state == "" || delivery.State == state {
				want = append(want, delivery)
			}
		}
		for _, limit := range []int{0, 1, 3, 10, store.MaxPage} {
			wantDeliveries(t, fmt.Sprintf("%q in pages of %d", state, limit), listedDeliveries(t, s, state, limit), want)
		}
	}
	view(t, s, func(r store.Reader) error {
		for _, page := range []store.Page{{Limit: -1}, {Limit: store.MaxPage + 1}, {After: "x"}} {
			_, _, err := r.ListDeliveries("", page)
			wantError(t, fmt.Sprint(page), err, policy.ErrInvalid)
		}
		return nil
	})
	for name, do := range map[string]func(store.Tx) error{
		"lease none":            func(tx store.Tx) error { _, err := tx.LeaseDeliveries(at, at.Add(1), 0); return err },
		"lease too many":        func(tx store.Tx) error { _, err := tx.LeaseDeliveries(at, at.Add(1), store.MaxPage+1); return err },
		"lease for no time":     func(tx store.Tx) error { _, err := tx.LeaseDeliveries(at, at, 1); return err },
		"prune none":            func(tx store.Tx) error { _, err := tx.PruneDeliveries(at, 0); return err },
		"settle as what is not": func(tx store.Tx) error { return tx.SettleDeliveries([]store.Delivery{{Sequence: 1, State: "lost"}}) },
	} {
		wantError(t, name, s.Update(t.Context(), do), policy.ErrInvalid)
	}
}

func pruneDeliveries(t *testing.T, s store.Store) {
	notify(t, s, 0, 10)
	leased, now := lease(t, s, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), 8)
	for i := range leased {
		leased[i].State = []store.DeliveryState{store.DeliveryDelivered, store.DeliveryGivenUp}[i%2]
	}
	leased[7].State = store.DeliveryWaiting
	mustUpdate(t, s, func(tx store.Tx) error { now = tx.Now(); return tx.SettleDeliveries(leased) })
	prune := func(before time.Time, limit, want, left int) {
		t.Helper()
		var removed int
		mustUpdate(t, s, func(tx store.Tx) (err error) { removed, err = tx.PruneDeliveries(before, limit); return err })
		if got := len(listedDeliveries(t, s, "", 0)); removed != want || got != left {
			t.Errorf("%d were removed and %d are left, want %d and %d", removed, got, want, left)
		}
	}
	prune(now, 100, 0, 10)
	prune(now.Add(time.Nanosecond), 3, 3, 7)
	prune(now.Add(time.Hour), 3, 3, 4)
	prune(now.Add(time.Hour), 100, 1, 3) // what waits stays
	if got := listedDeliveries(t, s, store.DeliveryWaiting, 0); len(got) != 3 {
		t.Errorf("%d deliveries wait, want 3", len(got))
	}
}

// However many take deliveries at once, each goes to one of them.
func manyLeaseDeliveries(t *testing.T, s store.Store) {
	const count = 200
	addressed := make([]store.AddressedNotice, count)
	for n := range addressed {
		addressed[n] = store.AddressedNotice{Notice: noticing(n), Receivers: []string{"chat"}}
	}
	mustUpdate(t, s, func(tx store.Tx) error { return tx.InsertNotices(addressed) })
	at := time.Now().Add(time.Minute)
	var mutex sync.Mutex
	taken := map[int64]int{}
	together(writers, func(int) {
		var leased []store.Delivery
		err := s.Update(t.Context(), func(tx store.Tx) (err error) {
			leased, err = tx.LeaseDeliveries(at, at.Add(time.Hour), 7)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		mutex.Lock()
		defer mutex.Unlock()
		for _, delivery := range leased {
			taken[delivery.Sequence]++
			if delivery.Attempts != 1 {
				t.Errorf("delivery %d is at attempt %d, want the first", delivery.Sequence, delivery.Attempts)
			}
		}
	})
	for sequence, times := range taken {
		if times != 1 {
			t.Errorf("delivery %d was leased %d times, want once", sequence, times)
		}
	}
	if len(taken) != count {
		t.Errorf("%d deliveries were leased, want %d", len(taken), count)
	}
}
