package grpcapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/servertest"
)

func ledgerOf(t *testing.T, s *servertest.Server, scope string) *bidrailv1.Ledger {
	t.Helper()
	shown, err := s.Auditor.Ledger.GetLedger(t.Context(), &bidrailv1.GetLedgerRequest{Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestLedgerOverTheWire(t *testing.T) {
	cap := ledger.Cap{Name: "daily rise", Scope: ledger.Scope{Kind: ledger.Account}, Length: ledger.Length(24 * time.Hour), Measure: ledger.NetRise,
		Kinds: []policy.Kind{policy.KindBid}, Limit: 250_000, Currency: "USD"}
	s := servertest.New(t, servertest.WithCaps(cap))
	const account = "account/google_ads/example"
	if shown := ledgerOf(t, s, account); len(shown.GetWindows()) != 0 || len(shown.GetHolds()) != 0 || shown.GetScope() != account || shown.GetNow().AsTime() != s.Clock.Now() {
		t.Errorf("at first: got %v", shown)
	}
	first := check(t, s, servertest.Bid("a", 100, 110))[0]
	s.Clock.Advance(time.Second)
	second := check(t, s, servertest.Bid("b", 100, 110))[0]
	s.Automation.Apply(t, first)

	shown := ledgerOf(t, s, account)
	hold := shown.GetHolds()[0]
	want := &bidrailv1.Hold{DecisionId: second.GetDecisionId(), Kind: bidrailv1.Kind_KIND_BID, Amount: servertest.Cents(10), Direction: "rise",
		PlacedAt: hold.GetPlacedAt(), Field: "field/google_ads/example/keyword/k-b/bid"}
	if diff := cmp.Diff([]*bidrailv1.Hold{want}, shown.GetHolds(), protocmp.Transform()); diff != "" || shown.GetMoreHolds() {
		t.Errorf("the holds (-want +got):\n%s", diff)
	}
	previous := int64(0)
	for _, window := range shown.GetWindows() {
		if window.GetSeconds() <= previous {
			t.Errorf("%s comes after a longer one", window.GetWindow())
		}
		previous = window.GetSeconds()
		if window.GetKind() != bidrailv1.Kind_KIND_BID || window.GetCurrency() != "USD" || window.GetRaised() != 200_000 || window.GetHeldRaised() != 100_000 ||
			window.GetCount() != 2 || window.GetOpen() != 1 {
			t.Errorf("got the window %v", window)
		}
	}
	if previous == 0 {
		t.Error("there are no windows")
	}
	var operators *bidrailv1.Headroom
	for _, headroom := range shown.GetHeadroom() {
		if headroom.GetRule() == "daily rise" {
			operators = headroom
		}
	}
	headroom := &bidrailv1.Headroom{Rule: "daily rise", Measure: "net_rise", Window: "24h", Used: "0.20 USD", Limit: "0.25 USD", Left: "0.05 USD",
		Source: "configuration of the server", Kinds: []bidrailv1.Kind{bidrailv1.Kind_KIND_BID}}
	if diff := cmp.Diff(headroom, operators, protocmp.Transform()); diff != "" {
		t.Errorf("the operator's cap (-want +got):\n%s", diff)
	}
	// What it has no room for is blocked, whatever the rules say, and says why.
	blocked := check(t, s, servertest.Bid("c", 100, 110))[0]
	if blocked.GetVerdict() != bidrailv1.Verdict_VERDICT_BLOCK || blocked.GetFindings()[0].GetRule() != policy.FindingCap || blocked.GetPermit() != nil {
		t.Errorf("above the cap: got %v", blocked)
	}
	// Fewer holds than there are.
	check(t, s, servertest.Bid("d", 100, 104))
	few, err := s.Auditor.Ledger.GetLedger(t.Context(), &bidrailv1.GetLedgerRequest{Scope: account, Holds: 1})
	if err != nil || len(few.GetHolds()) != 1 || !few.GetMoreHolds() {
		t.Errorf("one hold of two: got %v, %v", few.GetHolds(), err)
	}
	_, err = s.Automation.Ledger.GetLedger(t.Context(), &bidrailv1.GetLedgerRequest{Scope: account})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
}

// Who does not say how many holds to show is shown fifty.
func TestLedgerHolds(t *testing.T) {
	s := servertest.New(t)
	var changes []*bidrailv1.Change
	for i := range 51 {
		changes = append(changes, servertest.Bid(fmt.Sprint(i), 100, 101))
	}
	for _, decision := range check(t, s, changes...) {
		if decision.GetVerdict() != bidrailv1.Verdict_VERDICT_ALLOW {
			t.Fatal(decision)
		}
	}
	if shown := ledgerOf(t, s, "organisation"); len(shown.GetHolds()) != 50 || !shown.GetMoreHolds() {
		t.Errorf("got %d holds, more %v; want 50 of 51", len(shown.GetHolds()), shown.GetMoreHolds())
	}
}
