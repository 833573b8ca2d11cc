package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// listed is the ids of all pages, and how long each page was.
func listed(t *testing.T, s store.Store, filter store.DecisionFilter, limit int) (ids []string, lengths []int) {
	t.Helper()
	for page := (store.Page{Limit: limit}); ; {
		var got store.DecisionPage
		view(t, s, func(r store.Reader) (err error) {
			got, err = r.ListDecisions(filter, page)
			return err
		})
		for _, r := range got.Records {
			ids = append(ids, r.Decision.ID)
		}
		lengths = append(lengths, len(got.Records))
		if page.After = got.Next; got.Next == "" {
			return ids, lengths
		}
	}
}

// Decisions that differ in one respect or another, and each filter against a plain function.
func list(t *testing.T, s store.Store) {
	var decisions []*policy.Decision
	for n := range 120 {
		d := decision(n)
		d.Verdict = []policy.Verdict{policy.Allow, policy.Block, policy.RequireApproval}[n%3]
		d.Target.Platform = []string{"google_ads", "meta"}[n%2]
		d.Target.Account = fmt.Sprintf("account %d", n%5)
		d.Target.EntityType, d.Target.EntityID = []string{"keyword", "ad_group"}[n/3%2], fmt.Sprint("entity ", n%9)
		d.Target.Campaign = []string{"", "c1", "c2", "c3"}[n%4]
		d.Automation = []string{"bidder", "pacer"}[n/7%2]
		d.Kind = []policy.Kind{policy.KindBid, policy.KindDailyBudget, policy.KindStatus}[n/2%3]
		d.BatchID = []string{"", "batch-1", "batch-2"}[n/40]
		d.ChangeID = fmt.Sprintf("change-%d", n/2) // both automations may use it
		d.Automation += fmt.Sprint(n % 2)
		if n%3 > 0 {
			d.Findings = append(d.Findings, policy.Finding{Rule: "bid.ceiling", Effect: policy.Blocks})
		}
		if n%11 == 0 {
			d.Findings = append(d.Findings, policy.Finding{Rule: "bid.step", Effect: policy.Warn, Shadow: true}, policy.Finding{Rule: "bid.step"})
		}
		decisions = append(decisions, d)
	}
	for _, d := range decisions { // one by one, so that newest first means something in every engine
		mustInsert(t, s, record(t, d))
	}
	hasRule := func(rule string) func(*policy.Decision) bool {
		return func(d *policy.Decision) bool {
			return slices.ContainsFunc(d.Findings, func(f policy.Finding) bool { return f.Rule == rule })
		}
	}
	at := decision(50).DecidedAt
	for _, test := range []struct {
		name   string
		filter store.DecisionFilter
		passes func(*policy.Decision) bool
	}{
		{"all", store.DecisionFilter{}, func(*policy.Decision) bool { return true }},
		{"verdict", store.DecisionFilter{Verdict: policy.RequireApproval}, func(d *policy.Decision) bool { return d.Verdict == policy.RequireApproval }},
		{"platform", store.DecisionFilter{Platform: "meta"}, func(d *policy.Decision) bool { return d.Target.Platform == "meta" }},
		{"account", store.DecisionFilter{Account: "account 3"}, func(d *policy.Decision) bool { return d.Target.Account == "account 3" }},
		{"campaign", store.DecisionFilter{Campaign: "c2"}, func(d *policy.Decision) bool { return d.Target.Campaign == "c2" }},
		{"entity", store.DecisionFilter{EntityID: "entity 7"}, func(d *policy.Decision) bool { return d.Target.EntityID == "entity 7" }},
		{"entity type", store.DecisionFilter{EntityType: "ad_group"}, func(d *policy.Decision) bool { return d.Target.EntityType == "ad_group" }},
		{"target", store.DecisionFilter{Platform: "meta", Account: "account 2", EntityType: "keyword", EntityID: "entity 7"}, func(d *policy.Decision) bool {
			return d.Target.Key() == policy.TargetKey{Platform: "meta", Account: "account 2", EntityType: "keyword", EntityID: "entity 7"}
		}},
		{"automation", store.DecisionFilter{Automation: "pacer1"}, func(d *policy.Decision) bool { return d.Automation == "pacer1" }},
		{"rule", store.DecisionFilter{Rule: "bid.ceiling"}, hasRule("bid.ceiling")},
		{"rule in shadow", store.DecisionFilter{Rule: "bid.step"}, hasRule("bid.step")},
		{"kind", store.DecisionFilter{Kind: policy.KindStatus}, func(d *policy.Decision) bool { return d.Kind == policy.KindStatus }},
		{"change", store.DecisionFilter{ChangeID: "change-21"}, func(d *policy.Decision) bool { return d.ChangeID == "change-21" }},
		{"batch", store.DecisionFilter{BatchID: "batch-2"}, func(d *policy.Decision) bool { return d.BatchID == "batch-2" }},
		{"since", store.DecisionFilter{Since: at}, func(d *policy.Decision) bool { return !d.DecidedAt.Before(at) }},
		{"since a bit later", store.DecisionFilter{Since: at.Add(time.Nanosecond)}, func(d *policy.Decision) bool { return d.DecidedAt.After(at) }},
		{"until", store.DecisionFilter{Until: at}, func(d *policy.Decision) bool { return d.DecidedAt.Before(at) }},
		{"until a bit later", store.DecisionFilter{Until: at.Add(time.Nanosecond)}, func(d *policy.Decision) bool { return !d.DecidedAt.After(at) }},
		{"since the end", store.DecisionFilter{Since: at.Add(time.Hour)}, func(*policy.Decision) bool { return false }},
		{"until the beginning", store.DecisionFilter{Until: start}, func(*policy.Decision) bool { return false }},
		{
			"several", store.DecisionFilter{Verdict: policy.Block, Platform: "meta", Rule: "bid.ceiling", Since: start.Add(10 * time.Second), Until: at},
			func(d *policy.Decision) bool {
				return d.Verdict == policy.Block && d.Target.Platform == "meta" && !d.DecidedAt.Before(start.Add(10*time.Second)) && d.DecidedAt.Before(at)
			},
		},
		{
			"everything", store.DecisionFilter{
				Verdict: policy.Block, Platform: "google_ads", Account: "account 2", Campaign: "c3", Automation: "bidder0", Rule: "bid.ceiling",
				Kind: policy.KindBid, ChangeID: "change-11", BatchID: "batch-1", Since: start, Until: at,
			},
			func(*policy.Decision) bool { return false },
		},
		{"not a pattern", store.DecisionFilter{Account: "account%"}, func(*policy.Decision) bool { return false }},
		{"not a fragment of SQL", store.DecisionFilter{Account: "' OR 1=1 --"}, func(*policy.Decision) bool { return false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []string
			for _, d := range slices.Backward(decisions) {
				if test.passes(d) {
					want = append(want, d.ID)
				}
			}
			for _, limit := range []int{7, 1000} {
				got, _ := listed(t, s, test.filter, limit)
				if difference := cmp.Diff(want, got); difference != "" {
					t.Errorf("pages of %d (-want +got):\n%s", limit, difference)
				}
			}
		})
	}
}

