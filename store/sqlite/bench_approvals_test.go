package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

const manyApprovals = 100_000

// year is a store with a year's approvals: of 200 accounts, one of which has every fifth, 20 automations, 30 rules and 12
// groups. The newest thousand are PENDING, and the thousand before approved and not used yet.
func year(b *testing.B) *Store {
	b.Helper()
	s := quiet(b, Config{Path: filepath.Join(b.TempDir(), "bidrail.db"), Synchronous: "OFF"})
	begin := time.Now().Add(-365 * 24 * time.Hour)
	for from := 0; from < manyApprovals; from += 2000 {
		var opened []store.NewApproval
		var ended []approval.Approval
		for n := from; n < from+2000; n++ {
			a := waiting(b, n, begin.Add(365*24*time.Hour/manyApprovals*time.Duration(n)))
			opened = append(opened, store.NewApproval{Approval: a, Changes: make([]byte, 1500)})
			a.Version, a.ChangedAt, a.Reason = 2, a.CreatedAt.Add(time.Hour), "as the tests would have it"
			switch at := draw(n, "state", 1000); {
			case n >= manyApprovals-1000: // the newest wait
				continue
			case n >= manyApprovals-2000:
				a.State, a.ExpiresAt = approval.Approved, a.CreatedAt.Add(time.Hour)
			case at < 600:
				a.State, a.ClaimedAt = approval.Approved, a.ChangedAt
			case at < 800:
				a.State = approval.Rejected
			case at < 950:
				a.State = approval.Expired
			case at < 999:
				a.State = approval.Superseded
			default:
				a.State = approval.Revoked
			}
			ended = append(ended, a)
		}
		err := s.Update(b.Context(), func(tx store.Tx) error {
			if err := tx.InsertApprovals(opened); err != nil {
				return err
			}
			return tx.UpdateApprovals(ended)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// draw is something about the n-th approval that has to do with nothing else about it.
func draw(n int, what string, of int) int {
	sum := sha256.Sum256(fmt.Append(nil, what, n))
	return int(binary.BigEndian.Uint32(sum[:]) % uint32(of))
}

func waiting(b *testing.B, n int, at time.Time) approval.Approval {
	b.Helper()
	change := keyword(n)
	change.Target.Account = fmt.Sprint("account-", draw(n, "account", 199))
	if draw(n, "large", 5) == 0 {
		change.Target.Account = "large"
	}
	requirement, err := approval.Require(approval.Ask{Name: "peers", AnyOf: []approval.Pool{{Group: fmt.Sprint("group-", draw(n, "group", 12))}, {Group: "leads"}}})
	if err != nil {
		b.Fatal(err)
	}
	if n%3 > 0 {
		requirement[0].Counts[0].Groups = requirement[0].Counts[0].Groups[:1]
	}
	field := ledger.FieldScope(change.Target.Key(), change.Kind)
	step, err := approval.Open(approval.Approval{
		ID: fmt.Sprintf("apr_%016d", n), Automation: fmt.Sprint("automation-", draw(n, "automation", 20)), OnBehalfOf: "ana@example.com", Owners: []string{"olga@example.com"},
		Digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", CreatedAt: at, Waits: approval.DefaultWaits, Lives: approval.DefaultLives,
		Legs: []permit.Leg{{DecisionID: "dec_" + change.ID, ChangeID: change.ID, ChangeDigest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			Kind: change.Kind, Target: change.Target, Before: change.Before, After: change.After, Direction: policy.Rise}},
		Items: []approval.Item{
			{Rule: fmt.Sprint("rule-", draw(n, "rule", 30)), Field: field, Magnitude: policy.RatioValue(100_000), Message: "the bid rises from 1.00 EUR to 1.10 EUR, +10%"},
			{Rule: "bid.step", Field: field, Magnitude: policy.RatioValue(100_000), Message: "the bid rises from 1.00 EUR to 1.10 EUR, +10%"},
		},
	}, requirement, approval.Roster{People: reviewer, Members: func(string) []approval.Person { return []approval.Person{reviewer("ana")} }})
	if err != nil {
		b.Fatal(err)
	}
	return step.Approval
}

// One page of a list, among 100,000 approvals, by what a console asks for. The 50th and the 99th percentile are the figures that
// matter; each page is of another account, rule, automation or group, where the filter has one.
func BenchmarkListApprovals(b *testing.B) {
	s := year(b)
	defer shut(b, s)
	small := func(n int) string { return fmt.Sprint("account-", n%199) }
	rule := func(n int) string { return fmt.Sprint("rule-", n%30) }
	automation := func(n int) string { return fmt.Sprint("automation-", n%20) }
	group := func(n int) []string { return []string{fmt.Sprint("group-", n%12), "everybody"} }
	ago := func(days int) time.Time { return time.Now().Add(time.Duration(days) * -24 * time.Hour) }
	type filter = store.ApprovalFilter
	for _, test := range []struct {
		name string
		of   func(n int) filter
		page int // which page; 0 is the first
	}{
		{"all", func(int) filter { return filter{} }, 0},
		{"all/page_1000", func(int) filter { return filter{} }, 1000},
		{"pending", func(int) filter { return filter{State: approval.Pending} }, 0},
		{"open", func(int) filter { return filter{Open: true} }, 0},
		{"mine", func(n int) filter { return filter{Open: true, Asks: group(n)} }, 0},
		{"mine/leads", func(n int) filter { return filter{Open: true, Asks: append(group(n), "leads")} }, 0},
		{"mine+small_account", func(n int) filter { return filter{Open: true, Asks: group(n), Account: small(n)} }, 0},
		{"mine+large_account", func(n int) filter { return filter{Open: true, Asks: group(n), Account: "large"} }, 0},
		{"small_account", func(n int) filter { return filter{Account: small(n)} }, 0},
		{"large_account", func(n int) filter { return filter{Account: "large", Platform: "google_ads"} }, 0},
		{"small_account/page_5", func(n int) filter { return filter{Account: small(n)} }, 5},
		{"rule", func(n int) filter { return filter{Rule: rule(n)} }, 0},
		{"rule/of_all", func(n int) filter { return filter{Rule: "bid.step"} }, 0},
		{"rejected+small_account", func(n int) filter { return filter{State: approval.Rejected, Account: small(n)} }, 0},
		{"rejected+large_account", func(n int) filter { return filter{State: approval.Rejected, Account: "large"} }, 0},
		{"revoked+large_account", func(n int) filter { return filter{State: approval.Revoked, Account: "large"} }, 0},
		{"revoked+rule", func(n int) filter { return filter{State: approval.Revoked, Rule: rule(n)} }, 0},
		{"rule+small_account", func(n int) filter { return filter{Rule: rule(n), Account: small(n)} }, 0},
		{"rule+large_account", func(n int) filter { return filter{Rule: rule(n), Account: "large"} }, 0},
		{"rejected+automation", func(n int) filter { return filter{State: approval.Rejected, Automation: automation(n)} }, 0},
		{"automation+rule+large_account", func(n int) filter { return filter{Automation: automation(n), Rule: rule(n / 7), Account: "large"} }, 0},
		{"platform_of_all+expired", func(n int) filter { return filter{Platform: "google_ads", State: approval.Expired} }, 0},
		{"expired+rule+month", func(n int) filter {
			return filter{State: approval.Expired, Rule: rule(n), Since: ago(150), Until: ago(120)}
		}, 0},
		{"rejected+small_account+half_a_year_ago", func(n int) filter { return filter{State: approval.Rejected, Account: small(n), Until: ago(180)} }, 0},
	} {
		b.Run(test.name, func(b *testing.B) {
			var after []store.Cursor // of the first so many
			for n := range 20 {
				page := store.Page{Limit: store.DefaultPage}
				for range test.page {
					err := s.View(b.Context(), func(r store.Reader) (err error) {
						_, page.After, err = r.ListApprovals(test.of(n), page)
						return err
					})
					if err != nil || page.After == "" {
						b.Fatalf("there is no page %d: %v", test.page, err)
					}
				}
				if after = append(after, page.After); test.page > 100 {
					break
				}
			}
			durations := make([]time.Duration, 0, max(b.N, 1000))
			found := 0
			for n := 0; b.Loop(); n++ {
				begin := time.Now()
				err := s.View(b.Context(), func(r store.Reader) error {
					at := n % len(after)
					if test.page == 0 {
						at = n
					}
					page := store.Page{Limit: store.DefaultPage}
					if test.page > 0 {
						page.After = after[at]
					}
					approvals, _, err := r.ListApprovals(test.of(at), page)
					found += len(approvals)
					return err
				})
				if durations = append(durations, time.Since(begin)); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(durations)
			percentile := func(part int) float64 {
				return float64(durations[min(len(durations)*part/100, len(durations)-1)].Microseconds()) / 1000
			}
			b.ReportMetric(percentile(50), "ms-p50")
			b.ReportMetric(percentile(99), "ms-p99")
			b.ReportMetric(float64(found)/float64(len(durations)), "found/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}
