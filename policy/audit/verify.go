package audit

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Stored is a leaf as it is stored, with what it stands for. Record and Input are nil where they are not there, such
// as after a redaction.
type Stored struct {
	Leaf, Record, Input []byte
}

// Evidence is what leaves are held against. The more of it, the closer a break is placed; none of it is needed.
type Evidence struct {
	// From is where the leaves begin; the zero Tree is the beginning of the log.
	From Tree
	// Checkpoints are those the auditor believes, of one log and not smaller than From. The leaves must lead to the root
	// of each, and reach the largest; what comes after it is not read.
	Checkpoints []Checkpoint
	// Hashes are those stored with the log. They place an altered leaf exactly.
	Hashes tlog.HashReader
	// Complete demands every record, and every input that was logged.
	Complete bool
}

// Report is what was read.
type Report struct {
	Tree    Tree  // of the leaves
	Records int64 // leaves whose record was there, and is the one that was logged
	Inputs  int64 // the same of inputs
}

// Reason is how a log is broken.
type Reason string

// The ways in which a log can be broken.
const (
	Missing   Reason = "missing"   // the leaf of this index is not there, but later ones are
	Repeated  Reason = "repeated"  // an earlier leaf is there once more
	Reordered Reason = "reordered" // the leaf of this index comes later
	Altered   Reason = "altered"   // the leaf, its record, its input or its hash is not what it was
	Truncated Reason = "truncated" // the leaves end before the log does
	Forked    Reason = "forked"    // the leaves are in themselves in order, but not those that were signed for
)

// Break is the first thing wrong with a log.
type Break struct {
	// Index is that of the first leaf that is wrong. For [Forked] it is the first that can be: all before it are under a
	// checkpoint that agrees.
	Index  int64
	Reason Reason
	Err    error // what was seen
}

// Error says what is wrong, and where.
func (b *Break) Error() string { return fmt.Sprintf("leaf %d: %s: %v", b.Index, b.Reason, b.Err) }

// Unwrap returns what was seen, and [ErrForked] for a fork.
func (b *Break) Unwrap() []error {
	if b.Reason == Forked {
		return []error{b.Err, ErrForked}
	}
	return []error{b.Err}
}

