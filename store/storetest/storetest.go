// Package storetest is what every engine of package store must pass, whole. Start with [Run].
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// Place makes an empty place for a store, such as a folder, that lasts for one test. The function
// it returns opens the store there, and can do so again once that was closed.
type Place func(t *testing.T) (open func() store.Store)

// Run runs the suite. There is no leaving out of tests: one that an engine cannot pass is a fault
// of the engine or of the contract.
func Run(t *testing.T, place Place) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"InsertAndRead", insertAndRead},
		{"NotFound", notFound},
		{"ManyAtOnce", manyAtOnce},
		{"ByKeys", byKeys},
		{"SameKey", sameKey},
		{"SameID", sameID},
		{"Redeemed", redeemedDecisions},
		{"Refused", refused},
		{"BytesStay", bytesStay},
		{"LongTexts", longTexts},
		{"NoInput", noInput},
		{"List", list},
		{"ListPages", listPages},
		{"ListWhileInserting", listWhileInserting},
		{"ListRefused", listRefused},
		{"Revisions", revisions},
		{"Log", log},
		{"LogWithoutWhatFailed", logWithoutWhatFailed},
		{"LogOfManyWriters", logOfManyWriters},
		{"LogRefused", logRefused},
		{"Sheets", sheets},
		{"WidePast", widePast},
		{"ManySheets", manySheets},
		{"Holds", holds},
		{"LedgerWithoutWhatFailed", ledgerWithoutWhatFailed},
		{"Permits", permits},
		{"DuePermits", duePermits},
		{"ListPermits", listPermits},
		{"Approvals", approvals},
		{"ApprovalChanges", approvalChanges},
		{"OpenApprovals", openApprovals},
		{"DueApprovals", dueApprovals},
		{"ListApprovals", listApprovals},
		{"Reviews", reviews},
		{"ApprovalEvents", approvalEvents},
		{"ApprovalLeaves", approvalLeaves},
		{"Suppressions", suppressions},
		{"Grants", grants},
		{"Overrides", overrides},
		{"Delegations", delegations},
		{"ExceptionsOfOneID", exceptionsOfOneID},
		{"Notices", notices},
		{"Deliveries", deliveries},
		{"PruneDeliveries", pruneDeliveries},
		{"Modes", modes},
		{"Reverts", reverts},
		{"Events", events},
		{"ReadsItsWrites", readsItsWrites},
		{"ErrorStoresNothing", errorStoresNothing},
		{"PanicStoresNothing", panicStoresNothing},
		{"GoexitStoresNothing", goexitStoresNothing},
		{"FailureSticks", failureSticks},
		{"KeptArgument", keptArgument},
		{"ViewIsOneState", viewIsOneState},
		{"ViewPanics", viewPanics},
		{"Now", now},
		{"ContextEndedBefore", contextEndedBefore},
		{"ContextEndsWhileWaiting", contextEndsWhileWaiting},
		{"ContextEndsInside", contextEndsInside},
		{"ContextsEndAtRandom", contextsEndAtRandom},
		{"ManyWritersOneKey", manyWritersOneKey},
		{"ManyWritersManyKeys", manyWritersManyKeys},
		{"ManyWritersOneTally", manyWritersOneTally},
		{"ManyClaimOnePermit", manyClaimOnePermit},
		{"ManyDecideOneApproval", manyDecideOneApproval},
		{"ManySendOneReview", manySendOneReview},
		{"ManyLeaseDeliveries", manyLeaseDeliveries},
		{"ManySetModes", manySetModes},
		{"Registry", registryEntries},
		{"ManyEditOneEntry", manyEditOneEntry},
		{"Facts", facts},
		{"FactsRefused", factsRefused},
		{"ListFacts", listFacts},
		{"ManyFacts", manyFacts},
		{"ManyPutOneFact", manyPutOneFact},
		{"Contaminations", contaminations},
		{"ManyContaminateOneTest", manyContaminateOneTest},
		{"FailuresStayApart", failuresStayApart},
		{"CloseWaits", closeWaits},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			s := place(t)()
			test.run(t, s)
			wholeLog(t, s)
			shut(t, s)
			goleak.VerifyNone(t, before)
		})
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, func() store.Store)
	}{
		{"Reopen", reopen},
		{"Closed", closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			test.run(t, place(t))
			goleak.VerifyNone(t, before)
		})
	}
}

// start is when the decisions of the tests begin.
var start = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// decision is the n-th decision of a test. Different numbers have different ids and keys, and are
// a second apart.
func decision(n int) *policy.Decision {
	return &policy.Decision{
		ID:         fmt.Sprintf("dec_%06d", n),
		ChangeID:   fmt.Sprintf("change-%06d", n),
		Automation: "bidder",
		Kind:       policy.KindBid,
		Target:     policy.Target{Platform: "google_ads", Account: "123-456", Campaign: "c1", EntityType: "keyword", EntityID: "k1"},
		Before:     policy.MoneyValue(1_000_000, "EUR"),
		After:      policy.MoneyValue(1_200_000, "EUR"),
		Verdict:    policy.Allow,
		Findings:   []policy.Finding{},
		Revision:   "sha256:abc",
		DecidedAt:  start.Add(time.Duration(n) * time.Second),
	}
}

func record(t *testing.T, d *policy.Decision) store.DecisionRecord {
	t.Helper()
	r, err := store.NewDecisionRecord(d, []byte(`{"change":{"id":"`+d.ChangeID+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func recordsOf(t *testing.T, from, to int) []store.DecisionRecord {
	t.Helper()
	var records []store.DecisionRecord
	for n := from; n < to; n++ {
		records = append(records, record(t, decision(n)))
	}
	return records
}

func insert(ctx context.Context, s store.Store, records ...store.DecisionRecord) error {
	return s.Update(ctx, func(tx store.Tx) error { return tx.InsertDecisions(records) })
}

func mustInsert(t *testing.T, s store.Store, records ...store.DecisionRecord) {
	t.Helper()
	if err := insert(t.Context(), s, records...); err != nil {
		t.Fatal(err)
	}
}

// view runs fn and fails the test if that fails.
func view(t *testing.T, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// stored is how many of the decisions from up to to are there.
func stored(t *testing.T, s store.Store, from, to int) int {
	t.Helper()
	var keys []store.DecisionKey
	for n := from; n < to; n++ {
		keys = append(keys, store.DecisionKey{Automation: "bidder", ChangeID: decision(n).ChangeID})
	}
	var count int
	view(t, s, func(r store.Reader) error {
		found, err := r.DecisionsByKeys(keys)
		count = len(found)
		return err
	})
	return count
}

func shut(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func wantError(t *testing.T, doing string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", doing, got, want)
	}
}

func wantRecord(t *testing.T, got, want store.DecisionRecord) {
	t.Helper()
	if !bytes.Equal(got.Encoded, want.Encoded) {
		t.Errorf("got the bytes\n%s\nwant\n%s", got.Encoded, want.Encoded)
	}
	if got.Input != nil {
		t.Errorf("got an input that nobody asked for: %s", got.Input)
	}
	if difference := cmp.Diff(want.Decision, got.Decision); difference != "" {
		t.Errorf("decision (-want +got):\n%s", difference)
	}
}
