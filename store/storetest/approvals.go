package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/store"
)

// The people of the tests are each in one group, or in none.
var groupOf = map[string]string{"ana": "growth", "ben": "growth", "fay": "finance", "dora": "directors", "tom": ""}

func person(subject string) approval.Person {
	group, known := groupOf[subject]
	return approval.Person{ID: subject, Human: known, Groups: []string{group}}
}

func members(group string) (members []approval.Person) {
	for subject, of := range groupOf {
		if of == group {
			members = append(members, person(subject))
		}
	}
	return members
}

// wanting is the n-th approval of a test, before it is opened: of a field of its own, n seconds after start.
func wanting(n int) approval.Approval {
	d := decision(n)
	d.Target.EntityID = fmt.Sprint("k", n)
	return approval.Approval{
		ID: fmt.Sprintf("apr_%04d", n), Automation: "bidder", Digest: fmt.Sprint("sha256:", n), CreatedAt: start.Add(time.Duration(n) * time.Second),
		Legs: []permit.Leg{{DecisionID: d.ID, ChangeID: d.ChangeID, ChangeDigest: "sha256:d", Kind: d.Kind, Target: d.Target,
			Before: d.Before, After: d.After, Direction: policy.Rise}},
		Items: []approval.Item{{Rule: "bid.step", Field: ledger.FieldScope(d.Target.Key(), d.Kind), Message: "a large step"}},
		Waits: approval.DefaultWaits, Lives: approval.DefaultLives,
	}
}

// asking opens an approval that asks the groups, one after another; of the first, directors stand in after an hour.
func asking(t *testing.T, a approval.Approval, groups ...string) approval.Approval {
	t.Helper()
	var asks []approval.Ask
	for i, group := range groups {
		ask := approval.Ask{Name: group, AnyOf: []approval.Pool{{Group: group}}}
		if i == 0 {
			ask.Tiers = []approval.Tier{{After: approval.Wait(time.Hour), Groups: []string{"directors"}}}
		}
		asks = append(asks, ask)
	}
	requirement, err := approval.Require(asks...)
	if err != nil {
		t.Fatal(err)
	}
	step, err := approval.Open(a, requirement, approval.Roster{People: person, Members: members})
	if err != nil {
		t.Fatal(err)
	}
	return step.Approval
}

// pending is the n-th approval as it was opened, which asks growth.
func pending(t *testing.T, n int) approval.Approval { return asking(t, wanting(n), "growth") }

// changing is what an approval is for, as it is inserted.
func changing(a approval.Approval) store.NewApproval {
	return store.NewApproval{Approval: a, Changes: []byte("the changes of " + a.ID)}
}

func openAll(t *testing.T, s store.Store, approvals ...approval.Approval) {
	t.Helper()
	var opened []store.NewApproval
	for _, a := range approvals {
		opened = append(opened, changing(a))
	}
	mustUpdate(t, s, func(tx store.Tx) error { return tx.InsertApprovals(opened) })
}

// next is the approval a minute after its last step, when something has happened to it.
func next(t *testing.T, a approval.Approval, event approval.Event) approval.Approval {
	t.Helper()
	step := a.Apply(event, a.ChangedAt.Add(time.Minute))
	if step.Refusal != nil || !step.Changed {
		t.Fatalf("approval %s: changed %t, error %v", a.ID, step.Changed, step.Refusal)
	}
	return step.Approval
}

// said is what somebody says of the stage that is open.
func said(a approval.Approval, by string, kind approval.Kind) approval.Review {
	return approval.Review{ID: "rev_" + a.ID + "_" + by + "_" + a.Requirement[a.Stage].Name, ApprovalID: a.ID, Reviewer: by, Kind: kind, Reason: "because",
		Digest: a.Digest, RequirementVersion: a.RequirementVersion, Stage: a.Requirement[a.Stage].Name, Nonce: "nonce",
		Person: by, Groups: []string{groupOf[by]}, At: a.ChangedAt.Add(time.Minute)}
}

