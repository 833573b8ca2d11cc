package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/fact"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server"
)

// Failure is a step that was not answered as expected.
type Failure struct {
	File     string
	Line     int
	Step     int // from 1
	Name     string
	Change   string // which one; empty: all changes of the step
	Problems []string
	Got      policy.Verdict
	Findings []policy.Finding // those that counted
}

// String is the failure on several lines, the first of which begins with the place.
func (f *Failure) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d: step %d", f.File, f.Line, f.Step)
	if f.Name != "" {
		fmt.Fprintf(&text, " (%s)", f.Name)
	}
	if f.Change != "" {
		fmt.Fprintf(&text, ", %s", f.Change)
	}
	fmt.Fprintf(&text, ": %s; got %s", strings.Join(f.Problems, "; "), f.Got)
	if len(f.Findings) == 0 {
		text.WriteString(" without findings")
	}
	for _, finding := range f.Findings {
		fmt.Fprintf(&text, "\n    %-7s %s: %s", finding.Effect, finding.Rule, finding.Message)
	}
	return text.String()
}

// Run plays the scenario against a server whose time, and whose store's, is the clock. It ends at the first step that is not
// answered as expected: what comes after it rests on it. The error says why a step could not be played at all.
func (s *Scenario) Run(ctx context.Context, on *server.Server, clock *Clock) (*Failure, error) {
	for i := range s.Steps {
		failure, err := s.play(ctx, on, clock, i)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: step %d: %w", s.File, s.Steps[i].Line, i+1, err)
		}
		if failure != nil {
			return failure, nil
		}
	}
	return nil, nil
}

func (s *Scenario) play(ctx context.Context, on *server.Server, clock *Clock, at int) (*Failure, error) {
	step := &s.Steps[at]
	clock.advance(time.Millisecond) // what is observed for one step is newer than for the one before
	if step.Wait > 0 {
		clock.advance(step.Wait)
		if _, err := on.Sweep(ctx); err != nil { // permits that nobody claimed give back what they held
			return nil, err
		}
	}
	if step.Switch != nil {
		people := policy.Principal{Subject: "scenario", Roles: []policy.Role{policy.RoleGovernance}}
		_, err := on.SetMode(ctx, people, step.Switch.Scope, step.Switch.To, "switched in a scenario")
		return nil, err
	}
	principal := policy.Principal{Subject: step.Changes[0].automation, Roles: []policy.Role{policy.RoleAutomation}}
	changes := make([]*policy.Change, len(step.Changes))
	for i := range step.Changes {
		changes[i] = step.Changes[i].at(clock.Now(), fmt.Sprintf("step-%d.%d", at+1, i+1), at+1)
	}
	if err := step.observe(ctx, on, clock.Now()); err != nil {
		return nil, err
	}
	results, err := on.Check(ctx, principal, server.CheckRequest{Changes: changes})
	if err != nil {
		return nil, err
	}
	decisions := make([]*policy.Decision, len(results))
	for i, result := range results {
		if result.Err != nil {
			return nil, result.Err
		}
		decisions[i] = result.Decision
	}
	if failure := s.compare(at, decisions); failure != nil {
		return failure, nil
	}
	permits := permitsOf(results)
	if len(step.AgreedBy) > 0 {
		redeemed, err := step.redeem(ctx, on, principal, decisions)
		if err != nil {
			return nil, err
		}
		permits = append(permits, redeemed...)
	}
	return nil, step.Outcome.report(ctx, on, principal, permits)
}

// at is the change as it is proposed at a time.
func (c *Change) at(now time.Time, id string, step int) *policy.Change {
	change := c.change
	change.ID = id
	if change.AtomicGroupID != "" {
		change.AtomicGroupID = fmt.Sprintf("step-%d", step)
	}
	if change.Before.Form != policy.Missing {
		change.BeforeObservedAt = c.read.at(now)
	}
	for name, given := range c.facts {
		if !given.fact.FromCaller {
			continue
		}
		if change.Facts == nil {
			change.Facts = map[string]policy.Fact{}
		}
		given.fact.ObservedAt = given.read.at(now)
		change.Facts[name] = given.fact
	}
	return &change
}

// observe has a connector put what it knows of the targets of a step.
func (s *Step) observe(ctx context.Context, on *server.Server, now time.Time) error {
	var records []fact.Record
	for i := range s.Changes {
		c := &s.Changes[i]
		target := &c.change.Target
		for _, name := range slices.Sorted(maps.Keys(c.facts)) {
			given := c.facts[name]
			if given.fact.FromCaller {
				continue
			}
			record := fact.Record{Entity: fact.Entity{Platform: target.Platform, Account: target.Account, Type: target.EntityType, ID: target.EntityID},
				Name: name, Value: given.fact.Value, Source: given.fact.Source, ObservedAt: given.read.at(now), MaximumAge: usualAge}
			if name == "current_value" { // connectors say of which field
				record.Name = fact.CurrentValue(c.change.Kind)
			}
			records = append(records, record)
		}
	}
	if len(records) == 0 {
		return nil
	}
	_, err := on.PutFacts(ctx, policy.Principal{Subject: "scenario", Roles: []policy.Role{policy.RoleConnector}}, records)
	return err
}

