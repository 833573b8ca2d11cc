package server_test

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// Each of these is a way in which other approval systems were gone around, tried on the whole server. The names say which,
// and the comments whose it was. Package approval has the same for its values.

// What was approved is not what is done: GitLab (CVE-2023-4812), Atlantis (#1508), Cursor (CVE-2025-54136), Pipelines-as-Code.
func TestContentSwappedAfterApproval(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Bid("b", 100, 150))

	// Before the click: the page that was rendered is of another change.
	click := of(a, approval.Approve)
	click.Digest = servertest.Domain(servertest.Bid("b", 100, 180))[0].Digest()
	if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), click); reasonOf(err) != approval.StaleDigest {
		t.Errorf("a click on another change: %v", err)
	}
	// The same name, with other content.
	results := check(t, s, servertest.Bid("b", 100, 180))
	if !errors.Is(results[0].Err, policy.ErrKeyReused) {
		t.Errorf("the change_id with another value: %v", results[0].Err)
	}
	a = review(t, s, "ana", a.ID, approval.Approve)
	for name, swap := range map[string]func(*server.RedeemRequest){
		"another digest":   func(r *server.RedeemRequest) { r.Digest = click.Digest },
		"a larger value":   func(r *server.RedeemRequest) { r.Value = policy.MoneyValue(1_500_001, "USD") },
		"another currency": func(r *server.RedeemRequest) { r.Value = policy.MoneyValue(1_500_000, "EUR") },
		"another unit":     func(r *server.RedeemRequest) { r.Value = policy.RatioValue(1_500_000) },
		"without a limit":  func(r *server.RedeemRequest) { r.Value = policy.Value{Form: policy.Unlimited} },
		"the other way":    func(r *server.RedeemRequest) { r.Value = policy.MoneyValue(500_000, "USD") },
	} {
		request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest}
		swap(&request)
		if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); reasonOf(err) != approval.StaleDigest && reasonOf(err) != approval.OutOfBounds {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// Changes that come with the redemption are not what is made: those on record are.
	request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest, Changes: servertest.Domain(servertest.Bid("b", 100, 180))}
	got, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request)
	if err != nil {
		t.Fatal(err)
	}
	if leg := got.Permit.Legs[0]; got.Permit.Digest != a.Digest || leg.After != policy.MoneyValue(1_500_000, "USD") || leg.Target.EntityID != "k-b" {
		t.Errorf("the permit is for %+v", got.Permit)
	}
}

// One click, many executions: ha-mcp (#2387, #2399), cadis (#852), financeit/purgatory (#10, refunds that were paid twice), Atlantis (#2396).
func TestDoubleExecution(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	const racers = 8
	tokens := make([]string, racers)
	var running sync.WaitGroup
	for i := range racers {
		running.Go(func() {
			got, err := redeem(t, s, a)
			if err != nil {
				t.Error(err)
				return
			}
			tokens[i] = got.Token
		})
	}
	running.Wait()
	for _, token := range tokens {
		if token != tokens[0] {
			t.Fatalf("two permits for one yes: %v", tokens)
		}
	}
	var mutex sync.Mutex
	claimed := 0
	for i := range racers {
		running.Go(func() {
			_, err := s.Core.Claim(t.Context(), s.Automation.Principal, tokens[i], fmt.Sprint("attempt-", i))
			mutex.Lock()
			defer mutex.Unlock()
			switch {
			case err == nil:
				claimed++
			case !errors.Is(err, policy.ErrPrecondition):
				t.Error(err)
			}
		})
	}
	running.Wait()
	if claimed != 1 {
		t.Errorf("%d of %d were told that they may make the change, want 1", claimed, racers)
	}
	if _, err := redeem(t, s, a); reasonOf(err) != approval.Ended {
		t.Errorf("redeemed after it was used: %v", err)
	}
	if all, _, err := s.Core.ListPermits(t.Context(), s.Auditor.Principal, permit.None, page()); err != nil || len(all) != 1 {
		t.Errorf("got %d permits, %v; want 1", len(all), err)
	}
	wholeLog(t, s.Store)
}

