package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

func checkRequest(changes ...*bidrailv1.Change) server.CheckRequest {
	return server.CheckRequest{Changes: servertest.Domain(changes...)}
}

// accountDay is a rule that lets the daily budgets of an account rise by 25 USD in a day.
const accountDay = `# METADATA
# title: A day's rises of an account
# description: For tests.
# custom: {id: test.account_day, owner: tests, kinds: [daily_budget], source: tests}
package bidrail.rules.test_account_day

block contains finding if {
	input.change.direction == "rise"
	input.windows.account.day.raised + (input.change.after.micros - input.change.before.micros) > 25000000
	finding := {"message": "more than 25 USD a day, {used} of which are used", "used": input.windows.account.day.raised}
}
`

func withAccountDay(t *testing.T) servertest.Option {
	return servertest.WithRevision(servertest.Pack(t, map[string]string{"rules/test_account_day.rego": accountDay}))
}

func verdicts(results []server.Result) []policy.Verdict {
	all := make([]policy.Verdict, len(results))
	for i, result := range results {
		all[i] = result.Decision.Verdict
	}
	return all
}

func wantVerdicts(t *testing.T, results []server.Result, want ...policy.Verdict) {
	t.Helper()
	if got := verdicts(results); fmt.Sprint(got) != fmt.Sprint(want) {
		for _, result := range results {
			t.Logf("%s: %v %+v", result.Decision.ChangeID, result.Decision.Verdict, result.Decision.Findings)
		}
		t.Errorf("got %v, want %v", got, want)
	}
}

// Five good steps of 18 % more than double a bid. The third has drifted too far.
func TestSmallStepsAreSeenTogether(t *testing.T) {
	s := servertest.New(t)
	cents := []int64{100, 118, 139, 164}
	for step := range 3 {
		change := servertest.Bid("a", cents[step], cents[step+1])
		change.ChangeId = fmt.Sprint("step-", step)
		result := decide(t, s, change)[0]
		if step < 2 {
			if result.Decision.Verdict != policy.Allow {
				t.Fatalf("step %d: %v %+v", step, result.Decision.Verdict, result.Decision.Findings)
			}
			applied(t, s, result)
			continue
		}
		if result.Decision.Verdict != policy.RequireApproval || result.Decision.Findings[0].Rule != "bid.drift" {
			t.Errorf("step %d: %v %+v, want REQUIRE_APPROVAL for bid.drift", step, result.Decision.Verdict, result.Decision.Findings)
		}
	}
}

// Changes of one call see those before them, whether or not they are in one batch with others.
func TestABatchIsDecidedInOrder(t *testing.T) {
	s := servertest.New(t, withAccountDay(t))
	results := decide(t, s, servertest.Budget("a", "101", 10000, 11000), servertest.Bid("x", 100, 110), servertest.Budget("b", "102", 10000, 11000),
		servertest.Budget("c", "103", 10000, 11000), servertest.Budget("d", "104", 10000, 10500), servertest.Budget("e", "105", 10000, 10001))
	wantVerdicts(t, results, policy.Allow, policy.Allow, policy.Allow, policy.Block, policy.Allow, policy.Block)
	if got := raised(t, s); got != 25_000_000 {
		t.Errorf("%d is raised, want exactly the limit", got)
	}
	// What is on record is what the rule saw: the first two were held when the third was judged.
	if got := results[3].Decision.Findings[0].Message; got != "more than 25 USD a day, 20,000,000 of which are used" {
		t.Errorf("the finding says %q", got)
	}
}

// The legs of a group count for one another, and none of them does when one does not land.
func TestAGroupMovesAllOrNothing(t *testing.T) {
	s := servertest.New(t, withAccountDay(t))
	group := func(id string, to ...int64) []*bidrailv1.Change {
		var legs []*bidrailv1.Change
		for i, each := range to {
			legs = append(legs, servertest.Budget(fmt.Sprint(id, i), fmt.Sprint("2", id, i), 10000, each))
		}
		return servertest.InGroup(id, legs...)
	}
	results := decide(t, s, append(append(group("big", 11500, 11500, 7000), group("small", 11000, 11500, 7500)...), servertest.Budget("rest", "300", 10000, 10001))...)
	wantVerdicts(t, results, policy.Block, policy.Block, policy.Block, policy.Allow, policy.Allow, policy.Allow, policy.Block)
	if got := raised(t, s); got != 25_000_000 {
		t.Errorf("%d is raised, want what the second group raised", got)
	}
}

