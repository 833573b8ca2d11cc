package plan

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

var policyCount = flag.Int("policies", 150, "how many random policies are run by both evaluators, at the least")

// What random policies mean to OPA's topdown, they mean here.
func TestRandomPolicies(t *testing.T) {
	var seen tally
	for seen.accepted < *policyCount && seen.refused <= *policyCount && !t.Failed() {
		rapid.Check(t, func(t *rapid.T) { compareGenerated(t, &seen) })
	}
	t.Logf("%d of %d policies were accepted; their rules gave %d values, %d errors and %d times nothing; %d times topdown failed, and %d times it did not come to an error of ours",
		seen.accepted, seen.accepted+seen.refused, seen.values, seen.failures, seen.undefined, seen.internal, seen.lazier)
	if seen.refused > seen.accepted || seen.values < seen.undefined/2 || seen.failures == 0 || seen.internal+seen.lazier > seen.values/20 {
		t.Error("the policies say too little: most are refused, or come to nothing, or none comes to an error")
	}
}

// tally counts what random policies came to, which says whether they test anything.
type tally struct{ accepted, refused, values, failures, undefined, internal, lazier int }

func compareGenerated(t *rapid.T, seen *tally) {
	policy := policies().Draw(t, "policy")
	builtinErrors := rapid.Bool().Draw(t, "builtin errors")
	both, err := compileBoth(context.Background(), policy, builtinErrors)
	if err != nil {
		seen.refused++
		t.Logf("refused: %v", err)
		return
	}
	seen.accepted++
	differences, err := both.compare(context.Background(), policy, seen)
	if err != nil {
		t.Fatalf("%v\n%s\ninput: %s\ndata: %s", err, policy.module, policy.input, policy.data)
	}
	if len(differences) > 0 {
		t.Fatalf("%s\n%s\ninput: %s\ndata: %s", strings.Join(differences, "\n"), policy.module, policy.input, policy.data)
	}
}

// What OPA's planner gets wrong is put right here: in v1.22.2 it does not forget, before the body of a not, whether that body held in
// the turn of the loop before, nor what another clause has put in the same place.
func TestBodiesOfNotAreAskedAnew(t *testing.T) {
	for name, module := range map[string]string{
		"in a loop": `r0 contains x if {
	some x in input.xs
	not { some y in input.ys; y == x }
}`,
		"in a comprehension": "r0 := [x | some x in input.xs; not { some y in input.ys; y == x }]",
		"within another": `r0 contains x if {
	some x in input.xs
	not { some y in input.ys; not { some z in input.ys; z < y; z == x }; y == x }
}`,
		"after another clause": `r0 := 2 if f(3)

else := 1 if not { some y in input.none; y == 3 }

f(x) if x == 4`,
		"in a function": `r0 contains x if {
	some x in input.xs
	f(x)
}

f(x) if not { some y in input.ys; y == x }`,
	} {
		policy := generated{module: "package t\n\n" + module, rules: []string{"r0"}, input: `{"xs": [1, 2, 3], "ys": [2], "none": []}`, data: `{}`}
		both, err := compileBoth(t.Context(), policy, true)
		if err != nil {
			t.Fatal(err)
		}
		differences, err := both.compare(t.Context(), policy, &tally{})
		if err != nil || len(differences) > 0 {
			t.Errorf("%s: %v, %v", name, differences, err)
		}
	}
}