func reviewed(t *testing.T, a approval.Approval, by string, kind approval.Kind) approval.Approval {
	t.Helper()
	return next(t, a, approval.Submit{Review: said(a, by, kind), Known: approval.Known{People: person}})
}

func redeemed(t *testing.T, a approval.Approval) approval.Approval {
	t.Helper()
	return next(t, a, approval.Redeem{By: a.Automation, Digest: a.Digest, Permit: "permit_" + a.ID, Until: a.ExpiresAt, Outcome: approval.Outcome{Verdict: policy.Allow}})
}

func stepApprovals(t *testing.T, s store.Store, approvals ...approval.Approval) {
	t.Helper()
	mustUpdate(t, s, func(tx store.Tx) error { return tx.UpdateApprovals(approvals) })
}

func wantApprovals(t *testing.T, doing string, got, want []approval.Approval) {
	t.Helper()
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("%s (-want +got):\n%s", doing, difference)
	}
}

func approvals(t *testing.T, s store.Store) {
	var all []approval.Approval
	for n := range 100 {
		all = append(all, pending(t, n))
	}
	openAll(t, s, all...)
	approved := reviewed(t, all[7], "ana", approval.Approve)
	out := redeemed(t, approved)
	used := next(t, out, approval.Claim{By: "bidder", Permit: out.PermitID})
	rejected := reviewed(t, all[8], "ben", approval.Reject)
	tier := all[9].Apply(approval.Pass{}, start.Add(2*time.Hour+time.Nanosecond)).Approval // nothing is whole microseconds
	stepApprovals(t, s, approved)
	stepApprovals(t, s, out, used, rejected) // two steps of one at once
	stepApprovals(t, s, tier)
	all[7], all[8], all[9] = used, rejected, tier
	view(t, s, func(r store.Reader) error {
		ids := []string{"apr_none"}
		for _, a := range all {
			ids = append(ids, a.ID, a.ID)
		}
		got, err := r.Approvals(ids)
		if len(got) != len(all) {
			t.Errorf("got %d approvals, want %d", len(got), len(all))
		}
		for _, a := range all {
			wantApprovals(t, a.ID, []approval.Approval{got[a.ID]}, []approval.Approval{a})
		}
		none, noneErr := r.Approvals(nil)
		if len(none) != 0 {
			t.Errorf("got %d approvals for no ids", len(none))
		}
		for _, a := range []approval.Approval{all[7], all[20]} {
			changes, err := r.ApprovalChanges(a.ID)
			if want := changing(a).Changes; err != nil || !bytes.Equal(changes, want) {
				t.Errorf("got the changes %q, error %v; want %q", changes, err, want)
			}
		}
		_, missing := r.ApprovalChanges("apr_none")
		wantError(t, "changes of none", missing, policy.ErrNotFound)
		return errors.Join(err, noneErr)
	})

	changed := func(change func(*approval.Approval)) []store.NewApproval {
		a := pending(t, 500)
		a.Legs, a.Items = slices.Clone(a.Legs), slices.Clone(a.Items)
		change(&a)
		return []store.NewApproval{changing(pending(t, 501)), changing(a)}
	}
	inserts := func(opened ...store.NewApproval) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.InsertApprovals(opened) }
	}
	updates := func(approvals ...approval.Approval) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.UpdateApprovals(approvals) }
	}
	long := strings.Repeat("x", store.MaxWord+1)
	second := reviewed(t, all[20], "ana", approval.Approve)
	third := redeemed(t, second)
	for _, test := range []struct {
		name string
		do   func(store.Tx) error
		want error
	}{
		{"one that is there", inserts(changing(pending(t, 500)), changing(pending(t, 20))), store.ErrConflict},
		{"one twice", inserts(changing(pending(t, 500)), changing(pending(t, 500))), store.ErrConflict},
		{"a new one that is approved", inserts(changing(reviewed(t, pending(t, 500), "ana", approval.Approve))), policy.ErrInvalid},
		{"a new one that was stepped", inserts(changed(func(a *approval.Approval) { a.Version = 2 })...), policy.ErrInvalid},
		{"none", inserts(store.NewApproval{}), policy.ErrInvalid},
		{"without an id", inserts(changed(func(a *approval.Approval) { a.ID = "" })...), policy.ErrInvalid},
		{"without an automation", inserts(changed(func(a *approval.Approval) { a.Automation = "" })...), policy.ErrInvalid},
		{"a long id", inserts(changed(func(a *approval.Approval) { a.ID = long })...), policy.ErrInvalid},
		{"an account that is no text", inserts(changed(func(a *approval.Approval) { a.Legs[0].Target.Account = "\xff" })...), policy.ErrInvalid},
		{"an entity that is no text", inserts(changed(func(a *approval.Approval) { a.Legs[0].Target.EntityID = "a\x00b" })...), policy.ErrInvalid},
		{"a field that is too long", inserts(changed(func(a *approval.Approval) {
			a.Legs[0].Target.Account, a.Legs[0].Target.EntityID = strings.Repeat("ü", 500), strings.Repeat("ü", 500)
		})...), policy.ErrInvalid},
		{"a long rule", inserts(changed(func(a *approval.Approval) { a.Items[0].Rule = long })...), policy.ErrInvalid},
		{"a long group", inserts(changed(func(a *approval.Approval) { a.Requirement[0].Counts[0].Groups = []string{long} })...), policy.ErrInvalid},
		{"before 1970", inserts(changed(func(a *approval.Approval) { a.ChangedAt = time.Time{} })...), policy.ErrInvalid},
		{"stepped again", updates(second, approved), store.ErrConflict},
		{"stepped twice", updates(second, second), store.ErrConflict},
		{"a version left out", updates(third), store.ErrConflict},
		{"one that never was", updates(reviewed(t, pending(t, 500), "ana", approval.Approve)), store.ErrConflict},
		{"no next version", updates(all[20]), policy.ErrInvalid},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			wantError(t, test.name, test.do(tx), test.want)
			return nil
		})
		wantError(t, test.name, err, test.want)
	}
	mustUpdate(t, s, func(tx store.Tx) error { return errors.Join(inserts()(tx), updates()(tx)) })
	view(t, s, func(r store.Reader) error {
		got, err := r.Approvals([]string{all[20].ID, pending(t, 500).ID, pending(t, 501).ID, used.ID})
		if difference := cmp.Diff(map[string]approval.Approval{all[20].ID: all[20], used.ID: used}, got); difference != "" {
			t.Errorf("after what was refused (-want +got):\n%s", difference)
		}
		return err
	})
}

