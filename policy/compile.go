package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Options tune an engine. The zero value is what the service uses.
type Options struct {
	// Deadline bounds one evaluation. Default 250 ms.
	Deadline time.Duration
	// Evaluator runs the rules. Default [ByPlan].
	Evaluator EvaluatorName
	// SkipTests leaves the revision's own tests unrun, for tools that run them apart.
	SkipTests bool
}

const (
	defaultDeadline = 250 * time.Millisecond
	// maxAbandoned is how many evaluations may be running past their deadline before the engine
	// answers policy.timeout without starting another.
	maxAbandoned = 3
)

// Engine is a compiled revision. What it decides never changes; it only counts evaluations that
// overran and keeps parts of documents it has made. It is safe for concurrent use and replaced whole: a server
// keeps the active one behind one atomic pointer.
type Engine struct {
	revision  *Revision
	rules     []*Rule
	shape     *shape
	byKind    map[Kind][]*Rule // those that concern the kind and are not off
	accounts  map[accountKey]account
	facts     []FactDefinition // those that some change is expected to have
	evaluator evaluator
	fallBack  error // why the revision is not run as a plan, though it should be
	deadline  time.Duration
	abandoned atomic.Int64
	reference *topdownEvaluator // what Explain uses, whichever evaluator decides

	forms    *forms
	resolved recent[resolved]

	windowReads map[Kind][]WindowRead
}

type accountKey struct{ platform, account string }

type account struct {
	currency, timeZone string
	zone               *time.Location
}

// Compile makes an engine of a revision, or refuses the revision with everything that is wrong
// with it: syntax, a path that the input does not have, a built-in that is not allowed, METADATA,
// modes, limits, a failing test. The error is an [ErrRevision]; each complaint is a line with file
// and line number.
func Compile(ctx context.Context, revision *Revision, options Options) (*Engine, error) {
	c := &compilation{revision: revision, modules: map[string]*ast.Module{}}
	engine := c.run(ctx, options)
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, strings.Compare)
		c.problems = slices.Compact(c.problems)
		joined := make([]error, len(c.problems))
		for i, problem := range c.problems {
			joined[i] = errors.New(problem)
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrRevision, revision.Source, errors.Join(joined...))
	}
	return engine, nil
}

// Rules is the catalogue, sorted by id. The rules are shared and must not be changed.
func (e *Engine) Rules() []*Rule { return e.rules }

// Revision is what the engine was compiled from.
func (e *Engine) Revision() *Revision { return e.revision }

// Digest names the revision; a nil engine has none.
func (e *Engine) Digest() string {
	if e == nil {
		return ""
	}
	return e.revision.Digest
}

// Zone is the time zone of an account, as data.accounts has it; nil: the account is not there.
func (e *Engine) Zone(platform, id string) *time.Location {
	return e.accounts[accountKey{platform, id}].zone
}

// Evaluator is what runs the rules. Where that is topdown though a plan was asked for, the error says what a plan cannot do: then
// rules are slower, and what they read and is not there is only noticed where it can be told beforehand.
func (e *Engine) Evaluator() (EvaluatorName, error) {
	if e.evaluator == e.reference {
		return ByTopdown, e.fallBack
	}
	return ByPlan, nil
}

// Abandoned is how many evaluations are running past their deadline now.
func (e *Engine) Abandoned() int64 { return e.abandoned.Load() }

type compilation struct {
	revision *Revision
	modules  map[string]*ast.Module
	problems []string
}

func (c *compilation) refuse(format string, arguments ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, arguments...))
}

// run does the steps in order and stops at the first that found something: a later step would
// only repeat it in other words.
func (c *compilation) run(ctx context.Context, options Options) *Engine {
	c.parse()
	if len(c.problems) > 0 {
		return nil
	}
	rules := c.discover()
	if len(rules) == 0 && len(c.problems) == 0 {
		c.refuse("no rules: a rule is a package bidrail.rules.NAME, such as the shipped rego/rules/bid_ceiling.rego")
	}
	c.checkCalls(rules)
	accounts := c.readAccounts()
	facts, err := c.revision.FactDefinitions()
	if err != nil {
		c.refuse("%v", err)
	}
	root, err := c.revision.inputShape()
	if err != nil && len(c.problems) == 0 {
		c.refuse("%v", err)
	}
	if len(c.problems) > 0 {
		return nil
	}
	compiler := c.compile(root)
	if compiler == nil {
		return nil
	}
	c.refuseUnknownData(compiler)
	c.refuseSenseless(root)
	c.analyse(rules, compiler)
	if len(c.problems) > 0 {
		return nil
	}
	engine := &Engine{revision: c.revision, rules: rules, shape: root, accounts: accounts, facts: expectedFacts(facts), deadline: options.Deadline,
		forms: newForms(), byKind: map[Kind][]*Rule{}, windowReads: map[Kind][]WindowRead{}}
	for _, kind := range Kinds() {
		engine.byKind[kind] = slices.DeleteFunc(slices.Clone(rules), func(rule *Rule) bool { return rule.Mode == RuleOff || !rule.Concerns(kind) })
		engine.windowReads[kind] = windowReadsOf(engine.byKind[kind])
	}
	if engine.deadline <= 0 {
		engine.deadline = defaultDeadline
	}
	engine.reference, err = newTopdown(ctx, compiler, c.revision.data, rules)
	if err != nil {
		c.refuse("%v", err)
		return nil
	}
	engine.evaluator = engine.reference
	if options.Evaluator != ByTopdown {
		planned, err := newPlanned(ctx, compiler, c.deciding(), c.revision.data, rules, root)
		if err == nil {
			engine.evaluator = planned
		} else {
			engine.fallBack = err
		}
	}
	if !options.SkipTests {
		report, err := RunTests(ctx, c.revision, TestOptions{})
		if err != nil {
			c.refuse("%v", err)
		}
		for _, failure := range report.Failures() {
			c.refuse("%s: test %s %s", failure.Location, failure.Name, failure.Outcome())
		}
	}
	return engine
}

