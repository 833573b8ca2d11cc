package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// varied is approvals that differ in one respect or another, in the order in which they were stored.
func varied(t *testing.T, s store.Store, count int) (all []approval.Approval) {
	t.Helper()
	for n := range count {
		a := wanting(n)
		a.CreatedAt = start.Add(time.Duration(n/4*7%40) * time.Second) // several at a time, and not in the order of storing
		a.Automation = []string{"bidder", "pacer"}[n/7%2]
		a.Legs[0].Target.Account = fmt.Sprint("account ", n%5)
		if n%4 == 1 { // the same account on two platforms
			a.Legs = append(a.Legs, a.Legs[0])
			a.Legs[1].Target.Platform = "meta"
		}
		if n%6 == 1 { // two accounts on one platform
			a.Legs = append(a.Legs, a.Legs[0])
			a.Legs[len(a.Legs)-1].Target.Account = "account 4"
		}
		if n%3 == 0 {
			a.Items = append(a.Items, a.Items[0], approval.Item{Rule: "budget.drift", Field: a.Items[0].Field})
		}
		if n%13 == 0 {
			a.Legs, a.Items, a.Grant = nil, nil, &approval.Grant{ID: fmt.Sprint("grant_", n), Automation: a.Automation, Kind: policy.KindBid, Scope: ledger.OrganisationScope()}
		}
		groups := [][]string{{"growth"}, {"finance"}, {"growth", "finance"}}[n%3]
		all = append(all, asking(t, a, groups...))
	}
	for _, a := range all { // one by one, so that their order means something in every engine
		openAll(t, s, a)
	}
	for n := range all {
		first := map[bool]string{true: "fay", false: "ana"}[n%3 == 1]
		steps := []approval.Approval{}
		switch n % 8 {
		case 0, 1: // of two stages, one is left
			steps = append(steps, reviewed(t, all[n], first, approval.Approve))
		case 2:
			steps = append(steps, reviewed(t, all[n], first, approval.Reject))
		case 3: // directors stand in
			steps = append(steps, all[n].Apply(approval.Pass{}, all[n].CreatedAt.Add(time.Hour)).Approval)
		case 4:
			steps = append(steps, next(t, all[n], approval.Withdraw{By: all[n].Automation, People: person}))
		case 5:
			if approved := reviewed(t, all[n], first, approval.Approve); approved.State == approval.Approved && !approved.Final() {
				out := redeemed(t, approved)
				steps = append(steps, approved, out, next(t, out, approval.Claim{By: out.Automation, Permit: out.PermitID}))
			}
		case 6: // rules that have come to ask for more
			asked := approval.Asked{Item: approval.Item{Rule: "spend.cap", Field: ledger.FieldScope(policy.TargetKey{Platform: "meta"}, policy.KindBid)}}
			steps = append(steps, next(t, all[n], approval.Reevaluate{
				Outcome: approval.Outcome{Verdict: policy.RequireApproval, Asked: []approval.Asked{asked}},
				Roster:  approval.Roster{People: person, Members: members},
			}))
		}
		if len(steps) > 0 {
			stepApprovals(t, s, steps...)
			all[n] = steps[len(steps)-1]
		}
	}
	return all
}

// listedApprovals is the ids of all pages.
func listedApprovals(t *testing.T, s store.Store, filter store.ApprovalFilter, limit int) (ids []string) {
	t.Helper()
	for page := (store.Page{Limit: limit}); ; {
		var some []approval.Approval
		view(t, s, func(r store.Reader) (err error) {
			some, page.After, err = r.ListApprovals(filter, page)
			return err
		})
		if limit > 0 && len(some) > limit {
			t.Errorf("a page has %d approvals, want at most %d", len(some), limit)
		}
		for _, a := range some {
			ids = append(ids, a.ID)
		}
		if page.After == "" {
			return ids
		}
	}
}

// passes says in plain words what a filter lets pass.
func passes(filter *store.ApprovalFilter, a *approval.Approval) bool {
	anyLeg := slices.ContainsFunc(a.Legs, func(leg permit.Leg) bool {
		return (filter.Platform == "" || leg.Target.Platform == filter.Platform) && (filter.Account == "" || leg.Target.Account == filter.Account)
	})
	anyItem := slices.ContainsFunc(a.Items, func(item approval.Item) bool { return item.Rule == filter.Rule })
	anyGroup := slices.ContainsFunc(a.Asks(), func(group string) bool { return slices.Contains(filter.Asks, group) })
	switch {
	case filter.State != approval.None && a.State != filter.State:
	case filter.Open && a.Final():
	case filter.Automation != "" && a.Automation != filter.Automation:
	case filter.Platform+filter.Account != "" && !anyLeg:
	case filter.Rule != "" && !anyItem:
	case len(filter.Asks) > 0 && !anyGroup:
	case !filter.Since.IsZero() && a.CreatedAt.Before(filter.Since):
	case !filter.Until.IsZero() && !a.CreatedAt.Before(filter.Until):
	default:
		return true
	}
	return false
}

