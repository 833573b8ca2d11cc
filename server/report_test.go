package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// desk puts approvals straight into the store, as people and time would.
type desk struct {
	t *testing.T
	s *servertest.Server
}

func (d desk) update(write func(tx store.Tx) error) {
	d.t.Helper()
	if err := d.s.Store.Update(d.t.Context(), write); err != nil {
		d.t.Fatal(err)
	}
}

func (d desk) person(subject string) approval.Person {
	return approval.Person{ID: subject, Human: true, Groups: []string{"growth"}}
}

func (d desk) roster() approval.Roster {
	return approval.Roster{People: d.person, Members: func(string) []approval.Person { return []approval.Person{d.person("ana"), d.person("ben")} }}
}

// open opens an approval for a budget of 150 USD instead of 100.
func (d desk) open(id string) approval.Approval {
	d.t.Helper()
	requirement, err := approval.Require(approval.Ask{Name: "peers", AnyOf: []approval.Pool{{Group: "growth"}}})
	if err != nil {
		d.t.Fatal(err)
	}
	target := policy.Target{Platform: "google_ads", Account: "example", EntityType: "campaign", EntityID: id}
	step, err := approval.Open(approval.Approval{
		ID: id, Automation: "pacer", Digest: "sha256:" + id, CreatedAt: d.s.Clock.Now(), Waits: approval.DefaultWaits, Lives: approval.DefaultLives,
		Legs: []permit.Leg{{DecisionID: "dec_" + id, ChangeID: "c_" + id, ChangeDigest: "sha256:" + id, Kind: policy.KindDailyBudget, Target: target,
			Before: policy.MoneyValue(100_000_000, "USD"), After: policy.MoneyValue(150_000_000, "USD"), Direction: policy.Rise}},
		Items: []approval.Item{{Rule: "budget.step_up", Field: ledger.FieldScope(target.Key(), policy.KindDailyBudget)}},
	}, requirement, d.roster())
	if err != nil {
		d.t.Fatal(err)
	}
	d.update(func(tx store.Tx) error {
		return tx.InsertApprovals([]store.NewApproval{{Approval: step.Approval, Changes: []byte("[]")}})
	})
	return step.Approval
}

func (d desk) apply(a approval.Approval, event approval.Event) approval.Approval {
	d.t.Helper()
	step := a.Apply(event, d.s.Clock.Now())
	if step.Refusal != nil {
		d.t.Fatal(step.Refusal)
	}
	d.update(func(tx store.Tx) error {
		var err error
		if step.Review.ID != "" {
			err = tx.InsertReview(step.Review)
		}
		if step.Changed && err == nil {
			err = tx.UpdateApprovals([]approval.Approval{step.Approval})
		}
		return err
	})
	return step.Approval
}

func (d desk) review(a approval.Approval, reviewer string, kind approval.Kind, shown time.Duration) approval.Approval {
	d.t.Helper()
	review := approval.Review{ID: "rev_" + a.ID, ApprovalID: a.ID, Reviewer: reviewer, Kind: kind, Digest: a.Digest, RequirementVersion: a.RequirementVersion,
		Stage: a.Requirement[a.Stage].Name, Nonce: a.ID, Reason: "because", FirstSeenAt: d.s.Clock.Now().Add(-shown)}
	return d.apply(a, approval.Submit{Review: review, Known: approval.Known{People: d.person}})
}

// used takes an approval through all of its life, half a minute a step.
func (d desk) used(id string) {
	d.t.Helper()
	a := d.open(id)
	d.s.Clock.Advance(30 * time.Second)
	a = d.review(a, "ana", approval.Approve, 4*time.Second)
	d.s.Clock.Advance(30 * time.Second)
	a = d.apply(a, approval.Redeem{By: "pacer", Digest: a.Digest, Permit: "per_" + id, Until: d.s.Clock.Now().Add(time.Minute),
		Outcome: approval.Outcome{Verdict: policy.Allow}, Roster: d.roster()})
	d.s.Clock.Advance(30 * time.Second)
	d.apply(a, approval.Claim{By: "pacer", Permit: "per_" + id})
}

