package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/store"
)

func reviews(t *testing.T, s store.Store) {
	first, second := asking(t, wanting(1), "growth", "finance"), pending(t, 2)
	openAll(t, s, first, second)
	yes, no := said(first, "ana", approval.Approve), said(first, "ben", approval.Reject)
	again, other := yes, said(second, "ana", approval.Comment)
	again.ID, again.Nonce, again.Kind = "rev_again", "another nonce", approval.Retract
	for _, review := range []approval.Review{yes, no, other, again} {
		mustUpdate(t, s, func(tx store.Tx) error { return tx.InsertReview(review) })
	}
	changed := func(change func(*approval.Review)) approval.Review {
		review := said(first, "fay", approval.Comment)
		change(&review)
		return review
	}
	for _, test := range []struct {
		name   string
		review approval.Review
		want   error
	}{
		{"a nonce again", changed(func(r *approval.Review) { r.Reviewer = "ana" }), store.ErrConflict},
		{"an id again", changed(func(r *approval.Review) { r.ID = no.ID }), store.ErrConflict},
		{"the same again", yes, store.ErrConflict},
		{"without an id", changed(func(r *approval.Review) { r.ID = "" }), policy.ErrInvalid},
		{"of no approval", changed(func(r *approval.Review) { r.ApprovalID = "" }), policy.ErrInvalid},
		{"by nobody", changed(func(r *approval.Review) { r.Reviewer = "" }), policy.ErrInvalid},
		{"without a nonce", changed(func(r *approval.Review) { r.Nonce = "" }), policy.ErrInvalid},
		{"a nonce that is no text", changed(func(r *approval.Review) { r.Nonce = "\xff" }), policy.ErrInvalid},
		{"a long reviewer", changed(func(r *approval.Review) { r.Reviewer = strings.Repeat("x", store.MaxWord+1) }), policy.ErrInvalid},
		{"before 1970", changed(func(r *approval.Review) { r.At = time.Time{} }), policy.ErrInvalid},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			wantError(t, test.name, tx.InsertReview(test.review), test.want)
			return nil
		})
		wantError(t, test.name, err, test.want)
	}
	view(t, s, func(r store.Reader) error {
		for id, want := range map[string][]approval.Review{first.ID: {yes, no, again}, second.ID: {other}, "apr_none": nil} {
			got, err := r.Reviews(id)
			if difference := cmp.Diff(want, got); err != nil || difference != "" {
				t.Errorf("reviews of %s: error %v (-want +got):\n%s", id, err, difference)
			}
		}
		return nil
	})
}

// Whoever watches and reads on from what they have seen last sees every step once, in order.
func approvalEvents(t *testing.T, s store.Store) {
	after := func(sequence int64, limit int) (events []store.ApprovalEvent) {
		t.Helper()
		view(t, s, func(r store.Reader) (err error) { events, err = r.ApprovalEvents(sequence, limit); return err })
		return events
	}
	last := func() (last int64) {
		t.Helper()
		view(t, s, func(r store.Reader) (err error) { last, err = r.LastApprovalEvent(); return err })
		return last
	}
	if got := last(); got != -1 || len(after(-1, 10)) != 0 {
		t.Errorf("in an empty store the last step is at %d, want -1", got)
	}
	one, two := pending(t, 1), pending(t, 2)
	approved, rejected := reviewed(t, one, "ana", approval.Approve), reviewed(t, two, "ben", approval.Reject)
	openAll(t, s, one, two)
	mustInsert(t, s, record(t, decision(1))) // other leaves in between
	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.InsertReview(said(one, "ana", approval.Approve)), tx.UpdateApprovals([]approval.Approval{approved, rejected}))
	})
	want := []store.ApprovalEvent{{Sequence: 0, Approval: one}, {Sequence: 1, Approval: two}, {Sequence: 4, Approval: approved}, {Sequence: 5, Approval: rejected}}
	for _, limit := range []int{1, 3, store.MaxPage} {
		var got []store.ApprovalEvent
		for seen := int64(-1); ; seen = got[len(got)-1].Sequence {
			some := after(seen, limit)
			if len(some) > limit {
				t.Errorf("got %d steps, want at most %d", len(some), limit)
			}
			if got = append(got, some...); len(some) == 0 || len(got) > len(want) {
				break
			}
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("steps, %d at a time (-want +got):\n%s", limit, difference)
		}
	}
	if difference := cmp.Diff(want[2:], after(2, 10)); difference != "" {
		t.Errorf("steps after one that is another's (-want +got):\n%s", difference)
	}
	mustInsert(t, s, record(t, decision(2)))
	if got := last(); got != 5 {
		t.Errorf("the last step is at %d, want 5", got)
	}
	view(t, s, func(r store.Reader) error {
		for _, limit := range []int{-1, 0, store.MaxPage + 1} {
			_, err := r.ApprovalEvents(-1, limit)
			wantError(t, fmt.Sprint("a limit of ", limit), err, policy.ErrInvalid)
		}
		return nil
	})
}