// usualAge is how old a connector's fact may become where facts/data.yaml does not say.
const usualAge = 24 * time.Hour

// compare holds the decisions of a step against what it expects.
func (s *Scenario) compare(at int, decisions []*policy.Decision) *Failure {
	step := &s.Steps[at]
	failure := Failure{File: s.File, Step: at + 1, Name: step.Name}
	if expect := step.Expect; expect != nil {
		verdicts := make([]policy.Verdict, len(decisions))
		for i, decision := range decisions {
			verdicts[i] = decision.Verdict
			failure.Findings = append(failure.Findings, decision.Findings...)
		}
		failure.Line, failure.Got = expect.Line, policy.Worst(verdicts...)
		if failure.hold(expect) {
			return &failure
		}
	}
	for i, decision := range decisions {
		if expect := step.Changes[i].Expect; expect != nil {
			failure.Line, failure.Got, failure.Findings = expect.Line, decision.Verdict, decision.Findings
			failure.Change = fmt.Sprintf("change %d", i+1)
			if failure.hold(expect) {
				return &failure
			}
		}
	}
	return nil
}

// hold notes how what was got differs from what is expected, and reports whether it does.
func (f *Failure) hold(expect *Expectation) bool {
	f.Findings = slices.DeleteFunc(slices.Clone(f.Findings), func(finding policy.Finding) bool { return finding.Shadow || finding.LiftedBy != "" })
	if f.Got != expect.Verdict {
		f.Problems = append(f.Problems, "expected "+expect.Verdict.String())
	}
	for _, want := range expect.Findings {
		if !slices.ContainsFunc(f.Findings, func(finding policy.Finding) bool { return finding.Rule == want.Rule && finding.Effect == want.Effect }) {
			f.Problems = append(f.Problems, fmt.Sprintf("expected %s to say %s", want.Rule, want.Effect))
		}
	}
	for _, unwanted := range expect.Not {
		if slices.ContainsFunc(f.Findings, func(finding policy.Finding) bool { return finding.Rule == unwanted }) {
			f.Problems = append(f.Problems, fmt.Sprintf("expected nothing of %s", unwanted))
		}
	}
	return len(f.Problems) > 0
}

// given is a permit that can be claimed.
type given struct{ id, token string }

// permitsOf are the permits of what is allowed. The legs of a group have one.
func permitsOf(results []server.Result) []given {
	var permits []given
	for _, result := range results {
		if result.Permit != nil && !slices.Contains(permits, given{result.Permit.ID, result.Token}) {
			permits = append(permits, given{result.Permit.ID, result.Token})
		}
	}
	return permits
}

// redeem has people agree to what waits for them, each at the stage that is open then, and the automation redeem it.
func (s *Step) redeem(ctx context.Context, on *server.Server, automation policy.Principal, decisions []*policy.Decision) ([]given, error) {
	var permits []given
	var done []string
	for _, decision := range decisions {
		id := decision.ApprovalID
		if id == "" || slices.Contains(done, id) {
			continue
		}
		done = append(done, id)
		for _, person := range s.AgreedBy {
			reviewer := policy.Principal{Subject: person, Roles: []policy.Role{policy.RoleApprover}}
			page, err := on.GetApproval(ctx, reviewer, id)
			if err != nil {
				return nil, err
			}
			a := page.Approval
			if a.Stage >= len(a.Requirement) {
				return nil, fmt.Errorf("%s is not asked any more: the approval is %s", person, a.State)
			}
			_, err = on.Review(ctx, reviewer, server.ReviewRequest{ApprovalID: id, Digest: a.Digest, RequirementVersion: a.RequirementVersion,
				Stage: a.Requirement[a.Stage].Name, Kind: approval.Approve, Nonce: fmt.Sprintf("%s-%d", person, a.Stage), Reason: "agreed to in a scenario"})
			if err != nil {
				return nil, fmt.Errorf("%s agrees: %w", person, err)
			}
		}
		redemption, err := on.Redeem(ctx, automation, server.RedeemRequest{ApprovalID: id, Digest: digestOf(decision)})
		if err != nil {
			return nil, fmt.Errorf("%s have agreed, and it is redeemed: %w", strings.Join(s.AgreedBy, ", "), err)
		}
		permits = append(permits, given{redemption.Permit.ID, redemption.Token})
	}
	if len(done) == 0 {
		return nil, fmt.Errorf("nobody is asked, so there is nothing that %s could agree to", strings.Join(s.AgreedBy, ", "))
	}
	return permits, nil
}

// digestOf is what people agree to.
func digestOf(decision *policy.Decision) string {
	if decision.GroupDigest != "" {
		return decision.GroupDigest
	}
	return decision.ChangeDigest
}

// report does with what may be made what the scenario says.
func (o Outcome) report(ctx context.Context, on *server.Server, principal policy.Principal, permits []given) error {
	if o == Unclaimed {
		return nil
	}
	outcome := map[Outcome]permit.State{Applied: permit.Applied, Failed: permit.Failed, Unknown: permit.Unknown}[o]
	for _, each := range permits {
		if _, err := on.Claim(ctx, principal, each.token, each.id); err != nil {
			return err
		}
		if _, err := on.Report(ctx, principal, each.id, permit.Report{Outcome: outcome}); err != nil {
			return err
		}
	}
	return nil
}