func (c *compilation) parse() {
	parsed, problems := parseModules(c.revision.modules)
	c.modules = parsed
	c.problems = append(c.problems, problems...)
}

// parseModules parses files, on all processors: most of a revision is its tests.
func parseModules(texts map[string]string) (map[string]*ast.Module, []string) {
	names := slices.Sorted(maps.Keys(texts))
	parsed, failed := make([]*ast.Module, len(names)), make([]error, len(names))
	onAllProcessors(len(names), func(i int) { parsed[i], failed[i] = parseModule(names[i], texts[names[i]]) })
	var problems []string
	modules := map[string]*ast.Module{}
	for i, name := range names {
		switch {
		case failed[i] != nil:
			problems = append(problems, compilerComplaints(failed[i])...)
		case parsed[i] == nil:
			problems = append(problems, fmt.Sprintf("%s:1: the file is empty", name))
		default:
			modules[name] = parsed[i]
		}
	}
	return modules, problems
}

// parseModule parses a file. A panic of the parser is the file's failure: here it would take the service down.
func parseModule(name, text string) (module *ast.Module, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			module, err = nil, fmt.Errorf("%s:1: the parser panicked, which is a bug in it: %v", name, panicked)
		}
	}()
	return ast.ParseModuleWithOpts(name, text, ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV2})
}

// checkCalls looks at the modules as they were written, so that a complaint has the author's line.
func (c *compilation) checkCalls(rules []*Rule) {
	owners := map[string]string{}
	for _, rule := range rules {
		owners[rule.path.String()] = rule.ID
	}
	for _, name := range slices.Sorted(maps.Keys(c.modules)) {
		module := c.modules[name]
		owner := owners[module.Package.Path.String()]
		if owner == "" {
			owner = strings.TrimPrefix(module.Package.Path.String(), "data.")
		}
		c.problems = append(c.problems, refusedCalls(module, owner, isTest(name, module))...)
		if !isTest(name, module) {
			c.problems = append(c.problems, refusedAliases(module, owner)...)
		}
	}
}

// compile type-checks and compiles what decides; tests are compiled when they are run.
func (c *compilation) compile(root *shape) *ast.Compiler {
	compiler := newCompiler(root, false)
	compiler.Compile(c.deciding())
	if compiler.Failed() {
		c.problems = append(c.problems, compilerComplaints(compiler.Errors)...)
		return nil
	}
	return compiler
}

// deciding are the modules that decide.
func (c *compilation) deciding() map[string]*ast.Module {
	modules := map[string]*ast.Module{}
	for name, module := range c.modules {
		if !isTest(name, module) {
			modules[name] = module
		}
	}
	return modules
}

// newCompiler compiles what decides, or with tests also what tests it.
func newCompiler(root *shape, withTests bool) *ast.Compiler {
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, jsonCompatible(root.jsonSchema()))
	return ast.NewCompiler().
		WithCapabilities(capabilities(withTests)).
		WithDefaultRegoVersion(ast.RegoV2).
		WithStrict(true).
		WithKeepModules(true). // Explain shows rules as they were written
		WithSchemas(schemas)
}

// jsonCompatible turns the []string of a schema into what the schema reader expects.
func jsonCompatible(schema map[string]any) map[string]any {
	plain := make(map[string]any, len(schema))
	for key, value := range schema {
		switch value := value.(type) {
		case map[string]any:
			plain[key] = jsonCompatible(value)
		case []string:
			texts := make([]any, len(value))
			for i, text := range value {
				texts[i] = text
			}
			plain[key] = texts
		default:
			plain[key] = value
		}
	}
	return plain
}

// compilerComplaints splits OPA's errors into one line each: file:line: what is wrong.
func compilerComplaints(err error) []string {
	var list ast.Errors
	if !errors.As(err, &list) {
		return []string{err.Error()}
	}
	complaints := make([]string, len(list))
	for i, each := range list {
		message := each.Message
		if each.Details != nil {
			lines := each.Details.Lines()
			for i := range lines {
				lines[i] = strings.TrimSpace(lines[i])
			}
			if detail := strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), " "); detail != "" {
				message += ": " + shorten(detail, 300)
			}
		}
		complaints[i] = where(each.Location) + ": " + message
	}
	return complaints
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " ..."
}

// readAccounts reads data.accounts: platform → account → {currency, time_zone, name}.
func (c *compilation) readAccounts() map[accountKey]account {
	accounts := map[accountKey]account{}
	document, ok := c.revision.data["accounts"]
	if !ok {
		return accounts
	}
	platforms, ok := document.(map[string]any)
	if !ok {
		c.refuse("data.accounts must be an object: platform, then account, then {currency, time_zone}")
		return accounts
	}
	for platform, value := range platforms {
		byID, ok := value.(map[string]any)
		if !ok {
			c.refuse("data.accounts.%s must be an object of accounts", platform)
			continue
		}
		for id, value := range byID {
			fields, _ := value.(map[string]any)
			currency, _ := fields["currency"].(string)
			zone, _ := fields["time_zone"].(string)
			if !isCurrency(currency) {
				c.refuse("data.accounts.%s.%s needs a currency of three capital letters, not %q", platform, id, currency)
			}
			location, err := time.LoadLocation(zone)
			if err != nil || zone == "" || zone == "Local" {
				c.refuse("data.accounts.%s.%s needs an IANA time zone such as Europe/Berlin, not %q", platform, id, zone)
			}
			accounts[accountKey{platform, id}] = account{currency, zone, location}
		}
	}
	return accounts
}
