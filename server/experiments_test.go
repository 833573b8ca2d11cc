package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
)

// spring is a campaign test that has run for a week when the clock starts, and runs for two more.
func spring(edits ...func(*experiment.Experiment)) experiment.Experiment {
	e := experiment.Experiment{ID: "spring", Name: "Spring headlines", Type: "ab", Platform: "google_ads", Account: "example", Owner: "growth",
		Starts: servertest.Start.Add(-7 * 24 * time.Hour), Ends: servertest.Start.Add(14 * 24 * time.Hour),
		Arms: []experiment.Arm{{Name: "base", Control: true, Campaigns: []string{"101"}}, {Name: "trial", Campaigns: []string{"102"}}}}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

func draft(e *experiment.Experiment) { e.State = experiment.Draft }

func put(t *testing.T, s *servertest.Server, e experiment.Experiment, version int64) server.ExperimentRecord {
	t.Helper()
	record, err := s.Core.PutExperiment(t.Context(), s.Governance.Principal, e, version, "as agreed")
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func experimentNow(t *testing.T, s *servertest.Server, id string) (server.ExperimentRecord, []server.ExperimentRecord) {
	t.Helper()
	now, versions, err := s.Core.GetExperiment(t.Context(), s.Auditor.Principal, id)
	if err != nil {
		t.Fatal(err)
	}
	return now, versions
}

func TestATestFromDraftToConclusion(t *testing.T) {
	s := company(t)
	governance := s.Governance.Principal
	first := put(t, s, spring(draft), 0)
	if first.Version != 1 || first.State != experiment.Draft || first.By != governance.Subject || !first.At.Equal(s.Clock.Now()) || first.Reason != "as agreed" {
		t.Errorf("got %+v", first)
	}
	if got := decide(t, s, servertest.Budget("draft", "101", 10000, 10100))[0].Decision; got.Verdict != policy.RequireApproval && got.Verdict != policy.Allow {
		t.Errorf("a draft holds a budget: %v, %+v", got.Verdict, got.Findings)
	}
	s.Clock.Advance(time.Hour)
	started, err := s.Core.StartExperiment(t.Context(), governance, "spring", true, "here we go")
	if err != nil || started.State != experiment.Running || !started.Experiment.Starts.Equal(s.Clock.Now()) || started.Version != 2 {
		t.Errorf("started: %+v, %v", started, err)
	}
	if got := decide(t, s, servertest.Budget("running", "101", 10000, 10100))[0].Decision; got.Verdict != policy.Block || findingOf(got, "experiment.freeze") == nil {
		t.Errorf("a running test lets a budget go: %v, %+v", got.Verdict, got.Findings)
	}
	if _, err := s.Core.ConcludeExperiment(t.Context(), governance, "spring", "it works"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("concluded while it runs: %v", err)
	}
	renamed := started.Experiment
	renamed.Name = "Headlines of spring"
	put(t, s, renamed, 2)
	s.Clock.Advance(15 * 24 * time.Hour)
	concluded, err := s.Core.ConcludeExperiment(t.Context(), governance, "spring", "it works")
	if err != nil || concluded.State != experiment.Concluded || concluded.Version != 4 {
		t.Errorf("concluded: %+v, %v", concluded, err)
	}
	if got := decide(t, s, servertest.Budget("after", "102", 10000, 10100))[0].Decision; findingOf(got, "experiment.freeze") != nil {
		t.Errorf("a concluded test holds a budget: %+v", got.Findings)
	}
	now, versions := experimentNow(t, s, "spring")
	if diff := cmp.Diff(concluded, now); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var told []string
	for _, version := range versions {
		told = append(told, version.State+": "+version.Experiment.Name+", "+version.Reason)
	}
	if diff := cmp.Diff([]string{"draft: Spring headlines, as agreed", "running: Spring headlines, here we go", "running: Headlines of spring, as agreed",
		"concluded: Headlines of spring, it works"}, told); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	for ended, want := range map[bool]int{true: 1, false: 0} {
		listed, err := s.Core.ListExperiments(t.Context(), s.Automation.Principal, ended)
		if err != nil || len(listed) != want {
			t.Errorf("listed: %+v, %v", listed, err)
		}
	}
}

const declared = `autumn:
  type: lift
  owner: growth
  platform: google_ads
  account: example
  starts: "2026-03-01T00:00:00Z"
  ends: "2026-04-01T00:00:00Z"
  arms:
    shown: {campaigns: ["900"]}
    held: {campaigns: ["901"], control: true}
`

func TestWhatIsNotRegistered(t *testing.T) {
	s := servertest.New(t, servertest.WithRevision(servertest.Company(t, map[string]string{"experiments/data.yaml": declared})))
	put(t, s, spring(), 0)
	for name, test := range map[string]struct {
		edit    func(*experiment.Experiment)
		version int64
		kind    error
		want    string
	}{
		"it is there already":          {func(e *experiment.Experiment) { e.Name = "x" }, 0, policy.ErrPrecondition, "experiment spring is at version 1 by"},
		"somebody was faster":          {func(e *experiment.Experiment) { e.Name = "x" }, 7, policy.ErrPrecondition, "you have edited version 7; read it again"},
		"one that there is not":        {func(e *experiment.Experiment) { e.ID = "summer" }, 1, policy.ErrPrecondition, "there is no experiment summer, and you have edited version 1"},
		"its end while it is on":       {func(e *experiment.Experiment) { e.Ends = e.Ends.Add(time.Hour) }, 1, policy.ErrPrecondition, "ends cannot be edited any more"},
		"one of the revision":          {func(e *experiment.Experiment) { e.ID = "autumn" }, 0, policy.ErrPrecondition, "experiment autumn is declared in the active policy revision"},
		"a campaign of another":        {func(e *experiment.Experiment) { e.ID = "summer" }, 0, policy.ErrPrecondition, "campaign 101 is in the experiment spring of growth too"},
		"a campaign of the revision's": {func(e *experiment.Experiment) { e.ID, e.Arms[1].Campaigns = "summer", []string{"900"} }, 0, policy.ErrPrecondition, "is in the experiment"},
		"ended before it began":        {func(e *experiment.Experiment) { e.ID, e.State = "summer", experiment.Aborted }, 0, policy.ErrPrecondition, "would be aborted before it was registered"},
		"an owner nobody knows":        {func(e *experiment.Experiment) { e.Owner = "growht" }, 1, policy.ErrInvalid, `experiment.owner: "growht" is no group of people/data.yaml`},
		"no type": {func(e *experiment.Experiment) {
			e.ID, e.Type, e.Arms = "summer", "", []experiment.Arm{{Name: "a", Campaigns: []string{"7"}}}
		}, 0, policy.ErrInvalid, `type is ""`},
		"an id that is none": {func(e *experiment.Experiment) {
			e.ID, e.Arms = "Summer sale", []experiment.Arm{{Name: "a", Campaigns: []string{"7"}}}
		}, 0, policy.ErrInvalid, "write lower-case letters"},
	} {
		e := spring(test.edit)
		_, err := s.Core.PutExperiment(t.Context(), s.Governance.Principal, e, test.version, "r")
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	for name, call := range map[string]func(string) error{
		"start": func(id string) error {
			_, err := s.Core.StartExperiment(t.Context(), s.Governance.Principal, id, false, "r")
			return err
		},
		"abort": func(id string) error {
			_, err := s.Core.AbortExperiment(t.Context(), s.Approver.Principal, id, "r")
			return err
		},
		"conclude": func(id string) error {
			_, err := s.Core.ConcludeExperiment(t.Context(), s.Governance.Principal, id, "r")
			return err
		},
	} {
		if err := call("autumn"); !errors.Is(err, policy.ErrPrecondition) || !strings.Contains(err.Error(), "edit it there") {
			t.Errorf("%s one of the revision: %v", name, err)
		}
		if err := call("winter"); !errors.Is(err, policy.ErrNotFound) {
			t.Errorf("%s none: %v", name, err)
		}
	}
	if _, err := s.Core.AbortExperiment(t.Context(), s.Approver.Principal, "spring", ""); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("aborted without a reason: %v", err)
	}
	if _, _, err := s.Core.GetExperiment(t.Context(), s.Auditor.Principal, "winter"); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("get none: %v", err)
	}
	if _, err := s.Core.Contaminations(t.Context(), s.Auditor.Principal, "winter"); !errors.Is(err, policy.ErrNotFound) {
		t.Errorf("what disturbs none: %v", err)
	}
	listed, err := s.Core.ListExperiments(t.Context(), s.Auditor.Principal, false)
	if err != nil || len(listed) != 2 || listed[0].Experiment.ID != "autumn" || !listed[0].FromRevision || listed[0].State != experiment.Running || listed[1].FromRevision {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	now, versions := experimentNow(t, s, "autumn")
	if !now.FromRevision || versions != nil {
		t.Errorf("of the revision: %+v, %+v", now, versions)
	}
	// A draft may overlap until it is started.
	put(t, s, spring(draft, func(e *experiment.Experiment) { e.ID = "summer" }), 0)
	if _, err := s.Core.StartExperiment(t.Context(), s.Governance.Principal, "summer", false, "r"); !errors.Is(err, policy.ErrPrecondition) {
		t.Errorf("started beside another: %v", err)
	}
	if _, err := s.Core.AbortExperiment(t.Context(), s.Approver.Principal, "spring", "never mind"); err != nil {
		t.Error(err)
	}
	if _, err := s.Core.StartExperiment(t.Context(), s.Governance.Principal, "summer", false, "r"); err != nil {
		t.Errorf("started after the other: %v", err)
	}
}

// Of many who edit the same version one does, and the others are told.
func TestManyEditOneTest(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	results := make([]error, 6)
	atOnce(len(results), func(i int) {
		_, results[i] = s.Core.PutExperiment(t.Context(), s.Governance.Principal, spring(func(e *experiment.Experiment) { e.Name = strings.Repeat("x", i+1) }), 1, "r")
	})
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, policy.ErrPrecondition) {
			t.Error(err)
		}
	}
	if _, versions := experimentNow(t, s, "spring"); won != 1 || len(versions) != 2 {
		t.Errorf("%d have edited it, and it has %d versions", won, len(versions))
	}
}

