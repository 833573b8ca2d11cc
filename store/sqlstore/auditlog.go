package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

const (
	queryHead         = "SELECT size, root FROM log_head"
	queryLeaves       = "SELECT seq, leaf FROM log_leaves WHERE seq >= ? ORDER BY seq LIMIT ?"
	queryDecisionLeaf = "SELECT leaf FROM decisions JOIN log_leaves ON log_leaves.seq = leaf_seq WHERE id = ?"
)

func queryHashes(indexes int) string {
	return "SELECT idx, hash FROM log_hashes WHERE idx IN (" + list(indexes) + ")"
}

// queryLogged finds what leaves name. It goes by the id, as everybody does who asks for a decision.
func queryLogged(ids int) string {
	return "SELECT id, record, input FROM decisions LEFT JOIN inputs USING (seq) WHERE id IN (" + list(ids) + ")"
}

// LogHead is described in store.LogReader.
func (r *reader) LogHead() (store.LogHead, error) {
	head, found := store.LogHead{}, false
	err := r.query("read the head of the log", func(rows *sql.Rows) error {
		var root []byte
		found = true
		err := rows.Scan(&head.Size, &root)
		head.Root = hashOf(root)
		return err
	}, queryHead)
	if err == nil && !found {
		err = r.brokenLog("it has no head")
	}
	return head, err
}

// hashOf is a stored hash. What has another length is none: it becomes the zero Hash, which nothing
// has, and so is found to be wrong in its place.
func hashOf(stored []byte) (hash tlog.Hash) {
	if len(stored) == tlog.HashSize {
		copy(hash[:], stored)
	}
	return hash
}

// LogLeaves is described in store.LogReader.
func (r *reader) LogLeaves(from int64, limit int) (leaves []audit.Stored, next int64, err error) {
	if from < 0 || limit < 1 || limit > store.MaxLeaves {
		return nil, 0, fmt.Errorf("%w: of the log, 1 to %d leaves can be read at once, not %d from %d on", policy.ErrInvalid, store.MaxLeaves, limit, from)
	}
	next = from
	err = r.query("read leaves", func(rows *sql.Rows) error {
		var (
			sequence int64
			leaf     audit.Stored
		)
		err := rows.Scan(&sequence, &leaf.Leaf)
		leaves, next = append(leaves, leaf), sequence+1
		return err
	}, queryLeaves, from, limit)
	if err == nil {
		err = r.addRecords(leaves)
	}
	if err != nil {
		return nil, 0, err
	}
	return leaves, next, nil
}

// addRecords reads the records that leaves stand for. A leaf that cannot be read has none.
func (r *reader) addRecords(leaves []audit.Stored) error {
	decisions, events := make(map[string][]int), make(map[eventKey][]int)
	var ids, keys []any
	for i := range leaves {
		leaf, err := audit.DecodeLeaf(leaves[i].Leaf)
		if err != nil {
			continue
		}
		switch leaf.Kind {
		case audit.Decision:
			if decisions[leaf.Object] == nil {
				ids = append(ids, leaf.Object)
			}
			decisions[leaf.Object] = append(decisions[leaf.Object], i)
		case audit.Permit, audit.Mode, audit.Approval, audit.Review, audit.Suppression, audit.Grant, audit.Override, audit.Delegation,
			audit.Experiment, audit.Calendar, audit.Contamination:
			object, version, ok := store.ParseEventObject(leaf.Object)
			if !ok {
				continue
			}
			key := eventKey{string(leaf.Kind), object, version}
			if events[key] == nil {
				keys = append(keys, key.kind, key.object, key.version)
			}
			events[key] = append(events[key], i)
		}
	}
	scanDecision := func(rows *sql.Rows) error {
		var (
			id            string
			record, input []byte
		)
		err := rows.Scan(&id, &record, &input)
		for _, i := range decisions[id] {
			leaves[i].Record, leaves[i].Input = record, input
		}
		return err
	}
	err := inPortions(len(ids), func(from, to int) error {
		return r.query("read what leaves stand for", scanDecision, queryLogged(to-from), ids[from:to]...)
	})
	if err != nil {
		return err
	}
	scanEvent := func(rows *sql.Rows) error {
		var (
			key    eventKey
			record []byte
		)
		err := rows.Scan(&key.kind, &key.object, &key.version, &record)
		for _, i := range events[key] {
			leaves[i].Record = record
		}
		return err
	}
	return inPortions(len(keys)/3, func(from, to int) error {
		return r.query("read what leaves stand for", scanEvent, queryLoggedEvents(to-from), keys[3*from:3*to]...)
	})
}

// eventKey is what an event is stored under.
type eventKey struct {
	kind, object string
	version      int64
}