func (d desk) override(id string, used bool) {
	d.t.Helper()
	now := d.s.Clock.Now()
	made := approval.Override{ID: id, Automation: "pacer", ChangeID: "c", Digest: "sha256:c", Role: policy.RoleAdmin, Actor: "root", Reason: "r", Ticket: "t",
		At: now, ExpiresAt: now.Add(time.Minute), ReviewDue: now.Add(time.Hour), Version: 1}
	d.update(func(tx store.Tx) error { return tx.PutOverrides([]approval.Override{made}) })
	if !used {
		return
	}
	lifted, err := made.Lift(made.Digest, nil, func(string) bool { return false }, now)
	if err != nil {
		d.t.Fatal(err)
	}
	d.update(func(tx store.Tx) error { return tx.PutOverrides([]approval.Override{lifted}) })
}

func (d desk) report(from, until time.Time) approval.Summary {
	d.t.Helper()
	got, err := d.s.Core.ReportApprovals(d.t.Context(), d.s.Auditor.Principal, from, until)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// What the store has of approvals, their steps, their reviews and of overrides comes into the report, and only of the period.
func TestReportApprovals(t *testing.T) {
	d := desk{t, servertest.New(t)}
	d.override("ovr_long_ago", true)
	d.used("apr_long_ago")
	d.s.Clock.Advance(server.DefaultReport)
	d.override("ovr_overdue", true)
	d.override("ovr_unused", false)
	d.used("apr_used")
	d.review(d.open("apr_rejected"), "ben", approval.Reject, time.Minute)
	d.s.Clock.Advance(2 * time.Hour)
	d.override("ovr_not_due", true)
	d.open("apr_open")

	now := d.s.Clock.Now()
	got := d.report(time.Time{}, time.Time{})
	want := approval.Summary{
		From: now.Add(-server.DefaultReport), Until: now, Now: now, Opened: 2, Agreed: 1,
		FirstSeen:   approval.Spread{Count: 1, Median: 26, P90: 26, Max: 26},
		FirstReview: approval.Spread{Count: 2, Median: 0, P90: 30, Max: 30},
		Decision:    approval.Spread{Count: 2, Median: 0, P90: 30, Max: 30},
		Redemption:  approval.Spread{Count: 1, Median: 60, P90: 60, Max: 60},
		Claim:       approval.Spread{Count: 1, Median: 90, P90: 90, Max: 90},
		Reviewers: []approval.Reviewer{
			{Person: "ana", Approvals: 1, Reviews: 1, Approved: 1, Share: 1_000_000, Dwells: 1, Dwell: 4},
			{Person: "ben", Approvals: 1, Reviews: 1, Dwells: 1, Dwell: 60},
		},
		Rules: []approval.Rule{{Rule: "budget.step_up", Escalations: 2, PerWeek: 466, Approved: 1, Rejected: 1, ApprovedShare: 500_000, RejectedShare: 500_000}},
		Overrides: approval.Overrides{Made: 2, Used: 1, OverdueCount: 2, Overdue: []approval.Overdue{
			{OverrideID: "ovr_long_ago", Actor: "root", Automation: "pacer", ChangeID: "c", At: servertest.Start, Due: servertest.Start.Add(time.Hour)},
			{OverrideID: "ovr_overdue", Actor: "root", Automation: "pacer", ChangeID: "c", At: now.Add(-2*time.Hour - 90*time.Second), Due: now.Add(-time.Hour - 90*time.Second)},
		}},
	}
	for _, each := range got.States {
		if share := map[approval.State]int64{approval.Approved: 500_000, approval.Rejected: 500_000}[each.State]; each.Share != share || each.Count != share/500_000 {
			t.Errorf("got %+v", each)
		}
	}
	got.States = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was opened before now (-want +got):\n%s", diff)
	}
	if got := d.report(servertest.Start, now.Add(time.Second)); got.Opened != 4 || got.Overrides.Made != 4 || len(got.Overrides.Overdue) != 2 {
		t.Errorf("all of it: got %+v", got)
	}
}

