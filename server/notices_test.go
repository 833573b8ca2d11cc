package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// deliveries is what is on its way outside, the oldest first: who is told, of which state, and whom it asks.
func deliveries(t *testing.T, s *servertest.Server) []string {
	t.Helper()
	found, _, err := s.Core.ListDeliveries(t.Context(), s.Auditor.Principal, store.DeliveryWaiting, store.Page{Limit: store.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range slices.Backward(found) {
		lines = append(lines, fmt.Sprint(d.Receiver, " ", d.Notice.State, " ", d.Notice.Groups))
	}
	return lines
}

func toldSince(t *testing.T, s *servertest.Server, before int, want ...string) int {
	t.Helper()
	got := deliveries(t, s)
	if diff := cmp.Diff(want, got[before:], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	return len(got)
}

// Each step is told with the record of it, to whom it is for, and nothing else is.
func TestWhoIsTold(t *testing.T) {
	all := server.Receiver{Name: "hook", Hears: func(topic string, _ []string) bool { return topic == server.TopicApproval }}
	finance := server.Receiver{Name: "finance", Hears: func(_ string, groups []string) bool { return slices.Contains(groups, "finance") }}
	s := company(t, servertest.WithReceivers(all, finance))
	decide(t, s, servertest.Bid("allowed", 100, 110), servertest.Bid("blocked", 100, 6000))
	seen := toldSince(t, s, 0)

	a := escalated(t, s, servertest.Budget("b", "101", 20000, 27000))
	seen = toldSince(t, s, seen, "hook PENDING [growth]")
	if found, _, err := s.Core.ListDeliveries(t.Context(), s.Auditor.Principal, "", page()); err != nil || len(found) != 1 ||
		found[0].Notice.Object != a.ID || found[0].Notice.Version != 1 || found[0].Notice.Topic != server.TopicApproval || found[0].Notice.Coalesce != "pacer/r-1/"+a.Items[0].Rule {
		t.Errorf("got %+v, %v", found, err)
	}

	decide(t, s, servertest.Budget("b", "101", 20000, 27000)) // again, which is nothing new
	if _, _, err := s.Core.WaitApproval(t.Context(), s.Automation.Principal, a.ID, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Core.ListApprovals(t.Context(), servertest.Person("ana"), server.ApprovalFilter{Mine: true}, page()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), of(a, approval.Comment)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("fay"), of(a, approval.Approve)); err == nil {
		t.Fatal("fay is not asked yet")
	}
	seen = toldSince(t, s, seen)

	s.Clock.Advance(time.Hour) // a quarter of the time has gone
	for range 2 {
		if _, err := s.Core.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seen = toldSince(t, s, seen, "hook PENDING [growth]")

	review(t, s, "ana", a.ID, approval.Approve)
	review(t, s, "ben", a.ID, approval.Approve)
	seen = toldSince(t, s, seen, "hook PENDING []", "hook PENDING [finance]", "finance PENDING [finance]")

	review(t, s, "fay", a.ID, approval.Reject)
	seen = toldSince(t, s, seen, "hook REJECTED []")

	bid := agreedTo(t, s, servertest.Bid("c", 100, 150))
	seen = toldSince(t, s, seen, "hook PENDING [growth]", "hook APPROVED []")
	observed := server.RedeemRequest{ApprovalID: bid.ID, Digest: bid.Digest, Observations: map[string]server.Observation{"c": {BeforeObservedAt: s.Clock.Now()}}}
	for range 2 {
		if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, observed); err != nil {
			t.Fatal(err)
		}
	}
	toldSince(t, s, seen, "hook APPROVED []")
}