func TestWhoMayDoWhatToTests(t *testing.T) {
	s := company(t)
	put(t, s, spring(), 0)
	reached := func(err error) bool { return !errors.Is(err, policy.ErrForbidden) }
	for _, operation := range []struct {
		name string
		may  []policy.Role
		ask  func(policy.Principal) error
	}{
		{"put", []policy.Role{policy.RoleGovernance}, func(who policy.Principal) error {
			_, err := s.Core.PutExperiment(t.Context(), who, spring(), 99, "r")
			return err
		}},
		{"start", []policy.Role{policy.RoleGovernance}, func(who policy.Principal) error {
			_, err := s.Core.StartExperiment(t.Context(), who, "none", false, "r")
			return err
		}},
		{"abort", []policy.Role{policy.RoleApprover, policy.RoleGovernance, policy.RoleAdmin}, func(who policy.Principal) error {
			_, err := s.Core.AbortExperiment(t.Context(), who, "none", "r")
			return err
		}},
		{"conclude", []policy.Role{policy.RoleGovernance}, func(who policy.Principal) error {
			_, err := s.Core.ConcludeExperiment(t.Context(), who, "none", "r")
			return err
		}},
		{"list", policy.Roles(), func(who policy.Principal) error {
			_, err := s.Core.ListExperiments(t.Context(), who, true)
			return err
		}},
		{"get", policy.Roles(), func(who policy.Principal) error {
			_, _, err := s.Core.GetExperiment(t.Context(), who, "spring")
			return err
		}},
		{"contaminations", slices.DeleteFunc(policy.Roles(), func(role policy.Role) bool { return role == policy.RoleAutomation }), func(who policy.Principal) error {
			_, err := s.Core.Contaminations(t.Context(), who, "spring")
			return err
		}},
	} {
		for _, role := range policy.Roles() {
			if got := reached(operation.ask(policy.Principal{Subject: "somebody", Roles: []policy.Role{role}})); got != slices.Contains(operation.may, role) {
				t.Errorf("%s as %s: let through: %v", operation.name, role, got)
			}
		}
	}
}