// Nothing to check is success: Atlantis (#6529, "success 0/0"), Mastra (#11338), Spacelift's Intent without a policy, Bytebase's missing template.
func TestVacuousApproval(t *testing.T) {
	for name, changed := range map[string]map[string]string{
		"no stages":              {"routes/data.yaml": `default: []`},
		"a stage without groups": {"routes/data.yaml": `default: [{name: review, any_of: []}]`},
		"a group without a name": {"routes/data.yaml": `default: [{name: review, any_of: [{group: ""}]}]`},
		"fewer than nobody":      {"routes/data.yaml": `default: [{name: review, any_of: [{group: growth}], quorum: -1}]`},
		"a misspelt quorum":      {"routes/data.yaml": `default: [{name: review, any_of: [{group: growth}], quorom: 2}]`},
		"a route of no stages":   {"routes/data.yaml": `routes: [{name: r, stages: []}]`},
		"nobody says no":         {"routes/data.yaml": `default: [{name: review, any_of: [{group: growth}], deny_quorum: -1}]`},
	} {
		revision, err := policy.ReadRevision(withFiles(peopleRules(t, ""), changed), name)
		if err == nil {
			_, err = server.LoadPolicy(t.Context(), revision, policy.Options{SkipTests: true})
		}
		if !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v, want the revision refused", name, err)
		}
	}

	// A rule that wants people and asks nobody blocks.
	for name, stages := range map[string]string{"no stages": `[]`, "no groups": `[{"name": "s", "any_of": []}]`, "nonsense": `[{"nobody": 0}]`} {
		s := company(t, servertest.WithRevision(withFiles(peopleRules(t, ""), map[string]string{"rules/test_asks.rego": asksFor(stages)})))
		if d := decide(t, s, servertest.Bid("b", 100, 110))[0].Decision; d.Verdict != policy.Block || d.ApprovalID != "" {
			t.Errorf("%s: got %s with the approval %q, want BLOCK", name, d.Verdict, d.ApprovalID)
		}
	}

	// Groups that nobody is in, and changes that no rule is about, wait for somebody, and never pass.
	for name, test := range map[string]struct {
		files fs.FS
		kind  func() approvalOf
	}{
		"nobody is in the groups": {servertest.Company(t, map[string]string{"people/data.yaml": "people: [{id: ana, groups: []}, {id: ben, groups: [others]}]"}), aBid},
		"there are no people":     {servertest.Company(t, map[string]string{"people/data.yaml": "people: []"}), aBid},
		"only owners are":         {servertest.Company(t, map[string]string{"people/data.yaml": "people: [{id: ana, groups: [growth]}]\nautomations: [{subject: pacer, owners: [ana]}]"}), aBid},
		"no rule is about it":     {netRiseRules(), aBudget},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t, servertest.WithRevision(test.files))
			a := test.kind()(t, s)
			if a.Requirement[0].Note == "" {
				t.Error("the approval does not say that it has too few people")
			}
			for _, who := range []string{"ana", "ben", "pacer", "nobody", "root"} {
				if _, err := s.Core.Review(t.Context(), servertest.Person(who), of(a, approval.Approve)); err == nil {
					t.Errorf("%s has approved it", who)
				}
			}
			if _, err := redeem(t, s, a); reasonOf(err) != approval.NotApproved {
				t.Errorf("redeemed: %v", err)
			}
			s.Clock.Advance(4 * time.Hour)
			if _, err := s.Core.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a = approvalNow(t, s, a.ID); a.State != approval.Expired {
				t.Errorf("got %s, want EXPIRED", a.State)
			}
		})
	}
}

type approvalOf func(*testing.T, *servertest.Server) approval.Approval

func aBid() approvalOf {
	return func(t *testing.T, s *servertest.Server) approval.Approval {
		return escalated(t, s, servertest.Bid("b", 100, 150))
	}
}

func aBudget() approvalOf {
	return func(t *testing.T, s *servertest.Server) approval.Approval {
		return escalated(t, s, servertest.Budget("b", "101", 20000, 20100))
	}
}

