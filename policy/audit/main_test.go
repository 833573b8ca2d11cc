package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write the golden files anew")

const origin = "bidrail.example.com/log"

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// memory is the hashes of a log, by their index.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(m)) {
			return nil, fmt.Errorf("there is no hash %d", index)
		}
		hashes[i] = m[index]
	}
	return hashes, nil
}

// book is a log as a store would keep it.
type book struct {
	tree   Tree
	hashes memory
	stored []Stored
}

func (b *book) append(t testing.TB, leaves []Leaf, records, inputs [][]byte) {
	t.Helper()
	added, err := b.tree.Append(leaves...)
	if err != nil {
		t.Fatal(err)
	}
	if added.First != int64(len(b.stored)) || added.FirstHash != int64(len(b.hashes)) {
		t.Fatalf("the addition begins at leaf %d and hash %d; stored are %d and %d", added.First, added.FirstHash, len(b.stored), len(b.hashes))
	}
	b.tree = added.Tree
	b.hashes = append(b.hashes, added.Hashes...)
	for i, leaf := range added.Leaves {
		b.stored = append(b.stored, Stored{Leaf: leaf, Record: records[i], Input: inputs[i]})
	}
}

// grow adds count decisions; word makes those of different books differ.
func (b *book) grow(t testing.TB, count int, word string) *book {
	t.Helper()
	var (
		leaves          []Leaf
		records, inputs [][]byte
	)
	for i := range count {
		at := len(b.stored) + i
		leaf, record, input := decision(at, word)
		leaves, records, inputs = append(leaves, leaf), append(records, record), append(inputs, input)
	}
	b.append(t, leaves, records, inputs)
	return b
}

// clone can be tampered with.
func (b *book) clone() *book {
	stored := make([]Stored, len(b.stored))
	for i, s := range b.stored {
		stored[i] = Stored{bytes.Clone(s.Leaf), bytes.Clone(s.Record), bytes.Clone(s.Input)}
	}
	return &book{tree: b.tree, hashes: slices.Clone(b.hashes), stored: stored}
}

func (b *book) leaves(from int64) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for _, stored := range b.stored[min(from, int64(len(b.stored))):] {
			if !yield(stored, nil) {
				return
			}
		}
	}
}

func (b *book) checkpoint(t testing.TB, size int64) Checkpoint {
	t.Helper()
	root, err := RootAt(size, b.hashes)
	if err != nil {
		t.Fatal(err)
	}
	return Checkpoint{Origin: origin, Size: size, Root: root, Time: noon.Add(time.Duration(size) * time.Second)}
}

func (b *book) signed(t testing.TB, size int64, signer note.Signer) Signed {
	t.Helper()
	signed, err := b.checkpoint(t, size).sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (b *book) extension(last Checkpoint) Extension {
	return Extension{Last: last, Size: int64(len(b.stored)), Time: noon, Leaves: b.leaves(last.Size), Hashes: b.hashes}
}

func decision(at int, word string) (leaf Leaf, record, input []byte) {
	record = fmt.Appendf(nil, `{"decision_id":"decision-%d","verdict":"ALLOW","reason":%q}`, at, word)
	leaf = Leaf{
		Kind: Decision, Organisation: "acme", Platform: "google_ads", Account: "100", Time: noon.Add(time.Duration(at) * time.Millisecond),
		Subject: "bidder@example.com", Object: fmt.Sprintf("decision-%d", at), Record: Sum(record),
	}
	if at%3 != 2 { // some are decided before the rules see anything
		input = fmt.Appendf(nil, `{"change":{"id":"change-%d"}}`, at)
		leaf.Input = Sum(input)
	}
	return leaf, record, input
}

// key makes the keys of a log, always the same of one seed.
func key(t testing.TB, name string, seed byte) (note.Signer, note.Verifier) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(public, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func flip(content []byte, bit int) { content[bit/8] ^= 1 << (bit % 8) }

// golden compares text with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; run the tests with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got). What is logged must stay readable for ever: a new form needs a new name.\n%s", name, diff)
	}
}
