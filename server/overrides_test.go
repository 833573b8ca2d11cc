package server_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// nightRule blocks bids above 2 USD, unless somebody breaks the glass.
const nightRule = `# METADATA
# title: High bids at night
# description: For tests.
# custom: {id: test.night, owner: tests, kinds: [bid], source: tests, overridable: emergency}
package bidrail.rules.test_night

block contains finding if {
	input.change.after.micros > 2000000
	finding := {"message": "too much for the night"}
}
`

func withNight(t *testing.T, changed map[string]string) fs.FS {
	files := map[string]string{"rules/test_night.rego": nightRule}
	for name, content := range changed {
		files[name] = content
	}
	return servertest.Company(t, files)
}

// breaker is somebody who may break the glass.
func breaker(subject string) policy.Principal {
	return policy.Principal{Subject: subject, Roles: []policy.Role{policy.RoleBreakGlass}}
}

// broken is the glass broken for a change that is blocked, or the legs of a group.
func broken(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) approval.Override {
	t.Helper()
	d := decide(t, s, changes...)[0].Decision
	if d.Verdict != policy.Block {
		t.Fatalf("got %s, want BLOCK", d.Verdict)
	}
	o, err := s.Core.CreateOverride(t.Context(), breaker("fay"), glass(d))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func glass(d *policy.Decision) server.OverrideRequest {
	digest := d.ChangeDigest
	if d.GroupDigest != "" {
		digest = d.GroupDigest
	}
	return server.OverrideRequest{DecisionID: d.ID, Digest: digest, Reason: "the site is down", Ticket: "OPS-1"}
}

func redeemOverride(t *testing.T, s *servertest.Server, o approval.Override, changes ...*bidrailv1.Change) (server.Redemption, error) {
	t.Helper()
	return s.Core.Redeem(t.Context(), s.Automation.Principal, server.RedeemRequest{OverrideID: o.ID, Digest: o.Digest, Changes: servertest.Domain(changes...)})
}

func overrideNow(t *testing.T, s *servertest.Server, id string) approval.Override {
	t.Helper()
	found, _, err := s.Core.ListOverrides(t.Context(), s.Auditor.Principal, true, page())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range found {
		if o.ID == id {
			return o
		}
	}
	t.Fatalf("there is no override %s", id)
	return approval.Override{}
}

// A change that a rule blocks, and lets be overridden, is made once, in the name of whoever broke the glass, and somebody
// else looks at it afterwards.
func TestABlockIsLiftedInAnEmergency(t *testing.T) {
	s := company(t, servertest.WithRevision(withNight(t, nil)))
	o := broken(t, s, servertest.Bid("b", 199, 210))
	if o.Actor != "fay" || o.Automation != "pacer" || o.Ticket != "OPS-1" || !o.ExpiresAt.Equal(s.Clock.Now().Add(15*time.Minute)) {
		t.Errorf("got %+v", o)
	}
	got, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210))
	if err != nil {
		t.Fatal(err)
	}
	d := got.Decisions[0]
	if d.Verdict != policy.Allow || d.Redeems != o.ID || got.Permit.Redeems != o.ID || got.Permit.Digest != o.Digest || got.Override.UsedAt.IsZero() {
		t.Errorf("got %+v with the permit %+v", d, got.Permit)
	}
	if finding := findingOf(d, "test.night"); finding == nil || finding.LiftedBy != o.ID {
		t.Errorf("the decision does not say what was lifted: %+v", d.Findings)
	}
	if again, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210)); err != nil || again.Permit.ID != got.Permit.ID || again.Token != got.Token {
		t.Errorf("asked again after a lost answer: got %s, %v, want the permit that is out", again.Permit.ID, err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210)); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("used twice: %v", err)
	}
	if got := decide(t, s, servertest.Bid("b", 199, 210))[0]; !got.Replayed || got.Decision.Verdict != policy.Block {
		t.Errorf("asked again: got %s, replayed %t; want the BLOCK", got.Decision.Verdict, got.Replayed)
	}

	s.Clock.Advance(24 * time.Hour)
	if now := overrideNow(t, s, o.ID); !now.Overdue(s.Clock.Now()) {
		t.Errorf("nobody has looked at it for a day, and it is not overdue: %+v", now)
	}
	look := func(who string, role policy.Role, justified bool) error {
		_, err := s.Core.ReviewOverride(t.Context(), policy.Principal{Subject: who, Roles: []policy.Role{role}}, o.ID, justified, "it was down")
		return err
	}
	if err := look("fay", policy.RoleGovernance, true); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("whoever broke it looks at it: %v", err)
	}
	if err := look("pacer", policy.RoleGovernance, true); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("the automation looks at it: %v", err)
	}
	if err := look("ines-admin", policy.RoleGovernance, true); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("an owner of the automation looks at it: %v", err)
	}
	if err := look("gita", policy.RoleApprover, true); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("an approver looks at it: %v", err)
	}
	if open, _, err := s.Core.ListOverrides(t.Context(), s.Auditor.Principal, false, page()); err != nil || len(open) != 1 {
		t.Errorf("what nobody has looked at: got %d, %v", len(open), err)
	}
	if err := look("gita", policy.RoleGovernance, false); err != nil {
		t.Fatal(err)
	}
	if err := look("gita", policy.RoleGovernance, true); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("said twice: %v", err)
	}
	if now := overrideNow(t, s, o.ID); now.Overdue(s.Clock.Now()) || now.Justified || now.ReviewedBy != "gita" {
		t.Errorf("got %+v", now)
	}
	if open, _, err := s.Core.ListOverrides(t.Context(), s.Auditor.Principal, false, page()); err != nil || len(open) != 0 {
		t.Errorf("what nobody has looked at: got %d, %v", len(open), err)
	}
	wholeLog(t, s.Store)
}