// A report reads many approvals and overrides, each once, and no View of it reads many.
func TestReportReadsInPages(t *testing.T) {
	fake := &servertest.FakeStore{}
	d := desk{t, servertest.New(t, servertest.WithStore(fake.Under))}
	const many = 201 // three pages, the last with one
	for i := range many {
		d.open(fmt.Sprint("apr_", i))
		d.override(fmt.Sprint("ovr_", i), true)
	}
	d.s.Clock.Advance(time.Hour)
	var views []*counted
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		return fake.Store.View(ctx, func(r store.Reader) error {
			view := &counted{Reader: r}
			views = append(views, view)
			return fn(view)
		})
	})
	got := d.report(time.Time{}, time.Time{})
	if got.Opened != many || got.Overrides.Made != many || got.Overrides.OverdueCount != many || got.Rules[0].Escalations != many {
		t.Errorf("got %d approvals, %+v", got.Opened, got.Overrides.Made)
	}
	approvals := 0
	for _, view := range views {
		approvals += view.approvals
		if view.approvals > 100 || view.overrides > 100 {
			t.Errorf("a View reads %d approvals and %d overrides", view.approvals, view.overrides)
		}
	}
	if approvals != many {
		t.Errorf("%d approvals were read, want %d", approvals, many)
	}
}

// counted is a Reader that counts what is read with it.
type counted struct {
	store.Reader
	approvals, overrides int
}

func (c *counted) ListApprovals(filter store.ApprovalFilter, page store.Page) ([]approval.Approval, store.Cursor, error) {
	approvals, next, err := c.Reader.ListApprovals(filter, page)
	c.approvals += len(approvals)
	return approvals, next, err
}

func (c *counted) ListOverrides(at time.Time, page store.Page) ([]approval.Override, store.Cursor, error) {
	overrides, next, err := c.Reader.ListOverrides(at, page)
	c.overrides += len(overrides)
	return overrides, next, err
}

// An approval that is on two pages counts once.
func TestReportCountsOnce(t *testing.T) {
	fake := &servertest.FakeStore{}
	d := desk{t, servertest.New(t, servertest.WithStore(fake.Under))}
	d.used("apr_1")
	d.s.Clock.Advance(time.Second)
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		return fake.Store.View(ctx, func(r store.Reader) error { return fn(twice{r}) })
	})
	if got := d.report(time.Time{}, time.Time{}); got.Opened != 1 || got.Claim.Count != 1 {
		t.Errorf("got %+v", got)
	}
}

// twice is a Reader whose list of approvals has everything on two pages.
type twice struct{ store.Reader }

func (r twice) ListApprovals(filter store.ApprovalFilter, page store.Page) ([]approval.Approval, store.Cursor, error) {
	next := store.Cursor("again")
	if page.After == next {
		next = ""
	}
	approvals, _, err := r.Reader.ListApprovals(filter, store.Page{Limit: page.Limit})
	return approvals, next, err
}

// Where any part cannot be read there is no report: one that left something out would be wrong without a word.
func TestReportOrError(t *testing.T) {
	fake := &servertest.FakeStore{}
	d := desk{t, servertest.New(t, servertest.WithStore(fake.Under))}
	d.used("apr_1")
	broken := errors.New("disk on fire")
	views := 0
	fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
		views++
		return fake.Store.View(ctx, fn)
	})
	d.report(time.Time{}, time.Time{})
	for failing := range views {
		at := 0
		fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
			if at++; at == failing+1 {
				return broken
			}
			return fake.Store.View(ctx, fn)
		})
		if got, err := d.s.Core.ReportApprovals(t.Context(), d.s.Auditor.Principal, time.Time{}, time.Time{}); !errors.Is(err, broken) || got.Opened != 0 {
			t.Errorf("view %d fails: got %+v, %v", failing, got, err)
		}
	}
}

// failing is a Reader of which one method fails.
type failing struct {
	store.Reader
	events, reviews, overrides error
}