// withFiles is a revision with some files put in place of others, or added.
func withFiles(files fstest.MapFS, changed map[string]string) fstest.MapFS {
	for name, content := range changed {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return files
}

// asksFor is a rule that wants people for every bid, and says whom.
func asksFor(stages string) string {
	return `# METADATA
# title: Every bid
# description: For tests.
# custom: {id: test.asks, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.test_asks

approve contains finding if {
	input.change.after.micros > 0
	finding := {"message": "every bid", "approval": {"stages": ` + stages + `}}
}
`
}

// Groups or logins are counted where people are meant: hoop, Bytebase, Vault's control groups; and hoop's "==", with which one too many never approves.
func TestGroupsCountedAsPeople(t *testing.T) {
	people := `people:
  - {id: ana, subjects: [ana, ana-phone], groups: [growth, leads]}
  - {id: ben, groups: [growth]}
  - {id: cleo, groups: [growth, finance]}
  - {id: fay, groups: [finance]}
automations: [{subject: pacer, owners: []}]
fallback: []
`
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"people/data.yaml": people,
		"rules/test_asks.rego": asksFor(`[{"name": "both", "all_of": ["growth", "finance"]}]`)})))

	// One person in two groups that both have to agree is one of them.
	bid := escalated(t, s, servertest.Bid("b", 100, 110))
	if bid = review(t, s, "cleo", bid.ID, approval.Approve); bid.State != approval.Pending {
		t.Errorf("one person was two groups: %s", bid.State)
	}
	if bid = review(t, s, "fay", bid.ID, approval.Approve); bid.State != approval.Approved {
		t.Errorf("two people: got %s", bid.State)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ben"), of(bid, approval.Approve)); reasonOf(err) != approval.NotPending {
		t.Errorf("one more than enough: %v", err)
	}

	// One person with two logins is one; and whoever was counted for growth is not finance besides.
	budget := escalated(t, s, servertest.Budget("m", "101", 20000, 27000))
	for _, who := range []string{"ana", "ana-phone", "ana"} {
		if budget = review(t, s, who, budget.ID, approval.Approve); budget.Stage != 0 {
			t.Fatalf("one person was two: %+v", budget.Met)
		}
	}
	if budget = review(t, s, "cleo", budget.ID, approval.Approve); budget.Stage != 1 {
		t.Fatalf("two people: got stage %d", budget.Stage)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("cleo"), of(budget, approval.Approve)); reasonOf(err) != approval.AlreadyReviewed {
		t.Errorf("one person in two stages: %v", err)
	}
	if budget = review(t, s, "fay", budget.ID, approval.Approve); budget.State != approval.Approved {
		t.Errorf("got %s", budget.State)
	}
}

// Whoever proposes it approves it as somebody else: Teleport (#13416, an approver bot), teleport-plugins (#121), Bytebase before agents were kept out.
func TestSelfApprovalThroughDelegation(t *testing.T) {
	people := `people:
  - {id: ana, groups: [growth]}
  - {id: ben, groups: [growth]}
  - {id: ines, subjects: [ines, ines-admin], groups: [growth]}
  - {id: omar, subjects: [omar, omar-admin], groups: [growth]}
automations:
  - {subject: pacer, owners: [ines], on_behalf_of: omar}
  - {subject: bidder}
`
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"people/data.yaml": people})))
	for _, pair := range [][2]string{{"ines", "ana"}, {"ines-admin", "ana"}, {"ben", "ines"}, {"ben", "ines-admin"}, {"omar", "ana"}, {"ben", "omar"}, {"ana", "ben"}} {
		lent(t, s, pair[0], pair[1])
	}
	a := escalated(t, s, servertest.Bid("b", 100, 150))
	for _, test := range []struct {
		who, lender string
		want        approval.Reason
	}{
		{"ines", "", approval.SelfApproval},
		{"ines-admin", "", approval.SelfApproval},
		{"omar", "", approval.SelfApproval},
		{"omar-admin", "", approval.SelfApproval},
		{"ana", "ines", approval.SelfApproval},
		{"ana", "ines-admin", approval.SelfApproval},
		{"ines", "ben", approval.SelfApproval},
		{"ines-admin", "ben", approval.SelfApproval},
		{"ana", "omar", approval.SelfApproval},
		{"omar", "ben", approval.SelfApproval},
		{"omar-admin", "omar", approval.NotEligible},
		{"pacer", "", approval.NotEligible},
		{"pacer", "ana", approval.NotEligible},
		{"bidder", "", approval.NotEligible},
	} {
		for _, kind := range []approval.Kind{approval.Approve, approval.Reject, approval.RequestChanges} {
			request := of(a, kind)
			request.For = test.lender
			if _, err := s.Core.Review(t.Context(), servertest.Person(test.who), request); reasonOf(err) != test.want {
				t.Errorf("%s for %q says %s: got %v, want %s", test.who, test.lender, kind, err, test.want)
			}
		}
	}
	if now := approvalNow(t, s, a.ID); now.Version != a.Version || len(said(t, s, a.ID)) != 0 {
		t.Errorf("something of it was kept: %+v", now)
	}
	if a, err := reviewFor(t, s, "ben", "ana", a.ID); err != nil || a.State != approval.Approved { // these two have no stake in it
		t.Errorf("got %s, %v", a.State, err)
	}
}

