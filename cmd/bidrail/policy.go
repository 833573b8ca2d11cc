package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/scenario"
)

type policyCommand struct {
	Check  policyCheckCommand  `cmd:"" help:"Compile a folder of rules and limits as the server would, without running its tests."`
	Test   policyTestCommand   `cmd:"" help:"Run a folder's tests, examples and scenarios, and show that no rule passes silently when input is missing, or is laxer when more is used up."`
	Schema policySchemaCommand `cmd:"" help:"Print the JSON Schema of what a rule sees as input."`
}

type policyCheckCommand struct {
	Dir string `arg:"" help:"Folder or bundle.tar.gz."`
}

func (c *policyCheckCommand) Run(ctx context.Context, env environment) error {
	revision, err := policy.OpenRevision(c.Dir)
	if err != nil {
		return err
	}
	loaded, err := server.LoadPolicy(ctx, revision, policy.Options{SkipTests: true})
	if err != nil {
		return err
	}
	scenarios, err := scenario.Read(loaded.Engine)
	if err != nil {
		return err
	}
	modes := map[policy.RuleMode]int{}
	for _, rule := range loaded.Engine.Rules() {
		modes[rule.Mode]++
	}
	if _, fallBack := loaded.Engine.Evaluator(); fallBack != nil {
		fmt.Fprintf(env.stderr, "this policy cannot be compiled, so OPA's own evaluator will run it, slower, and notice less of what is missing: %v\n", fallBack)
	}
	withScenarios := ""
	if len(scenarios) > 0 {
		withScenarios = ", " + plural(len(scenarios), "scenario")
	}
	_, err = fmt.Fprintf(env.stdout, "ok: %s (%d enforced, %d in shadow, %d off), %d limit entries%s\nrevision %s\nits tests were not run; bidrail policy test %s runs them\n",
		plural(len(loaded.Engine.Rules()), "rule"), modes[policy.RuleEnforce], modes[policy.RuleShadow], modes[policy.RuleOff],
		revision.Limits().Len(), withScenarios, revision.Digest, c.Dir)
	return err
}

type policyTestCommand struct {
	Dir         string        `arg:"" help:"Folder or bundle.tar.gz."`
	Verbose     bool          `short:"v" help:"Show every test, and every line that no test reached."`
	MinCoverage float64       `help:"Fail when the tests reach less than so many percent of the lines." default:"0" placeholder:"PERCENT"`
	Timeout     time.Duration `help:"How long one test may take." default:"30s"`
	Scenario    string        `help:"Only play the scenarios whose file matches, and run no tests." placeholder:"REGEXP"`
}

