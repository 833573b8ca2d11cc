package audit

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func TestVerify(t *testing.T) {
	b := new(book).grow(t, 3000, "x") // several portions of hashes
	for name, evidence := range map[string]Evidence{
		"nothing":     {},
		"all":         {Checkpoints: []Checkpoint{b.checkpoint(t, 3000), b.checkpoint(t, 0), b.checkpoint(t, 700)}, Hashes: b.hashes, Complete: true},
		"hashes":      {Hashes: b.hashes},
		"checkpoints": {Checkpoints: []Checkpoint{b.checkpoint(t, 3000)}},
	} {
		report, err := Verify(b.leaves(0), evidence)
		if err != nil || report.Tree.Size() != 3000 || report.Tree.Root() != b.tree.Root() || report.Records != 3000 || report.Inputs != 2000 {
			t.Errorf("against %s: got %+v, %v", name, report, err)
		}
	}

	// From a point in the middle, to one that is not the end.
	from, err := LoadTree(1000, b.hashes)
	if err != nil {
		t.Fatal(err)
	}
	some := Evidence{From: from, Checkpoints: []Checkpoint{b.checkpoint(t, 1000), b.checkpoint(t, 2000)}, Hashes: b.hashes}
	report, err := Verify(b.leaves(1000), some)
	if err != nil || report.Tree.Size() != 2000 || report.Records != 1000 {
		t.Errorf("from 1000 to 2000: got %+v, %v", report, err)
	}

	// Redacted records leave the log whole.
	redacted := b.clone()
	for i := range redacted.stored {
		redacted.stored[i].Record, redacted.stored[i].Input = nil, nil
	}
	report, err = Verify(redacted.leaves(0), Evidence{Checkpoints: []Checkpoint{b.checkpoint(t, 3000)}, Hashes: b.hashes})
	if err != nil || report.Records != 0 || report.Inputs != 0 {
		t.Errorf("without records: got %+v, %v", report, err)
	}

	failing := func(yield func(Stored, error) bool) {
		if yield(b.stored[0], nil) {
			yield(Stored{}, errDisk)
		}
	}
	if _, err := Verify(failing, Evidence{}); !errors.Is(err, errDisk) {
		t.Errorf("a reading error: got %v", err)
	}
	noHashes := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, errDisk })
	if _, err := Verify(b.leaves(0), Evidence{Hashes: noHashes}); !errors.Is(err, errDisk) {
		t.Errorf("hashes that cannot be read: got %v", err)
	}
	if _, err := Verify(b.leaves(1000), Evidence{From: from, Checkpoints: []Checkpoint{b.checkpoint(t, 999)}}); !errors.Is(err, ErrMalformed) {
		t.Errorf("a checkpoint before the beginning: got %v", err)
	}
}

var errDisk = errors.New("disk")

