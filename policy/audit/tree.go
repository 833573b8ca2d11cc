package audit

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is the log at one size, as far as adding to it needs: the roots of the complete subtrees that its leaves make
// up, largest first, one for each bit of the size. The zero Tree is the empty log. A Tree does not change.
type Tree struct {
	size int64
	edge []tlog.Hash
}

// LoadTree reads the tree of that size, in one call of stored.
//
// The hashes of a log are stored under their index ([tlog.StoredHashIndex]), which counts from 0 without gaps in the
// order in which [Tree.Append] makes them.
func LoadTree(size int64, stored tlog.HashReader) (Tree, error) {
	if size < 0 || size > MaxSize {
		return Tree{}, fmt.Errorf("%w: no log has %d leaves", ErrMalformed, size)
	}
	if size == 0 {
		return Tree{}, nil
	}
	var indexes []int64
	for start, rest := int64(0), size; rest > 0; {
		level := bits.Len64(uint64(rest)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
		start += 1 << level
		rest -= 1 << level
	}
	edge, err := readHashes(stored, indexes)
	if err != nil {
		return Tree{}, fmt.Errorf("load the tree of %d leaves: %w", size, err)
	}
	return Tree{size: size, edge: edge}, nil
}

func readHashes(stored tlog.HashReader, indexes []int64) ([]tlog.Hash, error) {
	hashes, err := stored.ReadHashes(indexes)
	if err == nil && len(hashes) != len(indexes) {
		err = fmt.Errorf("%d hashes were asked for, %d came back", len(indexes), len(hashes))
	}
	return hashes, err
}

// Size is how many leaves the tree has.
func (t Tree) Size() int64 { return t.size }

// Root is the hash of the whole tree.
func (t Tree) Root() tlog.Hash {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil) // as RFC 6962 has it
	}
	root := t.edge[len(t.edge)-1]
	for _, left := range slices.Backward(t.edge[:len(t.edge)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// Addition is what adding leaves comes to: everything here is written in one transaction, or nothing is.
type Addition struct {
	Tree      Tree        // the log with the leaves
	First     int64       // the sequence of the first leaf; the others follow
	Leaves    [][]byte    // each leaf, encoded
	FirstHash int64       // the index of the first hash; the others follow
	Hashes    []tlog.Hash // about two a leaf
}

// Append adds leaves at the end of the log. It gives each its sequence, whatever the leaf said, and reads nothing.
// The tree itself stays what it is, so a transaction that has to run again starts from the same one.
func (t Tree) Append(leaves ...Leaf) (Addition, error) {
	if int64(len(leaves)) > MaxSize-t.size {
		return Addition{}, fmt.Errorf("%w: the log is full", ErrMalformed)
	}
	added := Addition{
		First: t.size, FirstHash: tlog.StoredHashCount(t.size),
		Leaves: make([][]byte, 0, len(leaves)), Hashes: make([]tlog.Hash, 0, 2*len(leaves)+len(t.edge)),
	}
	next := t.clone(len(leaves))
	for _, leaf := range leaves {
		leaf.Sequence = next.size
		encoded, err := leaf.Encode()
		if err != nil {
			return Addition{}, fmt.Errorf("append %s %.80q: %w", leaf.Kind, leaf.Object, err)
		}
		added.Leaves = append(added.Leaves, encoded)
		added.Hashes = next.push(LeafHash(encoded), added.Hashes)
	}
	added.Tree = next
	return added, nil
}

// clone has an edge of its own, with room for more leaves.
func (t Tree) clone(more int) Tree {
	room := bits.Len64(uint64(t.size) + uint64(more))
	return Tree{size: t.size, edge: append(make([]tlog.Hash, 0, max(room, len(t.edge)+1)), t.edge...)}
}

// push adds a leaf in place, and the hashes to store for it to hashes: its own, and that of each subtree it completes.
func (t *Tree) push(hash tlog.Hash, hashes []tlog.Hash) []tlog.Hash {
	hashes = append(hashes, hash)
	for range bits.TrailingZeros64(^uint64(t.size)) {
		last := len(t.edge) - 1
		hash = tlog.NodeHash(t.edge[last], hash)
		hashes = append(hashes, hash)
		t.edge = t.edge[:last]
	}
	t.edge = append(t.edge, hash)
	t.size++
	return hashes
}

// RootAt is the root the log had at that size.
func RootAt(size int64, stored tlog.HashReader) (tlog.Hash, error) {
	tree, err := LoadTree(size, stored)
	return tree.Root(), err
}

// ProveInclusion proves that the log of that size has its leaf at index. [Receipt] carries such a proof and checks it.
func ProveInclusion(size, index int64, stored tlog.HashReader) (tlog.RecordProof, error) {
	if index < 0 || index >= size || size > MaxSize {
		return nil, fmt.Errorf("%w: a log of %d leaves has none at %d", ErrMalformed, size, index)
	}
	proof, err := tlog.ProveRecord(size, index, stored)
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d of %d: %w", index, size, err)
	}
	return proof, nil
}