// Verify reads the leaves of a log in their order and computes everything again. It stops at the first [Break], which
// it returns as the error, beside the report of what it has read. Other errors are those of reading.
func Verify(leaves iter.Seq2[Stored, error], evidence Evidence) (Report, error) {
	checkpoints := slices.SortedFunc(slices.Values(evidence.Checkpoints), func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	limit := int64(MaxSize)
	for _, checkpoint := range checkpoints {
		if err := checkpoint.valid(); err != nil {
			return Report{}, err
		}
		if checkpoint.Size < evidence.From.Size() || checkpoint.Origin != checkpoints[0].Origin {
			return Report{}, fmt.Errorf("%w: the checkpoint of %q at %d is not of this log, or before leaf %d where reading starts",
				ErrMalformed, checkpoint.Origin, checkpoint.Size, evidence.From.Size())
		}
		limit = checkpoint.Size
	}
	next, stop := iter.Pull2(leaves)
	defer stop()
	v := newVerifier(evidence, limit, next)
	err := v.readThrough(checkpoints)
	v.report.Tree = v.tree
	return v.report, err
}

// verifier reads leaves and grows the tree by them.
type verifier struct {
	evidence Evidence
	limit    int64 // how many leaves there must be; MaxSize when nobody knows
	next     func() (Stored, error, bool)
	tree     Tree
	hashes   []tlog.Hash // made and not yet held against evidence.Hashes
	checked  int64       // how many hashes were
	report   Report
}

func newVerifier(evidence Evidence, limit int64, next func() (Stored, error, bool)) *verifier {
	tree := evidence.From.clone(0)
	return &verifier{
		evidence: evidence, limit: limit, next: next, tree: tree,
		checked: tlog.StoredHashCount(tree.size),
	}
}

// readThrough reads to each of checkpoints, or, when there are none, everything.
func (v *verifier) readThrough(checkpoints []Checkpoint) error {
	if len(checkpoints) == 0 {
		return v.readTo(MaxSize)
	}
	agreed := int64(0)
	for _, checkpoint := range checkpoints {
		if err := v.readTo(checkpoint.Size); err != nil {
			return err
		}
		if root := v.tree.Root(); root != checkpoint.Root {
			return &Break{agreed, Forked, fmt.Errorf("at %d leaves the root is %s; signed was %s", checkpoint.Size, root, checkpoint.Root)}
		}
		agreed = checkpoint.Size
	}
	return nil
}

// How many hashes are read at once.
const hashPortion = 1024

// readTo reads leaves until there are size, or fewer if that is all and nobody knows how many there must be.
func (v *verifier) readTo(size int64) error {
	for v.tree.size < size {
		stored, err, more := v.next()
		if err != nil {
			return cmp.Or(v.compare(), fmt.Errorf("read leaf %d: %w", v.tree.size, err))
		}
		if !more {
			if err := v.compare(); err != nil {
				return err
			}
			if v.limit < MaxSize {
				return &Break{v.tree.size, Truncated, fmt.Errorf("the leaves end here; there must be %d", v.limit)}
			}
			break
		}
		if broken := v.step(stored); broken != nil {
			// A hash that differs is of an earlier leaf, and so comes first.
			return cmp.Or(v.compare(), error(broken))
		}
		if len(v.hashes) >= hashPortion {
			if err := v.compare(); err != nil {
				return err
			}
		}
	}
	return v.compare()
}

// step checks one leaf by itself and adds it.
func (v *verifier) step(stored Stored) *Break {
	index := v.tree.size
	leaf, err := DecodeLeaf(stored.Leaf)
	if err != nil {
		return &Break{index, Altered, err}
	}
	if leaf.Sequence != index {
		return &Break{index, v.misplaced(index, leaf.Sequence), fmt.Errorf("the leaf found here says that it is leaf %d", leaf.Sequence)}
	}
	for _, part := range [...]struct {
		name    string
		content []byte
		digest  Digest
		count   *int64
	}{{"record", stored.Record, leaf.Record, &v.report.Records}, {"input", stored.Input, leaf.Input, &v.report.Inputs}} {
		switch {
		case part.content != nil:
			if err := leaf.check(part.name, part.digest, part.content); err != nil {
				return &Break{index, Altered, err}
			}
			*part.count++
		case v.evidence.Complete && !part.digest.IsZero():
			return &Break{index, Missing, fmt.Errorf("the %s of %s %s is not there", part.name, leaf.Kind, leaf.Object)}
		}
	}
	v.hashes = v.tree.push(LeafHash(stored.Leaf), v.hashes)
	return nil
}

// misplaced says what became of the leaf at index, where one was found that says it is another. It reads all that
// follows: whether a leaf is missing shows only at the end.
func (v *verifier) misplaced(index, found int64) Reason {
	count := int64(1)      // leaves from index on
	following := int64(-1) // what the next leaf says it is
	for {
		stored, err, more := v.next()
		if err != nil || !more {
			break
		}
		count++
		leaf, err := DecodeLeaf(stored.Leaf)
		if err != nil {
			continue
		}
		if count == 2 {
			following = leaf.Sequence
		}
		if leaf.Sequence == index {
			if count == 2 && found < index {
				return Repeated // one too many, and then it goes on
			}
			return Reordered
		}
	}
	switch complete := v.limit < MaxSize && count == v.limit-index; {
	case found != index+1 && (following == index+1 || complete):
		return Altered // it is here and says something else: those around it are in place
	case found < index:
		return Repeated
	default:
		return Missing
	}
}

// compare holds the hashes made so far against the stored ones.
func (v *verifier) compare() error {
	if v.evidence.Hashes == nil || len(v.hashes) == 0 {
		v.hashes = v.hashes[:0]
		return nil
	}
	indexes := make([]int64, len(v.hashes))
	for i := range indexes {
		indexes[i] = v.checked + int64(i)
	}
	stored, err := readHashes(v.evidence.Hashes, indexes)
	if err != nil {
		return fmt.Errorf("read the hashes from %d: %w", v.checked, err)
	}
	for i, hash := range v.hashes {
		if stored[i] == hash {
			continue
		}
		level, n := tlog.SplitStoredHashIndex(indexes[i])
		if level == 0 {
			return &Break{n, Altered, fmt.Errorf("its hash is %s, stored is %s", hash, stored[i])}
		}
		first, last := n<<level, (n+1)<<level-1
		return &Break{last, Altered, fmt.Errorf("the hash over leaves %d to %d, stored with it, is not theirs; the leaves are", first, last)}
	}
	v.checked += int64(len(v.hashes))
	v.hashes = v.hashes[:0]
	return nil
}