// Each way of tampering is found, and where. What is seen depends on what the auditor has: nothing but the leaves and
// records, the last checkpoint, or the stored hashes too.
func TestTampering(t *testing.T) {
	const size = 12
	type found struct {
		index  int64
		reason Reason
	}
	nothing := found{-1, ""}
	rewrite := func(t *testing.T, b *book, at int, edit func(*Leaf)) {
		leaf, err := DecodeLeaf(b.stored[at].Leaf)
		if err != nil {
			t.Fatal(err)
		}
		edit(&leaf)
		b.stored[at].Leaf = encode(t, leaf)
	}
	for _, each := range []struct {
		name                     string
		tamper                   func(*testing.T, *book)
		leaves, signed, complete found
	}{
		{"nothing", func(*testing.T, *book) {}, nothing, nothing, nothing},
		{"first leaf gone", func(_ *testing.T, b *book) { b.stored = b.stored[1:] },
			found{0, Missing}, found{0, Missing}, found{0, Missing}},
		{"leaf 5 gone", func(_ *testing.T, b *book) { b.stored = slices.Delete(b.stored, 5, 6) },
			found{5, Missing}, found{5, Missing}, found{5, Missing}},
		{"leaves 5 to 7 gone", func(_ *testing.T, b *book) { b.stored = slices.Delete(b.stored, 5, 8) },
			found{5, Missing}, found{5, Missing}, found{5, Missing}},
		{"last leaf gone", func(_ *testing.T, b *book) { b.stored = b.stored[:size-1] },
			nothing, found{size - 1, Truncated}, found{size - 1, Truncated}},
		{"all leaves gone", func(_ *testing.T, b *book) { b.stored = nil },
			nothing, found{0, Truncated}, found{0, Truncated}},
		{"last leaf gone, hashes too", func(t *testing.T, b *book) {
			b.stored, b.hashes = b.stored[:size-1], b.hashes[:tlog.StoredHashCount(size-1)]
		}, nothing, found{size - 1, Truncated}, found{size - 1, Truncated}},
		{"leaves 5 and 6 swapped", func(_ *testing.T, b *book) { b.stored[5], b.stored[6] = b.stored[6], b.stored[5] },
			found{5, Reordered}, found{5, Reordered}, found{5, Reordered}},
		{"leaves 2 and 9 swapped", func(_ *testing.T, b *book) { b.stored[2], b.stored[9] = b.stored[9], b.stored[2] },
			found{2, Reordered}, found{2, Reordered}, found{2, Reordered}},
		{"leaf 3 moved to the end", func(_ *testing.T, b *book) {
			moved := b.stored[3]
			b.stored = append(slices.Delete(b.stored, 3, 4), moved)
		},
			found{3, Reordered}, found{3, Reordered}, found{3, Reordered}},
		{"leaf 4 twice", func(_ *testing.T, b *book) { b.stored = slices.Insert(b.stored, 5, b.stored[4]) },
			found{5, Repeated}, found{5, Repeated}, found{5, Repeated}},
		{"leaf 4 in place of leaf 8", func(_ *testing.T, b *book) { b.stored[8] = b.stored[4] },
			found{8, Altered}, found{8, Altered}, found{8, Altered}},
		{"leaf 2 again at the end", func(_ *testing.T, b *book) { b.stored = append(b.stored, b.stored[2]) },
			found{size, Repeated}, nothing, nothing},
		{"sequence of leaf 5", func(t *testing.T, b *book) { rewrite(t, b, 5, func(l *Leaf) { l.Sequence = 100 }) },
			found{5, Altered}, found{5, Altered}, found{5, Altered}},
		{"sequence of the last leaf", func(t *testing.T, b *book) { rewrite(t, b, size-1, func(l *Leaf) { l.Sequence = 100 }) },
			found{size - 1, Missing}, found{size - 1, Altered}, found{size - 1, Altered}},
		{"record of leaf 7", func(_ *testing.T, b *book) { flip(b.stored[7].Record, 100) },
			found{7, Altered}, found{7, Altered}, found{7, Altered}},
		{"record of leaf 7 emptied", func(_ *testing.T, b *book) { b.stored[7].Record = []byte{} },
			found{7, Altered}, found{7, Altered}, found{7, Altered}},
		{"record of leaf 7 gone", func(_ *testing.T, b *book) { b.stored[7].Record = nil },
			nothing, nothing, found{7, Missing}},
		{"input of leaf 7", func(_ *testing.T, b *book) { flip(b.stored[7].Input, 9) },
			found{7, Altered}, found{7, Altered}, found{7, Altered}},
		{"input of leaf 7 gone", func(_ *testing.T, b *book) { b.stored[7].Input = nil },
			nothing, nothing, found{7, Missing}},
		{"input made up for leaf 8", func(_ *testing.T, b *book) { b.stored[8].Input = []byte("{}") },
			found{8, Altered}, found{8, Altered}, found{8, Altered}},
		{"leaf 3 unreadable", func(_ *testing.T, b *book) { b.stored[3].Leaf = b.stored[3].Leaf[1:] },
			found{3, Altered}, found{3, Altered}, found{3, Altered}},
		// From here on the leaves agree with themselves: only what was signed or stored tells.
		{"time of leaf 3", func(t *testing.T, b *book) { rewrite(t, b, 3, func(l *Leaf) { l.Time = noon }) },
			nothing, found{0, Forked}, found{3, Altered}},
		{"time of leaf 5", func(t *testing.T, b *book) { rewrite(t, b, 5, func(l *Leaf) { l.Time = noon }) },
			nothing, found{4, Forked}, found{5, Altered}},
		{"account of leaf 9 and its record", func(t *testing.T, b *book) {
			rewrite(t, b, 9, func(l *Leaf) { l.Account, l.Record = "200", Sum([]byte("other")) })
			b.stored[9].Record = []byte("other")
		}, nothing, found{6, Forked}, found{9, Altered}},
		{"leaf 5 gone, the rest renumbered", func(t *testing.T, b *book) {
			b.stored = slices.Delete(b.stored, 5, 6)
			for at := 5; at < len(b.stored); at++ {
				rewrite(t, b, at, func(l *Leaf) { l.Sequence = int64(at) })
			}
		}, nothing, found{4, Forked}, found{5, Altered}},
		{"leaf 7 altered and the log computed anew", func(t *testing.T, b *book) {
			rewrite(t, b, 7, func(l *Leaf) { l.Subject = "nobody" })
			again := book{}
			for _, stored := range b.stored {
				again.hashes = again.tree.push(LeafHash(stored.Leaf), again.hashes)
			}
			b.hashes = again.hashes
		}, nothing, found{6, Forked}, found{6, Forked}},
		{"hash of leaf 7", func(_ *testing.T, b *book) { b.hashes[tlog.StoredHashIndex(0, 7)][5] ^= 1 },
			nothing, nothing, found{7, Altered}},
		{"hash over leaves 4 to 7", func(_ *testing.T, b *book) { b.hashes[tlog.StoredHashIndex(2, 1)][5] ^= 1 },
			nothing, nothing, found{7, Altered}},
		{"hash of leaf 8, record of leaf 9", func(_ *testing.T, b *book) {
			b.hashes[tlog.StoredHashIndex(0, 8)][5] ^= 1
			flip(b.stored[9].Record, 3)
		}, found{9, Altered}, found{9, Altered}, found{8, Altered}},
	} {
		t.Run(each.name, func(t *testing.T) {
			b := new(book).grow(t, size, "x")
			checkpoints := []Checkpoint{b.checkpoint(t, 4), b.checkpoint(t, 6), b.checkpoint(t, size)}
			b = b.clone()
			each.tamper(t, b)
			look := func(evidence Evidence) found {
				_, err := Verify(b.leaves(0), evidence)
				if err == nil {
					return nothing
				}
				broken, ok := errors.AsType[*Break](err)
				if !ok {
					t.Fatalf("got %v, want a Break", err)
				}
				if broken.Reason == Forked && !errors.Is(err, ErrForked) {
					t.Errorf("%v is not ErrForked", err)
				}
				t.Log(err)
				return found{broken.Index, broken.Reason}
			}
			if got := look(Evidence{}); got != each.leaves {
				t.Errorf("by the leaves alone: got %v, want %v", got, each.leaves)
			}
			if got := look(Evidence{Checkpoints: checkpoints}); got != each.signed {
				t.Errorf("with checkpoints: got %v, want %v", got, each.signed)
			}
			if got := look(Evidence{Checkpoints: checkpoints, Hashes: b.hashes, Complete: true}); got != each.complete {
				t.Errorf("with checkpoints, hashes and all records: got %v, want %v", got, each.complete)
			}
		})
	}
}

