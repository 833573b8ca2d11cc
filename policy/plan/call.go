package plan

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// call compiles a call of a rule, of a function, or of a built-in.
func (c *compiler) call(s *ir.CallStmt, k known) step {
	target := s.Result
	function, ok := c.byName[s.Func]
	if !ok {
		return c.callBuiltin(s, k)
	}
	if len(s.Args) < 2 || len(s.Args)-2 != len(function.arguments) {
		c.unsupported(fmt.Sprintf("a call of %s with %d operands", s.Func, len(s.Args)))
		return nil
	}
	input, data := c.document(s.Args[0]), c.document(s.Args[1])
	if function.readsInput {
		c.readsInput = true
	}
	arguments := make([]operand, len(s.Args)-2)
	for i, argument := range s.Args[2:] {
		arguments[i] = c.operand(argument, k)
	}
	k.forget(target)
	if function.folded {
		k.constants[target] = function.value
		return assign(target, function.value)
	}
	return func(r *run, l []term.Value) signal {
		value := r.call(function, l[input], l[data], arguments, l)
		if r.failed() {
			return leaveAll
		}
		if !value.Defined() {
			return undefined
		}
		l[target] = value
		return next
	}
}

// document is the local of the input or the data that is handed on to a function.
func (c *compiler) document(o ir.Operand) int {
	local, ok := plain(o).(ir.Local)
	if !ok {
		c.unsupported("a function called with a constant for its documents")
	}
	c.slots = max(c.slots, int(local)+1)
	return int(local)
}

func (c *compiler) callDynamic(s *ir.CallDynamicStmt, k known) step {
	c.readsInput = true // whom it calls is not known
	if len(s.Args) < 2 {
		c.unsupported("a dynamic call without its documents")
		return nil
	}
	input, data, target := s.Args[0], s.Args[1], s.Result
	c.slots = max(c.slots, int(input)+1, int(data)+1)
	arguments := make([]operand, len(s.Args)-2)
	for i, argument := range s.Args[2:] {
		arguments[i] = c.local(argument, k)
	}
	path := make([]operand, len(s.Path))
	for i, part := range s.Path {
		path[i] = c.operand(part, k)
	}
	k.forget(target)
	return func(r *run, l []term.Value) signal {
		parts := make([]string, len(path))
		for i, part := range path {
			name, ok := part.of(l).Text()
			if !ok {
				return undefined
			}
			parts[i] = name
		}
		function, ok := r.program.byPath[pathOf(parts)]
		if !ok || len(function.arguments) != len(arguments) {
			return undefined
		}
		value := r.call(function, l[input], l[data], arguments, l)
		if r.failed() {
			return leaveAll
		}
		if !value.Defined() {
			return undefined
		}
		l[target] = value
		return next
	}
}
