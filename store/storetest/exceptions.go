package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

// suppressing is the n-th suppression of a test, of the field of the n-th approval, for n hours.
func suppressing(n int) approval.Suppression {
	leg := wanting(n).Legs[0]
	return approval.Suppression{ID: fmt.Sprintf("sup_%04d", n), ApprovalID: "apr_1", Automation: "bidder", Target: leg.Target, Kind: leg.Kind,
		Direction: leg.Direction, Before: leg.Before, After: leg.After, Reason: "no", At: start, Until: start.Add(time.Duration(n) * time.Hour), Version: 1}
}

func clear(t *testing.T, s approval.Suppression) approval.Suppression {
	t.Helper()
	cleared, err := s.Clear("dora", person, "", "it is fine now", s.At.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return cleared
}

// granting is the n-th grant of a test, from n hours after start on, for an hour.
func granting(n int) approval.Grant {
	return approval.Grant{ID: fmt.Sprintf("grant_%04d", n), ApprovalID: "apr_1", Automation: "bidder", Scope: ledger.CampaignScope("google_ads", "123-456", "c1"),
		Kind: policy.KindBid, Rules: []string{"bid.step"}, MaxUses: 5, Reason: "sale",
		Starts: start.Add(time.Duration(n) * time.Hour), Ends: start.Add(time.Duration(n+1) * time.Hour), Version: 1}
}

func use(g approval.Grant) approval.Grant {
	g.Uses++
	g.Version++
	return g
}

// overriding is the n-th override of a test, from n minutes after start on, for an hour.
func overriding(n int) approval.Override {
	at := start.Add(time.Duration(n) * time.Minute)
	return approval.Override{ID: fmt.Sprintf("ovr_%04d", n), Automation: "bidder", ChangeID: "change-1", Digest: "sha256:d", Role: "override", Actor: "dora",
		Reason: "outage", Ticket: "T-1", At: at, ExpiresAt: at.Add(time.Hour), ReviewDue: at.Add(24 * time.Hour), Version: 1}
}

func lift(o approval.Override) approval.Override {
	o.UsedAt = o.At.Add(time.Minute)
	o.Version++
	return o
}

func look(t *testing.T, o approval.Override) approval.Override {
	t.Helper()
	looked, err := o.Review("fay", person, true, "it was an outage", o.At.Add(10*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return looked
}

// delegating is the n-th delegation of a test, from n hours after start on, for a day.
func delegating(n int) approval.Delegation {
	starts := start.Add(time.Duration(n) * time.Hour)
	return approval.Delegation{ID: fmt.Sprintf("del_%04d", n), From: "ana", To: "ben", Reason: "away", Starts: starts, Ends: starts.Add(24 * time.Hour),
		CreatedAt: start, CreatedBy: "ana", Version: 1}
}

func end(t *testing.T, d approval.Delegation) approval.Delegation {
	t.Helper()
	ended, err := d.End("ben", func(string) approval.Person { return approval.Person{} }, d.Starts.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// wantHeld demands that what holds at each time is what the function says, the last made first.
func wantHeld[Record any](t *testing.T, s store.Store, doing string, all []Record, holds func(*Record, time.Time) bool,
	held func(store.Reader, time.Time) ([]Record, error), times ...time.Time) {
	t.Helper()
	for _, at := range times {
		want := []Record{}
		for i := range all {
			if record := &all[len(all)-1-i]; holds(record, at) {
				want = append(want, *record)
			}
		}
		view(t, s, func(r store.Reader) error {
			got, err := held(r, at)
			if difference := cmp.Diff(want, append([]Record{}, got...)); difference != "" {
				t.Errorf("%s at %v (-want +got):\n%s", doing, at.Sub(start), difference)
			}
			return err
		})
	}
}

// pages is a list in pages of two.
func pages[Record any](list func(store.Reader, time.Time, store.Page) ([]Record, store.Cursor, error)) func(store.Reader, time.Time) ([]Record, error) {
	return func(r store.Reader, at time.Time) (all []Record, err error) {
		for page := (store.Page{Limit: 2}); ; {
			var some []Record
			some, page.After, err = list(r, at, page)
			if all = append(all, some...); err != nil || page.After == "" || len(some) != 2 {
				return all, err
			}
		}
	}
}

// wantPut demands of one kind of exception what holds for all of them: versions follow each other, and one is found by its
// id or not at all.
func wantPut[Record any](t *testing.T, s store.Store, make func(int) Record, follow func(Record) Record, spoil func(*Record, int64, string),
	put func(store.Tx, ...Record) error, get func(store.Reader, string) (Record, error),
	list func(store.Reader, time.Time, store.Page) ([]Record, store.Cursor, error), id func(*Record) string) {
	t.Helper()
	first, second := make(1), make(2)
	mustUpdate(t, s, func(tx store.Tx) error { return errors.Join(put(tx), put(tx, first, second, follow(second))) })
	spoiled := func(version int64, id string) Record {
		record := make(3)
		spoil(&record, version, id)
		return record
	}
	firstID := id(&first)
	for _, test := range []struct {
		name    string
		records []Record
		want    error
	}{
		{"one that is there", []Record{make(3), first}, store.ErrConflict},
		{"one twice", []Record{make(3), make(3)}, store.ErrConflict},
		{"a step again", []Record{make(3), follow(second)}, store.ErrConflict},
		{"a step twice", []Record{follow(first), follow(first)}, store.ErrConflict},
		{"a version left out", []Record{spoiled(3, firstID)}, store.ErrConflict},
		{"one that never was", []Record{follow(make(3))}, store.ErrConflict},
		{"no version", []Record{spoiled(0, "x")}, policy.ErrInvalid},
		{"without an id", []Record{spoiled(1, "")}, policy.ErrInvalid},
		{"a long id", []Record{spoiled(1, strings.Repeat("x", store.MaxWord+1))}, policy.ErrInvalid},
		{"an id that is no text", []Record{spoiled(1, "\xff")}, policy.ErrInvalid},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			wantError(t, test.name, put(tx, test.records...), test.want)
			return nil
		})
		wantError(t, test.name, err, test.want)
	}
	view(t, s, func(r store.Reader) error {
		for _, want := range []Record{first, follow(second)} {
			got, err := get(r, id(&want))
			if difference := cmp.Diff(want, got); err != nil || difference != "" {
				t.Errorf("error %v (-want +got):\n%s", err, difference)
			}
		}
		third := make(3)
		_, err := get(r, id(&third))
		wantError(t, "what was refused", err, policy.ErrNotFound)
		for _, page := range []store.Page{{Limit: -1}, {Limit: store.MaxPage + 1}, {After: "x"}} {
			_, _, err := list(r, start, page)
			wantError(t, fmt.Sprint(page), err, policy.ErrInvalid)
		}
		return nil
	})
	// However many take the next step at once, one does.
	var won atomic.Int32
	together(writers, func(int) {
		err := s.Update(t.Context(), func(tx store.Tx) error { return put(tx, follow(first)) })
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, store.ErrConflict):
			t.Errorf("got error %v, want a conflict", err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d steps were taken, want 1", won.Load())
	}
}

// The times at which something may begin or end.
var hours = func() (times []time.Time) {
	for n := range 40 {
		at := start.Add(time.Duration(n-3) * 30 * time.Minute)
		times = append(times, at.Add(-time.Microsecond), at, at.Add(time.Minute))
	}
	return times
}()

func suppressions(t *testing.T, s store.Store) {
	put := func(tx store.Tx, records ...approval.Suppression) error { return tx.PutSuppressions(records) }
	wantPut(t, s, suppressing, func(s approval.Suppression) approval.Suppression { return clear(t, s) },
		func(s *approval.Suppression, version int64, id string) { s.Version, s.ID = version, id }, put,
		store.Reader.Suppression, store.Reader.ListSuppressions, func(s *approval.Suppression) string { return s.ID })
	all := []approval.Suppression{clear(t, suppressing(1)), clear(t, suppressing(2))}
	for n := 3; n < 12; n++ {
		made := suppressing(n)
		switch n % 4 {
		case 0:
			made.Automation = "pacer"
		case 1: // of one field, the second time
			made.Target = suppressing(3).Target
		}
		mustUpdate(t, s, func(tx store.Tx) error { return put(tx, made) })
		if n == 7 {
			made = clear(t, made)
			mustUpdate(t, s, func(tx store.Tx) error { return put(tx, made) })
		}
		all = append(all, made)
	}
	var fields []ledger.Scope
	for n := range 700 {
		target := wanting(n).Legs[0].Target
		fields = append(fields, ledger.FieldScope(target.Key(), policy.KindBid))
	}
	of := func(automation string, fields []ledger.Scope) func(*approval.Suppression, time.Time) bool {
		return func(s *approval.Suppression, at time.Time) bool {
			return s.Automation == automation && s.Active(at) && slices.Contains(fields, ledger.FieldScope(s.Target.Key(), s.Kind))
		}
	}
	var some []time.Time
	for n := 0; n < len(hours); n += 10 {
		some = append(some, hours[n])
	}
	for name, fields := range map[string][]ledger.Scope{"one field": fields[3:4], "three fields": {fields[3], fields[6], fields[7], fields[3]}, "many fields": fields, "no field": nil} {
		times := hours
		if len(fields) > 100 {
			times = some
		}
		for _, automation := range []string{"bidder", "pacer", "nobody"} {
			wantHeld(t, s, name+" of "+automation, all, of(automation, fields), func(r store.Reader, at time.Time) ([]approval.Suppression, error) {
				return r.Suppressions(automation, fields, at)
			}, times...)
		}
	}
	wantHeld(t, s, "list", all, (*approval.Suppression).Active, pages(store.Reader.ListSuppressions), hours...)
	wantHeld(t, s, "all", all, func(*approval.Suppression, time.Time) bool { return true }, pages(store.Reader.ListSuppressions), time.Time{})

	long := suppressing(50)
	long.Target.Account, long.Target.EntityID = strings.Repeat("ü", 500), strings.Repeat("ü", 500)
	wantError(t, "a field that is too long", s.Update(t.Context(), func(tx store.Tx) error { return put(tx, long) }), policy.ErrInvalid)
	nobody := suppressing(50)
	nobody.Automation = ""
	wantError(t, "of nobody", s.Update(t.Context(), func(tx store.Tx) error { return put(tx, nobody) }), policy.ErrInvalid)
}

func grants(t *testing.T, s store.Store) {
	put := func(tx store.Tx, records ...approval.Grant) error { return tx.PutGrants(records) }
	wantPut(t, s, granting, use, func(g *approval.Grant, version int64, id string) { g.Version, g.ID = version, id }, put,
		store.Reader.Grant, store.Reader.ListGrants, func(g *approval.Grant) string { return g.ID })
	all := []approval.Grant{use(granting(1)), use(granting(2))}
	for n := 3; n < 12; n++ {
		made := granting(n / 3)
		made.ID = fmt.Sprint("grant_", n)
		if n%4 == 0 {
			made.Automation = "pacer"
		}
		mustUpdate(t, s, func(tx store.Tx) error { return put(tx, made) })
		if n == 7 {
			made = made.Revoke("ops", made.Starts.Add(time.Minute))
			mustUpdate(t, s, func(tx store.Tx) error { return put(tx, made) })
		}
		all = append(all, made)
	}
	for _, automation := range []string{"bidder", "pacer", "nobody"} {
		wantHeld(t, s, automation, all, func(g *approval.Grant, at time.Time) bool { return g.Automation == automation && g.Active(at) },
			func(r store.Reader, at time.Time) ([]approval.Grant, error) { return r.Grants(automation, at) }, hours...)
	}
	wantHeld(t, s, "list", all, (*approval.Grant).Active, pages(store.Reader.ListGrants), hours...)
	wantHeld(t, s, "all", all, func(*approval.Grant, time.Time) bool { return true }, pages(store.Reader.ListGrants), time.Time{})
}

func overrides(t *testing.T, s store.Store) {
	put := func(tx store.Tx, records ...approval.Override) error { return tx.PutOverrides(records) }
	wantPut(t, s, overriding, lift, func(o *approval.Override, version int64, id string) { o.Version, o.ID = version, id }, put,
		store.Reader.Override, store.Reader.ListOverrides, func(o *approval.Override) string { return o.ID })
	all := []approval.Override{lift(overriding(1)), lift(overriding(2))}
	for n := 3; n < 12; n++ {
		made := overriding(n)
		steps := []approval.Override{made}
		switch n % 3 {
		case 0: // used, and looked at
			steps = append(steps, lift(made), look(t, lift(made)))
		case 1: // looked at before it was over, and never used: a record is kept as it is, though package approval makes none like it
			early := made
			early.Version++
			early.ReviewedAt, early.ReviewedBy, early.Finding = made.At.Add(5*time.Minute), "fay", "no reason"
			steps = append(steps, early)
		}
		mustUpdate(t, s, func(tx store.Tx) error { return put(tx, steps...) })
		all = append(all, steps[len(steps)-1])
	}
	// Until somebody has looked at it or, unused, until it expires.
	holds := func(o *approval.Override, at time.Time) bool {
		if at.Before(o.At) || !o.ReviewedAt.IsZero() && !at.Before(o.ReviewedAt) {
			return false
		}
		return !o.UsedAt.IsZero() || at.Before(o.ExpiresAt)
	}
	wantHeld(t, s, "list", all, holds, pages(store.Reader.ListOverrides), append(hours, start.Add(6*time.Minute), start.Add(365*24*time.Hour))...)
	wantHeld(t, s, "all", all, func(*approval.Override, time.Time) bool { return true }, pages(store.Reader.ListOverrides), time.Time{})
}

func delegations(t *testing.T, s store.Store) {
	put := func(tx store.Tx, records ...approval.Delegation) error { return tx.PutDelegations(records) }
	wantPut(t, s, delegating, func(d approval.Delegation) approval.Delegation { return end(t, d) },
		func(d *approval.Delegation, version int64, id string) { d.Version, d.ID = version, id }, put,
		store.Reader.Delegation, store.Reader.ListDelegations, func(d *approval.Delegation) string { return d.ID })
	all := []approval.Delegation{end(t, delegating(1)), end(t, delegating(2))}
	for n := 3; n < 12; n++ {
		made := delegating(n)
		if n%3 == 0 {
			made.To = "dora"
		}
		mustUpdate(t, s, func(tx store.Tx) error { return put(tx, made) })
		all = append(all, made)
	}
	for _, to := range []string{"ben", "dora", "nobody"} {
		wantHeld(t, s, "to "+to, all, func(d *approval.Delegation, at time.Time) bool { return d.To == to && d.Active(at) },
			func(r store.Reader, at time.Time) ([]approval.Delegation, error) { return r.Delegations(to, at) }, append(hours, start.Add(30*time.Hour))...)
	}
	wantHeld(t, s, "list", all, (*approval.Delegation).Active, pages(store.Reader.ListDelegations), hours...)
	wantHeld(t, s, "all", all, func(*approval.Delegation, time.Time) bool { return true }, pages(store.Reader.ListDelegations), time.Time{})
}

// The kinds do not get in each other's way, though their ids be the same.
func exceptionsOfOneID(t *testing.T, s store.Store) {
	suppression, grant, override, delegation := suppressing(1), granting(1), overriding(1), delegating(1)
	for _, id := range []*string{&suppression.ID, &grant.ID, &override.ID, &delegation.ID} {
		*id = "same"
	}
	delegation.To = "bidder"
	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.PutSuppressions([]approval.Suppression{suppression}), tx.PutGrants([]approval.Grant{grant}),
			tx.PutOverrides([]approval.Override{override}), tx.PutDelegations([]approval.Delegation{delegation}))
	})
	mustUpdate(t, s, func(tx store.Tx) error { return tx.PutGrants([]approval.Grant{use(grant)}) })
	view(t, s, func(r store.Reader) error {
		gotSuppression, err := r.Suppression("same")
		gotGrant, grantErr := r.Grant("same")
		gotOverride, overrideErr := r.Override("same")
		gotDelegation, delegationErr := r.Delegation("same")
		grants, listErr := r.Grants("bidder", grant.Starts)
		if difference := cmp.Diff([]any{suppression, use(grant), override, delegation, []approval.Grant{use(grant)}},
			[]any{gotSuppression, gotGrant, gotOverride, gotDelegation, grants}); difference != "" {
			t.Errorf("(-want +got):\n%s", difference)
		}
		return errors.Join(err, grantErr, overrideErr, delegationErr, listErr)
	})
}
