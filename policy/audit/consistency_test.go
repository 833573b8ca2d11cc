package audit

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func consistency(t testing.TB, b *book, from, to int64) Consistency {
	t.Helper()
	c, err := ProveConsistency(from, to, b.hashes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompare(t *testing.T) {
	honest := new(book).grow(t, 20, "honest")
	// The same beginning, another history from leaf 10 on.
	rewritten := new(book).grow(t, 10, "honest").grow(t, 10, "rewritten")
	elsewhere := honest.checkpoint(t, 7)
	elsewhere.Origin = "other.example.com/log"
	for _, each := range []struct {
		name        string
		a, b        Checkpoint
		consistency Consistency
		want        error
	}{
		{"grown", honest.checkpoint(t, 7), honest.checkpoint(t, 20), consistency(t, honest, 7, 20), nil},
		{"grown, the other way about", honest.checkpoint(t, 20), honest.checkpoint(t, 7), consistency(t, honest, 7, 20), nil},
		{"grown before the histories part", honest.checkpoint(t, 10), rewritten.checkpoint(t, 20), consistency(t, rewritten, 10, 20), nil},
		{"the same", honest.checkpoint(t, 7), honest.checkpoint(t, 7), Consistency{}, nil},
		{"from nothing", Empty(origin, noon), honest.checkpoint(t, 7), Consistency{}, nil},
		{"nothing twice", Empty(origin, noon), Empty(origin, noon.Add(1000)), Consistency{}, nil},
		{"two of one size", honest.checkpoint(t, 16), rewritten.checkpoint(t, 16), Consistency{}, ErrForked},
		{"fork, size 11", honest.checkpoint(t, 11), rewritten.checkpoint(t, 20), consistency(t, rewritten, 11, 20), ErrForked},
		// At a power of two the RFC's proof leaves the earlier root out; what the log says it was convicts it.
		{"fork, size 16", honest.checkpoint(t, 16), rewritten.checkpoint(t, 20), consistency(t, rewritten, 16, 20), ErrForked},
		{"the proof of the other history", honest.checkpoint(t, 11), rewritten.checkpoint(t, 20), consistency(t, honest, 11, 20), ErrUnproven},
		{"no proof", honest.checkpoint(t, 7), honest.checkpoint(t, 20), Consistency{}, ErrUnproven},
		{"empty proof", honest.checkpoint(t, 7), honest.checkpoint(t, 20), Consistency{From: 7, To: 20}, ErrUnproven},
		{"proof of other sizes", honest.checkpoint(t, 7), honest.checkpoint(t, 20), consistency(t, honest, 6, 20), ErrUnproven},
		{"two logs", elsewhere, honest.checkpoint(t, 7), Consistency{}, ErrUnproven},
		{"no checkpoint", Checkpoint{}, honest.checkpoint(t, 7), Consistency{}, ErrMalformed},
	} {
		if err := Compare(each.a, each.b, each.consistency); !errors.Is(err, each.want) || (err == nil) != (each.want == nil) {
			t.Errorf("%s: got %v, want %v", each.name, err, each.want)
		}
	}
}

func TestFork(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	_, stranger := key(t, origin, 2)
	honest := new(book).grow(t, 20, "honest")
	rewritten := new(book).grow(t, 10, "honest").grow(t, 15, "rewritten")
	first, second := honest.signed(t, 16, signer), rewritten.signed(t, 25, signer)
	proof := consistency(t, rewritten, 16, 25)

	fork, err := NewFork(first, second, proof)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := fork.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/fork.json", string(encoded)+"\n")
	decoded, err := DecodeFork(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fork, decoded); diff != "" {
		t.Errorf("decoded is not what was encoded (-want +got):\n%s", diff)
	}
	if err := decoded.Verify(verifier); err != nil {
		t.Errorf("the fork does not verify: %v", err)
	}

	// Nobody can make a fork of an honest log.
	grown := honest.signed(t, 20, signer)
	if _, err := NewFork(first, grown, consistency(t, honest, 16, 20)); !errors.Is(err, ErrUnproven) {
		t.Errorf("checkpoints that agree: got %v, want ErrUnproven", err)
	}
	lie := consistency(t, honest, 16, 20)
	lie.Root = tlog.Hash{1}
	for _, each := range []struct {
		name string
		fork Fork
		key  note.Verifier
		want error
	}{
		{"agreeing", Fork{first.Note, grown.Note, consistency(t, honest, 16, 20)}, verifier, ErrUnproven},
		{"with a root made up", Fork{first.Note, grown.Note, lie}, verifier, ErrUnproven},
		{"by another key", fork, stranger, ErrSignature},
		{"first not signed", Fork{nil, second.Note, proof}, verifier, ErrMalformed},
		{"second not signed", Fork{first.Note, nil, proof}, verifier, ErrMalformed},
	} {
		if err := each.fork.Verify(each.key); !errors.Is(err, each.want) {
			t.Errorf("%s: got %v, want %v", each.name, err, each.want)
		}
	}
	for bit := range 8 * len(encoded) {
		changed := append([]byte(nil), encoded...)
		flip(changed, bit)
		if fork, err := DecodeFork(changed); err == nil && fork.Verify(verifier) == nil {
			t.Errorf("accepted with bit %d changed", bit)
		}
	}
}
