package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// I7: an empty policy, a rule that cannot be asked, an unreadable number, a missing baseline: never ALLOW, neither at the check nor,
// when it has come to that only since people have agreed, at the redemption.
func TestI7NoDoubtIsAllowed(t *testing.T) {
	broken := func(body string) fs.FS {
		files := peopleRules(t, "")
		files["rules/broken.rego"] = &fstest.MapFile{Data: []byte("# METADATA\n# title: Broken\n# description: For tests.\n" +
			"# custom: {id: test.broken, owner: tests, kinds: [bid], source: tests}\npackage bidrail.rules.broken\n\n" + body)}
		return files
	}
	elsewhere := peopleRules(t, "")
	elsewhere["rules/rises.rego"].Data = bytes.Replace(elsewhere["rules/rises.rego"].Data, []byte("[bid, daily_budget]"), []byte("[daily_budget]"), 1)
	for name, rules := range map[string]fs.FS{
		"no rule is about it":  elsewhere,
		"two answers at once":  broken("twice := 1 if input.change.after.micros > 0\n\ntwice := 2 if input.change.before.micros > 0\n\nblock contains finding if {\n\ttwice > 5\n\tfinding := {\"message\": \"never\"}\n}\n"),
		"an unreadable number": broken("approve contains finding if {\n\tinput.change.after.micros > 0\n\tfinding := {\"message\": \"far\", \"magnitude\": \"far\"}\n}\n"),
		"a fact is missing":    broken("block contains finding if {\n\tinput.facts.spend_today.micros > 5\n\tfinding := {\"message\": \"it was spent\"}\n}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s := people(t)
			a := agreed(t, s, bid("b", 1, 1, 5))
			good, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{bid("good", 1, 1, 1)}})
			if err != nil {
				t.Fatal(err)
			}
			wantVerdicts(t, good, policy.Allow)
			if err := s.Core.Activate(t.Context(), servertest.Load(t, rules)); err != nil {
				t.Fatal(err)
			}
			if got, err := redeem(t, s, a); err == nil || got.Token != "" || len(permitsOf(t, s, a.ID)) != 0 {
				t.Errorf("redeemed: %+v, error %v", got.Permit, err)
			}
			neverAllowed(t, s, bid("next", 1, 1, 1))
		})
	}
	shipped := company(t)
	wantVerdicts(t, decide(t, shipped, servertest.Bid("good", 100, 110)), policy.Allow)
	for name, spoil := range map[string]func(*policy.Change){
		"no value before":       func(c *policy.Change) { c.Before = policy.Value{} },
		"no value after":        func(c *policy.Change) { c.After = policy.Value{} },
		"another currency":      func(c *policy.Change) { c.After.Currency = "EUR" },
		"no currency":           func(c *policy.Change) { c.After.Currency = "" },
		"another form":          func(c *policy.Change) { c.Before = policy.RatioValue(3) },
		"of no kind":            func(c *policy.Change) { c.Kind = policy.KindUnknown },
		"less than nothing":     func(c *policy.Change) { c.After.Amount = -1 },
		"an account of no name": func(c *policy.Change) { c.Target.Account = "" },
	} {
		t.Run(name, func(t *testing.T) {
			change := servertest.Domain(servertest.Bid("bad", 100, 110))[0]
			spoil(change)
			neverAllowed(t, shipped, change)
		})
	}
	t.Run("no policy", func(t *testing.T) { neverAllowed(t, servertest.New(t, servertest.WithoutPolicy()), bid("b", 1, 1, 1)) })
}

// neverAllowed demands that a change is not allowed, whatever else becomes of it.
func neverAllowed(t *testing.T, s *servertest.Server, change *policy.Change) {
	t.Helper()
	results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{change}})
	if err == nil && results[0].Err == nil && (results[0].Decision.Verdict == policy.Allow || results[0].Permit != nil) {
		t.Errorf("got %+v", results[0].Decision)
	}
}

