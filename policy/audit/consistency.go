package audit

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Consistency is what a log shows of how it grew: the root that its first From leaves have, and the proof that it is
// so in the tree of To leaves. Carrying the root, it convicts a log that signed another one.
type Consistency struct {
	From, To int64
	Root     tlog.Hash
	Proof    tlog.TreeProof
}

// ProveConsistency shows what the log of to leaves was at from leaves.
func ProveConsistency(from, to int64, stored tlog.HashReader) (Consistency, error) {
	if from < 0 || to < from || to > MaxSize {
		return Consistency{}, fmt.Errorf("%w: no log grows from %d to %d leaves", ErrMalformed, from, to)
	}
	root, err := RootAt(from, stored)
	if err != nil {
		return Consistency{}, err
	}
	consistency := Consistency{From: from, To: to, Root: root, Proof: tlog.TreeProof{}}
	if from == 0 || from == to {
		return consistency, nil // nothing to prove
	}
	if consistency.Proof, err = tlog.ProveTree(to, from, stored); err != nil {
		return Consistency{}, fmt.Errorf("prove that %d leaves became %d: %w", from, to, err)
	}
	return consistency, nil
}

// Compare says whether one of two checkpoints is the beginning of the other, given what the log shows of how it grew
// from the smaller to the larger. It returns nil when it is; [ErrForked] when it is proven not to be, which makes a
// [Fork]; [ErrUnproven] when consistency shows neither. The times do not matter.
//
// Checkpoints of one size, and those of a log without leaves, need no consistency.
func Compare(a, b Checkpoint, consistency Consistency) error {
	if err := errors.Join(a.valid(), b.valid()); err != nil {
		return err
	}
	if a.Origin != b.Origin {
		return fmt.Errorf("%w: checkpoints of the logs %q and %q say nothing about each other", ErrUnproven, a.Origin, b.Origin)
	}
	if a.Size > b.Size {
		a, b = b, a
	}
	prefix := consistency.Root
	switch {
	case a.Size == b.Size:
		prefix = b.Root
	case a.Size == 0:
		return nil // the root of no leaves is always the same
	case consistency.From != a.Size || consistency.To != b.Size:
		return fmt.Errorf("%w: the checkpoints have %d and %d leaves, the proof goes from %d to %d",
			ErrUnproven, a.Size, b.Size, consistency.From, consistency.To)
	default:
		if err := tlog.CheckTree(consistency.Proof, b.Size, b.Root, a.Size, prefix); err != nil {
			return fmt.Errorf("%w: that %d leaves became %d: %w", ErrUnproven, a.Size, b.Size, err)
		}
	}
	if prefix != a.Root {
		return fmt.Errorf("%w: at %d leaves the log signed the root %s, and later %s", ErrForked, a.Size, a.Root, prefix)
	}
	return nil
}

// Fork is the proof that a log signed for two histories. It needs no trust in whoever shows it.
type Fork struct {
	First, Second []byte // the signed checkpoints
	Consistency   Consistency
}

// NewFork makes the proof of what [Compare] found, and fails with [ErrUnproven] when that is no fork.
func NewFork(first, second Signed, consistency Consistency) (Fork, error) {
	if err := forked(first, second, consistency); err != nil {
		return Fork{}, err
	}
	return Fork{First: first.Note, Second: second.Note, Consistency: consistency}, nil
}

// Verify returns nil when the fork is proven against the log that keys belong to.
func (f Fork) Verify(keys ...note.Verifier) error {
	first, err := OpenCheckpoint(f.First, keys...)
	if err != nil {
		return fmt.Errorf("first: %w", err)
	}
	second, err := OpenCheckpoint(f.Second, keys...)
	if err != nil {
		return fmt.Errorf("second: %w", err)
	}
	return forked(first, second, f.Consistency)
}

func forked(first, second Signed, consistency Consistency) error {
	switch err := Compare(first.Checkpoint, second.Checkpoint, consistency); {
	case err == nil:
		return fmt.Errorf("%w: the checkpoints agree", ErrUnproven)
	case !errors.Is(err, ErrForked):
		return err
	}
	return nil
}

const forkFormat = "bidrail.fork.v1"

type forkJSON struct {
	Format string   `json:"format"`
	First  string   `json:"first"`
	Second string   `json:"second"`
	From   int64    `json:"from"`
	To     int64    `json:"to"`
	Root   string   `json:"root"`
	Proof  []string `json:"proof"`
}

// Encode is the fork as JSON, to be shown to others.
func (f Fork) Encode() ([]byte, error) {
	c := f.Consistency
	return json.Marshal(forkJSON{forkFormat, string(f.First), string(f.Second), c.From, c.To, c.Root.String(), hashTexts(c.Proof)})
}

// DecodeFork reads what [Fork.Encode] writes.
func DecodeFork(encoded []byte) (Fork, error) {
	var (
		in   forkJSON
		fork Fork
	)
	err := decodeObject(encoded, map[string]member{
		"format": exactly(forkFormat), "first": into(&in.First), "second": into(&in.Second),
		"from": into(&in.From), "to": into(&in.To), "root": into(&in.Root), "proof": into(&in.Proof),
	})
	if err == nil {
		fork.Consistency.Root, err = parseHash(in.Root)
	}
	if err == nil {
		fork.Consistency.Proof, err = parseHashes(in.Proof)
	}
	if err != nil {
		return Fork{}, fmt.Errorf("fork: %w", err)
	}
	fork.First, fork.Second = []byte(in.First), []byte(in.Second)
	fork.Consistency.From, fork.Consistency.To = in.From, in.To
	return fork, nil
}
