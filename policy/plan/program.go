// Package plan runs Rego fast, and says what it was not told.
//
// OPA plans a query into an intermediate representation (github.com/open-policy-agent/opa/v1/ir): functions of blocks of
// statements over numbered locals, which is what Rego comes to once joins, negation and unification have been decided.
// [Compile] makes a Go closure of each statement; what does not depend on the input is worked out then and there: constants,
// data, rules that only read these. [Program.Run] and [Program.Evaluate] call the closures over one input, each function
// without arguments once. OPA's topdown remains what says what a rule means; the tests hold the two together.
//
// What is not there is undefined in Rego, and an undefined condition holds for nothing, which in a guardrail means that it lets
// pass. A program that is compiled with [Options.Strict] keeps account of that: see strict.go.
//
// Values are those of package term. A run takes no more steps and memory than it is given, looks at its context between, and
// reads no clock.
package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// Options say how a program runs.
type Options struct {
	// Strict makes runs report what was read and not there, and comparisons of different types: [Result.Absences].
	Strict bool
	// Excuses says of an object that a key of it is not missing, because the object says otherwise: a limit that is unlimited has
	// no amount. It may be nil.
	Excuses func(object, key term.Value) bool
	// BuiltinErrors makes the failure of a built-in function an error. Without it the call is undefined, as in OPA.
	BuiltinErrors bool
	// Steps bounds one run. Default 10 million, which is between a tenth of a second and a second of work.
	Steps int64
	// Memory bounds the bytes that one run makes, those that it has done with included. Default 32 MiB.
	Memory int64
}

const (
	defaultSteps  = 10_000_000
	defaultMemory = 32 << 20
)

// Program is a compiled plan. It does not change and may be run by any number of goroutines.
type Program struct {
	options   Options
	data      term.Value
	dataPaths map[any]string // of its objects and arrays
	plans     []*block
	planNames []string
	planSlots int // locals of the largest plan
	functions []*function
	byPath    map[string]*function // dots between the parts, for dynamic calls and documents
	runs      sync.Pool            // *run
}

// Document is a rule of a program: all that the package and the rule's name refer to, as one value.
type Document struct {
	// Copes says of a path what the rule makes do without. What is not there of it is not told. It may be nil.
	Copes func(path string) bool

	function *function
}

// Result is what one document or one plan came to.
type Result struct {
	// Value is the document's value, undefined where it has none. Of a plan it is the list of OPA's result set: an object for each
	// way in which the query holds, from variable to value.
	Value term.Value
	// Absences are what made the value uncertain, in a strict program.
	Absences []Absence
	// Err is what made it impossible, mostly an [*Error].
	Err error
}

// Error is what a rule did wrong.
type Error struct {
	File    string
	Line    int
	Kind    ErrorKind
	Message string
}

// ErrorKind says what sort of error it is.
type ErrorKind string

// The kinds of errors.
const (
	ConflictError ErrorKind = "conflict" // two values for what has one
	BuiltinError  ErrorKind = "builtin"  // a built-in function failed
)

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// UnsupportedError is the error of a plan that cannot be compiled.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " is not supported" }

// Compile makes a program of a plan and of the data it reads. The error is an [*UnsupportedError].
func Compile(policy *ir.Policy, data term.Value, options Options) (*Program, error) {
	if err := check(policy); err != nil {
		return nil, err
	}
	if options.Steps <= 0 {
		options.Steps = defaultSteps
	}
	if options.Memory <= 0 {
		options.Memory = defaultMemory
	}
	if !data.Defined() {
		data = new(term.Map).Value()
	}
	program := &Program{options: options, data: data, dataPaths: pathsOf("data", data, map[any]string{}), byPath: map[string]*function{}}
	c := &compiler{program: program, policy: policy, byName: map[string]*function{}, folds: !changesData(policy)}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return program, nil
}

// Plans are the names of the plans, in the order of their numbers.
func (p *Program) Plans() []string { return slices.Clone(p.planNames) }

// Document finds a rule by its path, such as bidrail.rules.bid_ceiling.block. It reports false where no plan needed it.
func (p *Program) Document(path string) (Document, bool) {
	function, ok := p.byPath["g0."+path]
	return Document{function: function}, ok && function.parameters == 2
}

// Run runs plans by their numbers over one input, which may be undefined. The error ends all of them: the context is done, or the
// budget is (see [ErrBudget]).
func (p *Program) Run(ctx context.Context, plans []int, input term.Value) ([]Result, error) {
	r := p.begin(ctx, input)
	defer p.end(r)
	results := make([]Result, len(plans))
	for i, number := range plans {
		results[i] = r.plan(p.plans[number])
		if r.stopped != nil {
			return nil, r.stopped
		}
	}
	return results, nil
}

// Evaluate asks for documents over one input. See [Program.Run] for the error. The results are appended to space.
func (p *Program) Evaluate(ctx context.Context, space []Result, documents []Document, input term.Value) ([]Result, error) {
	r := p.begin(ctx, input)
	defer p.end(r)
	for _, document := range documents {
		space = append(space, r.document(document))
		if r.stopped != nil {
			return space, r.stopped
		}
	}
	return space, nil
}

// changesData reports whether a plan lays something over the data, so that what is known of it beforehand does not hold.
func changesData(policy *ir.Policy) bool {
	changes := false
	visit := func(blocks []*ir.Block) {
		walk(blocks, func(statement ir.Stmt) {
			if with, ok := statement.(*ir.WithStmt); ok && with.Local == ir.Data {
				changes = true
			}
		})
	}
	for _, function := range policy.Funcs.Funcs {
		visit(function.Blocks)
	}
	for _, plan := range policy.Plans.Plans {
		visit(plan.Blocks)
	}
	return changes
}

// walk visits every statement of the blocks and of the blocks in them.
func walk(blocks []*ir.Block, visit func(ir.Stmt)) {
	for _, block := range blocks {
		if block == nil {
			continue
		}
		for _, statement := range block.Stmts {
			visit(statement)
			switch statement := statement.(type) {
			case *ir.BlockStmt:
				walk(statement.Blocks, visit)
			case *ir.ScanStmt:
				walk([]*ir.Block{statement.Block}, visit)
			case *ir.NotStmt:
				walk([]*ir.Block{statement.Block}, visit)
			case *ir.WithStmt:
				walk([]*ir.Block{statement.Block}, visit)
			}
		}
	}
}

func pathOf(parts []string) string { return strings.Join(parts, ".") }
