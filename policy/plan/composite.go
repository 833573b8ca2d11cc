package plan

import (
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ir"

	"github.com/bidrail/bidrail/policy/term"
)

// What objects, arrays and sets take of the memory budget, and each of their members: about what they take up.
const (
	compositeBytes = 64
	memberBytes    = 72
)

// form is an object literal whose keys are all known: objects of it share them.
type form struct {
	keys  *term.Keys
	place int // of the member, for the statement that adds one
}

// literals finds the object literals of a block: an object that is made there and has members with known keys added there, each
// once, and nothing else done to it.
func literals(b *ir.Block) map[ir.Stmt]*form {
	var found map[ir.Stmt]*form
	for i, statement := range b.Stmts {
		begin, ok := statement.(*ir.MakeObjectStmt)
		if !ok {
			continue
		}
		if inserts, ok := insertsOf(b.Stmts[i+1:], begin.Target); ok {
			if found == nil {
				found = map[ir.Stmt]*form{}
			}
			found[begin] = &form{}
			for _, insert := range inserts {
				found[insert] = &form{}
			}
		}
	}
	return found
}

// insertsOf are the statements that add to the object, unless something else is done to it before the block ends or it is made anew.
func insertsOf(statements []ir.Stmt, object ir.Local) ([]*ir.ObjectInsertStmt, bool) {
	var inserts []*ir.ObjectInsertStmt
	keys := map[ir.StringIndex]bool{}
	for _, statement := range statements {
		if insert, ok := statement.(*ir.ObjectInsertStmt); ok && insert.Object == object {
			key, constant := plain(insert.Key).(ir.StringIndex)
			if !constant || keys[key] {
				return nil, false
			}
			keys[key] = true
			inserts = append(inserts, insert)
			continue
		}
		changed := false
		walk([]*ir.Block{{Stmts: []ir.Stmt{statement}}}, func(each ir.Stmt) {
			for _, local := range assigned(each) {
				changed = changed || local == object
			}
		})
		if changed {
			return nil, false
		}
	}
	return inserts, len(inserts) > 0
}

// formsOf gives the literals of a block the keys they share.
func (c *compiler) formsOf(b *ir.Block) map[ir.Stmt]*form {
	forms := literals(b)
	for i, statement := range b.Stmts {
		begin, ok := statement.(*ir.MakeObjectStmt)
		if !ok || forms[begin] == nil {
			continue
		}
		inserts, _ := insertsOf(b.Stmts[i+1:], begin.Target)
		names := make([]string, len(inserts))
		for j, insert := range inserts {
			names[j] = c.text(int(plain(insert.Key).(ir.StringIndex)))
		}
		keys := term.NewKeys(names...)
		forms[begin].keys = keys
		for j, insert := range inserts {
			*forms[insert] = form{keys, keys.Index(term.Text(names[j]))}
		}
	}
	return forms
}

// composite compiles what makes objects, arrays and sets.
func (c *compiler) composite(statement ir.Stmt, k known, at place) step {
	switch s := statement.(type) {
	case *ir.MakeObjectStmt:
		k.forget(s.Target)
		return makeObject(s.Target, at.form)
	case *ir.MakeArrayStmt:
		k.forget(s.Target)
		return makeArray(s.Target, int(s.Capacity))
	case *ir.MakeSetStmt:
		k.forget(s.Target)
		return assign(s.Target, emptySet)
	case *ir.ArrayAppendStmt:
		return c.arrayAppend(s, k)
	case *ir.ObjectInsertStmt:
		return c.objectInsert(s, k, at.form)
	case *ir.ObjectInsertOnceStmt:
		return c.objectInsertOnce(s, k)
	case *ir.ObjectMergeStmt:
		return c.objectMerge(s, k)
	case *ir.SetAddStmt:
		return c.setAdd(s, k)
	}
	c.unsupported(fmt.Sprintf("the statement %T", statement))
	return nil
}

// What is empty is shared until the first member is added.
var (
	emptySet    = term.EmptySet()
	emptyObject = new(term.Map).Value()
	emptyArray  = term.NewList()
)

func makeObject(target ir.Local, of *form) step {
	if of == nil {
		return assign(target, emptyObject)
	}
	keys, size := of.keys, of.keys.Len()
	return func(r *run, l []term.Value) signal {
		if err := r.grow(int64(compositeBytes + memberBytes*size)); err != nil {
			return r.stop(err)
		}
		object := &r.arena.maps.take(1)[0]
		*object = term.MapOf(keys, r.arena.values.take(size))
		l[target] = object.Value()
		return next
	}
}

func makeArray(target ir.Local, capacity int) step {
	if capacity <= 0 {
		return assign(target, emptyArray)
	}
	return func(r *run, l []term.Value) signal {
		if err := r.grow(int64(compositeBytes + memberBytes*capacity)); err != nil {
			return r.stop(err)
		}
		list := &r.arena.lists.take(1)[0]
		*list = term.ListIn(r.arena.values.take(capacity))
		l[target] = list.Value()
		return next
	}
}