// Changes come back byte for byte, also none, and those of a large group.
func approvalChanges(t *testing.T, s store.Store) {
	want := map[string][]byte{}
	for n, changes := range [][]byte{nil, {}, {0, 0xff, '"', '\n', 0}, bytes.Repeat([]byte("0123456789abcdef"), 1<<17)} {
		a := pending(t, n)
		want[a.ID] = changes
		mustUpdate(t, s, func(tx store.Tx) error {
			return tx.InsertApprovals([]store.NewApproval{{Approval: a, Changes: changes}})
		})
	}
	view(t, s, func(r store.Reader) error {
		for id, changes := range want {
			got, err := r.ApprovalChanges(id)
			if err != nil || !bytes.Equal(got, changes) {
				t.Errorf("%s: got %d bytes, error %v; want the %d that were given", id, len(got), err, len(changes))
			}
		}
		return nil
	})
}

func openApprovals(t *testing.T, s store.Store) {
	field := func(n int) ledger.Scope {
		leg := wanting(n).Legs[0]
		return ledger.FieldScope(leg.Target.Key(), leg.Kind)
	}
	both := wanting(3) // of the fields of 1 and 2, and of that of 2 twice
	both.Legs = []permit.Leg{wanting(1).Legs[0], wanting(2).Legs[0], wanting(2).Legs[0]}
	pacer, granted := wanting(4), wanting(6)
	pacer.Automation, pacer.Legs = "pacer", wanting(1).Legs
	granted.Legs, granted.Grant = nil, &approval.Grant{ID: "grant_1", Automation: "bidder", Scope: field(1), Kind: policy.KindBid}
	one, two, three, four, five, six := pending(t, 1), pending(t, 2), asking(t, both, "growth"), asking(t, pacer, "growth"), pending(t, 5), asking(t, granted, "growth")
	openAll(t, s, four) // it was created after the next ones, whatever the order in which they are stored
	openAll(t, s, one, two, three, five, six)
	want := func(doing, automation string, fields []ledger.Scope, want ...approval.Approval) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			got, err := r.OpenApprovals(automation, fields)
			wantApprovals(t, doing, got, append([]approval.Approval{}, want...))
			return err
		})
	}
	want("of anybody's", "", []ledger.Scope{field(1)}, four, three, one)
	want("of one automation's", "bidder", []ledger.Scope{field(1)}, three, one)
	want("of two fields", "bidder", []ledger.Scope{field(2), field(1), field(2)}, three, two, one)
	want("of no field", "", nil)
	want("of another field", "", []ledger.Scope{field(9), ledger.OrganisationScope()})
	want("of somebody else's", "nobody", []ledger.Scope{field(1)})
	other := field(1)
	other.Key = strings.Replace(other.Key, "/bid", "/daily_budget", 1)
	want("of another kind", "", []ledger.Scope{other})
	many := []ledger.Scope{field(5), field(1)}
	for n := range 1200 {
		many = append(many, field(n+1000))
	}
	want("of many fields", "", many, five, four, three, one)

	// What is approved is open, until it is used up.
	approved := reviewed(t, one, "ana", approval.Approve)
	out := redeemed(t, approved)
	stepApprovals(t, s, reviewed(t, three, "ana", approval.Reject), approved)
	want("without what was rejected", "", []ledger.Scope{field(1), field(2)}, four, two, approved)
	stepApprovals(t, s, out)
	want("with a permit", "bidder", []ledger.Scope{field(1)}, out)
	stepApprovals(t, s, next(t, out, approval.Claim{By: "bidder", Permit: out.PermitID}), next(t, four, approval.Withdraw{By: "pacer", People: person}))
	want("without what is final", "", []ledger.Scope{field(1), field(2), field(5)}, five, two)
}

