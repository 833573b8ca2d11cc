package plan

import (
	"context"

	"github.com/bidrail/bidrail/policy/term"
)

// signal is how a statement came out: zero to go on with the next, else how many blocks to leave. A condition that does not hold
// leaves one.
type signal int

const (
	next      signal = 0
	undefined signal = 1
	leaveAll  signal = 1 << 30 // all of them: a return, or an error
)

// step is one compiled statement.
type step func(r *run, l []term.Value) signal

// block is a list of statements, run until one does not hold.
type block struct{ steps []step }

func (b *block) run(r *run, l []term.Value) signal {
	if err := r.spend(int64(len(b.steps)) + 1); err != nil {
		return r.stop(err)
	}
	for _, step := range b.steps {
		if s := step(r, l); s != next {
			return s
		}
	}
	return next
}

// nested turns what a block came to into what the statement that holds it came to.
func (s signal) nested() signal {
	if s > 1 {
		return s - 1
	}
	return next
}

// function is a compiled rule or function of rules. Its parameters are the first of its locals but for that of the result: input,
// data, then its arguments.
type function struct {
	number     int
	parameters int
	arguments  []int // the locals of the parameters after input and data
	result     int
	slots      int
	clauses    []clause
	folded     bool // it needs no input: value is what it comes to
	value      term.Value
	readsInput bool
}

// clause is a part of a function: alternatives that each may give the value, then what is done when none has.
type clause struct {
	blocks []*block
	gives  int // the local that says whether it held, or -1 for what is no alternative: the beginning, the default, the end
}

// run is what one run has in hand. It is reused.
type run struct {
	budget
	program  *Program
	input    term.Value
	data     term.Value
	stack    []term.Value
	memo     []remembered // by function
	scope    int          // which input and data the memo is of
	scopes   int          // how many there have been
	absences []absence
	err      error // of this document or plan
	stopped  error // of the whole run
	rows     []term.Value
	arena    arena
	way      []term.Value // to what was looked up
}

// remembered is what a function without arguments came to.
type remembered struct {
	scope    int // 0: nothing is remembered
	value    term.Value
	absences []absence
}

func (p *Program) begin(ctx context.Context, input term.Value) *run {
	r, ok := p.runs.Get().(*run)
	if !ok {
		r = &run{program: p, memo: make([]remembered, len(p.functions)), stack: make([]term.Value, 0, 1024)}
	}
	r.budget = newBudget(ctx, p.options.Steps, p.options.Memory)
	r.input, r.data = input, p.data
	r.scopes++ // what was remembered of an earlier input does not hold
	r.scope = r.scopes
	r.err, r.stopped = nil, nil
	return r
}

// maxKept is how many locals a run may hold on to when it is put aside.
const maxKept = 1 << 16

func (p *Program) end(r *run) {
	if cap(r.stack) > maxKept {
		return
	}
	r.input, r.data, r.ctx = term.Value{}, term.Value{}, nil
	r.stack = r.stack[:0]
	r.absences = r.absences[:0]
	r.rows = nil
	r.arena.reset()
	p.runs.Put(r)
}

// stop ends the whole run.
func (r *run) stop(err error) signal {
	if r.stopped == nil {
		r.stopped = err
	}
	return leaveAll
}

// fail ends the document or plan.
func (r *run) fail(at *site, kind ErrorKind, message string) signal {
	if r.err == nil {
		r.err = &Error{File: at.file, Line: at.row, Kind: kind, Message: message}
	}
	return leaveAll
}

// failed reports whether the document, or all, has come to an end.
func (r *run) failed() bool { return r.err != nil || r.stopped != nil }

// frame takes locals for one call; the caller gives them back by setting r.stack to what it was.
func (r *run) frame(slots int) []term.Value {
	base := len(r.stack)
	if base+slots > cap(r.stack) {
		grown := make([]term.Value, base, 2*(base+slots))
		copy(grown, r.stack)
		r.stack = grown
	}
	r.stack = r.stack[:base+slots]
	locals := r.stack[base : base+slots : base+slots]
	clear(locals)
	return locals
}

// document asks for the value of a rule.
func (r *run) document(d Document) Result {
	r.absences, r.err = r.absences[:0], nil
	value := r.call(d.function, r.input, r.data, nil, nil)
	if r.err != nil {
		return Result{Err: r.err}
	}
	return Result{Value: lasting(value), Absences: r.reportAbsences(d.Copes)}
}

// plan runs a query.
func (r *run) plan(b *block) Result {
	r.absences, r.err, r.rows = r.absences[:0], nil, nil
	base := len(r.stack)
	l := r.frame(r.program.planSlots)
	l[0], l[1] = r.input, r.data
	b.run(r, l)
	r.stack = r.stack[:base]
	if r.err != nil {
		return Result{Err: r.err}
	}
	return Result{Value: term.NewList(r.rows...), Absences: r.reportAbsences(nil)}
}

// call gives the value of a function, undefined where it has none. The arguments are locals of the caller's or constants.
func (r *run) call(f *function, input, data term.Value, arguments []operand, l []term.Value) term.Value {
	if f.folded {
		return f.value
	}
	remember := len(arguments) == 0
	if remember {
		if known := &r.memo[f.number]; known.scope == r.scope {
			r.absences = append(r.absences, known.absences...)
			return known.value
		}
	}
	base, mark := len(r.stack), len(r.absences)
	locals := r.frame(f.slots)
	locals[0], locals[1] = input, data
	for i, argument := range arguments {
		locals[f.arguments[i]] = argument.of(l)
	}
	f.run(r, locals)
	value := locals[f.result]
	r.stack = r.stack[:base]
	if remember && !r.failed() {
		known := &r.memo[f.number]
		known.scope, known.value = r.scope, value
		known.absences = append(known.absences[:0], r.absences[mark:]...)
	}
	return value
}

// run tries the clauses one after the other. What a clause that did not hold has missed does not matter where another gave
// the value: unknown or true is true.
func (f *function) run(r *run, l []term.Value) {
	first, held := len(r.absences), false
	for i := range f.clauses {
		c := &f.clauses[i]
		mark := len(r.absences)
		for _, each := range c.blocks {
			if s := each.run(r, l); s > undefined {
				return // it returns, or fails
			}
		}
		if c.gives < 0 {
			continue
		}
		switch holds := l[c.gives].Defined(); {
		case holds && !held:
			r.absences = append(r.absences[:first], r.absences[mark:]...)
			held = true
		case !holds && held:
			r.absences = r.absences[:mark]
		}
	}
}
