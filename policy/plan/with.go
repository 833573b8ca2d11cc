package plan

import (
	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// with compiles a block that is run with something laid over the input or the data.
func (c *compiler) with(s *ir.WithStmt, k known) step {
	c.readsInput = true // what is remembered and what is folded is of the documents as they are
	value, local := c.operand(s.Value, k), s.Local
	c.slots = max(c.slots, int(local)+1)
	path := make([]term.Value, len(s.Path))
	for i, part := range s.Path {
		path[i] = term.Text(c.text(part))
	}
	inner := k.inner()
	inner.forget(local)
	if local == ir.Data {
		inner.paths[local] = "data"
	}
	if local == ir.Input {
		inner.paths[local] = "input"
	}
	inner.forgetAssigned(s.Block)
	body := c.block(s.Block, inner)
	k.forgetAssigned(s.Block)
	return func(r *run, l []term.Value) signal {
		before, scope := l[local], r.scope
		laid, err := r.overlay(before, path, value.of(l))
		if err != nil {
			return r.stop(err)
		}
		l[local] = laid
		r.scopes++
		r.scope = r.scopes
		outcome := body.run(r, l)
		l[local], r.scope = before, scope
		if outcome > undefined {
			return outcome - 1
		}
		return outcome
	}
}

// overlay is the document with the value at the path. What is on the way and is no object gives way to one.
func (r *run) overlay(document term.Value, path []term.Value, value term.Value) (term.Value, error) {
	if len(path) == 0 {
		return value, nil
	}
	object := &term.Map{}
	if of := document.Map(); of != nil {
		if err := r.grow(compositeBytes + memberBytes*int64(of.Len())); err != nil {
			return term.Value{}, err
		}
		object = of.Clone()
	}
	inner, err := r.overlay(object.Get(path[0]), path[1:], value)
	if err != nil {
		return term.Value{}, err
	}
	object.Set(path[0], inner)
	return object.Value(), nil
}
