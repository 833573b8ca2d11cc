package plan

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// assigned are the locals that a statement itself gives another value to.
func assigned(statement ir.Stmt) []ir.Local {
	switch s := statement.(type) {
	case *ir.CallStmt:
		return []ir.Local{s.Result}
	case *ir.CallDynamicStmt:
		return []ir.Local{s.Result}
	case *ir.DotStmt:
		return []ir.Local{s.Target}
	case *ir.LenStmt:
		return []ir.Local{s.Target}
	case *ir.ScanStmt:
		return []ir.Local{s.Key, s.Value}
	case *ir.AssignIntStmt:
		return []ir.Local{s.Target}
	case *ir.AssignVarStmt:
		return []ir.Local{s.Target}
	case *ir.AssignVarOnceStmt:
		return []ir.Local{s.Target}
	case *ir.ResetLocalStmt:
		return []ir.Local{s.Target}
	case *ir.MakeNullStmt:
		return []ir.Local{s.Target}
	case *ir.MakeNumberIntStmt:
		return []ir.Local{s.Target}
	case *ir.MakeNumberRefStmt:
		return []ir.Local{s.Target}
	case *ir.MakeArrayStmt:
		return []ir.Local{s.Target}
	case *ir.MakeObjectStmt:
		return []ir.Local{s.Target}
	case *ir.MakeSetStmt:
		return []ir.Local{s.Target}
	case *ir.ArrayAppendStmt:
		return []ir.Local{s.Array}
	case *ir.ObjectInsertStmt:
		return []ir.Local{s.Object}
	case *ir.ObjectInsertOnceStmt:
		return []ir.Local{s.Object}
	case *ir.ObjectMergeStmt:
		return []ir.Local{s.Target}
	case *ir.SetAddStmt:
		return []ir.Local{s.Set}
	case *ir.WithStmt:
		return []ir.Local{s.Local}
	}
	return nil
}

// constant makes the step that gives a local a value that is known, and remembers it.
func (c *compiler) constant(target ir.Local, value term.Value, k known) step {
	k.forget(target)
	k.constants[target] = value
	return assign(target, value)
}

func assign(target ir.Local, value term.Value) step {
	return func(_ *run, l []term.Value) signal {
		l[target] = value
		return next
	}
}

// statement compiles one. A nil step is nothing to do.
func (c *compiler) statement(statement ir.Stmt, k known, at place) step {
	switch s := statement.(type) {
	case *ir.NopStmt:
		return nil
	case *ir.ReturnLocalStmt:
		c.local(s.Source, k) // the function's result, which is where its caller looks
		return func(*run, []term.Value) signal { return leaveAll }
	case *ir.BreakStmt:
		blocks := signal(s.Index) + 1
		return func(*run, []term.Value) signal { return blocks }
	case *ir.CallStmt:
		return c.call(s, k)
	case *ir.CallDynamicStmt:
		return c.callDynamic(s, k)
	case *ir.BlockStmt:
		step := inTurn(c.blocks(s.Blocks, k))
		k.forgetAssigned(s.Blocks...)
		return step
	case *ir.ScanStmt:
		return c.scan(s, k)
	case *ir.NotStmt:
		return c.not(s, k)
	case *ir.WithStmt:
		return c.with(s, k)
	case *ir.DotStmt:
		return c.dot(s, k, at.test)
	case *ir.AssignIntStmt:
		return c.constant(s.Target, term.Int(s.Value), k)
	case *ir.MakeNumberIntStmt:
		return c.constant(s.Target, term.Int(s.Value), k)
	case *ir.MakeNumberRefStmt:
		return c.constant(s.Target, term.Decimal(ast.Number(c.text(s.Index))), k)
	case *ir.MakeNullStmt:
		return c.constant(s.Target, term.NullValue(), k)
	case *ir.ResetLocalStmt:
		k.forget(s.Target)
		return assign(s.Target, term.Value{})
	case *ir.AssignVarStmt:
		return c.assignVar(s, k)
	case *ir.AssignVarOnceStmt:
		return c.assignOnce(s, k)
	case *ir.LenStmt:
		return c.length(s, k)
	case *ir.EqualStmt:
		return c.compare(s.A, s.B, k, true)
	case *ir.NotEqualStmt:
		return c.compare(s.A, s.B, k, false)
	case *ir.IsArrayStmt:
		return c.isKind(s.Source, k, term.Array)
	case *ir.IsObjectStmt:
		return c.isKind(s.Source, k, term.Object)
	case *ir.IsSetStmt:
		return c.isKind(s.Source, k, term.Set)
	case *ir.IsDefinedStmt:
		return c.isDefined(s.Source, k, true)
	case *ir.IsUndefinedStmt:
		return c.isDefined(s.Source, k, false)
	case *ir.ResultSetAddStmt:
		row := c.local(s.Value, k)
		return func(r *run, l []term.Value) signal {
			r.rows = append(r.rows, lasting(row.of(l)))
			return next
		}
	default:
		return c.composite(statement, k, at)
	}
}