// After a switch the permit of an override cannot be claimed any more, so it is not given out again either.
func TestAnOverrideIsUsedUpByASwitch(t *testing.T) {
	s := company(t, servertest.WithRevision(withNight(t, nil)))
	o := broken(t, s, servertest.Bid("b", 199, 210))
	if _, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210)); err != nil {
		t.Fatal(err)
	}
	setMode(t, s, ledger.AutomationScope("pacer"), policy.ModeActive)
	if again, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210)); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("redeemed after the switch: got the permit %q, error %v", again.Permit.ID, err)
	}
}

// What does not let itself be overridden still blocks, and the override can be used once it does not.
func TestWhatNobodyOverrides(t *testing.T) {
	night := withNight(t, nil)
	for name, test := range map[string]struct {
		with   []servertest.Option
		before func(*testing.T, *servertest.Server)
		change *bidrailv1.Change
		then   func(*testing.T, *servertest.Server)
		want   error
	}{
		"another rule": {change: servertest.Bid("b", 100, 250), want: policy.ErrPrecondition},
		"a rule of the next revision": {change: servertest.Bid("b", 199, 210), want: policy.ErrPrecondition,
			then: func(t *testing.T, s *servertest.Server) {
				hard := map[string]string{"rules/test_hard.rego": hardRule}
				activate(t, s, servertest.Load(t, withNight(t, hard)))
			}},
		"the kill switch": {change: servertest.Bid("b", 199, 210), want: policy.ErrPrecondition,
			then: func(t *testing.T, s *servertest.Server) {
				setMode(t, s, ledger.OrganisationScope(), policy.ModeHalted)
			}},
		"a cap of the operator": {change: servertest.Bid("b", 199, 210), want: policy.ErrExhausted,
			with: []servertest.Option{servertest.WithCaps(ledger.Cap{Name: "bids", Scope: ledger.Scope{Kind: ledger.Account}, Length: ledger.Length(24 * time.Hour),
				Measure: ledger.Raised, Kinds: ledger.Family(policy.KindBid), Limit: 1, Currency: "USD"})}},
		"a rejection": {change: inPlaceOf(servertest.Bid("b", 150, 250), "a"), want: policy.ErrPrecondition,
			before: func(t *testing.T, s *servertest.Server) {
				a := escalated(t, s, servertest.Bid("a", 140, 199))
				review(t, s, "ana", a.ID, approval.Reject)
			}},
		"rules that do not end": {change: servertest.Bid("b", 199, 210), want: policy.ErrUnavailable,
			then: func(t *testing.T, s *servertest.Server) {
				activate(t, s, servertest.LoadHurried(t, withNight(t, map[string]string{"rules/slow.rego": slowRule}), 50*time.Millisecond))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t, append(test.with, servertest.WithRevision(night))...)
			if test.before != nil {
				test.before(t, s)
			}
			o := broken(t, s, test.change)
			if test.then != nil {
				test.then(t, s)
			}
			if got, err := redeemOverride(t, s, o, test.change); !errors.Is(err, test.want) {
				t.Errorf("got the permit %q, %v; want %v", got.Permit.ID, err, test.want)
			}
			if now := overrideNow(t, s, o.ID); !now.UsedAt.IsZero() {
				t.Errorf("it was used for nothing: %+v", now)
			}
		})
	}
}