// A comparison that finds nothing is worth something only if it would find something.
func TestPlantedDisagreements(t *testing.T) {
	policy := generated{
		module: `package t

r0 := 7 if input.n < 3

else := 8 if not input.missing

r1 contains x if {
	some x in input.ns
	x > 1
}

r2[k] := v if some k, v in input.o

r3 if every x in input.ns { x >= 0 }

r4 if f(input.n) == "2" with input.n as 2

f(x) := sprintf("%v", [x])
`,
		rules: []string{"r0", "r1", "r2", "r3", "r4"},
		input: `{"n": 3, "s": "a", "ns": [1, 2, 3], "o": {"a": 1, "b": 2}}`, data: `{}`,
	}
	change := func(kind string, edit func(ir.Stmt) bool) (string, func(*ir.Policy) bool) {
		return kind, func(plan *ir.Policy) (changed bool) {
			for _, function := range plan.Funcs.Funcs {
				walk(function.Blocks, func(statement ir.Stmt) { changed = changed || edit(statement) })
			}
			return changed
		}
	}
	plants := map[string]func(*ir.Policy) bool{}
	plant := func(kind string, edit func(*ir.Policy) bool) { plants[kind] = edit }
	plant(change("another number", func(statement ir.Stmt) bool {
		made, ok := statement.(*ir.MakeNumberRefStmt)
		if ok {
			made.Index++
		}
		return ok
	}))
	plant(change("another comparison", func(statement ir.Stmt) bool {
		call, ok := statement.(*ir.CallStmt)
		if ok = ok && call.Func == "gt"; ok {
			call.Func = "gte"
		}
		return ok
	}))
	plant(change("a key for a value", func(statement ir.Stmt) bool {
		insert, ok := statement.(*ir.ObjectInsertOnceStmt)
		if ok {
			insert.Value = insert.Key
		}
		return ok
	}))
	plant(change("no exception", func(statement ir.Stmt) bool {
		not, ok := statement.(*ir.NotStmt)
		if ok {
			not.Block.Stmts = nil
		}
		return ok
	}))
	plant(change("nothing laid over the input", func(statement ir.Stmt) bool {
		with, ok := statement.(*ir.WithStmt)
		if ok {
			with.Path = []int{0}
		}
		return ok
	}))
	plant("a clause less", func(plan *ir.Policy) bool {
		for _, function := range plan.Funcs.Funcs {
			if len(function.Path) > 0 && function.Path[len(function.Path)-1] == "r0" {
				function.Blocks = function.Blocks[1:]
				return true
			}
		}
		return false
	})
	if both, err := compileBoth(t.Context(), policy, true); err != nil {
		t.Fatal(err)
	} else if differences, err := both.compare(t.Context(), policy, &tally{}); err != nil || len(differences) > 0 {
		t.Fatalf("nothing is planted, and the comparison says %v, %v", differences, err)
	}
	for kind, edit := range plants {
		both, err := compileBoth(t.Context(), policy, true)
		if err != nil {
			t.Fatal(err)
		}
		if !edit(both.plan.policy) {
			t.Errorf("%s: there is nothing in the plan to plant it in", kind)
			continue
		}
		differences, err := both.compare(t.Context(), policy, &tally{})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if len(differences) == 0 {
			t.Errorf("%s is planted, and the comparison does not see it", kind)
		}
	}
}

// evaluators are a policy in the form of both.
type evaluators struct {
	module        *ast.Module
	plan          *plannedQuery
	compiler      *ast.Compiler
	builtinErrors bool
}

// compileBoth compiles a policy for plans and for topdown. The error is the compiler's.
func compileBoth(ctx context.Context, policy generated, builtinErrors bool) (*evaluators, error) {
	module, err := ast.ParseModuleWithOpts("t.rego", policy.module, ast.ParserOptions{RegoVersion: ast.RegoV2, Capabilities: harmless()})
	if err != nil {
		return nil, err
	}
	asked := make([]string, len(policy.rules))
	for i, rule := range policy.rules {
		asked[i] = "data.t." + rule
	}
	query, err := ast.ParseBody("x = [" + strings.Join(asked, ", ") + "]")
	if err != nil {
		return nil, err
	}
	both := &evaluators{module: module, compiler: ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV2).WithCapabilities(harmless()), builtinErrors: builtinErrors}
	if both.compiler.Compile(map[string]*ast.Module{"t.rego": module.Copy()}); both.compiler.Failed() {
		return nil, both.compiler.Errors
	}
	if both.plan, err = planQuery(ctx, map[string]*ast.Module{"t.rego": module.Copy()}, query); err != nil {
		return nil, err
	}
	// As package compile gives it: by way of JSON.
	written, err := json.Marshal(both.plan.policy)
	if err != nil {
		return nil, err
	}
	both.plan.policy = &ir.Policy{}
	return both, json.Unmarshal(written, both.plan.policy)
}

// harmless are built-in functions that see and reach nothing outside, and end soon.
func harmless() *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	var kept []*ast.Builtin
	for _, each := range all.Builtins {
		switch each.Name {
		case "assign", "eq", "equal", "neq", "lt", "lte", "gt", "gte", "plus", "minus", "mul", "rem", "abs", "count", "sum", "max", "min", "sort",
			"and", "or", "union", "intersection", "internal.member_2", "internal.member_3", "array.concat", "array.slice", "array.reverse",
			"object.get", "object.keys", "object.union", "object.union_n", "object.remove", "object.filter", "object.subset",
			"startswith", "endswith", "contains", "lower", "upper", "split", "substring", "indexof", "trim", "trim_left", "trim_right",
			"trim_prefix", "trim_suffix", "trim_space", "strings.any_prefix_match", "strings.any_suffix_match", "strings.count", "sprintf",
			"format_int", "glob.match", "is_number", "is_string", "is_boolean", "is_array", "is_set", "is_object", "is_null", "type_name":
			kept = append(kept, each)
		}
	}
	all.Builtins = kept
	return all
}

