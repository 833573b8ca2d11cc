package server_test

import (
	"strings"
	"testing"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

func pageOf(t *testing.T, s *servertest.Server, id string) server.ApprovalPage {
	t.Helper()
	page, err := s.Core.GetApproval(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// The page says what has moved, what this would move and what others wait for, in the scope that they share.
func TestThePageSaysWhatItMeans(t *testing.T) {
	s := company(t)
	applied(t, s, allowed(t, s, sameKeyword("before", 98, 100)))
	other := escalated(t, s, servertest.Bid("other", 100, 150))
	a := escalated(t, s, sameKeyword("asked", 100, 160))

	page := pageOf(t, s, a.ID)
	if len(page.Legs) != 1 || page.Legs[0].Change.ID != "asked" || page.Legs[0].Decision.ChangeID != "asked" || page.Legs[0].PerDay.Form != policy.Missing {
		t.Errorf("got the change %+v", page.Legs)
	}
	if history := page.Legs[0].History; len(history) != 1 || history[0].ChangeID != "before" {
		t.Errorf("got the history %+v, want the one change before", history)
	}
	if len(page.Others) != 0 {
		t.Errorf("got %d others on a field that nobody else asks for", len(page.Others))
	}
	if !page.Now.Equal(s.Clock.Now()) || other.ID == a.ID {
		t.Errorf("got the time %v", page.Now)
	}
	found := false
	for _, line := range page.Exposure {
		if line.Scope.String() != "account/google_ads/example" {
			continue
		}
		found = true
		if line.Raised != 20_000 || line.Lowered != 0 || line.Asked != 600_000 || line.Waiting != 500_000 || line.Currency != "USD" || line.More || line.Problem != "" {
			t.Errorf("got %+v", line)
		}
	}
	if !found {
		t.Errorf("got no line of the account in %+v", page.Exposure)
	}
}

// Bids are not added up with budgets, though both are in one currency: neither what the approval asks for besides, nor what
// else waits.
func TestThePageAddsUpOneFamily(t *testing.T) {
	s := company(t)
	escalated(t, s, servertest.Bid("waits", 100, 150))
	escalated(t, s, servertest.Budget("budget", "102", 20_000, 27_000))
	a := escalated(t, s, servertest.InGroup("both", servertest.Bid("bid", 100, 160), servertest.Budget("more", "101", 20_000, 28_000))...)

	lines := map[string]server.Exposure{}
	for _, line := range pageOf(t, s, a.ID).Exposure {
		lines[line.Scope.String()] = line
	}
	if line := lines["account/google_ads/example"]; line.Asked != 600_000 || line.Waiting != 500_000 || line.Currency != "USD" {
		t.Errorf("got %+v, want the bids alone: 600000 asked for, 500000 waiting", line)
	}
}

// Whoever has come to answer for the automation since is told so, and finds in no list what they cannot review.
func TestThePageKnowsWhoHasAStakeByNow(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	look := func() (server.Place, int) {
		t.Helper()
		page, err := s.Core.GetApproval(t.Context(), servertest.Person("ana"), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		mine, _, err := s.Core.ListApprovals(t.Context(), servertest.Person("ana"), server.ApprovalFilter{Mine: true}, store.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return page.Place, len(mine)
	}
	if place, mine := look(); !place.Approve || !place.Reject || mine != 1 {
		t.Fatalf("before: got %+v and %d in the list", place, mine)
	}
	people := "people: [{id: ana, groups: [growth]}, {id: ben, groups: [growth]}, {id: fay, groups: [finance]}]\n" +
		"automations: [{subject: pacer, owners: [ana]}]\n"
	activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"people/data.yaml": people})))
	if place, mine := look(); place.Approve || place.Reject || !strings.Contains(place.Why, "ana has a stake in it") || mine != 0 {
		t.Errorf("afterwards: got %+v and %d in the list, want neither yes nor no", place, mine)
	}
}

// What a budget adds in a day is exact where a day is its time, and rounded away from zero where a month is.
func TestMoneyPerDay(t *testing.T) {
	asked := strings.Replace(everyBid, "kinds: [bid]", "kinds: [monthly_budget]", 1) // whatever it comes to
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"rules/test_every.rego": asked})))
	monthly := func(change *bidrailv1.Change) *bidrailv1.Change {
		change.Kind = bidrailv1.Kind_KIND_MONTHLY_BUDGET
		return change
	}
	for name, test := range map[string]struct {
		change *bidrailv1.Change
		want   int64
	}{
		"a daily budget up":     {servertest.Budget("up", "1", 10_000, 17_000), 70_000_000},
		"a daily budget down":   {servertest.Budget("down", "2", 60_000, 20_000), -400_000_000},
		"a monthly budget up":   {monthly(servertest.Budget("more", "3", 10_000, 17_000)), 2_301_370}, // 70 × 12/365 = 2.30136986…
		"a monthly budget down": {monthly(servertest.Budget("less", "4", 17_000, 10_000)), -2_301_370},
	} {
		a := escalated(t, s, test.change)
		if got := pageOf(t, s, a.ID).Legs[0].PerDay; got != policy.MoneyValue(test.want, "USD") {
			t.Errorf("%s: got %v, want %d micros", name, got, test.want)
		}
	}
}