// inTurn runs blocks one after the other. One that does not hold does not keep the next from being run; one that is left for
// more than itself does.
func inTurn(blocks []*block) step {
	if len(blocks) == 1 {
		only := blocks[0]
		return func(r *run, l []term.Value) signal { return only.run(r, l).nested() }
	}
	return func(r *run, l []term.Value) signal {
		for _, block := range blocks {
			if s := block.run(r, l); s > undefined {
				return s.nested()
			}
		}
		return next
	}
}

func (c *compiler) scan(s *ir.ScanStmt, k known) step {
	source, key, value := c.local(s.Source, k), s.Key, s.Value
	k.forgetAssigned(s.Block)
	k.forget(key)
	k.forget(value)
	body := c.block(s.Block, k.inner())
	return func(r *run, l []term.Value) signal {
		turn := func(at, is term.Value) signal {
			l[key], l[value] = at, is
			return body.run(r, l)
		}
		collection := source.of(l)
		switch {
		case collection.List() != nil:
			list := collection.List()
			for i := range list.Len() {
				if s := turn(term.Int(int64(i)), list.At(i)); s > undefined {
					return s.nested()
				}
			}
		case collection.Map() != nil:
			object := collection.Map()
			for i := range object.Len() {
				if s := turn(object.At(i)); s > undefined {
					return s.nested()
				}
			}
		case collection.Members() != nil:
			set := collection.Members()
			for i := range set.Len() {
				member := set.At(i)
				if s := turn(member, member); s > undefined {
					return s.nested()
				}
			}
		}
		return next
	}
}

func (c *compiler) not(s *ir.NotStmt, k known) step {
	body := c.block(s.Block, k.inner())
	k.forgetAssigned(s.Block)
	held, stale := heldLocal(s.Block)
	return func(r *run, l []term.Value) signal {
		if stale {
			l[held] = term.Value{}
		}
		mark := len(r.absences)
		s := body.run(r, l)
		r.excuse(mark)
		switch s {
		case next:
			return undefined
		case undefined:
			return next
		}
		return s - 1
	}
}

// heldLocal is the local that says whether the body of a not { } has held, where nothing resets it. OPA's planner (v1.22.2) leaves that
// out, so that it would still say so of the turn before, or be what another clause has put there.
func heldLocal(body *ir.Block) (ir.Local, bool) {
	if body == nil || len(body.Stmts) == 0 {
		return 0, false
	}
	last, ok := body.Stmts[len(body.Stmts)-1].(*ir.IsDefinedStmt)
	if !ok {
		return 0, false
	}
	return last.Source, !slices.ContainsFunc(body.Stmts, func(statement ir.Stmt) bool {
		reset, ok := statement.(*ir.ResetLocalStmt)
		return ok && reset.Target == last.Source
	})
}

