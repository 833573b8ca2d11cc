// Package scenario plays examples against a server: changes in their order, with time that passes between them, and what the
// rules should answer to each. Owners of rules write them as files of a revision, scenarios/*.yaml; docs/scenarios.md says how.
// Start with [Read] and [Scenario.Run].
package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/server"
)

// Start is when scenarios begin that do not say when: a Monday morning in New York.
var Start = time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)

// Scenario is one file.
type Scenario struct {
	File   string
	Title  string
	Story  string
	Source string // where it comes from, for people
	Starts time.Time
	Steps  []Step

	given server.Given
}

// Step is one call of an automation and what it is to be answered, or people switching a mode.
type Step struct {
	Line     int
	Name     string
	Wait     time.Duration // before it
	Changes  []Change      // of one group or one call where there are several
	AgreedBy []string      // people who agree to what waits for people; it is redeemed then
	Outcome  Outcome       // of what is allowed, or redeemed
	Expect   *Expectation  // of all changes together; nil: each has its own
	Switch   *Switch       // in place of changes
}

// Switch is people switching the mode of a scope.
type Switch struct {
	Scope ledger.Scope
	To    policy.Mode
}

// Change is one proposed change, but for what follows from when it is made.
type Change struct {
	Line   int
	Expect *Expectation

	change     policy.Change // without ids and times of readings
	automation string        // as whom it is asked for
	read       age           // of before
	facts      map[string]givenFact
}

// age is how long ago something was read.
type age struct {
	ago   time.Duration
	never bool // nobody says
}

func (a age) at(now time.Time) time.Time {
	if a.never {
		return time.Time{}
	}
	return now.Add(-a.ago)
}

type givenFact struct {
	line int
	fact policy.Fact // but for when it was observed
	read age
}

// Outcome is what becomes of an allowed change.
type Outcome uint8

// The outcomes.
const (
	Applied   Outcome = iota // claimed, and made
	Failed                   // claimed, and refused by the platform
	Unknown                  // claimed, and nobody knows
	Unclaimed                // the permit expires
)

var outcomeNames = []string{"applied", "failed", "unknown", "unclaimed"}

// Expectation is what a step, or one change of it, is to be answered.
type Expectation struct {
	Line     int
	Verdict  policy.Verdict
	Findings []Expected // these must be there, and count
	Not      []string   // these must not, with whatever effect
}

// Expected is one finding that must be there.
type Expected struct {
	Rule   string
	Effect policy.Effect
}

// Read decodes the scenarios of a revision and holds them against its rules and facts. The error has a line for everything that
// is wrong.
func Read(engine *policy.Engine) ([]*Scenario, error) {
	var scenarios []*Scenario
	var problems []error
	for _, document := range engine.Revision().Scenarios() {
		s, err := decode(document.Path, document.Content)
		if err == nil {
			err = s.check(engine)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		scenarios = append(scenarios, s)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", policy.ErrRevision, errors.Join(problems...))
	}
	return scenarios, nil
}

// Policy is the policy that the scenario is played with: what is loaded, and what the scenario gives.
func (s *Scenario) Policy(loaded *server.Policy) *server.Policy { return loaded.With(s.given) }

// check refuses rules and facts that there are not: what is misspelt under not would be absent for ever.
func (s *Scenario) check(engine *policy.Engine) error {
	facts, err := engine.Revision().FactDefinitions()
	if err != nil {
		return err
	}
	var problems []error
	refuse := func(line int, format string, arguments ...any) {
		problems = append(problems, fmt.Errorf("%s:%d: %s", s.File, line, fmt.Sprintf(format, arguments...)))
	}
	effects := map[string][]policy.Effect{}
	for _, rule := range engine.Rules() {
		effects[rule.ID] = append(effects[rule.ID], rule.Effects...)
	}
	for _, own := range policy.OwnFindings() {
		effects[own.ID] = append(effects[own.ID], own.Effects...)
	}
	each := func(expect *Expectation) {
		if expect == nil {
			return
		}
		for _, finding := range expect.Findings {
			switch can, known := effects[finding.Rule]; {
			case !known:
				refuse(expect.Line, "no rule is called %s; bidrail rules list names them", finding.Rule)
			case !slices.Contains(can, finding.Effect):
				refuse(expect.Line, "%s never says %s, which this expects of it; it can say %s. Write `%s: %s` for a weaker finding than the verdict's",
					finding.Rule, finding.Effect, list(can), finding.Rule, can[0])
			}
		}
		for _, rule := range expect.Not {
			if _, known := effects[rule]; !known {
				refuse(expect.Line, "no rule is called %s; bidrail rules list names them", rule)
			}
		}
	}
	for _, step := range s.Steps {
		each(step.Expect)
		for _, change := range step.Changes {
			each(change.Expect)
			for name, given := range change.facts {
				if _, declared := facts[name]; !declared {
					refuse(given.line, "no fact is called %s; facts/data.yaml declares them", name)
				}
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(problems, func(a, b error) bool { return a.Error() == b.Error() })...)
}

func list[T fmt.Stringer](values []T) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = value.String()
	}
	return strings.Join(names, ", ")
}
