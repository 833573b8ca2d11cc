package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

func reopen(t *testing.T, open func() store.Store) {
	s := open()
	mustInsert(t, s, recordsOf(t, 0, 200)...)
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutRevision("sha256:a", start, []byte("archive")) })
	if err != nil {
		t.Fatal(err)
	}
	given, change := issued(1), budget("100", "1", euros(1), euros(2))
	var held ledger.Hold
	mustUpdate(t, s, func(tx store.Tx) (err error) {
		held, err = place(tx, "dec_held", change, start)
		return errors.Join(err, tx.InsertPermits([]permit.Permit{given}), tx.UpdatePermits([]permit.Permit{claimed(t, given)}),
			tx.SetMode(setting(ledger.OrganisationScope(), policy.ModeHalted, 1)))
	})
	asked := pending(t, 1)
	agreed, yes := reviewed(t, asked, "ana", approval.Approve), said(asked, "ana", approval.Approve)
	openAll(t, s, asked)
	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.InsertReview(yes), tx.UpdateApprovals([]approval.Approval{agreed}), tx.PutGrants([]approval.Grant{granting(1)}),
			tx.InsertNotices([]store.AddressedNotice{{Notice: noticing(1), Receivers: []string{"chat"}}}))
	})
	var sheets ledger.State
	view(t, s, func(r store.Reader) (err error) { sheets, err = r.Sheets(held.Scopes()); return err })
	var cursor store.Cursor
	view(t, s, func(r store.Reader) error {
		page, err := r.ListDecisions(store.DecisionFilter{}, store.Page{Limit: 150})
		cursor = page.Next
		return err
	})
	shut(t, s)

	s = open()
	defer shut(t, s)
	view(t, s, func(r store.Reader) error {
		want := record(t, decision(7))
		got, err := r.DecisionByKey(want.Key())
		if err != nil {
			return err
		}
		wantRecord(t, got, want)
		if _, err := r.Revision("sha256:a"); err != nil {
			return err
		}
		page, err := r.ListDecisions(store.DecisionFilter{}, store.Page{After: cursor})
		if len(page.Records) != 50 || page.Next != "" {
			t.Errorf("a cursor from before: got %d records and next %q, want the last 50", len(page.Records), page.Next)
		}
		return err
	})
	view(t, s, func(r store.Reader) error {
		wantSheets(t, r, sheets)
		open, err := r.OpenHolds("", 10)
		wantHolds(t, open, []ledger.Hold{held})
		permits, permitsErr := r.Permits([]string{given.ID})
		wantPermits(t, []permit.Permit{permits[given.ID]}, []permit.Permit{claimed(t, given)})
		return errors.Join(err, permitsErr)
	})
	view(t, s, func(r store.Reader) error {
		approvals, next, err := r.ListApprovals(store.ApprovalFilter{State: approval.Approved}, store.Page{})
		wantApprovals(t, "approved", approvals, []approval.Approval{agreed})
		reviews, reviewsErr := r.Reviews(asked.ID)
		grant, grantErr := r.Grant(granting(1).ID)
		deliveries, _, outboxErr := r.ListDeliveries(store.DeliveryWaiting, store.Page{})
		if difference := cmp.Diff([]any{[]approval.Review{yes}, granting(1), noticing(1), store.Cursor("")},
			[]any{reviews, grant, deliveries[0].Notice, next}); difference != "" {
			t.Errorf("(-want +got):\n%s", difference)
		}
		return errors.Join(err, reviewsErr, grantErr, outboxErr)
	})
	wantModes(t, s, 1, setting(ledger.OrganisationScope(), policy.ModeHalted, 1))
	wantError(t, "insert of an old key", insert(t.Context(), s, record(t, decision(7))), store.ErrConflict)
	wholeLog(t, s)
	mustInsert(t, s, record(t, decision(200)))
	if got := wholeLog(t, s).Tree.Size(); got != 207 {
		t.Errorf("got a log of %d leaves, want it to go on to 207", got)
	}
	ids, _ := listed(t, s, store.DecisionFilter{}, 0)
	if len(ids) != 201 || ids[0] != decision(200).ID {
		t.Errorf("got %d decisions, the newest %s; want 201 and the one inserted last", len(ids), ids[0])
	}
}

func closed(t *testing.T, open func() store.Store) {
	s := open()
	shut(t, s)
	shut(t, s) // once more does no harm
	err := s.Update(t.Context(), func(store.Tx) error { t.Error("the function of an Update ran"); return nil })
	wantError(t, "Update", err, store.ErrClosed)
	wantError(t, "Update", err, policy.ErrUnavailable)
	err = s.View(t.Context(), func(store.Reader) error { t.Error("the function of a View ran"); return nil })
	wantError(t, "View", err, store.ErrClosed)
}