// Somebody else uses up the room between judging and recording.
func TestWindowsMoveWhileJudging(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, withAccountDay(t), servertest.WithStore(fake.Under))
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		fake.OnUpdate(nil) // the first comes between the second one's judging and recording
		wantVerdicts(t, decide(t, s, servertest.Budget("first", "101", 10000, 12000)), policy.Allow)
		return fake.Store.Update(ctx, fn)
	})
	results := decide(t, s, servertest.Budget("second", "102", 10000, 12000))
	wantVerdicts(t, results, policy.Block)
	if got := results[0].Decision.Findings[0].Message; got != "more than 25 USD a day, 20,000,000 of which are used" {
		t.Errorf("the finding says %q", got)
	}
	// Its recorded input decides alike.
	_, explanation, err := s.Core.Explain(t.Context(), s.Auditor.Principal, results[0].Decision.ID)
	if err != nil || explanation.Outcome.Verdict != policy.Block {
		t.Errorf("explained: %+v, error %v; want BLOCK", explanation, err)
	}
}

// Room comes back when a permit is given back, expires or is posted for less, and not before.
func TestRoomComesBack(t *testing.T) {
	s := servertest.New(t, withAccountDay(t))
	full := func(id string) {
		t.Helper()
		wantVerdicts(t, decide(t, s, servertest.Budget(id, "999", 10000, 10001)), policy.Block)
	}
	first := allowed(t, s, servertest.Budget("a", "101", 10000, 12500))
	full("full-1")
	report(t, s, first, permit.Report{Outcome: permit.Failed}) // given back
	second := allowed(t, s, servertest.Budget("b", "101", 10000, 12500))
	claim(t, s, second)
	report(t, s, second, permit.Report{Outcome: permit.Unknown})
	full("full-2")
	report(t, s, second, permit.Report{Outcome: permit.Failed})
	third := allowed(t, s, servertest.Budget("c", "101", 10000, 12500))
	s.Clock.Advance(time.Minute)
	full("full-3") // expired, and nobody has swept
	if _, err := s.Core.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := holdNow(t, s, third.Decision.ID).State; got != ledger.Expired {
		t.Errorf("the hold is %v, want EXPIRED", got)
	}
	applied(t, s, allowed(t, s, servertest.Budget("d", "101", 10000, 12500)))
	full("full-4")
	s.Clock.Advance(24*time.Hour + ledger.Length(24*time.Hour).Width())
	moved := servertest.Budget("e", "101", 12500, 15000)
	moved.BeforeObservedAt = timestamppb.New(s.Clock.Now())
	allowed(t, s, moved)
}

// A cap of the operator holds whatever rules say, and a change that does not add to it passes.
func TestCapsOfTheOperator(t *testing.T) {
	kinds := ledger.Family(policy.KindDailyBudget)
	s := servertest.New(t, servertest.WithCaps(ledger.Cap{Name: "a day", Scope: ledger.Scope{Kind: ledger.Account}, Measure: ledger.Raised,
		Length: ledger.Length(24 * time.Hour), Kinds: kinds, Limit: 15_000_000, Currency: "USD"}))
	results := decide(t, s, servertest.Budget("a", "101", 10000, 11000), servertest.Budget("b", "102", 10000, 11000),
		servertest.Budget("c", "103", 10000, 9000), servertest.Budget("d", "104", 10000, 10500))
	wantVerdicts(t, results, policy.Allow, policy.Block, policy.Allow, policy.Allow)
	if got := results[1].Decision.Findings[0]; got.Rule != policy.FindingCap {
		t.Errorf("got %+v, want %s", got, policy.FindingCap)
	}
	// Without a rate between the two nobody can say whether there is room.
	euros := servertest.Budget("e", "105", 10000, 10100)
	euros.Before.GetMoney().Currency, euros.After.GetMoney().Currency = "EUR", "EUR"
	result := decide(t, s, euros)[0]
	if result.Decision.Verdict == policy.Allow {
		t.Errorf("another currency without a rate: %+v, want no ALLOW", result.Decision)
	}
}

