package plan

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
)

const (
	maxLocals = 1 << 16 // of one function
	maxNested = 1 << 12 // blocks within blocks
)

// check says what is wrong with a plan that no planner has made: what it refers to is not there, or a function calls itself.
func check(policy *ir.Policy) error {
	if policy == nil || policy.Static == nil || policy.Plans == nil || policy.Funcs == nil {
		return &UnsupportedError{"a plan without its parts"}
	}
	for _, constant := range append(policy.Static.Strings, policy.Static.Files...) {
		if constant == nil {
			return &UnsupportedError{"a constant without a value"}
		}
	}
	c := &checker{policy: policy, functions: map[string]*ir.Func{}, calls: map[string][]string{}}
	for _, function := range policy.Funcs.Funcs {
		switch {
		case function == nil || len(function.Params) < 2:
			return &UnsupportedError{"a function without input and data"}
		case c.functions[function.Name] != nil:
			return &UnsupportedError{"two functions of the name " + function.Name}
		}
		c.functions[function.Name] = function
	}
	for _, function := range policy.Funcs.Funcs {
		c.calling = function.Name
		seen := map[ir.Local]bool{function.Return: true}
		for _, parameter := range function.Params {
			c.local(parameter)
			if seen[parameter] {
				c.refuse("a local that is two parameters")
			}
			seen[parameter] = true
		}
		c.local(function.Return)
		c.blocks(function.Blocks, 0)
	}
	for _, plan := range policy.Plans.Plans {
		if plan == nil {
			return &UnsupportedError{"a plan without blocks"}
		}
		c.calling = ""
		c.blocks(plan.Blocks, 0)
	}
	c.recursion()
	return c.problem
}

type checker struct {
	policy    *ir.Policy
	functions map[string]*ir.Func
	calling   string              // the function at hand
	calls     map[string][]string // by function
	problem   error
}

func (c *checker) refuse(format string, arguments ...any) {
	if c.problem == nil {
		c.problem = &UnsupportedError{fmt.Sprintf(format, arguments...)}
	}
}

func (c *checker) local(local ir.Local) {
	if local < 0 || local >= maxLocals {
		c.refuse("the local %d", local)
	}
}

func (c *checker) text(index int) {
	if index < 0 || index >= len(c.policy.Static.Strings) {
		c.refuse("the constant %d", index)
	}
}

func (c *checker) blocks(blocks []*ir.Block, depth int) {
	for _, block := range blocks {
		c.block(block, depth)
	}
}

func (c *checker) block(block *ir.Block, depth int) {
	if block == nil || depth >= maxNested {
		c.refuse("a block that is none, or too deep in others")
		return
	}
	for _, statement := range block.Stmts {
		if statement == nil || reflect.ValueOf(statement).IsNil() {
			c.refuse("a statement that is none")
			return
		}
		c.statement(statement, depth)
	}
}

func (c *checker) statement(statement ir.Stmt, depth int) {
	switch s := statement.(type) {
	case *ir.CallStmt:
		wanted := len(s.Args)
		if function := c.functions[s.Func]; function != nil {
			c.calls[c.calling] = append(c.calls[c.calling], s.Func)
			wanted = len(function.Params)
		} else if builtin := ast.BuiltinMap[s.Func]; builtin != nil {
			wanted = builtin.Decl.Arity()
		}
		if len(s.Args) != wanted {
			c.refuse("a call of %s with %d arguments", s.Func, len(s.Args))
		}
	case *ir.CallDynamicStmt:
		if len(s.Args) < 2 {
			c.refuse("a call without input and data")
		}
	case *ir.MakeNumberRefStmt:
		c.text(s.Index)
		if c.problem == nil {
			if _, ok := new(big.Float).SetString(c.policy.Static.Strings[s.Index].Value); !ok {
				c.refuse("the number %q", c.policy.Static.Strings[s.Index].Value)
			}
		}
	case *ir.WithStmt:
		for _, index := range s.Path {
			c.text(index)
		}
	case *ir.BreakStmt:
		if int64(s.Index) > int64(depth) {
			c.refuse("a break out of %d blocks", s.Index)
		}
	}
	c.parts(reflect.ValueOf(statement).Elem(), depth)
}

// parts checks the locals, operands and blocks of a statement.
func (c *checker) parts(statement reflect.Value, depth int) {
	for i := range statement.NumField() {
		if !statement.Field(i).CanInterface() {
			continue
		}
		switch part := statement.Field(i).Interface().(type) {
		case ir.Local:
			c.local(part)
		case []ir.Local:
			for _, local := range part {
				c.local(local)
			}
		case ir.Operand:
			c.operand(part)
		case []ir.Operand:
			for _, operand := range part {
				c.operand(operand)
			}
		case *ir.Block:
			c.block(part, depth+1)
		case []*ir.Block:
			c.blocks(part, depth+1)
		}
	}
}

func (c *checker) operand(operand ir.Operand) {
	switch value := plain(operand).(type) {
	case ir.Local:
		c.local(value)
	case ir.StringIndex:
		c.text(int(value))
	case ir.Bool:
	default:
		c.refuse("the operand %v", operand.Value)
	}
}

// recursion refuses a function that calls itself, be it by way of others.
func (c *checker) recursion() {
	const onTheWay, done = 1, 2
	state := map[string]int{}
	var follow func(name string)
	follow = func(name string) {
		switch state[name] {
		case onTheWay:
			c.refuse("the function %s that calls itself", name)
			return
		case done:
			return
		}
		state[name] = onTheWay
		for _, called := range c.calls[name] {
			follow(called)
		}
		state[name] = done
	}
	for name := range c.functions {
		follow(name)
	}
}