// hardRule blocks bids above 2.05 USD, whatever happens.
const hardRule = `# METADATA
# title: High bids
# description: For tests.
# custom: {id: test.hard, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.test_hard

block contains finding if {
	input.change.after.micros > 2050000
	finding := {"message": "too much"}
}
`

// inPlaceOf is a change of the keyword of another bid.
func inPlaceOf(change *bidrailv1.Change, other string) *bidrailv1.Change {
	change.Target.EntityId = "k-" + other
	return change
}

// An override is for one exact change of one automation, and not for long.
func TestAnOverrideIsForOneChange(t *testing.T) {
	s := company(t, servertest.WithRevision(withNight(t, nil)))
	o := broken(t, s, servertest.Bid("b", 199, 210))
	if _, err := redeemOverride(t, s, o); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("without the change: %v", err)
	}
	if _, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 211)); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("for another value: %v", err)
	}
	_, err := s.Core.Redeem(t.Context(), s.OtherAutomation.Principal, server.RedeemRequest{OverrideID: o.ID, Digest: o.Digest, Changes: servertest.Domain(servertest.Bid("b", 199, 210))})
	if !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("by another automation: %v", err)
	}
	s.Clock.Advance(15 * time.Minute)
	if _, err := redeemOverride(t, s, o, servertest.Bid("b", 199, 210)); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("after its time: %v", err)
	}
	if now := overrideNow(t, s, o.ID); !now.UsedAt.IsZero() || now.Overdue(s.Clock.Now().Add(72*time.Hour)) {
		t.Errorf("got %+v, want it neither used nor overdue", now)
	}
}

// A group is overridden as a whole; and a campaign that does not name itself as its campaign is the one that was decided.
func TestAnOverrideOfAGroup(t *testing.T) {
	budget := `# METADATA
# title: Budgets at night
# description: For tests.
# custom: {id: test.budgets, owner: tests, kinds: [daily_budget], source: tests, overridable: emergency}
package bidrail.rules.test_budgets

block contains finding if {
	input.change.direction == "rise"
	finding := {"message": "not at night"}
}
`
	s := company(t, servertest.WithRevision(withNight(t, map[string]string{"rules/test_budgets.rego": budget})))
	legs := func() []*bidrailv1.Change {
		down, up := servertest.Budget("down", "101", 10000, 9500), servertest.Budget("up", "102", 10000, 10500)
		down.Target.Campaign, up.Target.Campaign = "", ""
		return servertest.InGroup("g", down, up)
	}
	o := broken(t, s, legs()...)
	got, err := redeemOverride(t, s, o, legs()...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Permit.Legs) != 2 || got.Permit.Digest != o.Digest || len(got.Decisions) != 2 {
		t.Errorf("got %+v", got.Permit)
	}
}