func (c *compiler) dot(s *ir.DotStmt, k known, test bool) step {
	source, key, target := c.operand(s.Source, k), c.operand(s.Key, k), s.Target
	local, fromLocal := plain(s.Source).(ir.Local)
	path := ""
	if within, ok := k.paths[local]; ok && fromLocal && key.constant.Defined() {
		path = within + member(key.constant)
	}
	k.forget(target)
	if path != "" {
		k.paths[target] = path
	}
	if source.constant.Defined() && key.constant.Defined() {
		if value := source.constant.Get(key.constant); value.Defined() {
			k.constants[target] = value
			return assign(target, value)
		}
	}
	at := c.site(s)
	at.path = path
	notes, excuses := c.program.options.Strict && !test && !c.virtual(path), c.program.options.Excuses
	if key.constant.Defined() && !source.constant.Defined() {
		constant, from := term.KeyOf(key.constant), source.local
		return func(r *run, l []term.Value) signal {
			found := constant.At(l[from])
			if !found.Defined() {
				if notes && (excuses == nil || !excuses(l[from], constant.Value())) {
					r.noteAbsence(at, l[from], constant.Value())
				}
				return undefined
			}
			l[target] = found
			return next
		}
	}
	return func(r *run, l []term.Value) signal {
		in, wanted := source.of(l), key.of(l)
		found := in.Get(wanted)
		if !found.Defined() {
			if notes && (excuses == nil || !excuses(in, wanted)) {
				r.noteAbsence(at, in, wanted)
			}
			return undefined
		}
		l[target] = found
		return next
	}
}

// virtual reports whether rules are what is at the path or below it: then it is the planner that looks for data beside them.
func (c *compiler) virtual(path string) bool {
	below, inData := strings.CutPrefix(path, "data.")
	if !inData {
		return false
	}
	for _, f := range c.policy.Funcs.Funcs {
		if len(f.Path) > 1 && strings.HasPrefix(pathOf(f.Path[1:])+".", below+".") {
			return true
		}
	}
	return false
}

func (c *compiler) assignVar(s *ir.AssignVarStmt, k known) step {
	source, target := c.operand(s.Source, k), s.Target
	path, local := "", ir.Local(-1)
	if from, ok := plain(s.Source).(ir.Local); ok {
		path, local = k.paths[from], from
	}
	if local == target {
		return nil
	}
	k.forget(target)
	if path != "" {
		k.paths[target] = path
	}
	if source.constant.Defined() {
		k.constants[target] = source.constant
		return assign(target, source.constant)
	}
	from := source.local
	return func(_ *run, l []term.Value) signal {
		l[target] = l[from]
		return next
	}
}

func (c *compiler) assignOnce(s *ir.AssignVarOnceStmt, k known) step {
	source, target, at := c.operand(s.Source, k), s.Target, c.site(s)
	k.forget(target)
	name := c.name
	return func(r *run, l []term.Value) signal {
		value := source.of(l)
		if before := l[target]; before.Defined() && !term.Equal(before, value) {
			return r.fail(at, ConflictError, name+" produced conflicting values")
		}
		l[target] = value
		return next
	}
}

func (c *compiler) length(s *ir.LenStmt, k known) step {
	source, target := c.operand(s.Source, k), s.Target
	k.forget(target)
	return func(_ *run, l []term.Value) signal {
		length, ok := source.of(l).Len()
		if !ok {
			return undefined
		}
		l[target] = term.Int(int64(length))
		return next
	}
}

func (c *compiler) compare(a, b ir.Operand, k known, equal bool) step {
	left, right := c.operand(a, k), c.operand(b, k)
	if left.constant.Defined() && right.constant.Defined() {
		if term.Equal(left.constant, right.constant) == equal {
			return nil
		}
		return func(*run, []term.Value) signal { return undefined }
	}
	if right.constant.IsFalse() && !equal { // the value of a condition
		from := left.local
		return func(_ *run, l []term.Value) signal {
			if l[from].IsFalse() || !l[from].Defined() {
				return undefined
			}
			return next
		}
	}
	return func(r *run, l []term.Value) signal {
		a, b := left.of(l), right.of(l)
		if err := r.weighPair(a, b); err != nil {
			return r.stop(err)
		}
		if term.Equal(a, b) == equal {
			return next
		}
		return undefined
	}
}

func (c *compiler) isKind(source ir.Operand, k known, kind term.Kind) step {
	value := c.operand(source, k)
	return func(_ *run, l []term.Value) signal {
		if value.of(l).Kind() == kind {
			return next
		}
		return undefined
	}
}

func (c *compiler) isDefined(source ir.Local, k known, wanted bool) step {
	c.local(source, k)
	return func(_ *run, l []term.Value) signal {
		if l[source].Defined() == wanted {
			return next
		}
		return undefined
	}
}