func (c *compiler) arrayAppend(s *ir.ArrayAppendStmt, k known) step {
	value, array := c.operand(s.Value, k), s.Array
	k.forget(array)
	return func(r *run, l []term.Value) signal {
		if err := r.grow(memberBytes); err != nil {
			return r.stop(err)
		}
		list := l[array].List()
		if list == nil {
			return undefined
		}
		if term.Same(l[array], emptyArray) {
			list = &r.arena.lists.take(1)[0]
			*list = term.List{}
			l[array] = list.Value()
		}
		item := value.of(l)
		if !item.Defined() {
			return undefined
		}
		list.Append(item)
		return next
	}
}

// objectIn is the object of a local, one of its own from the first member on.
func (r *run) objectIn(l []term.Value, local ir.Local) *term.Map {
	if term.Same(l[local], emptyObject) {
		object := &r.arena.maps.take(1)[0]
		*object = term.Map{}
		l[local] = object.Value()
	}
	return l[local].Map()
}

func (c *compiler) objectInsert(s *ir.ObjectInsertStmt, k known, of *form) step {
	key, value, object := c.operand(s.Key, k), c.operand(s.Value, k), s.Object
	k.forget(object)
	if of != nil {
		place := of.place
		return func(_ *run, l []term.Value) signal {
			member := value.of(l)
			if !member.Defined() {
				return undefined
			}
			l[object].Map().Put(place, member)
			return next
		}
	}
	return func(r *run, l []term.Value) signal {
		if err := r.grow(memberBytes); err != nil {
			return r.stop(err)
		}
		into := r.objectIn(l, object)
		if into == nil {
			return undefined
		}
		name, member := key.of(l), value.of(l)
		if !name.Defined() || !member.Defined() {
			return undefined
		}
		if err := r.weigh(name); err != nil {
			return r.stop(err)
		}
		into.Set(name, member)
		return next
	}
}

func (c *compiler) objectInsertOnce(s *ir.ObjectInsertOnceStmt, k known) step {
	key, value, object, at := c.operand(s.Key, k), c.operand(s.Value, k), s.Object, c.site(s)
	k.forget(object)
	return func(r *run, l []term.Value) signal {
		if err := r.grow(memberBytes); err != nil {
			return r.stop(err)
		}
		into := r.objectIn(l, object)
		if into == nil {
			return undefined
		}
		name, member := key.of(l), value.of(l)
		if err := errors.Join(r.weigh(name), r.weigh(member)); err != nil {
			return r.stop(err)
		}
		if before := into.Get(name); before.Defined() && !term.Equal(before, member) {
			return r.fail(at, ConflictError, fmt.Sprintf("an object has two values at the key %v", name))
		}
		into.Set(name, member)
		return next
	}
}

func (c *compiler) setAdd(s *ir.SetAddStmt, k known) step {
	value, set := c.operand(s.Value, k), s.Set
	k.forget(set)
	return func(r *run, l []term.Value) signal {
		if err := r.grow(memberBytes); err != nil {
			return r.stop(err)
		}
		into := l[set].Members()
		if into == nil {
			return undefined
		}
		if term.Same(l[set], emptySet) {
			into = &r.arena.sets.take(1)[0]
			*into = term.Members{}
			l[set] = into.Value()
		}
		member := value.of(l)
		if !member.Defined() {
			return undefined
		}
		if err := r.weigh(member); err != nil {
			return r.stop(err)
		}
		into.Add(member)
		return next
	}
}

func (c *compiler) objectMerge(s *ir.ObjectMergeStmt, k known) step {
	a, b, target, at := c.local(s.A, k), c.local(s.B, k), s.Target, c.site(s)
	k.forget(target)
	return func(r *run, l []term.Value) signal {
		left, right := a.of(l).Map(), b.of(l).Map()
		if left == nil || right == nil {
			return r.fail(at, ConflictError, "something that is no object is merged with another")
		}
		merged, err := r.merge(left, right)
		if err != nil {
			return r.stop(err)
		}
		l[target] = merged.Value()
		return next
	}
}

// merge is an object with what either has. Where both have an object the two are merged, otherwise that of a counts.
func (r *run) merge(a, b *term.Map) (*term.Map, error) {
	if err := r.grow(compositeBytes + memberBytes*int64(a.Len()+b.Len())); err != nil {
		return nil, err
	}
	if err := r.spend(int64(a.Len() + b.Len())); err != nil {
		return nil, err
	}
	merged := a.Clone()
	for i := range b.Len() {
		key, value := b.At(i)
		switch before := merged.Get(key); {
		case !before.Defined():
			merged.Set(key, value)
		case before.Map() != nil && value.Map() != nil:
			both, err := r.merge(before.Map(), value.Map())
			if err != nil {
				return nil, err
			}
			merged.Set(key, both.Value())
		}
	}
	return merged, nil
}
