package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"

	"github.com/bidrail/bidrail/policy/term"
)

// astRoom is about what one member takes up in OPA's form.
const astRoom = 192

// reference is OPA's own version of a built-in. It sees no clock, no chance, no network and no environment: those that need one fail.
//
// The result of a relation, such as walk, is the array of all it yields. A built-in without a result, such as print, gives true.
func reference(name string) (builtin, bool) {
	function := topdown.GetBuiltin(name)
	if function == nil {
		return nil, false
	}
	declared := ast.BuiltinMap[name]
	if declared == nil {
		declared = &ast.Builtin{Name: name}
	}
	nowhere := &ast.Capabilities{AllowNet: []string{}}
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		operands := make([]*ast.Term, len(arguments))
		for i, argument := range arguments {
			weight, err := b.weighed(argument)
			if err == nil {
				err = b.grow((weight + 1) * astRoom)
			}
			if err != nil {
				return term.Value{}, false, err
			}
			operands[i] = ast.NewTerm(argument.AST())
		}
		call := call{budget: b, builtin: declared}
		result, err := call.run(function, topdown.BuiltinContext{
			Context:      b.ctx,
			Cancel:       ended{b.ctx},
			Metrics:      metrics.NoOp(),
			Seed:         strings.NewReader(""),
			Time:         ast.InternedTerm(0),
			Cache:        builtins.Cache{},
			Capabilities: nowhere,
		}, operands)
		return result, true, err
	}, true
}

// ended is the end of a context in OPA's form.
type ended struct{ ctx context.Context }

func (e ended) Cancel()         {}
func (e ended) Cancelled() bool { return e.ctx.Err() != nil }

// call is one call of OPA's version of a built-in.
type call struct {
	budget  *budget
	builtin *ast.Builtin
	yielded []term.Value
}

func (c *call) run(function topdown.BuiltinFunc, within topdown.BuiltinContext, operands []*ast.Term) (result term.Value, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			result, err = term.Value{}, topdown.Halt{Err: fmt.Errorf("%s: OPA's version of it panics: %v", c.builtin.Name, caught)}
		}
	}()
	if err := function(within, operands, c.yield); err != nil {
		return term.Value{}, c.plain(err)
	}
	switch {
	case c.builtin.Relation:
		return term.NewList(c.yielded...), nil
	case len(c.yielded) == 0:
		return term.Value{}, nil
	}
	return c.yielded[0], nil
}

// yield takes one result.
func (c *call) yield(result *ast.Term) error {
	if result == nil {
		c.yielded = append(c.yielded, term.Bool(true))
		return nil
	}
	value, err := term.FromAST(result.Value)
	if err != nil {
		return err
	}
	weight, err := c.budget.weighed(value)
	if err != nil {
		return err
	}
	if err := c.budget.grow((weight + 1) * memberRoom); err != nil {
		return err
	}
	c.yielded = append(c.yielded, value)
	return nil
}

// plain is what OPA has against the arguments, without the code and the name that it puts before.
func (c *call) plain(err error) error {
	if c.budget.ctx.Err() != nil {
		return context.Cause(c.budget.ctx)
	}
	if _, stops := errors.AsType[topdown.Halt](err); stops {
		return err
	}
	if refusal, ok := errors.AsType[*topdown.Error](err); ok && refusal.Unwrap() != nil {
		return refusal.Unwrap()
	}
	return err
}
