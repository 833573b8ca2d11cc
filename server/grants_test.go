package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// grantFor is a grant for so many of pacer's bids in the shipped account, up to 60 cents each and five times that together.
func grantFor(s *servertest.Server, uses int64) approval.Grant {
	return approval.Grant{Automation: "pacer", Scope: ledger.AccountScope("google_ads", "example"), Kind: policy.KindBid, Rules: []string{"bid.step"},
		PerChange: policy.MoneyValue(600_000, "USD"), Together: policy.MoneyValue(3_000_000, "USD"), MaxUses: uses, Reason: "the sale",
		Starts: s.Clock.Now(), Ends: s.Clock.Now().Add(24 * time.Hour)}
}

// proposedGrant is a grant that waits for people.
func proposedGrant(t *testing.T, s *servertest.Server, grant approval.Grant) approval.Approval {
	t.Helper()
	a, err := s.Core.ProposeGrant(t.Context(), s.Governance.Principal, grant)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// granted is a grant that people have agreed to.
func granted(t *testing.T, s *servertest.Server, grant approval.Grant) approval.Grant {
	t.Helper()
	a := proposedGrant(t, s, grant)
	if a = review(t, s, "ana", a.ID, approval.Approve); a.State != approval.Approved || !a.Final() {
		t.Fatalf("got %s, want it approved and used", a.State)
	}
	return grantNow(t, s, a.Grant.ID)
}

func grantNow(t *testing.T, s *servertest.Server, id string) (found approval.Grant) {
	t.Helper()
	err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
		found, err = r.Grant(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// bids is so many bids that wait for people where no grant answers for them.
func bids(prefix string, count int) []*bidrailv1.Change {
	changes := make([]*bidrailv1.Change, count)
	for i := range changes {
		changes[i] = servertest.Bid(fmt.Sprint(prefix, i), 100, 150)
	}
	return changes
}

func allowedBy(results []server.Result, grant string) (count int) {
	for _, result := range results {
		if result.Decision.Verdict != policy.Allow {
			continue
		}
		for _, finding := range result.Decision.Findings {
			if finding.LiftedBy == grant {
				count++
			}
		}
	}
	return count
}

// A grant answers for as many changes of one call as it says, and for no more later.
func TestAGrantHasCaps(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*approval.Grant)
		want   int
	}{
		"uses":     {func(g *approval.Grant) { g.MaxUses = 3 }, 3},
		"together": {func(g *approval.Grant) { g.Together.Amount = 1_900_000 }, 3},
		"each":     {func(g *approval.Grant) { g.PerChange.Amount = 499_999 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := company(t)
			asked := grantFor(s, 20)
			test.change(&asked)
			grant := granted(t, s, asked)
			results := decide(t, s, bids("a", 10)...)
			if got := allowedBy(results, grant.ID); got != test.want {
				t.Errorf("got %d allowed, want %d", got, test.want)
			}
			for i, result := range results {
				if want := i < test.want; (result.Permit != nil) != want || (result.Decision.ApprovalID == "") != want {
					t.Errorf("change %d: got permit %v, approval %q", i, result.Permit, result.Decision.ApprovalID)
				}
			}
			if got := allowedBy(decide(t, s, bids("b", 2)...), grant.ID); got != 0 {
				t.Errorf("another call: got %d allowed, want none", got)
			}
			if now := grantNow(t, s, grant.ID); now.Uses != int64(test.want) || now.Used != int64(test.want)*500_000 || now.Version != 1+int64(min(test.want, 1)) {
				t.Errorf("got %d uses of %d, version %d", now.Uses, now.Used, now.Version)
			}
			wholeLog(t, s.Store)
		})
	}
}

// However many ask at once, together they get what the grant says, to the last.
func TestAGrantUnderARace(t *testing.T) {
	s := company(t)
	grant := granted(t, s, grantFor(s, 5))
	var callers sync.WaitGroup
	var mutex sync.Mutex
	allowed := 0
	for caller := range 8 {
		callers.Go(func() {
			results, err := s.Core.Check(t.Context(), s.Automation.Principal, checkRequest(bids(fmt.Sprint("c", caller, "-"), 2)...))
			if err != nil {
				t.Error(err)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			allowed += allowedBy(results, grant.ID)
		})
	}
	callers.Wait()
	if allowed != 5 || grantNow(t, s, grant.ID).Uses != 5 {
		t.Errorf("got %d allowed and %d uses, want 5", allowed, grantNow(t, s, grant.ID).Uses)
	}
}

func TestAGrantIsForWhatItSays(t *testing.T) {
	s := company(t)
	granted(t, s, grantFor(s, 10))
	moved := servertest.Bid("elsewhere", 100, 150)
	moved.Target.Account = "other"
	results := decide(t, s, servertest.Bid("blocked", 100, 6000), servertest.Budget("kind", "101", 20000, 27000), moved)
	for i, want := range []policy.Verdict{policy.Block, policy.RequireApproval} {
		if results[i].Decision.Verdict != want {
			t.Errorf("%s: got %s, want %s", results[i].Decision.ChangeID, results[i].Decision.Verdict, want)
		}
	}
	if results[2].Decision.Verdict == policy.Allow {
		t.Error("another account was let through")
	}
	bid := servertest.Bid("other", 100, 150)
	bid.Actor.Automation = "bidder"
	others, err := s.Core.Check(t.Context(), s.OtherAutomation.Principal, checkRequest(bid))
	if err != nil || others[0].Decision.Verdict != policy.RequireApproval {
		t.Errorf("another automation: got %+v, %v", others, err)
	}
	dry := checkRequest(servertest.Bid("dry", 100, 150))
	dry.DryRun = true
	if got, err := s.Core.Check(t.Context(), s.Automation.Principal, dry); err != nil || got[0].Decision.Verdict != policy.Allow {
		t.Errorf("a dry run: got %+v, %v", got, err)
	}
	found, _, err := s.Core.ListGrants(t.Context(), s.Auditor.Principal, false, page())
	if err != nil || len(found) != 1 || found[0].Uses != 0 {
		t.Errorf("got %+v, %v; want one that was never used", found, err)
	}
}

// A revision that blocks is stronger than a grant that was agreed to before.
func TestAGrantAnswersNoBlock(t *testing.T) {
	s := company(t)
	grant := granted(t, s, grantFor(s, 10))
	activate(t, s, servertest.Load(t, servertest.Company(t, map[string]string{"rules/test_night.rego": nightRule})))
	if got := decide(t, s, servertest.Bid("b", 180, 240))[0].Decision; got.Verdict != policy.Block {
		t.Errorf("got %s", got.Verdict)
	}
	if now := grantNow(t, s, grant.ID); now.Uses != 0 {
		t.Errorf("got %d uses", now.Uses)
	}
}

func TestAGrantEnds(t *testing.T) {
	s := company(t)
	grant := granted(t, s, grantFor(s, 10))
	if _, err := s.Core.RevokeGrant(t.Context(), servertest.Person("ana"), grant.ID); !errors.Is(err, policy.ErrForbidden) {
		t.Errorf("revoked by a reviewer: %v", err)
	}
	again := func(id string) policy.Verdict {
		change := servertest.Bid(id, 100, 150)
		change.BeforeObservedAt = timestamppb.New(s.Clock.Now())
		return decide(t, s, change)[0].Decision.Verdict
	}
	if got := again("before"); got != policy.Allow {
		t.Errorf("before: got %s", got)
	}
	s.Clock.Advance(24*time.Hour - time.Minute)
	if got := again("a minute before its end"); got != policy.Allow {
		t.Errorf("a minute before its end: got %s", got)
	}
	s.Clock.Advance(time.Minute)
	if got := again("at its end"); got != policy.RequireApproval {
		t.Errorf("at its end: got %s", got)
	}
	grant = granted(t, s, grantFor(s, 10))
	if got := again("another grant"); got != policy.Allow {
		t.Errorf("another grant: got %s", got)
	}
	for range 2 {
		if revoked, err := s.Core.RevokeGrant(t.Context(), s.Governance.Principal, grant.ID); err != nil || revoked.Version != 3 || revoked.RevokedBy != "gita" {
			t.Fatalf("got %+v, %v", revoked, err)
		}
	}
	if got := again("revoked"); got != policy.RequireApproval {
		t.Errorf("revoked: got %s", got)
	}
	if _, err := s.Core.RevokeGrant(t.Context(), s.Governance.Principal, "gra_none"); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("there is none: %v", err)
	}
}

func TestWhoAgreesToAGrant(t *testing.T) {
	s := company(t, servertest.WithRevision(servertest.Company(t, map[string]string{"routes/data.yaml": `grants: [{name: all, any_of: [{group: growth}, {group: leads}]}]`})))
	a := proposedGrant(t, s, grantFor(s, 3))
	for _, who := range []string{"gita", "ines", "ines-admin"} { // who proposed it, and who answers for the automation
		if _, err := s.Core.Review(t.Context(), servertest.Person(who), of(a, approval.Approve)); reasonOf(err) != approval.SelfApproval {
			t.Errorf("%s: got %v, want SELF_APPROVAL", who, err)
		}
	}
	for _, who := range []string{"pacer", "bidder"} {
		if _, err := s.Core.Review(t.Context(), servertest.Person(who), of(a, approval.Approve)); err == nil {
			t.Errorf("%s has agreed", who)
		}
	}
	if got := decide(t, s, servertest.Bid("early", 100, 150))[0].Decision.Verdict; got != policy.RequireApproval {
		t.Errorf("before anybody agreed: got %s", got)
	}
	if _, err := s.Core.Redeem(t.Context(), policy.Principal{Subject: "gita", Roles: []policy.Role{policy.RoleAutomation}}, server.RedeemRequest{ApprovalID: a.ID, Digest: a.Digest}); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("a grant was redeemed: %v", err)
	}
	if a = review(t, s, "cleo", a.ID, approval.Reject); a.State != approval.Rejected {
		t.Fatalf("got %s", a.State)
	}
	if found, _, err := s.Core.ListGrants(t.Context(), s.Auditor.Principal, true, page()); err != nil || len(found) != 0 {
		t.Errorf("a grant that was rejected is there: %+v, %v", found, err)
	}
}