func (f failing) Events(kind audit.Kind, object string) ([]store.Event, error) {
	events, err := f.Reader.Events(kind, object)
	return events, errors.Join(err, f.events)
}

func (f failing) Reviews(id string) ([]approval.Review, error) {
	reviews, err := f.Reader.Reviews(id)
	return reviews, errors.Join(err, f.reviews)
}

func (f failing) ListOverrides(at time.Time, page store.Page) ([]approval.Override, store.Cursor, error) {
	overrides, next, err := f.Reader.ListOverrides(at, page)
	return overrides, next, errors.Join(err, f.overrides)
}

func TestReportOfWhatCannotBeRead(t *testing.T) {
	fake := &servertest.FakeStore{}
	d := desk{t, servertest.New(t, servertest.WithStore(fake.Under))}
	d.used("apr_1")
	broken := errors.New("disk on fire")
	for name, f := range map[string]failing{"events": {events: broken}, "reviews": {reviews: broken}, "overrides": {overrides: broken}} {
		fake.OnView(func(ctx context.Context, fn func(store.Reader) error) error {
			return fake.Store.View(ctx, func(r store.Reader) error {
				f.Reader = r
				return fn(f)
			})
		})
		if got, err := d.s.Core.ReportApprovals(t.Context(), d.s.Auditor.Principal, time.Time{}, time.Time{}); !errors.Is(err, broken) || got.Opened != 0 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestReportPeriods(t *testing.T) {
	d := desk{t, servertest.New(t)}
	now := d.s.Clock.Now()
	for _, test := range []struct {
		name        string
		from, until time.Time
		problem     string // "": none
		want        []time.Time
	}{
		{"the usual", time.Time{}, time.Time{}, "", []time.Time{now.Add(-30 * 24 * time.Hour), now}},
		{"since", now.Add(-time.Hour), time.Time{}, "", []time.Time{now.Add(-time.Hour), now}},
		{"until", time.Time{}, now.Add(-time.Hour), "", []time.Time{now.Add(-30*24*time.Hour - time.Hour), now.Add(-time.Hour)}},
		{"a leap year", now.Add(-server.LongestReport), now, "", []time.Time{now.Add(-server.LongestReport), now}},
		{"not over yet", now.Add(-time.Hour), now.Add(time.Hour), "", []time.Time{now.Add(-time.Hour), now.Add(time.Hour)}},
		{"in another zone", now.In(time.FixedZone("", 3600)).Add(-time.Hour), now, "", []time.Time{now.Add(-time.Hour), now}},
		{"longer", now.Add(-server.LongestReport - 1), now, "is 2025-03-01T14:59:59Z, more than 366 days before the period ends; ask for less at once", nil},
		{"nothing", now, now, "is 2026-03-02T15:00:00Z, and the period ends at 2026-03-02T15:00:00Z; let it begin before it ends", nil},
		{"from the future", now.Add(time.Hour), time.Time{}, "is 2026-03-02T16:00:00Z, and the period ends at 2026-03-02T15:00:00Z; let it begin before it ends", nil},
	} {
		got, err := d.s.Core.ReportApprovals(t.Context(), d.s.Auditor.Principal, test.from, test.until)
		field, wrong := errors.AsType[*server.FieldError](err)
		switch {
		case test.problem != "":
			if !wrong || field.Field != "from" || field.Problem != test.problem {
				t.Errorf("%s: got %v, want %s", test.name, err, test.problem)
			}
		case err != nil || !slices.Equal([]time.Time{got.From, got.Until}, test.want):
			t.Errorf("%s: got %v to %v, %v", test.name, got.From, got.Until, err)
		}
	}
	_, err := d.s.Core.ReportApprovals(t.Context(), d.s.Automation.Principal, time.Time{}, time.Time{})
	if !errors.Is(err, policy.ErrForbidden) || !strings.HasSuffix(err.Error(), "to read reports takes one of the roles approver, governance, auditor or admin, and pacer has automation") {
		t.Errorf("an automation: got %v", err)
	}
}
