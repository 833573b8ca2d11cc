package audit

import (
	"fmt"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Extension is what was added to a log since its last checkpoint, read back from where it is stored.
type Extension struct {
	Last   Checkpoint               // the last one signed, or [Empty]
	Size   int64                    // how many leaves the log has now
	Time   time.Time                // now, by the store's clock
	Leaves iter.Seq2[Stored, error] // from Last.Size on, with their records and inputs
	Hashes tlog.HashReader          // of the whole log
}

// Sign signs for the log as it is now, and is the only way to sign anything. Before it does, it computes again from
// the stored records all that the signature will stand for: the digest of each record and input, the hash of each
// leaf, each hash stored above them, and the root in two ways. One flipped bit would otherwise be signed for, and no
// proof that leads through it would hold ever again.
//
// What does not come out is a [Break], and nothing is signed. The leaves from Last.Size on are under no checkpoint yet:
// where a stored hash is wrong and the leaves are right, it can be made again with [LoadTree] and [Tree.Append].
//
// Every record and input must be there, so none can be redacted before the first checkpoint above it.
func (e Extension) Sign(signer note.Signer) (Signed, error) {
	if err := e.Last.valid(); err != nil {
		return Signed{}, err
	}
	if e.Size < e.Last.Size || e.Size > MaxSize {
		return Signed{}, &Break{e.Size, Truncated, fmt.Errorf("there are %d leaves; signed for were %d", e.Size, e.Last.Size)}
	}
	from, err := LoadTree(e.Last.Size, e.Hashes)
	if err != nil {
		return Signed{}, err
	}
	if from.Root() != e.Last.Root {
		return Signed{}, &Break{0, Forked, fmt.Errorf("the stored hashes of the first %d leaves do not lead to the last checkpoint", e.Last.Size)}
	}
	tree, err := e.read(from)
	if err != nil {
		return Signed{}, err
	}
	// The second computation takes another way: through the stored hashes alone.
	root, err := tlog.TreeHash(e.Size, e.Hashes)
	if err != nil {
		return Signed{}, fmt.Errorf("read the root of %d leaves: %w", e.Size, err)
	}
	if root != tree.Root() {
		return Signed{}, &Break{e.Last.Size, Altered, fmt.Errorf("the root is %s by the leaves and %s by the stored hashes", tree.Root(), root)}
	}
	return Checkpoint{Origin: e.Last.Origin, Size: e.Size, Root: root, Time: e.Time}.sign(signer)
}

func (e Extension) read(from Tree) (Tree, error) {
	if e.Size == from.Size() {
		return from, nil
	}
	next, stop := iter.Pull2(e.Leaves)
	defer stop()
	v := newVerifier(Evidence{From: from, Hashes: e.Hashes, Complete: true}, e.Size, next)
	err := v.readTo(e.Size)
	return v.tree, err
}
