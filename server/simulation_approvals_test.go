package server_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// What TestSimulation does, with people: they review, each of them late now and then and some of them twice, while automations
// propose something else, redeem, claim and withdraw, and while time passes, modes are switched and the store fails.
func TestApprovalSimulation(t *testing.T) {
	rules := servertest.Load(t, peopleRules(t, simRises))
	first, count := *simFirst, max(*simSeeds/2, 1)
	if *simSeed != 0 {
		first, count = *simSeed, 1
	}
	var happened sync.Map
	t.Run("seeds", func(t *testing.T) {
		for seed := range count {
			t.Run(fmt.Sprint(first+uint64(seed)), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { simulateApprovals(t, rules, first+uint64(seed), &happened) })
			})
		}
	})
	expected := []string{"reviewed", "a tier opened", "expired", "superseded", "redeemed", "used", "returned", "lapsed", "revoked",
		"APPROVED", "APPROVED_CAPPED", "REJECTED", "CHANGES_REQUESTED", "redeemed by both", "no room", "in another's place", "said again", "crash"}
	for _, reason := range []approval.Reason{approval.StaleDigest, approval.StaleVersion, approval.WrongStage, approval.SelfApproval, approval.AlreadyReviewed,
		approval.NotEligible, approval.NotPending, approval.NotApproved, approval.OutOfBounds, approval.TimedOut, approval.Ended} {
		expected = append(expected, string(reason))
	}
	if count >= 100 {
		expected = append(expected, "reopened", "invalidated", "withdrawn", string(approval.PermitOut), string(approval.CapRefused), string(approval.NotCovered))
	}
	for _, event := range expected {
		if _, once := happened.Load(event); !once && count >= 30 {
			t.Errorf("%q did not happen with any seed, so this shows nothing of it", event)
		}
	}
}

// The same seed is the same story here, too.
func TestASeedDecidesApprovals(t *testing.T) {
	rules := servertest.Load(t, peopleRules(t, simRises))
	var traces [2]uint64
	for run := range traces {
		synctest.Test(t, func(t *testing.T) { traces[run] = simulateApprovals(t, rules, 7, &sync.Map{}) })
	}
	if traces[0] != traces[1] {
		t.Errorf("two runs of one seed left the traces %x and %x", traces[0], traces[1])
	}
}

// How much happens with one seed.
const (
	simProposals = 20 // acts of each automation
	simReviews   = 9  // of each person
)