// The governed party changes who governs it: GitLab (CVE-2026-6063, CVE-2024-0199), Teleport (GHSA-76cc-p55w-63g3).
func TestTheGovernedPartyEditsItsRoute(t *testing.T) {
	s := company(t)
	a := escalated(t, s, servertest.Budget("b", "101", 20000, 27000))
	was := a.Requirement
	// The next revision asks one of anybody, and nobody answers for pacer any more.
	lax := servertest.Company(t, map[string]string{
		"people/data.yaml": "people: [{id: ana, groups: [growth]}, {id: ben, groups: [growth]}, {id: fay, groups: [finance]}, {id: ines, groups: [growth, anybody]}, {id: mallory, groups: [anybody]}]",
		"routes/data.yaml": "default: [{name: growth, any_of: [{group: anybody}], deny_quorum: 9}]\nlives: 100h\nwaits: 100h",
	})
	activate(t, s, servertest.Load(t, lax))
	if _, err := s.Core.Review(t.Context(), servertest.Person("mallory"), of(a, approval.Approve)); reasonOf(err) != approval.NotEligible {
		t.Errorf("somebody whom only the laxer route asks: %v", err)
	}
	if _, err := s.Core.Review(t.Context(), servertest.Person("ines"), of(a, approval.Approve)); reasonOf(err) != approval.SelfApproval {
		t.Errorf("an owner who is none any more: %v", err)
	}
	for i, who := range []string{"ana", "ben", "fay"} {
		if a = approvalNow(t, s, a.ID); a.State != approval.Pending {
			t.Fatalf("%s after %d people", a.State, i)
		}
		a = review(t, s, who, a.ID, approval.Approve)
	}
	if a.State != approval.Approved || fmt.Sprint(a.Requirement) != fmt.Sprint(was) || !a.ExpiresAt.Equal(s.Clock.Now().Add(30*time.Minute)) {
		t.Errorf("got %s until %s, requirement %+v; want what was asked for at first", a.State, a.ExpiresAt, a.Requirement)
	}
	if _, err := redeem(t, s, a); err != nil {
		t.Error(err)
	}
}