// A test of thousands of campaigns does not make every decision that touches it as large as itself, and its arms are recognised all the same.
func TestATestOfThousands(t *testing.T) {
	s := company(t)
	put(t, s, spring(func(e *experiment.Experiment) {
		e.FrozenFields = []policy.Kind{policy.KindBid}
		for i := range e.Arms {
			for j := range 10_000 {
				e.Arms[i].Campaigns = append(e.Arms[i].Campaigns, fmt.Sprintf("%d%07d", i+5, j))
			}
		}
	}), 0)
	bid := func(id, campaign string) *bidrailv1.Change {
		change := servertest.Bid(id, 100, 110)
		change.Target.Campaign, change.Target.EntityId = campaign, id
		return change
	}
	blocked := func(result server.Result) bool {
		return findingOf(result.Decision, "experiment.arm_symmetry").Effect == policy.Blocks
	}
	alone := decide(t, s, bid("alone", "101"))[0]
	one := decide(t, s, servertest.InGroup("one", bid("base", "101"), bid("other", "9"))...)
	both := decide(t, s, servertest.InGroup("both", bid("a", "101"), bid("b", "102"))...)
	if !blocked(alone) || !blocked(one[0]) || blocked(both[0]) || blocked(both[1]) {
		t.Errorf("alone %v, with another %v, both %v and %v", alone.Decision.Findings, one[0].Decision.Findings, both[0].Decision.Findings, both[1].Decision.Findings)
	}
	input, err := s.Core.DecisionInput(t.Context(), s.Auditor.Principal, both[0].Decision.ID)
	if err != nil || len(input) > 50_000 || !strings.Contains(string(input), `"campaigns":["102"]`) {
		t.Errorf("what the rules saw has %d bytes, %v", len(input), err)
	}
}