// I9: any interleaving of approve, reject, redeem, claim, revoke, withdraw, supersede, halt and expire gives exactly one end, and each
// step has one leaf.
func TestI9AnyInterleavingEndsOnce(t *testing.T) {
	s := people(t)
	bidAgain := func(name string) approval.Approval {
		change := bid(name, 1, 1, 5)
		change.Target.EntityID = "k"
		results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: []*policy.Change{change}})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
		return approval.Approval{ID: results[0].Decision.ApprovalID} // none while it is halted, or after a rejection
	}
	number := 0
	// What is refused has no part in the story.
	events := map[string]func(a approval.Approval){
		"approve": func(a approval.Approval) {
			_, _ = s.Core.Review(t.Context(), servertest.Person("ana"), of(a, approval.Approve))
		},
		"reject": func(a approval.Approval) {
			_, _ = s.Core.Review(t.Context(), servertest.Person("ben"), of(a, approval.Reject))
		},
		"withdraw": func(a approval.Approval) {
			_, _ = s.Core.WithdrawApproval(t.Context(), s.Automation.Principal, a.ID, "")
		},
		"revoke": func(a approval.Approval) {
			_, _ = s.Core.RevokeApproval(t.Context(), servertest.Person("ben"), a.ID, "no")
		},
		"redeem":    func(a approval.Approval) { _, _ = redeem(t, s, a) },
		"halt":      func(approval.Approval) { setMode(t, s, ledger.OrganisationScope(), policy.ModeHalted) },
		"run":       func(approval.Approval) { setMode(t, s, ledger.OrganisationScope(), policy.ModeActive) },
		"wait":      func(approval.Approval) { s.Clock.Advance(simLives) },
		"sweep":     func(approval.Approval) { _, _ = s.Core.Sweep(t.Context()) },
		"supersede": func(approval.Approval) { number++; bidAgain(fmt.Sprint("b", number)) },
		"claim": func(a approval.Approval) {
			for _, given := range permitsOf(t, s, a.ID) {
				token, err := s.Keys.Sign(given)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = s.Core.Claim(t.Context(), s.Automation.Principal, token, "c")
			}
		},
	}
	// Without a direction, most would end by the first of them.
	directions := map[string][]string{"APPROVED": {"approve", "redeem", "claim"}, "REJECTED": {"reject"}, "WITHDRAWN": {"withdraw"}, "SUPERSEDED": {"supersede"},
		"EXPIRED": {"wait", "wait", "wait", "wait"}, "LAPSED": {"approve", "redeem", "wait"}, "REVOKED": {"approve", "redeem", "revoke"}}
	var bounds []string
	for bound := range directions {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	tell := func(r rapid.TB, story []string) (end string) {
		number++
		setMode(t, s, ledger.OrganisationScope(), policy.ModeActive)
		s.Clock.Advance(3 * time.Minute) // what a rejection has kept away is forgotten
		a := approvalNow(t, s, bidAgain(fmt.Sprint("b", number)).ID)
		for _, name := range story {
			events[name](a)
		}
		s.Clock.Advance(2 * simWaits)
		if _, err := s.Core.Sweep(t.Context()); err != nil {
			r.Fatal(err)
		}
		return oneEnd(t.Context(), r, s, a.ID)
	}
	for _, bound := range bounds {
		if end := tell(t, directions[bound]); end != bound {
			t.Errorf("what is bound for %s ended as %s", bound, end)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		order := rapid.Permutation([]string{"approve", "approve", "reject", "redeem", "redeem", "claim", "revoke", "withdraw", "supersede", "halt", "run", "wait", "sweep"}).Draw(r, "order")
		first := rapid.IntRange(0, len(order)).Draw(r, "first")
		bound := directions[rapid.SampledFrom(bounds).Draw(r, "bound for")]
		if rapid.Bool().Draw(r, "straight") {
			first = 0
		}
		tell(r, slices.Concat(order[:first], bound, order[first:]))
	})
}