func TestWhoBreaksTheGlass(t *testing.T) {
	s := company(t, servertest.WithRevision(withNight(t, nil)))
	results := decide(t, s, servertest.Bid("b", 199, 210), servertest.Bid("allowed", 100, 110))
	blocked, allowed := results[0].Decision, results[1].Decision
	for name, test := range map[string]struct {
		who    policy.Principal
		change func(*server.OverrideRequest)
		want   error
	}{
		"an owner":              {breaker("ines"), nil, policy.ErrForbidden},
		"an owner's other name": {breaker("ines-admin"), nil, policy.ErrForbidden},
		"the automation":        {breaker("pacer"), nil, policy.ErrForbidden},
		"nobody known":          {breaker("ghost"), nil, policy.ErrForbidden},
		"an administrator":      {policy.Principal{Subject: "fay", Roles: []policy.Role{policy.RoleAdmin}}, nil, policy.ErrForbidden},
		"without a reason":      {breaker("fay"), func(r *server.OverrideRequest) { r.Reason = "" }, policy.ErrInvalid},
		"without a ticket":      {breaker("fay"), func(r *server.OverrideRequest) { r.Ticket = "" }, policy.ErrInvalid},
		"for two hours":         {breaker("fay"), func(r *server.OverrideRequest) { r.Life = 2 * time.Hour }, policy.ErrInvalid},
		"for a time before":     {breaker("fay"), func(r *server.OverrideRequest) { r.Life = -time.Hour }, policy.ErrInvalid},
		"of another change":     {breaker("fay"), func(r *server.OverrideRequest) { r.Digest = allowed.ChangeDigest }, policy.ErrPrecondition},
		"of what is allowed":    {breaker("fay"), func(r *server.OverrideRequest) { *r = glass(allowed) }, policy.ErrPrecondition},
		"of nothing":            {breaker("fay"), func(r *server.OverrideRequest) { r.DecisionID = "dec_none" }, policy.ErrNotFound},
	} {
		request := glass(blocked)
		if test.change != nil {
			test.change(&request)
		}
		if o, err := s.Core.CreateOverride(t.Context(), test.who, request); !errors.Is(err, test.want) {
			t.Errorf("%s: got %+v, %v; want %v", name, o, err, test.want)
		}
	}
	if all, _, err := s.Core.ListOverrides(t.Context(), s.Auditor.Principal, true, page()); err != nil || len(all) != 0 {
		t.Errorf("got %d overrides, %v", len(all), err)
	}
}

// However many break the glass for one change, there is one override of it, until that can be used no more.
func TestOneOverrideForAChange(t *testing.T) {
	s := company(t, servertest.WithRevision(withNight(t, nil)))
	first := broken(t, s, servertest.Bid("b", 199, 210))
	breaks := func() (approval.Override, error) {
		decided := decide(t, s, servertest.Bid("b", 199, 210))[0].Decision
		return s.Core.CreateOverride(t.Context(), breaker("finn"), glass(decided))
	}
	if _, err := breaks(); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("while the first can be used: %v", err)
	}
	got, err := redeemOverride(t, s, first, servertest.Bid("b", 199, 210))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := breaks(); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("while its permit is out: %v", err)
	}
	s.Clock.Advance(2 * time.Minute) // nobody claims it
	if _, err := s.Core.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := breaks()
	if err != nil || second.ID == first.ID {
		t.Fatalf("when its permit has died unclaimed: got %s, %v", second.ID, err)
	}
	if got, err = redeemOverride(t, s, second, servertest.Bid("b", 199, 210)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := breaks(); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("when it was made: %v", err)
	}
}