// DecisionLeaf is described in store.LogReader.
func (r *reader) DecisionLeaf(id string) ([]byte, error) {
	var leaf []byte
	err := r.query("leaf of decision "+id, func(rows *sql.Rows) error { return rows.Scan(&leaf) }, queryDecisionLeaf, id)
	switch {
	case err != nil:
		return nil, err
	case leaf == nil:
		return nil, fmt.Errorf("leaf of decision %s: %w", id, policy.ErrNotFound)
	}
	if decoded, err := audit.DecodeLeaf(leaf); err != nil || decoded.Object != id {
		return nil, r.brokenLog("the leaf of decision " + id + " is not its own")
	}
	return leaf, nil
}

// ReadHashes is described in store.LogReader.
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make(map[int64]tlog.Hash, len(indexes))
	scan := func(rows *sql.Rows) error {
		var (
			index int64
			hash  []byte
		)
		err := rows.Scan(&index, &hash)
		found[index] = hashOf(hash)
		return err
	}
	arguments := make([]any, len(indexes))
	for i, index := range indexes {
		arguments[i] = index
	}
	err := inPortions(len(indexes), func(from, to int) error {
		return r.query("read hashes of the log", scan, queryHashes(to-from), arguments[from:to]...)
	})
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := found[index]
		if !ok {
			return nil, fmt.Errorf("hash %d of the log: %w", index, policy.ErrNotFound)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// appendLeaves adds leaves to the log and returns the sequence of the first. A log
// that does not agree with itself is not added to: nothing can be decided until somebody has looked.
func (w *writer) appendLeaves(leaves []audit.Leaf) (first int64, err error) {
	added, moved, err := w.moveHead(w.connection.tree, leaves)
	if err == nil && !moved {
		var tree audit.Tree
		if tree, err = w.loadTree(); err == nil {
			added, moved, err = w.moveHead(tree, leaves)
		}
		if err == nil && !moved {
			err = w.brokenLog("its head cannot be moved")
		}
	}
	if err != nil {
		return 0, err
	}
	pairs := make([]any, 0, 2*len(added.Leaves))
	for i, leaf := range added.Leaves {
		pairs = append(pairs, added.First+int64(i), leaf)
	}
	err = w.insertRows("insert leaves", "INSERT INTO log_leaves (seq, leaf) VALUES ", 2, pairs, "")
	if err == nil {
		pairs = make([]any, 0, 2*len(added.Hashes))
		for i := range added.Hashes {
			pairs = append(pairs, added.FirstHash+int64(i), added.Hashes[i][:])
		}
		err = w.insertRows("insert hashes", "INSERT INTO log_hashes (idx, hash) VALUES ", 2, pairs, "")
	}
	if errors.Is(err, store.ErrConflict) {
		// Not a decision that is stored already, which is what the caller would make of it.
		return 0, w.brokenLog(fmt.Sprintf("something is stored behind its end at %d leaves", added.First))
	}
	if err != nil {
		return 0, err
	}
	w.connection.tree = added.Tree
	return added.First, nil
}

// moveHead adds leaves to tree and moves the head of the log on, provided that it is that of tree. In
// one statement, so that an engine in which others write meanwhile makes them wait from here on.
func (w *writer) moveHead(tree audit.Tree, leaves []audit.Leaf) (added audit.Addition, moved bool, err error) {
	if added, err = tree.Append(leaves...); err != nil {
		return added, false, w.refuse(fmt.Errorf("%w: %w", policy.ErrInvalid, err))
	}
	from, to := tree.Root(), added.Tree.Root()
	rows, err := w.change("move the head of the log", "UPDATE log_head SET size = ?, root = ? WHERE size = ? AND root = ?",
		added.Tree.Size(), to[:], tree.Size(), from[:])
	return added, rows == 1, err
}

// loadTree is the log as the transaction sees it.
func (w *writer) loadTree() (audit.Tree, error) {
	head, err := w.LogHead()
	if err != nil {
		return audit.Tree{}, err
	}
	tree, err := audit.LoadTree(head.Size, w)
	switch {
	case w.failed != nil:
		return audit.Tree{}, w.failed
	case err != nil:
		return audit.Tree{}, w.brokenLog(err.Error())
	case tree.Root() != head.Root:
		return audit.Tree{}, w.brokenLog(fmt.Sprintf("the root of its %d leaves is %s by its head and %s by its hashes", head.Size, head.Root, tree.Root()))
	}
	return tree, nil
}

// brokenLog makes a log that is not as it was left the error of the transaction.
func (r *reader) brokenLog(why string) error {
	r.failed = fmt.Errorf("%w: the log of decisions is damaged: %s; stop the server and run bidrail audit verify", policy.ErrUnavailable, why)
	return r.failed
}
