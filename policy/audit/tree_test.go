package audit

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// The leaves and roots with which implementations of RFC 6962 are commonly compared.
func TestTreeReference(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var (
		tree   Tree
		hashes memory
	)
	for size, want := range roots {
		if size > 0 {
			leaf, err := hex.DecodeString(leaves[size-1])
			if err != nil {
				t.Fatal(err)
			}
			hashes = tree.push(LeafHash(leaf), hashes)
		}
		if root := tree.Root(); hex.EncodeToString(root[:]) != want {
			t.Errorf("the root of %d leaves is %x, want %s", size, root, want)
		}
	}
	proof, err := ProveInclusion(8, 0, hashes)
	if err != nil {
		t.Fatal(err)
	}
	wantHashes(t, "inclusion of leaf 0 in 8", proof,
		"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")
	consistency, err := ProveConsistency(6, 8, hashes)
	if err != nil {
		t.Fatal(err)
	}
	wantHashes(t, "from 6 to 8", consistency.Proof,
		"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")
}

func wantHashes(t *testing.T, name string, got []tlog.Hash, want ...string) {
	t.Helper()
	var texts []string
	for _, hash := range got {
		texts = append(texts, hex.EncodeToString(hash[:]))
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// The tree stores what tlog would, however the leaves are portioned.
func TestAppendIsTlog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var b book
		var want memory
		for _, count := range rapid.SliceOfN(rapid.IntRange(0, 9), 1, 20).Draw(rt, "portions") {
			before := b.tree
			root := before.Root()
			b.grow(t, count, "x")
			if before.Root() != root {
				rt.Fatal("Append changed the tree it was called on")
			}
			for _, stored := range b.stored[before.Size():] {
				hashes, err := tlog.StoredHashes(tlogSize(want), stored.Leaf, want)
				if err != nil {
					rt.Fatal(err)
				}
				want = append(want, hashes...)
			}
		}
		if !slices.Equal(b.hashes, want) {
			rt.Fatal("the stored hashes are not those of tlog")
		}
		for size := range int64(len(b.stored)) + 1 {
			root, err := tlog.TreeHash(size, b.hashes)
			if err != nil {
				rt.Fatal(err)
			}
			if got, err := RootAt(size, b.hashes); got != root || err != nil {
				rt.Fatalf("the root at %d is %s, %v; want %s", size, got, err, root)
			}
		}
		if b.tree.Size() != int64(len(b.stored)) || b.tree.Root() != b.checkpoint(t, b.tree.Size()).Root {
			rt.Fatal("the tree in hand is not the tree that is stored")
		}
	})
}

func tlogSize(hashes memory) (size int64) {
	for tlog.StoredHashCount(size) < int64(len(hashes)) {
		size++
	}
	return size
}

// Every proof holds, and none with any bit changed, of the proof or of what it is about.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var b book
		for _, count := range rapid.SliceOfN(rapid.IntRange(1, 9), 1, 8).Draw(rt, "portions") {
			b.grow(t, count, "x")
		}
		to := int64(len(b.stored))
		bit := rapid.IntRange(0, 1<<20)
		for at := range to {
			newer := b.checkpoint(t, to)
			proof, err := ProveInclusion(to, at, b.hashes)
			if err != nil {
				rt.Fatal(err)
			}
			receipt := Receipt{Leaf: b.stored[at].Leaf, Index: at, Proof: proof}
			if _, err := receipt.under(newer); err != nil {
				rt.Fatalf("leaf %d of %d: %v", at, to, err)
			}
			flipped := flippedHash(proof, bit.Draw(rt, "bit of the inclusion"))
			if _, err := (Receipt{Leaf: receipt.Leaf, Index: at, Proof: flipped}).under(newer); len(proof) > 0 && !errors.Is(err, ErrUnproven) {
				rt.Fatalf("leaf %d of %d with a changed proof: %v", at, to, err)
			}
			wrong := newer
			wrong.Root = flippedHash([]tlog.Hash{newer.Root}, bit.Draw(rt, "bit of the root"))[0]
			if _, err := receipt.under(wrong); !errors.Is(err, ErrUnproven) {
				rt.Fatalf("leaf %d under a changed root: %v", at, err)
			}
			leaf := slices.Clone(receipt.Leaf)
			flip(leaf, bit.Draw(rt, "bit of the leaf")%(8*len(leaf)))
			if _, err := (Receipt{Leaf: leaf, Index: at, Proof: proof}).under(newer); err == nil {
				rt.Fatalf("leaf %d changed: accepted", at)
			}

			from := at + 1
			older := b.checkpoint(t, from)
			consistency, err := ProveConsistency(from, to, b.hashes)
			if err != nil {
				rt.Fatal(err)
			}
			if err := Compare(newer, older, consistency); err != nil {
				rt.Fatalf("%d became %d: %v", from, to, err)
			}
			if from == to {
				continue
			}
			changed := consistency
			changed.Proof = flippedHash(consistency.Proof, bit.Draw(rt, "bit of the consistency"))
			if err := Compare(older, newer, changed); !errors.Is(err, ErrUnproven) {
				rt.Fatalf("%d became %d with a changed proof: %v", from, to, err)
			}
			if err := Compare(older, wrong, consistency); !errors.Is(err, ErrUnproven) {
				rt.Fatalf("%d became %d with a changed later root: %v", from, to, err)
			}
			older.Root = flippedHash([]tlog.Hash{older.Root}, bit.Draw(rt, "bit of the older root"))[0]
			if err := Compare(older, newer, consistency); !errors.Is(err, ErrForked) {
				rt.Fatalf("%d became %d with a changed earlier root: %v", from, to, err)
			}
		}
	})
}

func flippedHash[H ~[]tlog.Hash](hashes H, bit int) H {
	if len(hashes) == 0 {
		return hashes
	}
	changed := slices.Clone(hashes)
	bit %= 256 * len(hashes)
	flip(changed[bit/256][:], bit%256)
	return changed
}

func TestTreeBounds(t *testing.T) {
	b := new(book).grow(t, 5, "x")
	short := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, nil })
	for name, ask := range map[string]func() error{
		"negative size":    func() error { _, err := LoadTree(-1, b.hashes); return err },
		"enormous size":    func() error { _, err := LoadTree(MaxSize+1, b.hashes); return err },
		"size not stored":  func() error { _, err := LoadTree(9, b.hashes); return err },
		"no hashes":        func() error { _, err := LoadTree(5, short); return err },
		"leaf at the end":  func() error { _, err := ProveInclusion(5, 5, b.hashes); return err },
		"negative leaf":    func() error { _, err := ProveInclusion(5, -1, b.hashes); return err },
		"no hashes, leaf":  func() error { _, err := ProveInclusion(5, 1, short); return err },
		"enormous log":     func() error { _, err := ProveInclusion(1<<62, 5, b.hashes); return err },
		"shrinking":        func() error { _, err := ProveConsistency(5, 4, b.hashes); return err },
		"enormous growth":  func() error { _, err := ProveConsistency(5, 1<<62, b.hashes); return err },
		"growth not there": func() error { _, err := ProveConsistency(5, 9, b.hashes); return err },
		"full":             func() error { _, err := Tree{size: MaxSize}.Append(sampleLeaf()); return err },
	} {
		if ask() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