// The yes is old: what it was for has changed since. GitLab and GitHub (stale reviews that are not dismissed), Atlantis, Boost's "bot-delegated TOCTOU".
func TestStaleApproval(t *testing.T) {
	spend := servertest.Company(t, map[string]string{"rules/test_spend.rego": spendRule})
	observed := func(micros int64) func(*testing.T, *servertest.Server, *server.RedeemRequest) {
		return func(_ *testing.T, s *servertest.Server, r *server.RedeemRequest) {
			r.Observations = facts("period_spend", micros, s.Clock.Now())
		}
	}
	for name, test := range map[string]struct {
		then    func(*testing.T, *servertest.Server, *server.RedeemRequest)
		want    approval.Reason // "": it is redeemed
		state   approval.State
		version int64
	}{
		"nothing has changed": {func(*testing.T, *servertest.Server, *server.RedeemRequest) {}, "", approval.Approved, 1},
		"less than was shown": {observed(4_000_000), "", approval.Approved, 1},
		"as much":             {observed(5_000_000), "", approval.Approved, 1},
		"more than was shown": {observed(5_000_001), approval.NotCovered, approval.Pending, 2},
		"the value has moved": {func(_ *testing.T, s *servertest.Server, r *server.RedeemRequest) {
			r.Observations = facts("current_value", 1_200_000, s.Clock.Now())
		}, approval.NotCovered, approval.Invalidated, 1},
		"the reading is old": {func(_ *testing.T, s *servertest.Server, _ *server.RedeemRequest) {
			s.Clock.Advance(20 * time.Minute)
		}, approval.NotCovered, approval.Pending, 2},
		"the reading is new": {func(_ *testing.T, s *servertest.Server, r *server.RedeemRequest) {
			s.Clock.Advance(20 * time.Minute)
			r.Observations = map[string]server.Observation{"b": {BeforeObservedAt: s.Clock.Now()}}
		}, "", approval.Approved, 1},
		"the yes is over": {func(_ *testing.T, s *servertest.Server, r *server.RedeemRequest) {
			s.Clock.Advance(30 * time.Minute)
			r.Observations = map[string]server.Observation{"b": {BeforeObservedAt: s.Clock.Now()}}
		}, approval.TimedOut, approval.Lapsed, 1},
		"a revision blocks": {func(t *testing.T, s *servertest.Server, _ *server.RedeemRequest) {
			activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"rules/test_spend.rego": spendRule, "rules/test_low.rego": lowRule("block")})))
		}, approval.NotCovered, approval.Invalidated, 1},
		"a revision wants people": {func(t *testing.T, s *servertest.Server, _ *server.RedeemRequest) {
			activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"rules/test_spend.rego": spendRule, "rules/test_low.rego": lowRule("approve")})))
		}, approval.NotCovered, approval.Pending, 2},
		"a revision only points it out": {func(t *testing.T, s *servertest.Server, _ *server.RedeemRequest) {
			activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"rules/test_spend.rego": spendRule, "rules/test_low.rego": lowRule("warn")})))
		}, "", approval.Approved, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t, servertest.WithRevision(spend))
			change := servertest.Domain(servertest.Bid("b", 100, 150))
			change[0].Facts = facts("period_spend", 5_000_000, s.Clock.Now())["b"].Facts
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: change})
			if err != nil || results[0].Decision.ApprovalID == "" {
				t.Fatalf("got %+v, %v", results, err)
			}
			a := review(t, s, "ana", results[0].Decision.ApprovalID, approval.Approve)
			old := of(a, approval.Approve)
			request := server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest}
			test.then(t, s, &request)
			got, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request)
			if test.want == "" {
				if err != nil || got.Token == "" {
					t.Fatalf("got %v", err)
				}
			} else if reasonOf(err) != test.want || got.Token != "" {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			a = approvalNow(t, s, a.ID)
			if a.State != test.state || a.RequirementVersion != test.version {
				t.Fatalf("it is %s, requirement version %d; want %s, %d", a.State, a.RequirementVersion, test.state, test.version)
			}
			if a.State != approval.Pending {
				return
			}
			// It is back with people. What they said of it before is said of something else.
			old.Nonce = "sent late"
			if _, err := s.Core.Review(t.Context(), servertest.Person("ben"), old); reasonOf(err) != approval.StaleVersion {
				t.Errorf("a review of what was there before: %v", err)
			}
			if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); reasonOf(err) != approval.NotApproved {
				t.Errorf("redeemed before anybody has agreed again: %v", err)
			}
			if a = review(t, s, "ben", a.ID, approval.Approve); a.State != approval.Approved {
				t.Fatalf("got %s", a.State)
			}
			if _, err := s.Core.Redeem(t.Context(), s.Automation.Principal, request); err != nil {
				t.Errorf("after people have agreed to it as it is: %v", err)
			}
		})
	}
}

// spendRule wants people to know what was spent.
const spendRule = `# METADATA
# title: Spend so far
# description: For tests.
# custom: {id: test.spend, owner: tests, kinds: [bid], source: tests, optional: [input.facts.period_spend]}
package bidrail.rules.test_spend

approve contains finding if {
	input.facts.period_spend.micros > 0
	finding := {"message": "{observed} are spent", "observed": input.facts.period_spend, "magnitude": input.facts.period_spend}
}
`

// lowRule has something to say of bids above 1.20 USD.
func lowRule(effect string) string {
	return `# METADATA
# title: Low bids only
# description: For tests.
# custom: {id: test.low, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.test_low

` + effect + ` contains finding if {
	input.change.after.micros > 1200000
	finding := {"message": "a high bid"}
}
`
}

// A yes that is taken back, or said no to, after it has become a permit: Teleport (#5622).
func TestLateConflictingReview(t *testing.T) {
	s := company(t)
	a := agreedTo(t, s, servertest.Bid("b", 100, 150))
	got, err := redeem(t, s, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []approval.Kind{approval.Reject, approval.RequestChanges, approval.Retract} {
		if _, err := s.Core.Review(t.Context(), servertest.Person("ana"), of(approvalNow(t, s, a.ID), kind)); reasonOf(err) != approval.NotPending {
			t.Errorf("%s: got %v, want NOT_PENDING", kind, err)
		}
	}
	if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, got.Token, "attempt-1"); err != nil {
		t.Error(err)
	}
}