// outcome is what a rule came to: a value, nothing, or an error.
type outcome struct {
	value term.Value
	err   ErrorKind
	words string // of the error
}

func (o outcome) String() string {
	if o.err != "" {
		return fmt.Sprintf("the %s error %s", o.err, o.words)
	}
	return o.value.String()
}

// compare runs the policy's rules both ways and says for which of them that makes a difference. The error says that there is nothing to
// compare.
func (e *evaluators) compare(ctx context.Context, policy generated, seen *tally) ([]string, error) {
	data, err := term.ParseJSON([]byte(policy.data))
	if err != nil {
		return nil, err
	}
	input, err := term.ParseJSON([]byte(policy.input))
	if err != nil {
		return nil, err
	}
	program, err := Compile(e.plan.policy, data, e.options())
	if err != nil {
		return nil, err
	}
	results, err := e.run(ctx, program, policy.rules, data, input)
	if err != nil {
		return nil, err
	}
	var differences []string
	for i, rule := range policy.rules {
		want, err := e.reference(ctx, rule, data.AST(), input.AST())
		if err != nil {
			return nil, err
		}
		got := outcomeOf(results[i])
		switch {
		case want.err == internalError:
			seen.internal++
			continue
		case want.err != "" && got.err != "" && e.builtinErrors:
			seen.failures++ // topdown goes on after the error of a built-in function, so which of several it tells is chance
			continue
		case want.err == "" && got.err == BuiltinError:
			// Topdown is lazier: it leaves an every at the first member for which the body does not hold, and compares what cannot be equal
			// without making it. That is no other meaning: without the error the value must be the same.
			seen.lazier++
			if got, err = e.lenient(ctx, rule, data, input); err != nil {
				return nil, err
			}
		case want.err != "":
			seen.failures++
		case want.value.Defined():
			seen.values++
		default:
			seen.undefined++
		}
		if got.err != want.err || got.value.Defined() != want.value.Defined() || got.value.Defined() && !term.Equal(got.value, want.value) {
			differences = append(differences, fmt.Sprintf("%s: the plan says %v, topdown %v", rule, got, want))
		}
	}
	return differences, nil
}

// run asks for the rules, all in one run but for those that are no function of the plan: what has dots in its name.
func (e *evaluators) run(ctx context.Context, program *Program, rules []string, data, input term.Value) ([]Result, error) {
	var documents []Document
	alone := map[int]Result{}
	for i, rule := range rules {
		if document, ok := program.Document("t." + rule); ok {
			documents = append(documents, document)
			continue
		}
		result, err := e.runAlone(ctx, rule, data, input, e.options())
		if err != nil {
			return nil, err
		}
		alone[i] = result
	}
	together, err := program.Evaluate(ctx, nil, documents, input)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(rules))
	for i := range rules {
		if result, ok := alone[i]; ok {
			results[i] = result
			continue
		}
		results[i], together = together[0], together[1:]
	}
	return results, nil
}

// runAlone runs a query for a rule.
func (e *evaluators) runAlone(ctx context.Context, rule string, data, input term.Value, options Options) (Result, error) {
	planned, err := planQuery(ctx, map[string]*ast.Module{"t.rego": e.module.Copy()}, ast.MustParseBody("x = data.t."+rule))
	if err != nil {
		return Result{}, err
	}
	program, err := Compile(planned.policy, data, options)
	if err != nil {
		return Result{}, err
	}
	results, err := program.Run(ctx, []int{0}, input)
	if err != nil {
		return Result{}, err
	}
	if results[0].Err != nil {
		return results[0], nil
	}
	switch rows := planned.rows(results[0]); len(rows) {
	case 0:
		return Result{}, nil
	case 1:
		value, err := term.FromAST(rows[0].Get(ast.StringTerm("x")).Value)
		return Result{Value: value}, err
	default:
		return Result{}, fmt.Errorf("the plan for %s has %d answers", rule, len(rows))
	}
}

// lenient is what a rule comes to in a plan when the errors of built-in functions do not count.
func (e *evaluators) lenient(ctx context.Context, rule string, data, input term.Value) (outcome, error) {
	options := e.options()
	options.BuiltinErrors = false
	result, err := e.runAlone(ctx, rule, data, input, options)
	return outcomeOf(result), err
}

func (e *evaluators) options() Options {
	return Options{BuiltinErrors: e.builtinErrors, Steps: 50_000_000, Memory: 1 << 30}
}