// peopleRules wants the company's people for rises above two units, besides what more says. The people are asked as in [simWanted].
func peopleRules(t *testing.T, more string) fstest.MapFS {
	t.Helper()
	people, err := fs.ReadFile(servertest.Company(t, nil), "people/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := netRiseRules()
	files["rules/rises.rego"] = &fstest.MapFile{Data: []byte(`# METADATA
# title: Rises
# description: For tests.
# custom: {id: test.rises, owner: tests, kinds: [bid, daily_budget], source: tests}
package bidrail.rules.rises

rise := input.change.after.micros - input.change.before.micros

approve contains finding if {
	rise > 2000000
	finding := {"message": "a rise of more than two", "magnitude": rise}
}
` + more)}
	files["people/data.yaml"] = &fstest.MapFile{Data: people}
	files["routes/data.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `waits: %s
lives: %s
suppress: 2m
default: [{name: review, any_of: [{group: growth}]}]
routes:
  - name: budgets
    kinds: [daily_budget]
    stages:
      - {name: growth, any_of: [{group: growth}], quorum: 2, tiers: [{after: %s, groups: [leads]}]}
      - {name: finance, any_of: [{group: finance}], distinct_across_stages: true}
`, simWaits, simLives, simStands)}
	return files
}

// simRises wants people again for whatever comes when its account has risen much meanwhile, and blocks what its campaign has no room for.
const simRises = `
block contains finding if {
	rise > 0
	input.windows.campaign.day.net_rise + rise > 7000000
	finding := {"message": "the campaign has no room for it"}
}

approve contains finding if {
	some much in [2000000, 4000000, 6000000, 8000000]
	rise > 0
	input.windows.account.day.net_rise > much
	finding := {"message": "the account has risen much", "severity": "crowded", "magnitude": much}
}
`

// office is a simulation with people.
type office struct {
	*simulation
	versions map[string]int64 // of approvals, as of the last look

	desk     sync.Mutex
	waiting  []paper // what was answered with an approval, the oldest first
	permits  []permit.Permit
	answered map[string][]approval.Approval // what callers were told of each approval
	redeemed map[string]string              // permits that a redemption was answered with, and whose it was first
}

// paper is an approval as its automation knows it.
type paper struct{ id, digest, automation string }

func simulateApprovals(t *testing.T, rules *server.Policy, seed uint64, events *sync.Map) uint64 {
	o := &office{simulation: newSimulation(t, rules, seed, events), versions: map[string]int64{}, answered: map[string][]approval.Approval{}, redeemed: map[string]string{}}
	budgets := netRiseCap(ledger.Account, 12)
	budgets.Name, budgets.Kinds = "rises of budgets", ledger.Family(policy.KindDailyBudget)
	o.caps = []ledger.Cap{netRiseCap(ledger.Account, 6), budgets}
	o.rest = 2*simWaits + simLives
	o.more = o.read
	for _, name := range []string{"pacer-1", "pacer-2", "bidder-1"} { // the first two are one automation
		o.callers = append(o.callers, func() { o.propose(name) })
	}
	for i, person := range []string{"ana", "ben", "cleo", "fay", "finn", "gita", "ines"} {
		o.callers = append(o.callers, func() { o.sit(person, uint64(i)) })
	}
	o.callers = append(o.callers, o.switchModes)
	return o.run()
}

// read reads the approvals that have changed and holds each against its story.
func (o *office) read(why string) (changes []string) {
	err := o.house.Load().store.View(o.t.Context(), func(r store.Reader) error {
		all, next, err := r.ListApprovals(store.ApprovalFilter{}, store.Page{Limit: store.MaxPage})
		if err != nil || next != "" {
			return errors.Join(err, errors.New(string("there are more approvals than are looked at: "+next)))
		}
		if len(all) < len(o.versions) {
			o.t.Errorf("%s: of %d approvals %d are left", why, len(o.versions), len(all))
		}
		o.oneEach(why, all)
		for _, a := range all {
			if o.versions[a.ID] == a.Version && why != "end" && why != "crash" {
				continue
			}
			var permits []permit.Permit
			for _, given := range o.simulation.permits {
				if given.Redeems == a.ID {
					permits = append(permits, given)
				}
			}
			st, err := readStory(r, a.ID, permits)
			if err != nil {
				return err
			}
			o.hold(why, &a, st)
			for _, step := range st.steps[min(int(o.versions[a.ID]), len(st.steps)):] {
				o.note(step.State.String())
			}
			if o.versions[a.ID] != a.Version {
				changes = append(changes, fmt.Sprint(a.Automation, " ", a.Legs[0].ChangeID, " ", a.State, " ", a.Version))
			}
			o.versions[a.ID] = a.Version
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return changes
}

// oneEach demands that of an automation's approvals of one field one at most waits for people.
func (o *office) oneEach(why string, all []approval.Approval) {
	waits := map[string]bool{}
	for _, a := range all {
		for _, leg := range a.Legs {
			field := fmt.Sprint(a.Automation, leg.Kind, leg.Target.Key())
			if a.State == approval.Pending && waits[field] && a.RequirementVersion == 1 {
				o.t.Errorf("%s: two approvals of %s wait for people", why, leg.ChangeID)
			}
			waits[field] = waits[field] || a.State == approval.Pending
		}
	}
}

// hold holds one approval against its story, and against what callers were told.
func (o *office) hold(why string, a *approval.Approval, st *story) {
	complain := func(problem string) { o.t.Errorf("%s: approval of %s: %s", why, a.Legs[0].ChangeID, problem) }
	for _, problem := range st.problems() {
		complain(problem)
	}
	last := st.steps[len(st.steps)-1]
	if int64(len(st.steps)) != a.Version || last.State != a.State || last.PermitID != a.PermitID {
		complain(fmt.Sprintf("I9: %d steps have led to %s, and it is %s at version %d", len(st.steps), last.State, a.State, a.Version))
	}
	for i := 1; i < len(st.steps); i++ {
		o.note(became(&st.steps[i-1], &st.steps[i]))
	}
	if why == "end" && !ended(a) {
		complain(fmt.Sprintf("I9: it is %s although its time is over since long", a.State))
	}
	o.desk.Lock()
	defer o.desk.Unlock()
	for _, told := range o.answered[a.ID] {
		if told.Version > a.Version || st.steps[told.Version-1].State != told.State {
			complain(fmt.Sprintf("I6: somebody was told that it is %s at version %d, and the record has something else", told.State, told.Version))
		}
	}
}

// refused notes why something was not done, and demands that it is a reason.
func (o *office) refused(what string, err error) {
	if reason, is := errors.AsType[*approval.RefusedError](err); is {
		o.note(string(reason.Reason))
		return
	}
	switch {
	case errors.Is(err, policy.ErrExhausted):
		o.note("no room")
	case errors.Is(err, policy.ErrPrecondition), errors.Is(err, policy.ErrForbidden):
	default:
		o.unavailable(what, err)
	}
}

// told remembers what a caller was told of an approval.
func (o *office) told(a approval.Approval) {
	o.desk.Lock()
	defer o.desk.Unlock()
	o.answered[a.ID] = append(o.answered[a.ID], a)
}

// proposal is what an automation may ask for: always the same under the same number.
func (o *office) proposal(subject string, number int) []*policy.Change {
	random := rand.New(rand.NewPCG(o.seed, uint64(number)))
	one := func(leg int, units int64) *policy.Change {
		change := bidIn("1", fmt.Sprint(subject, "-", number, "-", leg), random.IntN(2), random.IntN(2), units)
		change.Target.EntityID = fmt.Sprint("k", random.IntN(2)) // few, so that one makes way for another
		return change
	}
	budget := func(leg int, units int64) *policy.Change {
		change := one(leg, units)
		change.Kind, change.Target.Campaign = policy.KindDailyBudget, fmt.Sprint("c", leg)
		change.Target.EntityType, change.Target.EntityID = "campaign", change.Target.Campaign
		return change
	}
	units := 1 + random.Int64N(7)
	switch random.IntN(6) {
	case 0:
		return []*policy.Change{one(0, -units)}
	case 1, 2:
		return []*policy.Change{one(0, units)}
	case 3, 4:
		return []*policy.Change{budget(random.IntN(2), units)}
	default:
		shift := []*policy.Change{budget(0, -units), budget(1, units)}
		for _, leg := range shift {
			leg.AtomicGroupID = fmt.Sprint("shift-", number)
		}
		return shift
	}
}

// propose is one caller of an automation.
func (o *office) propose(name string) {
	subject, _, _ := strings.Cut(name, "-")
	random := rand.New(rand.NewPCG(o.seed, uint64(len(subject))<<8|uint64(name[len(name)-1])))
	ctx := context.WithValue(o.t.Context(), caller{}, name)
	for range simProposals {
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		core := o.house.Load().core
		own, given := o.own(subject)
		switch what := random.IntN(12); {
		case what < 3 || len(own) == 0:
			o.ask(ctx, name, core, subject, random)
		case what < 7:
			o.redeem(ctx, name, core, own[random.IntN(len(own))], random)
		case what == 7:
			id := own[random.IntN(len(own))].id
			if random.IntN(3) > 0 {
				continue
			}
			if a, err := core.WithdrawApproval(ctx, automation(subject), id, "simulated"); err != nil {
				o.refused("withdraw", err)
			} else {
				o.told(a)
			}
		case len(given) == 0:
		case what < 11:
			o.claim(ctx, name, core, given[random.IntN(len(given))], random)
		default:
			p := given[random.IntN(len(given))]
			o.report(ctx, core, subject, server.Result{Permit: &p}, random)
		}
	}
}

// own is the last approvals and permits of an automation.
func (o *office) own(subject string) (papers []paper, permits []permit.Permit) {
	o.desk.Lock()
	defer o.desk.Unlock()
	for _, each := range o.waiting {
		if each.automation == subject {
			papers = append(papers, each)
		}
	}
	for _, each := range o.permits {
		if each.Automation == subject {
			permits = append(permits, each)
		}
	}
	return papers[max(0, len(papers)-6):], permits[max(0, len(permits)-3):]
}

func (o *office) ask(ctx context.Context, name string, core *server.Server, subject string, random *rand.Rand) {
	changes := o.proposal(subject, random.IntN(simQuestions))
	results, err := core.Check(ctx, automation(subject), server.CheckRequest{Changes: changes})
	if err != nil {
		o.unavailable("check", err)
		return
	}
	for _, result := range results {
		o.heard(subject, result)
	}
	first := results[0]
	o.file(paper{first.Decision.ApprovalID, digestOf(changes), subject}, first.Permit)
	if first.Permit != nil && random.IntN(2) == 0 {
		o.claim(ctx, name, core, *first.Permit, random)
	}
}

// digestOf is the digest of a change that stands alone, or of a group.
func digestOf(changes []*policy.Change) string {
	if len(changes) == 1 {
		return changes[0].Digest()
	}
	return policy.GroupDigest(changes)
}

// file keeps what was answered, for everybody.
func (o *office) file(made paper, given *permit.Permit) {
	o.desk.Lock()
	defer o.desk.Unlock()
	if given != nil && !slices.ContainsFunc(o.permits, func(p permit.Permit) bool { return p.ID == given.ID }) {
		o.permits = append(o.permits, *given)
	}
	if made.id != "" && !slices.Contains(o.waiting, made) {
		o.waiting = append(o.waiting, made)
	}
}