func TestGrantsThatAreRefused(t *testing.T) {
	s := company(t)
	for name, change := range map[string]func(*approval.Grant){
		"longer than a week": func(g *approval.Grant) { g.Ends = g.Starts.Add(approval.LongestGrant + 1) },
		"over":               func(g *approval.Grant) { g.Starts, g.Ends = g.Starts.Add(-2*time.Hour), g.Starts.Add(-time.Hour) },
		"for all rules":      func(g *approval.Grant) { g.Rules = nil },
		"without caps":       func(g *approval.Grant) { g.MaxUses = 0 },
		"for nobody":         func(g *approval.Grant) { g.Automation = "" },
		"without a scope":    func(g *approval.Grant) { g.Scope = ledger.Scope{} },
		"used beforehand":    func(g *approval.Grant) { g.Together.Amount = -1 },
	} {
		grant := grantFor(s, 3)
		change(&grant)
		if _, err := s.Core.ProposeGrant(t.Context(), s.Governance.Principal, grant); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	// What the caller says of its use is nothing.
	grant := grantFor(s, 3)
	grant.Used, grant.Uses, grant.Version, grant.ID = -1000, -5, 7, "gra_mine"
	if got := proposedGrant(t, s, grant).Grant; got.Used != 0 || got.Uses != 0 || got.Version != 1 || got.ID == "gra_mine" {
		t.Errorf("got %+v", got)
	}
}

// Of a group that waits for one leg, the grant for the other is not used, and people are asked about both legs at once.
func TestAGrantForALegOnly(t *testing.T) {
	s := company(t)
	grant := granted(t, s, grantFor(s, 10))
	legs := servertest.InGroup("g", servertest.Bid("leg", 100, 150), servertest.Budget("other", "101", 20000, 27000))
	a := escalated(t, s, legs...)
	if len(a.Items) != 2 {
		t.Errorf("people are shown %+v, want the findings of both legs", a.Items)
	}
	if now := grantNow(t, s, grant.ID); now.Uses != 0 {
		t.Errorf("got %d uses, want none", now.Uses)
	}
	for _, result := range decide(t, s, legs...) {
		for _, finding := range result.Decision.Findings {
			if finding.LiftedBy != "" {
				t.Errorf("%s says that %s was answered by %s, which was not used", result.Decision.ChangeID, finding.Rule, finding.LiftedBy)
			}
		}
	}
	for _, who := range []string{"ana", "ben", "ana", "fay"} { // two of growth, one for the bid, one of finance
		a = review(t, s, who, a.ID, approval.Approve)
	}
	if _, err := redeem(t, s, a); err != nil {
		t.Errorf("what people have agreed to is %s: %v", approvalNow(t, s, a.ID).State, err)
	}
}

// A grant that somebody has changed between the look and the commit is read again.
func TestAGrantThatWasUsedMeanwhile(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := company(t, servertest.WithStore(fake.Under))
	grant := granted(t, s, grantFor(s, 1))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil)
		if got := allowedBy(decide(t, s, servertest.Bid("first", 100, 150)), grant.ID); got != 1 {
			t.Errorf("got %d allowed, want the first", got)
		}
		return fake.Store.Update(ctx, fn)
	})
	if got := decide(t, s, servertest.Bid("second", 100, 150))[0].Decision; got.Verdict != policy.RequireApproval {
		t.Errorf("got %s for the second", got.Verdict)
	}
}
