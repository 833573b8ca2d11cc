package store

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
)

// LogHead is the log as it stands.
type LogHead struct {
	Size int64 // how many leaves it has
	Root tlog.Hash
}

// LogReader reads the log of package audit. Nothing writes to it by itself: what inserts a record
// appends its leaf, in the same transaction, so that neither is ever there without the other.
//
// A LogReader is a tlog.HashReader, and so can be handed to whatever in package audit makes proofs.
type LogReader interface {
	// LogHead is the size and the root of the log.
	LogHead() (LogHead, error)
	// LogLeaves is at most limit leaves, from that sequence on, in their order, and from where to read
	// on. Each leaf has the record and the input that are found under the id it names, nil where there
	// are none. [Leaves] reads to the end.
	LogLeaves(from int64, limit int) (leaves []audit.Stored, next int64, err error)
	// DecisionLeaf is the encoded leaf of the decision with that id, or policy.ErrNotFound.
	DecisionLeaf(id string) ([]byte, error)
	// ReadHashes is the hashes with those indexes, in the order of the indexes, or policy.ErrNotFound
	// when one of them is not there.
	ReadHashes(indexes []int64) ([]tlog.Hash, error)
}

var _ tlog.HashReader = LogReader(nil)

// Leaf is what the log keeps of the record, except for its sequence, which the log gives. It is for
// engines.
func (r DecisionRecord) Leaf() audit.Leaf {
	d := r.Decision
	leaf := audit.Leaf{
		Kind: audit.Decision, Platform: d.Target.Platform, Account: d.Target.Account,
		Time: time.UnixMicro(d.DecidedAt.UnixMicro()).UTC(), Subject: d.Automation, Object: d.ID, Record: audit.Sum(r.Encoded),
	}
	if len(r.Input) > 0 {
		leaf.Input = audit.Sum(r.Input)
	}
	return leaf
}

// MaxLeaves is how many leaves LogLeaves reads at once: with its record and input, a leaf can be
// large.
const MaxLeaves = 64

// Leaves is the leaves of the log from that sequence on, to the end.
func Leaves(r LogReader, from int64) iter.Seq2[audit.Stored, error] {
	return func(yield func(audit.Stored, error) bool) {
		for {
			leaves, next, err := r.LogLeaves(from, MaxLeaves)
			if err != nil {
				yield(audit.Stored{}, err)
				return
			}
			for _, leaf := range leaves {
				if !yield(leaf, nil) {
					return
				}
			}
			if len(leaves) < MaxLeaves {
				return
			}
			from = next
		}
	}
}

// VerifyLog reads the whole log and computes everything again: that every leaf is there, in its
// place, with its record and input as they were logged; that the stored hashes and the head are
// those of the leaves; that every decision and every event has a leaf; and that every permit, approval, review
// and exception is where its events have led it, and every review with the approval that it is of. The error is an [audit.Break] for the first thing that is wrong, or that of
// reading.
//
// What it cannot find is a log that was made anew from its first leaf on, together with the
// records. That shows beside a root that was kept elsewhere. Nor does it look at what is not logged: tallies
// and holds, the words that records are found by, notices on their way, and permits as they were given out, which the log knows by the decisions that name them.
func VerifyLog(r Reader) (audit.Report, error) {
	head, err := r.LogHead()
	if err != nil {
		return audit.Report{}, err
	}
	report, err := audit.Verify(Leaves(r, 0), audit.Evidence{Hashes: r, Complete: true})
	if err != nil {
		return report, err
	}
	size := report.Tree.Size()
	switch {
	case size < head.Size:
		return report, &audit.Break{Index: size, Reason: audit.Truncated, Err: fmt.Errorf("the leaves end here; the head of the log says that there are %d", head.Size)}
	case size > head.Size:
		return report, &audit.Break{Index: head.Size, Reason: audit.Altered, Err: fmt.Errorf("the head of the log says that it ends here, but there are %d leaves", size)}
	case report.Tree.Root() != head.Root:
		return report, &audit.Break{Index: size, Reason: audit.Altered, Err: fmt.Errorf("the leaves are right, but not the head of the log: its root is %s, theirs is %s", head.Root, report.Tree.Root())}
	}
	// The next leaf could not be stored.
	if _, err := r.ReadHashes([]int64{tlog.StoredHashCount(size)}); !errors.Is(err, policy.ErrNotFound) {
		if err == nil {
			err = &audit.Break{Index: size, Reason: audit.Altered, Err: errors.New("there are hashes behind the end of the log")}
		}
		return report, err
	}
	// Each leaf has found a record of its own, so there are none besides when there are as many.
	decisions, err := r.CountDecisions()
	if err != nil {
		return report, err
	}
	events, err := r.CountEvents()
	if err != nil {
		return report, err
	}
	if decisions+events != report.Records {
		return report, &audit.Break{Index: size, Reason: audit.Missing, Err: fmt.Errorf("there are %d decisions and %d events, of which %d were logged", decisions, events, report.Records)}
	}
	strays, err := r.StrayPermits()
	if err != nil {
		return report, err
	}
	for i, id := range strays {
		strays[i] = "permit " + id
	}
	others, err := r.StrayApprovals()
	if strays = append(strays, others...); err == nil && len(strays) > 0 {
		err = &audit.Break{Index: size, Reason: audit.Altered, Err: fmt.Errorf("%s is not at the version that its last logged step has made, or not where that says", strays[0])}
	}
	return report, err
}
