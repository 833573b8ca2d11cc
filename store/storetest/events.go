package storetest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// Everything that happens has its event and its leaf, in the order in which it happened.
func events(t *testing.T, s store.Store) {
	account, organisation := ledger.AccountScope("meta", "a/1 #7"), ledger.OrganisationScope()
	first, second := issued(1), issued(2)
	claim := claimed(t, first)
	applied := told(t, claim, permit.Applied)
	expired := second.Pass(second.ExpiresAt.Add(time.Nanosecond)).Permit
	halted, active, reduced := setting(account, policy.ModeHalted, 1), setting(account, policy.ModeActive, 2), setting(organisation, policy.ModeReduceOnly, 3)
	made := record(t, decision(1))

	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.InsertDecisions([]store.DecisionRecord{made}), tx.InsertPermits([]permit.Permit{first, second}))
	})
	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.UpdatePermits([]permit.Permit{claim, expired}), tx.SetMode(halted), tx.SetMode(active))
	})
	mustUpdate(t, s, func(tx store.Tx) error {
		return errors.Join(tx.SetMode(reduced), tx.UpdatePermits([]permit.Permit{applied}))
	})

	encoded := func(record []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	microseconds := func(at time.Time) time.Time { return at.Truncate(time.Microsecond) }
	want := map[string][]store.Event{
		first.ID: {
			{Kind: audit.Permit, Object: first.ID, Version: 2, At: claim.ChangedAt, Subject: "bidder", Record: encoded(claim.Encode())},
			{Kind: audit.Permit, Object: first.ID, Version: 3, At: applied.ChangedAt, Subject: "bidder", Record: encoded(applied.Encode())},
		},
		second.ID: {{Kind: audit.Permit, Object: second.ID, Version: 2, At: microseconds(expired.ChangedAt), Record: encoded(expired.Encode())}},
		account.String(): {
			{Kind: audit.Mode, Object: account.String(), Version: 1, At: halted.At, Subject: "ops", Record: encoded(halted.Encode())},
			{Kind: audit.Mode, Object: account.String(), Version: 2, At: active.At, Subject: "ops", Record: encoded(active.Encode())},
		},
		organisation.String(): {{Kind: audit.Mode, Object: organisation.String(), Version: 3, At: reduced.At, Subject: "ops", Record: encoded(reduced.Encode())}},
		"permit_none":         nil,
	}
	view(t, s, func(r store.Reader) error {
		for object, events := range want {
			kind := audit.Permit
			if len(events) > 0 {
				kind = events[0].Kind
			}
			got, err := r.Events(kind, object)
			if difference := cmp.Diff(events, got); err != nil || difference != "" {
				t.Errorf("events of %s: error %v (-want +got):\n%s", object, err, difference)
			}
		}
		other, err := r.Events(audit.Mode, first.ID)
		if len(other) != 0 {
			t.Errorf("got %d events of a mode for a permit", len(other))
		}
		count, countErr := r.CountEvents()
		strays, strayErr := r.StrayPermits()
		if count != 6 || len(strays) != 0 {
			t.Errorf("got %d events, and strays %v; want 6 and none", count, strays)
		}
		return errors.Join(err, countErr, strayErr)
	})

	leaf := func(kind audit.Kind, platform, account, subject, object string, at time.Time, record []byte) audit.Leaf {
		return audit.Leaf{Kind: kind, Platform: platform, Account: account, Subject: subject, Object: object, Time: microseconds(at), Record: audit.Sum(record)}
	}
	permitLeaf := func(p permit.Permit, subject, object string) audit.Leaf {
		return leaf(audit.Permit, "google_ads", "123-456", subject, object, p.ChangedAt, encoded(p.Encode()))
	}
	wantLeaves := []audit.Leaf{
		made.Leaf(),
		permitLeaf(claim, "bidder", "permit_0001#2"),
		permitLeaf(expired, "(time)", "permit_0002#2"),
		leaf(audit.Mode, "meta", "a/1 #7", "ops", "account/meta/a%2F1%20%237#1", halted.At, encoded(halted.Encode())),
		leaf(audit.Mode, "meta", "a/1 #7", "ops", "account/meta/a%2F1%20%237#2", active.At, encoded(active.Encode())),
		leaf(audit.Mode, "", "", "ops", "organisation#3", reduced.At, encoded(reduced.Encode())),
		permitLeaf(applied, "bidder", "permit_0001#3"),
	}
	records := [][]byte{made.Encoded, encoded(claim.Encode()), encoded(expired.Encode()), encoded(halted.Encode()), encoded(active.Encode()), encoded(reduced.Encode()), encoded(applied.Encode())}
	view(t, s, func(r store.Reader) error {
		var got []audit.Leaf
		for stored, err := range store.Leaves(r, 0) {
			if err != nil {
				return err
			}
			if !bytes.Equal(stored.Record, records[len(got)]) {
				t.Errorf("leaf %d: got the record %s, want %s", len(got), stored.Record, records[len(got)])
			}
			decoded, err := audit.DecodeLeaf(stored.Leaf)
			if err != nil {
				return err
			}
			decoded.Sequence = 0
			got = append(got, decoded)
		}
		if difference := cmp.Diff(wantLeaves, got); difference != "" {
			t.Errorf("leaves (-want +got):\n%s", difference)
		}
		return nil
	})
	if report := wholeLog(t, s); report.Records != 7 {
		t.Errorf("the log has the records of %d leaves, want 7", report.Records)
	}
}