func outcomeOf(result Result) outcome {
	if failure, ok := errors.AsType[*Error](result.Err); ok {
		return outcome{err: failure.Kind, words: failure.Error()}
	}
	if result.Err != nil {
		return outcome{err: "unknown", words: result.Err.Error()}
	}
	return outcome{value: result.Value}
}

// internalError is a fault of topdown's own, which says nothing of what the rule means.
const internalError ErrorKind = "internal"

// patience is how long topdown may take for one rule.
const patience = 5 * time.Second

// reference is what a rule comes to in topdown, without its short cuts: the index and the early exit leave out clauses, and with them
// the errors in them and in what they ask for.
func (e *evaluators) reference(ctx context.Context, rule string, data, input ast.Value) (outcome, error) {
	query, err := e.compiler.QueryCompiler().Compile(ast.MustParseBody("x = data.t." + rule))
	if err != nil {
		return outcome{}, err
	}
	document, err := ast.JSON(data)
	if err != nil {
		return outcome{}, err
	}
	store := inmem.NewFromObjectWithOpts(document.(map[string]any), inmem.OptReturnASTValuesOnRead(true))
	transaction, err := store.NewTransaction(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer store.Abort(ctx, transaction)
	cancel := topdown.NewCancel()
	defer time.AfterFunc(patience, cancel.Cancel).Stop()
	rows, err := topdown.NewQuery(query).WithCompiler(e.compiler).WithStore(store).WithTransaction(transaction).WithInput(ast.NewTerm(input)).
		WithStrictBuiltinErrors(e.builtinErrors).WithIndexing(false).WithEarlyExit(false).WithCancel(cancel).Run(ctx)
	if failure, ok := errors.AsType[*topdown.Error](err); ok {
		switch failure.Code {
		case topdown.ConflictErr:
			return outcome{err: ConflictError, words: failure.Error()}, nil
		case topdown.BuiltinErr, topdown.TypeErr:
			return outcome{err: BuiltinError, words: failure.Error()}, nil
		case topdown.InternalErr:
			return outcome{err: internalError, words: failure.Error()}, nil
		}
	}
	switch {
	case err != nil:
		return outcome{}, err
	case len(rows) == 0:
		return outcome{}, nil
	case len(rows) > 1:
		return outcome{}, fmt.Errorf("topdown has %d answers", len(rows))
	}
	value, err := term.FromAST(rows[0]["x"].Value)
	return outcome{value: value}, err
}

// plannedQuery is a query as OPA's planner has planned it.
type plannedQuery struct{ policy *ir.Policy }

// plannerTarget is a target of OPA's package rego that keeps the plan and runs nothing.
const plannerTarget = "bidrail.plan.test"

var registerPlanner = sync.OnceFunc(func() { rego.RegisterPlugin(plannerTarget, keepPlan{}) })

type keepPlan struct{}

type keptPlan struct{} // the key of a context's *plannedQuery

func (keepPlan) IsTarget(name string) bool { return name == plannerTarget }

func (keepPlan) PrepareForEval(ctx context.Context, policy *ir.Policy, _ ...rego.PrepareOption) (rego.TargetPluginEval, error) {
	ctx.Value(keptPlan{}).(*plannedQuery).policy = policy
	return nil, nil
}

// planQuery compiles modules for the planner and has the query planned.
func planQuery(ctx context.Context, modules map[string]*ast.Module, query ast.Body) (*plannedQuery, error) {
	registerPlanner()
	compiler := ast.NewCompiler().WithEvalMode(ast.EvalModeIR)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	planned := &plannedQuery{}
	_, err := rego.New(rego.Target(plannerTarget), rego.Compiler(compiler), rego.ParsedQuery(query)).
		PrepareForEval(context.WithValue(ctx, keptPlan{}, planned))
	if err != nil {
		return nil, err
	}
	if planned.policy == nil {
		return nil, errors.New("the planner was not asked")
	}
	return planned, nil
}

// captured begins the names of the variables into which package rego puts what a condition comes to.
const captured = "^term"

// rows are what the result says of the query's own variables. Captured conditions are as topdown has them: none of them is
// false, and they are no variables.
func (p *plannedQuery) rows(result Result) []ast.Object {
	var rows []ast.Object
	list := result.Value.List()
	for i := range list.Len() {
		row, holds := ast.NewObject(), true
		for _, key := range list.At(i).AST().(ast.Object).Keys() {
			value := list.At(i).AST().(ast.Object).Get(key)
			if !strings.HasPrefix(string(key.Value.(ast.String)), captured) {
				row.Insert(key, value)
			} else if value.Value.Compare(ast.Boolean(false)) == 0 {
				holds = false
			}
		}
		if holds {
			rows = append(rows, row)
		}
	}
	return rows
}