// Every step, review and exception has its event and its leaf, by whoever took it.
func approvalLeaves(t *testing.T, s store.Store) {
	a := pending(t, 1)
	review := said(a, "ana", approval.Reject)
	rejected := reviewed(t, a, "ana", approval.Reject)
	granted := wanting(2)
	granted.Legs, granted.Grant = nil, &approval.Grant{ID: "grant_9", Automation: "bidder", Kind: policy.KindBid, Scope: ledger.OrganisationScope()}
	asked := asking(t, granted, "growth")
	expired := asked.Apply(approval.Pass{}, start.Add(24*time.Hour)).Approval
	suppression := rejected.Suppress([]string{"sup_1"}, approval.Wait(time.Hour))[0]
	grant, override, delegation := granting(1), overriding(1), delegating(1)
	cleared, used, revoked, lifted, looked, ended := clear(t, suppression), use(grant), grant.Revoke("ops", start.Add(time.Hour)), lift(override), look(t, lift(override)), end(t, delegation)
	revoked.Version = 3
	var now time.Time
	steps := []func(store.Tx) error{
		func(tx store.Tx) error {
			return tx.InsertApprovals([]store.NewApproval{changing(a), changing(asked)})
		},
		func(tx store.Tx) error { return tx.InsertReview(review) },
		func(tx store.Tx) error { return tx.UpdateApprovals([]approval.Approval{rejected, expired}) },
		func(tx store.Tx) error { return tx.PutSuppressions([]approval.Suppression{suppression, cleared}) },
		func(tx store.Tx) error { now = tx.Now(); return tx.PutGrants([]approval.Grant{grant, used, revoked}) },
		func(tx store.Tx) error { return tx.PutOverrides([]approval.Override{override, lifted, looked}) },
		func(tx store.Tx) error { return tx.PutDelegations([]approval.Delegation{delegation, ended}) },
	}
	for _, step := range steps {
		mustUpdate(t, s, step)
	}
	type encoder interface{ Encode() ([]byte, error) }
	const platform, account = "google_ads", "123-456"
	leaf := func(kind audit.Kind, platform, account, subject, object string, at time.Time, record encoder) audit.Leaf {
		encoded, err := record.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return audit.Leaf{Kind: kind, Platform: platform, Account: account, Subject: subject, Object: object, Time: at.Truncate(time.Microsecond), Record: audit.Sum(encoded)}
	}
	want := []audit.Leaf{
		leaf(audit.Approval, platform, account, "bidder", "apr_0001#1", a.CreatedAt, a),
		leaf(audit.Approval, "", "", "bidder", "apr_0002#1", asked.CreatedAt, asked),
		leaf(audit.Review, "", "", "ana", review.ID+"#1", review.At, review),
		leaf(audit.Approval, platform, account, "ana", "apr_0001#2", rejected.ChangedAt, rejected),
		leaf(audit.Approval, "", "", "(time)", "apr_0002#2", expired.ChangedAt, expired),
		leaf(audit.Suppression, platform, account, "(time)", "sup_1#1", suppression.At, suppression),
		leaf(audit.Suppression, platform, account, "dora", "sup_1#2", cleared.ClearedAt, cleared),
		leaf(audit.Grant, platform, account, "(time)", "grant_0001#1", now, grant),
		leaf(audit.Grant, platform, account, "bidder", "grant_0001#2", now, used),
		leaf(audit.Grant, platform, account, "ops", "grant_0001#3", revoked.RevokedAt, revoked),
		leaf(audit.Override, "", "", "dora", "ovr_0001#1", override.At, override),
		leaf(audit.Override, "", "", "bidder", "ovr_0001#2", lifted.UsedAt, lifted),
		leaf(audit.Override, "", "", "fay", "ovr_0001#3", looked.ReviewedAt, looked),
		leaf(audit.Delegation, "", "", "ana", "del_0001#1", delegation.CreatedAt, delegation),
		leaf(audit.Delegation, "", "", "ben", "del_0001#2", ended.EndedAt, ended),
	}
	view(t, s, func(r store.Reader) error {
		var got []audit.Leaf
		for stored, err := range store.Leaves(r, 0) {
			if err != nil {
				return err
			}
			decoded, err := audit.DecodeLeaf(stored.Leaf)
			if err != nil {
				return err
			}
			if audit.Sum(stored.Record) != decoded.Record {
				t.Errorf("leaf %d stands for the record %s", len(got), stored.Record)
			}
			decoded.Sequence = 0
			got = append(got, decoded)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("leaves (-want +got):\n%s", difference)
		}
		events, err := r.Events(audit.Approval, asked.ID)
		if len(events) != 2 || events[0].Subject != "bidder" || events[1].Subject != "" || events[1].Version != 2 {
			t.Errorf("got the events %v, want that it was asked for and expired", events)
		}
		strays, strayErr := r.StrayApprovals()
		if len(strays) != 0 {
			t.Errorf("got the strays %v, want none", strays)
		}
		return errors.Join(err, strayErr)
	})
	if report := wholeLog(t, s); report.Records != int64(len(want)) {
		t.Errorf("the log has the records of %d leaves, want %d", report.Records, len(want))
	}
}

