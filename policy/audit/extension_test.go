package audit

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestSign(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	var b book
	last := Empty(origin, noon)
	for _, count := range []int{0, 1, 0, 6, 9, 100} {
		b.grow(t, count, "x")
		signed, err := b.extension(last).Sign(signer)
		if err != nil {
			t.Fatalf("at %d leaves: %v", len(b.stored), err)
		}
		opened, err := OpenCheckpoint(signed.Note, verifier)
		if err != nil {
			t.Fatal(err)
		}
		if opened.Size != int64(len(b.stored)) || opened.Root != b.tree.Root() {
			t.Errorf("signed %+v, want %d leaves and the root %s", opened.Checkpoint, len(b.stored), b.tree.Root())
		}
		if err := Compare(last, opened.Checkpoint, consistency(t, &b, last.Size, opened.Size)); err != nil {
			t.Error(err)
		}
		last = opened.Checkpoint
	}
}

// One bit anywhere in what is new, and nothing is signed.
func TestSignRefusesAnyBit(t *testing.T) {
	signer, _ := key(t, origin, 1)
	whole := new(book).grow(t, 13, "x")
	last := whole.checkpoint(t, 5)
	refused := func(name string, b *book) {
		t.Helper()
		signed, err := b.extension(last).Sign(signer)
		if _, ok := errors.AsType[*Break](err); !ok || signed.Note != nil {
			t.Errorf("%s: signed, %v", name, err)
		}
	}
	for at := last.Size; at < 13; at++ {
		b := whole.clone()
		stored := &b.stored[at]
		for _, part := range [][]byte{stored.Leaf, stored.Record, stored.Input} {
			for bit := range 8 * len(part) {
				flip(part, bit)
				refused("a bit of a leaf, record or input", b)
				flip(part, bit)
			}
		}
		stored.Record = nil
		refused("no record", b)
		if *stored = whole.stored[at]; stored.Input != nil {
			stored.Input = nil
			refused("no input", b)
		}
	}
	for at := range whole.hashes {
		// Those inside the part signed before are not read: only its edge is.
		if level, n := tlog.SplitStoredHashIndex(int64(at)); (n+1)<<level <= 4 && level < 2 {
			continue
		}
		for bit := range 256 {
			b := whole.clone()
			flip(b.hashes[at][:], bit)
			refused("a bit of a hash", b)
		}
	}

	cut := whole.clone()
	cut.stored = cut.stored[:4]
	_, err := cut.extension(last).Sign(signer)
	if broken, ok := errors.AsType[*Break](err); !ok || broken.Reason != Truncated || broken.Index != 4 {
		t.Errorf("fewer leaves than were signed for: got %v", err)
	}
	short := whole.extension(last)
	short.Leaves = whole.clone().leaves(6)
	if _, err := short.Sign(signer); err == nil {
		t.Error("signed with a leaf missing")
	}
	rewritten := new(book).grow(t, 13, "y")
	refused("another history", rewritten)

	other, _ := key(t, "other.example.com/log", 2)
	for name, each := range map[string]struct {
		extension Extension
		signer    note.Signer
	}{
		"another log's key": {whole.extension(last), other},
		"no last":           {whole.extension(Checkpoint{}), signer},
	} {
		if _, err := each.extension.Sign(each.signer); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// The root is computed twice, and read for it twice: memory that changes its mind is found out.
func TestSignComputesTwice(t *testing.T) {
	signer, _ := key(t, origin, 1)
	b := new(book).grow(t, 13, "x")
	extension := b.extension(b.checkpoint(t, 5))
	calls, bad := 0, 0
	extension.Hashes = tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes, err := b.hashes.ReadHashes(indexes)
		if calls++; calls == bad {
			hashes[0][0] ^= 1
		}
		return hashes, err
	})
	if _, err := extension.Sign(signer); err != nil {
		t.Fatal(err)
	}
	for last := calls; bad < last; {
		calls = 0
		bad++
		if _, err := extension.Sign(signer); err == nil {
			t.Errorf("signed although read %d of %d was wrong", bad, last)
		}
	}
}

// What is not under a checkpoint yet can be put right from the leaves.
func TestRepair(t *testing.T) {
	signer, _ := key(t, origin, 1)
	b := new(book).grow(t, 13, "x")
	last := b.checkpoint(t, 5)
	want := b.tree.Root()
	b.hashes[tlog.StoredHashIndex(1, 3)][0] ^= 1
	_, err := b.extension(last).Sign(signer)
	if broken, ok := errors.AsType[*Break](err); !ok || broken.Index != 7 {
		t.Fatalf("got %v, want a break at leaf 7", err)
	}

	tree, err := LoadTree(last.Size, b.hashes)
	if err != nil {
		t.Fatal(err)
	}
	var leaves []Leaf
	for _, stored := range b.stored[last.Size:] {
		leaf, err := DecodeLeaf(stored.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	added, err := tree.Append(leaves...)
	if err != nil {
		t.Fatal(err)
	}
	copy(b.hashes[added.FirstHash:], added.Hashes)
	signed, err := b.extension(last).Sign(signer)
	if err != nil || signed.Root != want {
		t.Errorf("after the repair: %v", err)
	}
}