// oneEnd demands that an approval has come to its end by legal steps, with one leaf for each, and says to which.
func oneEnd(ctx context.Context, r rapid.TB, s *servertest.Server, id string) (end string) {
	err := s.Store.View(ctx, func(reader store.Reader) error {
		st, err := readStory(reader, id, nil)
		if err != nil {
			return err
		}
		ends := 0
		for i := range st.steps {
			if i > 0 && became(&st.steps[i-1], &st.steps[i]) == "" {
				r.Fatalf("from %s to %s there is no step", st.steps[i-1].State, st.steps[i].State)
			}
			if ended(&st.steps[i]) {
				ends, end = ends+1, st.steps[i].State.String()
			}
		}
		if ends != 1 {
			r.Fatalf("it ended %d times", ends)
		}
		leaves, last := 0, int64(-1)
		for {
			events, err := reader.ApprovalEvents(last, store.MaxPage)
			if err != nil || len(events) == 0 {
				if leaves != len(st.steps) {
					r.Fatalf("there are %d leaves for %d steps", leaves, len(st.steps))
				}
				return err
			}
			for _, event := range events {
				if last = event.Sequence; event.Approval.ID != id {
					continue
				}
				if leaves++; event.Approval.Version != int64(leaves) {
					r.Fatalf("leaf %d is of version %d", leaves, event.Approval.Version)
				}
			}
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	return end
}

// I11: windows, and the time that an approval has, are as long across midnight and where clocks are put forward or back as anywhere.
func TestI11TimeIsAsLongAcrossMidnightAndDST(t *testing.T) {
	for name, start := range map[string]time.Time{
		"midnight in New York":           time.Date(2026, time.March, 3, 4, 59, 0, 0, time.UTC),
		"midnight in UTC":                time.Date(2026, time.March, 3, 23, 59, 30, 0, time.UTC),
		"the hour that is left out":      time.Date(2026, time.March, 8, 6, 59, 0, 0, time.UTC), // 01:59 in New York, then 03:00
		"the hour that is there twice":   time.Date(2026, time.November, 1, 5, 30, 0, 0, time.UTC),
		"the same hour, the second time": time.Date(2026, time.November, 1, 6, 30, 0, 0, time.UTC),
		"the last day of a year":         time.Date(2026, time.December, 31, 23, 59, 59, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			s := people(t, servertest.WithCaps(netRiseCap(ledger.Account, 5)))
			at := func(after time.Duration) { s.Clock.Advance(start.Add(after).Sub(s.Clock.Now())) }
			at(0)
			if _, err := redeem(t, s, agreed(t, s, bid("first", 1, 1, 5))); err != nil {
				t.Fatal(err)
			}
			used, err := s.Core.Claim(t.Context(), s.Automation.Principal, tokenOf(t, s, "first"), "a")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Core.Report(t.Context(), s.Automation.Principal, used.ID, permit.Report{Outcome: permit.Applied}); err != nil {
				t.Fatal(err)
			}
			waits := escalatedOf(t, s, bid("waits", 1, 1, 5))
			for _, moment := range []struct {
				after time.Duration
				state approval.State
				room  bool
			}{
				{simWaits - time.Microsecond, approval.Pending, false},
				{simWaits, approval.Expired, false},
				{23 * time.Hour, approval.Expired, false},
				{24*time.Hour - time.Minute, approval.Expired, false},
				{24*time.Hour + 16*time.Minute, approval.Expired, true}, // of a day ago, quarters of an hour are known, and count whole
			} {
				at(moment.after)
				if _, err := s.Core.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if now := approvalNow(t, s, waits.ID); now.State != moment.state {
					t.Errorf("after %v what waits is %s, want %s", moment.after, now.State, moment.state)
				}
				_, err := redeem(t, s, agreed(t, s, bid(fmt.Sprint("at ", moment.after), 1, 1, 5)))
				if (err == nil) != moment.room || err != nil && !errors.Is(err, policy.ErrExhausted) {
					t.Errorf("after %v: error %v, want room %v", moment.after, err, moment.room)
				}
			}
		})
	}
}

// tokenOf is the token of the permit for a change.
func tokenOf(t *testing.T, s *servertest.Server, change string) string {
	t.Helper()
	all, _, err := s.Core.ListPermits(t.Context(), s.Auditor.Principal, permit.None, page())
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range all {
		if given.Legs[0].ChangeID == change {
			token, err := s.Keys.Sign(given)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
	}
	t.Fatalf("there is no permit for %s", change)
	return ""
}

// I12: after a switch, no permit of an earlier epoch can be claimed; and while the mode forbids the change, no other is given out.
func TestI12NoPermitOfAnEarlierEpochIsClaimed(t *testing.T) {
	for _, scope := range []ledger.Scope{ledger.OrganisationScope(), ledger.AccountScope("google_ads", "1"), ledger.CampaignScope("google_ads", "1", "c1"),
		ledger.AutomationScope("pacer")} {
		for _, to := range []policy.Mode{policy.ModeHalted, policy.ModeReduceOnly, policy.ModeActive} {
			t.Run(fmt.Sprint(scope, " ", to), func(t *testing.T) {
				s := people(t)
				a := agreed(t, s, bid("b", 1, 1, 5))
				before, err := redeem(t, s, a)
				if err != nil {
					t.Fatal(err)
				}
				setMode(t, s, scope, to)
				if to == policy.ModeActive { // to redeem again is to be given another, whether or not anybody has tried the first
					again, err := redeem(t, s, a)
					if err != nil || again.Permit.ID == before.Permit.ID {
						t.Fatalf("redeemed after the switch: got %s, error %v, want another permit", again.Permit.ID, err)
					}
				}
				if to != policy.ModeActive {
					if _, err := redeem(t, s, a); !errors.Is(err, policy.ErrPrecondition) {
						t.Errorf("redeemed while %s is %s: %v", scope, to, err)
					}
				}
				if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, before.Token, "a"); !errors.Is(err, policy.ErrPrecondition) {
					t.Errorf("claimed after the switch: %v", err)
				}
				if given := permitNow(t, s, before.Permit.ID); given.State != permit.Revoked {
					t.Errorf("the permit is %s, want REVOKED", given.State)
				}
				if a = approvalNow(t, s, a.ID); to != policy.ModeActive && (a.State != approval.Approved || a.PermitID != "") {
					t.Errorf("the approval is %s with %q out, want it free for another", a.State, a.PermitID)
				}
				setMode(t, s, scope, policy.ModeActive)
				after, err := redeem(t, s, a)
				if err != nil || after.Permit.ID == before.Permit.ID || after.Permit.Epoch <= before.Permit.Epoch {
					t.Fatalf("redeemed afterwards: %+v, error %v", after.Permit, err)
				}
				if _, err := s.Core.Claim(t.Context(), s.Automation.Principal, after.Token, "a"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
