package server_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/server/servertest"
)

// lent is that somebody lets another review in their place for an hour.
func lent(t *testing.T, s *servertest.Server, from, to string, groups ...string) approval.Delegation {
	t.Helper()
	made, err := s.Core.CreateDelegation(t.Context(), servertest.Person(from), approval.Delegation{To: to, Groups: groups, Reason: "away", Ends: s.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// reviewFor has somebody approve in another's place.
func reviewFor(t *testing.T, s *servertest.Server, who, lender, id string) (approval.Approval, error) {
	t.Helper()
	request := of(approvalNow(t, s, id), approval.Approve)
	request.For = lender
	return s.Core.Review(t.Context(), servertest.Person(who), request)
}

// Of two people of whom one stands in for the other, one is counted.
func TestADelegationMakesNobodyCountTwice(t *testing.T) {
	s := company(t)
	lent(t, s, "ana", "ben")
	a := escalated(t, s, servertest.Budget("b", "101", 20000, 27000)) // two of growth
	a, err := reviewFor(t, s, "ben", "ana", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a = review(t, s, "ana", a.ID, approval.Approve); a.Stage != 0 {
		t.Errorf("the place and its owner were counted as two: %+v", a.Met)
	}
	if a = review(t, s, "ben", a.ID, approval.Approve); a.Stage != 1 {
		t.Errorf("ben and ana for themselves: got stage %d", a.Stage)
	}
}

func TestADelegationIsForSomeTimeAndSomeGroups(t *testing.T) {
	s := company(t)
	refused := func(name, who, lender, id string) {
		t.Helper()
		if _, err := reviewFor(t, s, who, lender, id); reasonOf(err) != approval.NotEligible {
			t.Errorf("%s: got %v, want NOT_ELIGIBLE", name, err)
		}
	}
	bid := escalated(t, s, servertest.Bid("b", 100, 150))
	refused("nobody has lent anything", "fay", "cleo", bid.ID)
	finance := lent(t, s, "cleo", "fay", "finance")
	refused("another group", "fay", "cleo", bid.ID)
	if _, err := s.Core.EndDelegation(t.Context(), servertest.Person("ana"), finance.ID); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("somebody else ends it: %v", err)
	}
	all := lent(t, s, "cleo", "finn")
	for range 2 {
		if ended, err := s.Core.EndDelegation(t.Context(), servertest.Person("finn"), all.ID); err != nil || ended.EndedBy != "finn" || ended.Version != 2 {
			t.Errorf("got %+v, %v", ended, err)
		}
	}
	refused("taken back", "finn", "cleo", bid.ID)
	later, err := s.Core.CreateDelegation(t.Context(), servertest.Person("cleo"), approval.Delegation{To: "finn", Reason: "away",
		Starts: s.Clock.Now().Add(time.Hour), Ends: s.Clock.Now().Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	refused("not yet", "finn", "cleo", bid.ID)
	s.Clock.Advance(2 * time.Hour)
	refused("over", "finn", "cleo", bid.ID)
	s.Clock.Advance(-time.Hour) // the store's time does not go back
	found, _, err := s.Core.ListDelegations(t.Context(), s.Auditor.Principal, true, page())
	if err != nil || len(found) != 3 || found[0].ID != later.ID {
		t.Errorf("got %+v, %v", found, err)
	}
	if found, _, err = s.Core.ListDelegations(t.Context(), s.Auditor.Principal, false, page()); err != nil || len(found) != 0 {
		t.Errorf("those that hold: got %+v, %v", found, err)
	}
}

// What was borrowed is not lent on, and who lends is who is asked for.
func TestDelegationsMakeNoChains(t *testing.T) {
	s := company(t)
	bid := escalated(t, s, servertest.Bid("b", 100, 150))
	lent(t, s, "ana", "fay")
	lent(t, s, "fay", "finn")
	for _, lender := range []string{"ana", "fay"} {
		if _, err := reviewFor(t, s, "finn", lender, bid.ID); reasonOf(err) != approval.NotEligible {
			t.Errorf("for %s: got %v, want NOT_ELIGIBLE", lender, err)
		}
	}
	// The lender has left the group by the time.
	activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"people/data.yaml": "people: [{id: ana, groups: []}, {id: fay, groups: [finance]}]"})))
	if _, err := reviewFor(t, s, "fay", "ana", bid.ID); reasonOf(err) != approval.NotEligible {
		t.Errorf("for somebody who has left the group: %v", err)
	}
}

func TestDelegationsThatAreRefused(t *testing.T) {
	s := company(t)
	hour := s.Clock.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		from  string
		asked approval.Delegation
		want  error
	}{
		"to themselves":           {"ana", approval.Delegation{To: "ana", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"to their other name":     {"ines", approval.Delegation{To: "ines-admin", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"to a machine":            {"ana", approval.Delegation{To: "pacer", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"to nobody":               {"ana", approval.Delegation{To: "ghost", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"by nobody":               {"ghost", approval.Delegation{To: "ana", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"by a machine":            {"pacer", approval.Delegation{To: "ana", Reason: "r", Ends: hour}, policy.ErrInvalid},
		"of a group of others":    {"ana", approval.Delegation{To: "ben", Groups: []string{"finance"}, Reason: "r", Ends: hour}, policy.ErrInvalid},
		"without a reason":        {"ana", approval.Delegation{To: "ben", Ends: hour}, policy.ErrInvalid},
		"for ever":                {"ana", approval.Delegation{To: "ben", Reason: "r", Ends: hour.Add(approval.LongestDelegation)}, policy.ErrInvalid},
		"that is over":            {"ana", approval.Delegation{To: "ben", Reason: "r", Starts: hour.Add(-3 * time.Hour), Ends: hour.Add(-2 * time.Hour)}, policy.ErrInvalid},
		"in the name of somebody": {"ghost", approval.Delegation{From: "ana", CreatedBy: "ana", To: "ben", Reason: "r", Ends: hour}, policy.ErrInvalid},
	} {
		if made, err := s.Core.CreateDelegation(t.Context(), servertest.Person(test.from), test.asked); !errors.Is(err, test.want) {
			t.Errorf("%s: got %+v, %v; want %v", name, made, err, test.want)
		}
	}
	// Whoever lends is whoever calls, whatever they write.
	made, err := s.Core.CreateDelegation(t.Context(), servertest.Person("ben"), approval.Delegation{ID: "dlg_mine", From: "ana", CreatedBy: "ana", To: "cleo", Reason: "r", Ends: hour})
	if err != nil || made.From != "ben" || made.ID == "dlg_mine" {
		t.Errorf("got %+v, %v", made, err)
	}
}
