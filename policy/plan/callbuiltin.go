package plan

import (
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/bidrail/bidrail/policy/term"
)

// ordering are the comparisons to which the type of a value matters: Rego gives each type its place above another.
var ordering = map[string]func(int) bool{
	"lt":  func(c int) bool { return c < 0 },
	"lte": func(c int) bool { return c <= 0 },
	"gt":  func(c int) bool { return c > 0 },
	"gte": func(c int) bool { return c >= 0 },
}

func (c *compiler) callBuiltin(s *ir.CallStmt, k known) step {
	arguments := make([]operand, len(s.Args))
	constants := make([]term.Value, len(s.Args))
	for i, argument := range s.Args {
		arguments[i] = c.operand(argument, k)
		constants[i] = arguments[i].constant
	}
	target, at := s.Result, c.site(s)
	k.forget(target)
	if holds, ok := ordering[s.Func]; ok && len(arguments) == 2 {
		return c.order(s.Func, holds, arguments[0], arguments[1], target, at)
	}
	function, ok := lookup(s.Func, constants)
	if !ok {
		c.unsupported("the built-in function " + s.Func)
		return nil
	}
	general := callGeneral(s.Func, function, arguments, target, at, c.program.options.BuiltinErrors)
	if exact, ok := integers[s.Func]; ok && len(arguments) == 2 {
		a, b := arguments[0], arguments[1]
		return func(r *run, l []term.Value) signal {
			if result, ok := exact(a.of(l), b.of(l)); ok {
				l[target] = result
				return next
			}
			return general(r, l)
		}
	}
	return general
}

// order compares. A comparison of two types is noted in a strict program, whatever it comes to.
func (c *compiler) order(name string, holds func(int) bool, a, b operand, target ir.Local, at *site) step {
	strict := c.program.options.Strict
	return func(r *run, l []term.Value) signal {
		x, y := a.of(l), b.of(l)
		if strict && x.Kind() != y.Kind() {
			r.noteMismatch(at, name, x, y)
		}
		if err := r.weighPair(x, y); err != nil {
			return r.stop(err)
		}
		l[target] = term.Bool(holds(term.Compare(x, y)))
		return next
	}
}

// integers is exact arithmetic; what is no integer, or too large, is left to OPA's.
var integers = map[string]func(a, b term.Value) (term.Value, bool){
	"plus": term.Add, "minus": term.Subtract, "mul": term.Multiply,
}

func callGeneral(name string, function builtin, arguments []operand, target ir.Local, at *site, fails bool) step {
	return func(r *run, l []term.Value) signal {
		base := len(r.stack)
		values := r.frame(len(arguments))
		for i, argument := range arguments {
			if values[i] = argument.of(l); !values[i].Defined() {
				r.stack = r.stack[:base]
				return undefined
			}
		}
		result, _, err := function(&r.budget, values)
		r.stack = r.stack[:base]
		if err != nil {
			if _, halts := errors.AsType[topdown.Halt](err); halts || r.over(err) {
				return r.stop(err)
			}
			if fails {
				return r.fail(at, BuiltinError, messageOf(name, err))
			}
			return undefined
		}
		if !result.Defined() {
			return undefined
		}
		l[target] = result
		return next
	}
}

// messageOf is what OPA says of the failure, which has the name of the function in it.
func messageOf(name string, err error) string {
	if failure, ok := errors.AsType[*topdown.Error](err); ok {
		return failure.Message
	}
	return fmt.Sprintf("%s: %v", name, err)
}