func listPages(t *testing.T, s store.Store) {
	mustInsert(t, s, recordsOf(t, 0, 120)...)
	for _, test := range []struct {
		limit int
		want  []int
	}{
		{0, []int{store.DefaultPage, store.DefaultPage, 20}},
		{40, []int{40, 40, 40}}, // a list that ends with a full page has no empty one after it
		{119, []int{119, 1}},
		{120, []int{120}},
		{store.MaxPage, []int{120}},
	} {
		ids, got := listed(t, s, store.DecisionFilter{}, test.limit)
		if difference := cmp.Diff(test.want, got); difference != "" {
			t.Errorf("pages of %d (-want +got):\n%s", test.limit, difference)
		}
		if slices.Sort(ids); len(slices.Compact(ids)) != 120 {
			t.Errorf("pages of %d: got %d different decisions, want 120", test.limit, len(slices.Compact(ids)))
		}
	}
}

// Whoever turns pages while decisions come in misses none of the old ones and meets none twice.
func listWhileInserting(t *testing.T, s store.Store) {
	const old = 500
	mustInsert(t, s, recordsOf(t, 0, old)...)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := old; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := insert(t.Context(), s, record(t, decision(n))); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for _, filter := range []store.DecisionFilter{{}, {Account: decision(0).Target.Account}, {Automation: "bidder"}} {
		ids, _ := listed(t, s, filter, 13)
		seen := make(map[string]bool)
		for _, id := range ids {
			if seen[id] {
				t.Errorf("decision %s came twice", id)
			}
			seen[id] = true
		}
		for n := range old {
			if !seen[decision(n).ID] {
				t.Errorf("decision %d was skipped", n)
			}
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func listRefused(t *testing.T, s store.Store) {
	mustInsert(t, s, record(t, decision(1)))
	for _, page := range []store.Page{
		{Limit: -1}, {Limit: store.MaxPage + 1},
		{After: "x"}, {After: "d"}, {After: "d-5"}, {After: "d0"}, {After: "d01"}, {After: "dZ"}, {After: "d1 "}, {After: "dzzzzzzzzzzzzzz"},
	} {
		err := s.View(t.Context(), func(r store.Reader) error {
			_, err := r.ListDecisions(store.DecisionFilter{}, page)
			return err
		})
		wantError(t, fmt.Sprintf("page %+v", page), err, policy.ErrInvalid)
	}
}
