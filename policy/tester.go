package policy

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// TestOptions tune [RunTests].
type TestOptions struct {
	Coverage bool
	Timeout  time.Duration // of one test; default 30 s
}

// TestResult is what became of one Rego test.
type TestResult struct {
	Name     string // package and rule
	Location string // file:line
	Passed   bool
	Skipped  bool   // its name begins with todo_: neither passed nor failed
	Error    string // when it could not be run
	FailedAt string // the expression that was not true, with its line
	Duration time.Duration
}

// Outcome says in words what became of the test.
func (r TestResult) Outcome() string {
	switch {
	case r.Passed:
		return "passed"
	case r.Skipped:
		return "was skipped"
	case r.Error != "":
		return "could not run: " + r.Error
	case r.FailedAt != "":
		return "failed at " + r.FailedAt
	default:
		return "failed"
	}
}

// Coverage is which lines of the modules were evaluated by the tests.
type Coverage struct {
	Covered, Total int
	Missed         []string // file:line
}

// TestReport is the outcome of a revision's tests.
type TestReport struct {
	Results  []TestResult
	Coverage Coverage // when asked for
}

// Failures are the tests that were run and did not pass.
func (r *TestReport) Failures() []TestResult {
	return r.only(func(result TestResult) bool { return !result.Passed && !result.Skipped })
}

// Skipped are the tests that were not run.
func (r *TestReport) Skipped() []TestResult {
	return r.only(func(result TestResult) bool { return result.Skipped })
}

func (r *TestReport) only(wanted func(TestResult) bool) []TestResult {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Results), func(result TestResult) bool { return !wanted(result) })
}

// RunTests runs the Rego tests of a revision with the built-ins, the type checks and the data that
// its rules run with. The error is about what keeps tests from running at all.
func RunTests(ctx context.Context, revision *Revision, options TestOptions) (*TestReport, error) {
	modules, problems := parseModules(revision.modules)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrRevision, strings.Join(problems, "\n"))
	}
	root, err := revision.inputShape()
	if err != nil {
		return nil, err
	}
	t := &testRun{modules: modules, root: root, store: inmem.NewFromObject(revision.data), timeout: options.Timeout}
	if t.timeout <= 0 {
		t.timeout = 30 * time.Second
	}
	var covered *cover.Cover
	if options.Coverage {
		covered = cover.New()
	}
	results, err := t.run(ctx, func(runner *tester.Runner) {
		if covered != nil {
			runner.SetCoverageQueryTracer(covered)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := t.traceFailures(ctx, results); err != nil {
		return nil, err
	}
	report := &TestReport{}
	for _, result := range results {
		report.Results = append(report.Results, testResult(result))
	}
	slices.SortFunc(report.Results, func(a, b TestResult) int { return strings.Compare(a.Name, b.Name) })
	if covered != nil {
		report.Coverage = coverage(covered.Report(modules), modules)
	}
	return report, ctx.Err()
}

// testRun is what the tests of a revision are run with.
type testRun struct {
	modules map[string]*ast.Module
	root    *shape
	store   storage.Store
	timeout time.Duration
}

func (t *testRun) run(ctx context.Context, set func(*tester.Runner)) ([]*tester.Result, error) {
	runner := tester.NewRunner().SetCompiler(newCompiler(t.root, true)).SetStore(t.store).SetModules(t.modules).
		SetDefaultRegoVersion(ast.RegoV2).RaiseBuiltinErrors(true).SetTimeout(t.timeout)
	set(runner)
	transaction, err := t.store.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer t.store.Abort(ctx, transaction)
	running, err := runner.RunTests(ctx, transaction)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrRevision, strings.Join(compilerComplaints(err), "\n"))
	}
	var results []*tester.Result
	for result := range running {
		results = append(results, result)
	}
	return results, nil
}

// traceFailures runs what did not pass once more, to see where it fails. A trace of everything takes longer than the tests.
func (t *testRun) traceFailures(ctx context.Context, results []*tester.Result) error {
	failed := map[string]*tester.Result{} // by where they are: of several tests with one name OPA numbers all but the first
	var names []string
	for _, result := range results {
		if result.Pass() || result.Skip || result.Error != nil {
			continue
		}
		pkg, err := ast.ParseRef(result.Package)
		if err != nil {
			continue // it is told that it failed, and not where
		}
		failed[where(result.Location)] = result
		names = append(names, regexp.QuoteMeta(pkg.Append(ast.StringTerm(result.Name)).String()))
	}
	if len(failed) == 0 || ctx.Err() != nil {
		return nil
	}
	traced, err := t.run(ctx, func(runner *tester.Runner) {
		runner.EnableTracing(true).Filter("^(" + strings.Join(names, "|") + ")$")
	})
	for _, result := range traced {
		if first := failed[where(result.Location)]; first != nil {
			first.Trace = result.Trace
		}
	}
	return err
}

func testResult(result *tester.Result) TestResult {
	read := TestResult{
		Name:     strings.TrimPrefix(result.Package, "data.") + "." + result.Name,
		Location: where(result.Location), Passed: result.Pass() && !result.Skip, Skipped: result.Skip, Duration: result.Duration,
	}
	if result.Error != nil {
		read.Error = result.Error.Error()
		if topdown.IsCancel(result.Error) {
			read.Error = "it took too long"
		}
	}
	if at := failedAt(result); at != nil && !read.Passed && !read.Skipped {
		read.FailedAt = where(at) + " `" + shorten(oneLine(string(at.Text)), 200) + "`"
	}
	return read
}

// failedAt is the last expression of the test's own file that was not true, or nil.
func failedAt(result *tester.Result) *ast.Location {
	for _, event := range slices.Backward(result.Trace) {
		expression, ok := event.Node.(*ast.Expr)
		if ok && event.Op == topdown.FailOp && expression.Location != nil && expression.Location.File == result.Location.File {
			return expression.Location
		}
	}
	return nil
}

// coverage counts what decides; how much of the tests themselves ran is of no interest.
func coverage(report cover.Report, modules map[string]*ast.Module) Coverage {
	var total Coverage
	for name, file := range report.Files {
		if module := modules[name]; module == nil || isTest(name, module) {
			continue
		}
		// Expressions share lines; each line counts once, as missed when anything on it was.
		rows := map[int]bool{}
		for _, span := range file.Covered {
			for row := span.Start.Row; row <= span.End.Row; row++ {
				rows[row] = true
			}
		}
		for _, span := range file.NotCovered {
			for row := span.Start.Row; row <= span.End.Row; row++ {
				rows[row] = false
			}
		}
		for row, ran := range rows {
			if total.Total++; ran {
				total.Covered++
			} else {
				total.Missed = append(total.Missed, fmt.Sprintf("%s:%d", name, row))
			}
		}
	}
	slices.Sort(total.Missed)
	return total
}