func (c *policyTestCommand) Run(ctx context.Context, env environment) error {
	only, err := regexp.Compile(c.Scenario)
	if err != nil {
		return fmt.Errorf("--scenario: %w", err)
	}
	revision, err := policy.OpenRevision(c.Dir)
	if err != nil {
		return err
	}
	// A busy machine decides no test.
	loaded, err := server.LoadPolicy(ctx, revision, policy.Options{SkipTests: true, Deadline: c.Timeout})
	if err != nil {
		return err
	}
	if c.Scenario != "" {
		failed, err := runScenarios(ctx, newScreen(env.stdout, env), loaded, only, c.Verbose)
		if err == nil && failed {
			err = exitCode(exitFailed)
		}
		return err
	}
	out := newScreen(env.stdout, env)
	tests, err := policy.RunTests(ctx, revision, policy.TestOptions{Coverage: true, Timeout: c.Timeout})
	if err != nil {
		return err
	}
	failed := len(tests.Failures()) > 0
	for _, result := range tests.Results {
		if result.Skipped {
			fmt.Fprintf(out, "%s %s: %s was skipped\n", out.colour(yellow, "SKIP"), result.Location, result.Name)
		} else if !result.Passed {
			fmt.Fprintf(out, "%s %s: %s %s\n", out.colour(red, "FAIL"), result.Location, result.Name, result.Outcome())
		} else if c.Verbose {
			fmt.Fprintf(out, "%s   %s %s\n", out.colour(green, "ok"), result.Name, out.colour(dim, result.Duration.Round(time.Microsecond).String()))
		}
	}
	skipped := ""
	if count := len(tests.Skipped()); count > 0 {
		skipped = fmt.Sprintf(", %d skipped", count)
	}
	fmt.Fprintf(out, "tests:    %d passed, %d failed%s\n", len(tests.Results)-len(tests.Failures())-len(tests.Skipped()), len(tests.Failures()), skipped)
	percent := 100.0
	if tests.Coverage.Total > 0 {
		percent = 100 * float64(tests.Coverage.Covered) / float64(tests.Coverage.Total)
	}
	fmt.Fprintf(out, "coverage: %.1f%% of %d lines\n", percent, tests.Coverage.Total)
	if c.Verbose {
		for _, line := range tests.Coverage.Missed {
			fmt.Fprintf(out, "  not reached: %s\n", line)
		}
	}
	if percent < c.MinCoverage {
		failed = true
		fmt.Fprintf(out, "%s coverage is below %.1f%%; -v lists the lines\n", out.colour(red, "FAIL"), c.MinCoverage)
	}
	absence, err := policy.CheckAbsence(ctx, loaded.Engine)
	if err != nil {
		return err
	}
	failed = printAbsence(out, absence) || failed
	wrong, err := runScenarios(ctx, out, loaded, nil, c.Verbose)
	if err != nil {
		return err
	}
	if failed || wrong {
		return exitCode(exitFailed)
	}
	return nil
}

// printAbsence shows what came of taking input away and of raising windows, and whether it failed.
func printAbsence(out screen, report *policy.AbsenceReport) bool {
	for _, wrong := range report.Wrong {
		fmt.Fprintf(out, "%s %s\n", out.colour(red, "FAIL"), wrong)
	}
	for _, laxer := range report.Laxer {
		fmt.Fprintf(out, "%s %s\n", out.colour(red, "FAIL"), laxer)
	}
	for _, more := range report.More {
		fmt.Fprintf(out, "%s %s\n", out.colour(red, "FAIL"), more)
	}
	for _, rule := range report.Untested {
		fmt.Fprintf(out, "%s %s has no example that fires, so nobody knows what it answers when input is missing; add `examples` to its test package\n", out.colour(red, "FAIL"), rule)
	}
	fmt.Fprintf(out, "examples: %d, %d do not give what they expect\n", report.Examples, len(report.Wrong))
	for _, path := range declaredPaths(report) {
		fmt.Fprintf(out, "note:     %s, as its METADATA declares\n", path)
	}
	fmt.Fprintf(out, "absence:  %d documents with something missing, over %s: %d silent passes\n", report.Removals, plural(report.Rules, "rule"), len(report.Laxer))
	if report.Raises > 0 {
		fmt.Fprintf(out, "windows:  %d documents with more used up: %d laxer\n", report.Raises, len(report.More))
	}
	return len(report.Wrong)+len(report.Laxer)+len(report.More)+len(report.Untested) > 0
}

// declaredPaths says each path once that a rule may pass without.
func declaredPaths(report *policy.AbsenceReport) []string {
	var paths []string
	for _, declared := range report.Declared {
		paths = append(paths, declared.Rule+" can pass without "+declared.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

type policySchemaCommand struct {
	Dir string `arg:"" optional:"" help:"Folder or bundle.tar.gz; default: the shipped pack."`
}

func (c *policySchemaCommand) Run(env environment) error {
	revision, err := openRevision(c.Dir)
	if err != nil {
		return err
	}
	schema, err := revision.Schema()
	if err != nil {
		return err
	}
	_, err = env.stdout.Write(schema)
	return err
}
