package plan

import (
	"context"
	"fmt"
	"maps"

	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// compiler makes closures of statements, a function at a time: callees come before their callers, so what a callee was found to
// come to is known when its callers are compiled.
type compiler struct {
	program *Program
	policy  *ir.Policy
	byName  map[string]*function
	folds   bool // nothing lays anything over the data

	// Of the function at hand.
	name       string // as its author knows it
	slots      int
	readsInput bool
	problem    error
}

// operand is a local of the frame, or a constant.
type operand struct {
	local    int
	constant term.Value // undefined: the local
}

func (o operand) of(l []term.Value) term.Value {
	if o.constant.Defined() {
		return o.constant
	}
	return l[o.local]
}

// known is what can be said of locals beforehand, at one place of a block.
type known struct {
	constants map[ir.Local]term.Value
	paths     map[ir.Local]string // where in the input or the data it comes from
}

func (k known) inner() known { return known{maps.Clone(k.constants), maps.Clone(k.paths)} }

func (k known) forget(local ir.Local) {
	delete(k.constants, local)
	delete(k.paths, local)
}

// forgetAssigned forgets what the blocks give a value to.
func (k known) forgetAssigned(blocks ...*ir.Block) {
	walk(blocks, func(statement ir.Stmt) {
		for _, local := range assigned(statement) {
			k.forget(local)
		}
	})
}

func (c *compiler) compile() error {
	for i, f := range c.policy.Funcs.Funcs {
		function := &function{number: i, parameters: len(f.Params), result: int(f.Return)}
		for _, parameter := range f.Params[min(2, len(f.Params)):] {
			function.arguments = append(function.arguments, int(parameter))
		}
		c.program.functions = append(c.program.functions, function)
		c.byName[f.Name] = function
		if f.Path != nil {
			c.program.byPath[pathOf(f.Path)] = function
		}
	}
	for i, f := range c.policy.Funcs.Funcs {
		if err := c.function(c.program.functions[i], f); err != nil {
			return err
		}
	}
	for _, plan := range c.policy.Plans.Plans {
		c.slots, c.readsInput = 2, false
		blocks := c.blocks(plan.Blocks, c.start())
		if c.problem != nil {
			return c.problem
		}
		c.program.plans = append(c.program.plans, &block{steps: []step{inTurn(blocks)}})
		c.program.planNames = append(c.program.planNames, plan.Name)
		c.program.planSlots = max(c.program.planSlots, c.slots)
	}
	return nil
}

// start is what is known at the beginning of a function.
func (c *compiler) start() known {
	k := known{constants: map[ir.Local]term.Value{}, paths: map[ir.Local]string{ir.Input: "input", ir.Data: "data"}}
	if c.folds {
		k.constants[ir.Data] = c.program.data
	}
	return k
}

func (c *compiler) function(function *function, f *ir.Func) error {
	if len(f.Params) < 2 {
		return &UnsupportedError{fmt.Sprintf("the function %s without input and data", f.Name)}
	}
	c.name = "data." + pathOf(f.Path[min(1, len(f.Path)):])
	c.slots, c.readsInput = int(f.Return)+1, false
	for _, parameter := range f.Params {
		c.slots = max(c.slots, int(parameter)+1)
	}
	k := c.start()
	for i, b := range f.Blocks {
		compiled := c.block(b, k.inner())
		k.forgetAssigned(b) // locals are used again by the next clause
		gives := -1
		if local, ends := endsAlternative(b, f.Return); ends && i > 0 {
			last := &function.clauses[len(function.clauses)-1]
			last.blocks, last.gives = append(last.blocks, compiled), local
			continue
		}
		if len(b.Stmts) == 1 {
			if ordered, ok := b.Stmts[0].(*ir.BlockStmt); ok && len(ordered.Blocks) > 0 {
				if local, ends := endsAlternative(ordered.Blocks[len(ordered.Blocks)-1], f.Return); ends {
					gives = local
				}
			}
		}
		function.clauses = append(function.clauses, clause{[]*block{compiled}, gives})
	}
	function.slots, function.readsInput = c.slots, c.readsInput
	if c.problem != nil {
		return c.problem
	}
	c.fold(function)
	return nil
}

// endsAlternative reports whether a block is what the planner puts behind each alternative of a rule, and which local says
// that the alternative held.
func endsAlternative(b *ir.Block, result ir.Local) (int, bool) {
	if len(b.Stmts) != 2 {
		return 0, false
	}
	defined, ok := b.Stmts[0].(*ir.IsDefinedStmt)
	if !ok {
		return 0, false
	}
	assign, ok := b.Stmts[1].(*ir.AssignVarOnceStmt)
	if !ok || assign.Target != result || plain(assign.Source) != ir.Val(defined.Source) {
		return 0, false
	}
	return int(defined.Source), true
}

// foldSteps bounds what is worked out beforehand; what takes longer is left to the runs, each within its own budget.
const foldSteps = 1_000_000

// fold works out what a function comes to that needs no input. One that fails, or misses something, does so in every run.
func (c *compiler) fold(f *function) {
	if !c.folds || f.parameters != 2 || f.readsInput {
		return
	}
	options := c.program.options
	c.program.options.Steps = min(options.Steps, foldSteps)
	r := c.program.begin(context.Background(), term.Value{}) // bounded by its steps
	c.program.options = options
	defer c.program.end(r)
	value := r.call(f, r.input, r.data, nil, nil)
	if r.failed() || len(r.absences) > 0 || !value.Defined() {
		return
	}
	f.folded, f.value = true, lasting(value)
}

// blocks compiles blocks that are run one after the other, whatever each comes to.
func (c *compiler) blocks(blocks []*ir.Block, k known) []*block {
	compiled := make([]*block, len(blocks))
	k = k.inner()
	for i, b := range blocks {
		compiled[i] = c.block(b, k.inner())
		k.forgetAssigned(b)
	}
	return compiled
}

// block compiles statements that each need the ones before to hold.
func (c *compiler) block(b *ir.Block, k known) *block {
	compiled := &block{}
	if b == nil {
		return compiled
	}
	tests := existenceTests(b)
	forms := c.formsOf(b)
	for i, statement := range b.Stmts {
		for _, local := range assigned(statement) {
			c.slots = max(c.slots, int(local)+1)
		}
		if step := c.statement(statement, k, place{test: tests[i], form: forms[statement]}); step != nil {
			compiled.steps = append(compiled.steps, step)
		}
	}
	return compiled
}

// place is what a statement's neighbours make of it.
type place struct {
	test bool  // a look-up that only asks whether something is there
	form *form // the literal that it begins or adds to
}

// existenceTests marks the look-ups of a path that stands alone in a body: nothing is done with what they find but to see that
// it is there and not false.
func existenceTests(b *ir.Block) []bool {
	tests := make([]bool, len(b.Stmts))
	for i, statement := range b.Stmts {
		condition, ok := statement.(*ir.NotEqualStmt)
		if !ok || plain(condition.B) != ir.Val(ir.Bool(false)) {
			continue
		}
		wanted := plain(condition.A)
		for at := i - 1; at >= 0; at-- {
			if _, guard := b.Stmts[at].(*ir.BlockStmt); guard {
				continue // behind a look-up in data OPA writes one that does nothing but leave itself
			}
			dot, ok := b.Stmts[at].(*ir.DotStmt)
			if !ok || wanted != ir.Val(dot.Target) {
				break
			}
			tests[at] = true
			wanted = plain(dot.Source)
		}
	}
	return tests
}

func (c *compiler) text(index int) string {
	if index < 0 || index >= len(c.policy.Static.Strings) {
		c.unsupported(fmt.Sprintf("the string %d, which the plan has not got", index))
		return ""
	}
	return c.policy.Static.Strings[index].Value
}

// plain is what an operand holds. A plan that was read from JSON points to it.
func plain(o ir.Operand) ir.Val {
	switch value := o.Value.(type) {
	case *ir.Local:
		return *value
	case *ir.StringIndex:
		return *value
	case *ir.Bool:
		return *value
	}
	return o.Value
}

// operand resolves what a statement works on.
func (c *compiler) operand(o ir.Operand, k known) operand {
	switch value := plain(o).(type) {
	case ir.StringIndex:
		return operand{constant: term.Text(c.text(int(value)))}
	case ir.Bool:
		return operand{constant: term.Bool(bool(value))}
	case ir.Local:
		return c.local(value, k)
	}
	c.unsupported(fmt.Sprintf("the operand %v", o.Value))
	return operand{}
}

func (c *compiler) local(local ir.Local, k known) operand {
	if local == ir.Input {
		c.readsInput = true
	}
	c.slots = max(c.slots, int(local)+1)
	return operand{local: int(local), constant: k.constants[local]}
}

func (c *compiler) unsupported(what string) {
	if c.problem == nil {
		c.problem = &UnsupportedError{what}
	}
}

func (c *compiler) site(statement ir.Stmt) *site {
	at := statement.GetLocation()
	s := &site{row: at.Row, column: at.Col, endRow: at.EndRow, endC: at.EndCol}
	if files := c.policy.Static.Files; at.File >= 0 && at.File < len(files) {
		s.file = files[at.File].Value
	}
	return s
}