// An automation that says a field stands higher than it does makes a rise look like a cut. It is believed until the ledger
// knows better.
func TestALieAboutTheValueNow(t *testing.T) {
	lie := func(s *servertest.Server, id string, from, to int64) *bidrailv1.Change {
		change := servertest.Bid("lie", from, to)
		change.ChangeId = id
		return change
	}
	t.Run("drift", func(t *testing.T) {
		s := servertest.New(t)
		applied(t, s, allowed(t, s, lie(s, "1", 900, 500)))
		result := decide(t, s, lie(s, "2", 2600, 1500))[0]
		if result.Decision.Verdict != policy.RequireApproval || findingOf(result.Decision, "bid.drift") == nil {
			t.Errorf("%v %+v, want REQUIRE_APPROVAL for bid.drift", result.Decision.Verdict, result.Decision.Findings)
		}
	})
	t.Run("reduce_only", func(t *testing.T) {
		s := servertest.New(t)
		applied(t, s, allowed(t, s, lie(s, "1", 900, 500)))
		setMode(t, s, ledger.OrganisationScope(), policy.ModeReduceOnly)
		wantVerdicts(t, decide(t, s, lie(s, "2", 600, 550)), policy.Block)
		wantVerdicts(t, decide(t, s, lie(s, "3", 600, 450)), policy.Allow)
	})
	t.Run("in one call", func(t *testing.T) {
		s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{"rules/integrity_duplicate.rego": "", "rules/integrity_duplicate_test.rego": ""})))
		setMode(t, s, ledger.AccountScope("google_ads", "other"), policy.ModeReduceOnly)
		setMode(t, s, ledger.OrganisationScope(), policy.ModeReduceOnly)
		wantVerdicts(t, decide(t, s, lie(s, "1", 900, 500), lie(s, "2", 600, 550)), policy.Allow, policy.Block)
	})
	t.Run("pays for nothing", func(t *testing.T) {
		s := servertest.New(t)
		applied(t, s, allowed(t, s, servertest.Budget("1", "101", 10000, 9000)))
		s.Clock.Advance(10 * time.Minute) // past the cooldown
		lie := servertest.Budget("2", "101", 12000, 11000)
		lie.BeforeObservedAt = timestamppb.New(s.Clock.Now())
		applied(t, s, allowed(t, s, lie))
		if got := raised(t, s); got != 20_000_000 {
			t.Errorf("%d was raised, want the 20 USD from what the ledger knows", got)
		}
	})
}

// What changes of one run that are under way at the same time tell one another is rounded up, and never down.
func TestNumbersOfSharedScopesAreStrict(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Pack(t, map[string]string{"rules/test_run.rego": `# METADATA
# title: A run
# description: For tests.
# custom: {id: test.run, owner: tests, kinds: [bid], source: tests}
package bidrail.rules.test_run

warn contains finding if {
	finding := {"message": "so many: {count}", "count": input.windows.run.day.count}
}
`})))
	var changes []*bidrailv1.Change
	for i := range 200 {
		changes = append(changes, servertest.Bid(fmt.Sprint(i), 100, 110))
	}
	for i, result := range decide(t, s, changes...) {
		said := findingOf(result.Decision, "test.run").Message
		var count int
		if _, err := fmt.Sscanf(said, "so many: %d", &count); err != nil || count < i || count > i+i/32+1 || i <= 64 && count != i {
			t.Errorf("change %d: %q (error %v), want %d or at most a 32nd more", i, said, err, i)
		}
	}
}

// A store that breaks while the ground is read answers nothing.
func TestGroundCannotBeRead(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under))
	fake.OnView(func(context.Context, func(store.Reader) error) error {
		return fmt.Errorf("%w: disk on fire", policy.ErrUnavailable)
	})
	if _, err := s.Core.Check(t.Context(), s.Automation.Principal, checkRequest(servertest.Bid("a", 100, 110))); !errors.Is(err, policy.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	fake.OnView(nil)
	if s.Recorded(t) != 0 {
		t.Error("something was recorded")
	}
}

// A large batch is recorded in portions, and asked again after one of them has failed it goes on where it was.
func TestAPortionFails(t *testing.T) {
	fake := &servertest.FakeStore{}
	s := servertest.New(t, servertest.WithStore(fake.Under), servertest.WithRevision(netRiseRules()))
	var changes []*bidrailv1.Change
	for i := range 300 {
		changes = append(changes, servertest.Bid(fmt.Sprint(i), 100, 110))
	}
	calls := 0
	fake.OnUpdate(func(ctx context.Context, fn func(store.Tx) error) error {
		if calls++; calls == 2 {
			return errors.New("disk on fire")
		}
		return fake.Store.Update(ctx, fn)
	})
	if _, err := s.Core.Check(t.Context(), s.Automation.Principal, checkRequest(changes...)); !errors.Is(err, policy.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	recorded := s.Recorded(t)
	if recorded == 0 || recorded >= len(changes) {
		t.Fatalf("%d of %d are recorded, want the first portion", recorded, len(changes))
	}
	replayed := 0
	for _, result := range decide(t, s, changes...) {
		if result.Replayed {
			replayed++
		}
		if result.Decision.Verdict != policy.Allow || result.Token == "" {
			t.Fatalf("%s: %v, token %q", result.Decision.ChangeID, result.Decision.Verdict, result.Token)
		}
	}
	if replayed != recorded || s.Recorded(t) != len(changes) {
		t.Errorf("%d were replayed and %d are recorded, want %d and %d", replayed, s.Recorded(t), recorded, len(changes))
	}
}