// Each filter, and each two of them together, and all.
func listApprovals(t *testing.T, s store.Store) {
	all := varied(t, s, 120)
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b approval.Approval) int { return cmp.Compare(b.CreatedAt.UnixMicro(), a.CreatedAt.UnixMicro()) })
	at := start.Add(20 * time.Second)
	manyGroups := []string{"finance", ""}
	for n := range 700 {
		manyGroups = append(manyGroups, fmt.Sprint("group ", n))
	}
	type filter = store.ApprovalFilter
	tests := []struct {
		name string
		set  func(*filter)
		none bool // nothing passes
	}{
		{"all", func(*filter) {}, false},
		{"PENDING", func(f *filter) { f.State = approval.Pending }, false},
		{"APPROVED", func(f *filter) { f.State = approval.Approved }, false},
		{"REJECTED", func(f *filter) { f.State = approval.Rejected }, false},
		{"REVOKED", func(f *filter) { f.State = approval.Revoked }, true},
		{"open", func(f *filter) { f.Open = true }, false},
		{"automation", func(f *filter) { f.Automation = "pacer" }, false},
		{"platform", func(f *filter) { f.Platform = "meta" }, false},
		{"a platform of nearly all", func(f *filter) { f.Platform = "google_ads" }, false},
		{"account", func(f *filter) { f.Account = "account 4" }, false},
		{"account on a platform", func(f *filter) { f.Platform, f.Account = "meta", "account 3" }, false},
		{"not a pattern", func(f *filter) { f.Account = "account%" }, true},
		{"rule", func(f *filter) { f.Rule = "budget.drift" }, false},
		{"a rule that came later", func(f *filter) { f.Rule = "spend.cap" }, false},
		{"asks finance", func(f *filter) { f.Asks = []string{"finance"} }, false},
		{"lets directors in", func(f *filter) { f.Asks = []string{"directors"} }, false},
		{"asks one of two", func(f *filter) { f.Asks = []string{"growth", "finance", "growth"} }, false},
		{"asks one of many", func(f *filter) { f.Asks = manyGroups }, false},
		{"asks nobody known", func(f *filter) { f.Asks = []string{""} }, true},
		{"since", func(f *filter) { f.Since = at }, false},
		{"since a bit later", func(f *filter) { f.Since = at.Add(time.Nanosecond) }, false},
		{"until", func(f *filter) { f.Until = at.Add(7 * time.Second) }, false},
		{"until a bit later", func(f *filter) { f.Until = at.Add(7*time.Second + time.Nanosecond) }, false},
		{"until the beginning", func(f *filter) { f.Until = start }, true},
		{"everything", func(f *filter) {
			*f = filter{State: approval.Pending, Open: true, Automation: "pacer", Platform: "google_ads", Account: "account 4", Rule: "bid.step",
				Asks: []string{"growth", "finance"}, Since: start, Until: start.Add(time.Hour)}
		}, false},
	}
	check := func(name string, filter store.ApprovalFilter, none bool, limits ...int) {
		t.Helper()
		var want []string
		for i := range all {
			if passes(&filter, &all[i]) {
				want = append(want, all[i].ID)
			}
		}
		if (len(want) == 0) != none {
			t.Errorf("%s: %d pass, so that it shows nothing", name, len(want))
		}
		for _, limit := range limits {
			if difference := diff.Diff(want, listedApprovals(t, s, filter, limit)); difference != "" {
				t.Errorf("%s, in pages of %d (-want +got):\n%s", name, limit, difference)
			}
		}
	}
	for i, one := range tests {
		var alone store.ApprovalFilter
		one.set(&alone)
		check(one.name, alone, one.none, 3, 1000)
		for _, other := range tests[:i] {
			both := alone
			other.set(&both)
			none := !slices.ContainsFunc(all, func(a approval.Approval) bool { return passes(&both, &a) })
			check(one.name+", "+other.name, both, none, 10)
		}
	}
	for limit, pages := range map[int][]int{0: {store.DefaultPage, store.DefaultPage, 20}, 40: {40, 40, 40}, 120: {120}} {
		var got []int
		for page := (store.Page{Limit: limit}); ; {
			view(t, s, func(r store.Reader) (err error) {
				var some []approval.Approval
				some, page.After, err = r.ListApprovals(store.ApprovalFilter{}, page)
				got = append(got, len(some))
				return err
			})
			if page.After == "" {
				break
			}
		}
		if difference := diff.Diff(pages, got); difference != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, difference)
		}
	}
	view(t, s, func(r store.Reader) error {
		for _, page := range []store.Page{{Limit: -1}, {Limit: store.MaxPage + 1}, {After: "x"}} {
			_, _, err := r.ListApprovals(store.ApprovalFilter{}, page)
			wantError(t, fmt.Sprint(page), err, policy.ErrInvalid)
		}
		return nil
	})
}
