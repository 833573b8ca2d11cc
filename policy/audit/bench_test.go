package audit

import (
	"sync"
	"testing"
)

const million = 1_000_000

// large is a log of a million leaves, its hashes in memory. The leaves are of one record each, made when needed.
var large = sync.OnceValue(func() *book {
	b := new(book)
	leaf, _, _ := decision(0, "x")
	for range million / 100 {
		leaves := make([]Leaf, 100)
		for i := range leaves {
			leaves[i] = leaf
		}
		added, err := b.tree.Append(leaves...)
		if err != nil {
			panic(err)
		}
		b.tree, b.hashes = added.Tree, append(b.hashes, added.Hashes...)
	}
	return b
})

func largeLeaf(b *testing.B, at int64) []byte {
	leaf, _, _ := decision(0, "x")
	leaf.Sequence = at
	return encode(b, leaf)
}

func BenchmarkAppend(b *testing.B) {
	tree := large().tree
	leaf, _, _ := decision(0, "x")
	for name, count := range map[string]int{"one": 1, "hundred": 100} {
		leaves := make([]Leaf, count)
		for i := range leaves {
			leaves[i] = leaf
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tree.Append(leaves...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/leaf")
		})
	}
}

func BenchmarkRoot(b *testing.B) {
	tree := large().tree
	for b.Loop() {
		tree.Root()
	}
}

func BenchmarkLoadTree(b *testing.B) {
	log := large()
	for b.Loop() {
		if _, err := LoadTree(million, log.hashes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProveInclusion(b *testing.B) {
	log := large()
	for at := int64(0); b.Loop(); at = (at + 7919) % million {
		if _, err := ProveInclusion(million, at, log.hashes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProveConsistency(b *testing.B) {
	log := large()
	for at := int64(1); b.Loop(); at = 1 + (at+7919)%(million-1) {
		if _, err := ProveConsistency(at, million, log.hashes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceipt(b *testing.B) {
	log := large()
	signer, verifier := key(b, origin, 1)
	signed := log.signed(b, million, signer)
	leaf := largeLeaf(b, 123_456)
	_, record, _ := decision(0, "x")
	receipt, err := NewReceipt(leaf, signed, log.hashes)
	if err != nil {
		b.Fatal(err)
	}
	encoded, err := receipt.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewReceipt(leaf, signed, log.hashes); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("proof", func(b *testing.B) {
		for b.Loop() {
			if _, err := receipt.under(signed.Checkpoint); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := receipt.Verify(record, verifier); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeReceipt(encoded); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(encoded)), "B/receipt")
	})
}

func BenchmarkSign(b *testing.B) {
	log := large()
	signer, _ := key(b, origin, 1)
	last := log.checkpoint(b, million)
	next := book{tree: log.tree, hashes: log.hashes[:len(log.hashes):len(log.hashes)], stored: make([]Stored, million)}
	next.grow(b, 1000, "x")
	extension := next.extension(last)
	b.Run("thousand", func(b *testing.B) {
		for b.Loop() {
			if _, err := extension.Sign(signer); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	log := large()
	leaf, record, input := decision(0, "x")
	leaves := func(yield func(Stored, error) bool) {
		for at := range int64(million) {
			leaf.Sequence = at
			encoded, err := leaf.Encode()
			if !yield(Stored{Leaf: encoded, Record: record, Input: input}, err) {
				return
			}
		}
	}
	evidence := Evidence{Checkpoints: []Checkpoint{log.checkpoint(b, million)}, Hashes: log.hashes, Complete: true}
	for b.Loop() {
		if _, err := Verify(leaves, evidence); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*million), "ns/leaf")
}

func BenchmarkLeaf(b *testing.B) {
	encoded := largeLeaf(b, 123_456)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeLeaf(encoded); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(encoded)), "B/leaf")
	})
}