func dueApprovals(t *testing.T, s store.Store) {
	var all []approval.Approval
	for n := range 30 {
		all = append(all, pending(t, n))
	}
	slices.Reverse(all)
	openAll(t, s, all...)
	slices.Reverse(all)
	due := func(doing string, at time.Time, limit int, want ...approval.Approval) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			got, err := r.DueApprovals(at, limit)
			wantApprovals(t, doing, got, want)
			return err
		})
	}
	tier := start.Add(time.Hour)
	due("before the first", tier.Add(-time.Nanosecond), 10)
	due("the first", tier, 10, all[0])
	due("a bit before the sixth", tier.Add(5*time.Second-time.Nanosecond), 10, all[:5]...)
	due("some", tier.Add(5*time.Second), 10, all[:6]...)
	due("a few of many", tier.Add(time.Hour), 3, all[:3]...)
	// Once a tier has opened, it is due at the deadline; a yes when it lapses; what is final never.
	opened := all[1].Apply(approval.Pass{}, tier.Add(time.Minute)).Approval
	approved := reviewed(t, all[2], "ana", approval.Approve)
	stepApprovals(t, s, opened, approved, reviewed(t, all[3], "ana", approval.Reject))
	due("after a while", tier.Add(6*time.Second), 10, approved, all[0], all[4], all[5], all[6])
	due("in the end", start.Add(5*time.Hour), 100, append(append([]approval.Approval{approved, all[0]}, all[4:]...), opened)...)
	view(t, s, func(r store.Reader) error {
		for _, limit := range []int{-1, 0, store.MaxPage + 1} {
			_, err := r.DueApprovals(start, limit)
			wantError(t, fmt.Sprint("a limit of ", limit), err, policy.ErrInvalid)
		}
		return nil
	})
}