// However many decide an approval at once, one does.
func manyDecideOneApproval(t *testing.T, s store.Store) {
	for n := range 5 {
		a := pending(t, n)
		openAll(t, s, a)
		outcomes := []approval.Approval{reviewed(t, a, "ana", approval.Approve), reviewed(t, a, "ben", approval.Reject), next(t, a, approval.Withdraw{By: "bidder", People: person})}
		var won atomic.Pointer[approval.Approval]
		var count atomic.Int32
		together(writers, func(n int) {
			outcome := outcomes[n%len(outcomes)]
			err := s.Update(t.Context(), func(tx store.Tx) error { return tx.UpdateApprovals([]approval.Approval{outcome}) })
			switch {
			case err == nil:
				won.Store(&outcome)
				count.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("got error %v, want a conflict", err)
			}
		})
		if count.Load() != 1 {
			t.Fatalf("%d outcomes were stored, want 1", count.Load())
		}
		view(t, s, func(r store.Reader) error {
			got, err := r.Approvals([]string{a.ID})
			wantApprovals(t, a.ID, []approval.Approval{got[a.ID]}, []approval.Approval{*won.Load()})
			return err
		})
	}
}

// However often a reviewer sends a review at once, it is kept once.
func manySendOneReview(t *testing.T, s store.Store) {
	for n := range 5 {
		a := pending(t, n)
		openAll(t, s, a)
		var won atomic.Int32
		together(writers, func(n int) {
			review := said(a, "ana", approval.Approve)
			review.ID = fmt.Sprintf("rev_%s_%d", a.ID, n)
			err := s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertReview(review) })
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("got error %v, want a conflict", err)
			}
		})
		view(t, s, func(r store.Reader) error {
			kept, err := r.Reviews(a.ID)
			if won.Load() != 1 || len(kept) != 1 {
				t.Errorf("%d reviews were taken and %d kept, want 1", won.Load(), len(kept))
			}
			return err
		})
	}
}