// Any change of any byte of a log that was signed is found, and never placed behind the leaf it is in.
func TestAnyBit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 40).Draw(rt, "size")
		b := new(book).grow(t, size, "x")
		last := b.checkpoint(t, int64(size))
		at := rapid.IntRange(0, size-1).Draw(rt, "leaf")
		stored := &b.stored[at]
		parts := [][]byte{stored.Leaf, stored.Record, stored.Input}
		part := rapid.SampledFrom(slices.DeleteFunc(parts, func(p []byte) bool { return len(p) == 0 })).Draw(rt, "part")
		bit := rapid.IntRange(0, 8*len(part)-1).Draw(rt, "bit")
		before := bytes.Clone(part)
		flip(part, bit)
		_, err := Verify(b.leaves(0), Evidence{Checkpoints: []Checkpoint{last}, Hashes: b.hashes})
		broken, ok := errors.AsType[*Break](err)
		if !ok || broken.Index != int64(at) {
			rt.Fatalf("bit %d of %q in leaf %d: got %v", bit, before, at, err)
		}
		if _, err := b.extension(Empty(origin, noon)).read(Tree{}); err == nil {
			rt.Fatal("it would have been signed")
		}
	})
}

// A stream that goes on after the break is read to its end at most, and stopped.
func TestVerifyStops(t *testing.T) {
	b := new(book).grow(t, 10, "x")
	stopped := false
	var leaves iter.Seq2[Stored, error] = func(yield func(Stored, error) bool) {
		defer func() { stopped = true }()
		for i := range b.stored {
			if !yield(b.stored[i], nil) {
				return
			}
		}
		t.Error("read beyond the checkpoint")
	}
	if _, err := Verify(leaves, Evidence{Checkpoints: []Checkpoint{b.checkpoint(t, 4)}}); err != nil {
		t.Error(err)
	}
	if !stopped {
		t.Error("the stream was not stopped")
	}
}

func ExampleBreak() {
	fmt.Println(&Break{Index: 41, Reason: Altered, Err: errors.New("the record is not the one that was logged")})
	// Output: leaf 41: altered: the record is not the one that was logged
}
