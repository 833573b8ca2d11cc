package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/store"
)

// wholeLog verifies the log, whatever the test has done. Only a closed store has none to show.
func wholeLog(t *testing.T, s store.Store) (report audit.Report) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		report, err = store.VerifyLog(r)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrClosed) {
		t.Errorf("the log does not hold: %v", err)
	}
	return report
}

// fromScratch is the log of records, made without a store.
func fromScratch(t *testing.T, records []store.DecisionRecord) audit.Addition {
	t.Helper()
	leaves := make([]audit.Leaf, len(records))
	for i := range records {
		leaves[i] = records[i].Leaf()
	}
	made, err := audit.Tree{}.Append(leaves...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// wantLog demands that the log is that of records, in their order, and in every part.
func wantLog(t *testing.T, r store.LogReader, records []store.DecisionRecord) {
	t.Helper()
	want := fromScratch(t, records)
	head, err := r.LogHead()
	if err != nil {
		t.Fatal(err)
	}
	if wantHead := (store.LogHead{Size: int64(len(records)), Root: want.Tree.Root()}); head != wantHead {
		t.Errorf("got the head %v, want %v", head, wantHead)
	}
	at := 0
	for got, err := range store.Leaves(r, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if at == len(records) {
			t.Fatalf("the log has more than %d leaves", at)
		}
		if !bytes.Equal(got.Leaf, want.Leaves[at]) || !bytes.Equal(got.Record, records[at].Encoded) || !bytes.Equal(got.Input, records[at].Input) {
			t.Errorf("leaf %d: got\n%s%s\n%s\nwant\n%s%s\n%s", at, got.Leaf, got.Record, got.Input, want.Leaves[at], records[at].Encoded, records[at].Input)
		}
		leaf, err := r.DecisionLeaf(records[at].Decision.ID)
		if err != nil || !bytes.Equal(leaf, got.Leaf) {
			t.Errorf("leaf of decision %s: got\n%serror %v, want\n%s", records[at].Decision.ID, leaf, err, got.Leaf)
		}
		at++
	}
	if at != len(records) {
		t.Errorf("the log has %d leaves, want %d", at, len(records))
	}
	indexes := make([]int64, len(want.Hashes))
	for i := range indexes {
		indexes[i] = int64(len(indexes) - 1 - i) // the order is the caller's
	}
	hashes, err := r.ReadHashes(indexes)
	if slices.Reverse(hashes); err != nil || !slices.Equal(hashes, want.Hashes) {
		t.Errorf("got %d hashes, error %v; want the %d of a log made from scratch", len(hashes), err, len(want.Hashes))
	}
}

func log(t *testing.T, s store.Store) {
	view(t, s, func(r store.Reader) error { wantLog(t, r, nil); return nil })
	records := recordsOf(t, 0, 300)
	records[2].Input = nil
	from := 0
	for _, count := range []int{1, 1, 1, 61, 1, 65, 2, 8, 100, 60} {
		// Twice in one Update: the second insert goes on where the first has ended.
		err := s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.InsertDecisions(records[from : from+count/2]); err != nil {
				return err
			}
			if err := tx.InsertDecisions(records[from+count/2 : from+count]); err != nil {
				return err
			}
			wantLog(t, tx, records[:from+count])
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		from += count
	}
	view(t, s, func(r store.Reader) error {
		wantLog(t, r, records)
		// What is stored proves what it should.
		head, err := r.LogHead()
		if err != nil {
			return err
		}
		proof, err := audit.ProveInclusion(head.Size, 77, r)
		if err != nil {
			return err
		}
		leaf, err := r.DecisionLeaf(records[77].Decision.ID)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(proof, head.Size, head.Root, 77, audit.LeafHash(leaf))
	})
}

// What an Update that failed would have logged is not there, and the next goes on without a gap.
func logWithoutWhatFailed(t *testing.T, s store.Store) {
	mine := errors.New("changed my mind")
	var kept []store.DecisionRecord
	for n := range 20 {
		kept = append(kept, record(t, decision(n)))
		mustInsert(t, s, kept[n])
		discarded := recordsOf(t, 1000, 1000+n)
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return errors.Join(tx.InsertDecisions(discarded), mine)
		})
		wantError(t, "Update", err, mine)
		wantError(t, "a key that is there", insert(t.Context(), s, append(discarded, kept[n])...), store.ErrConflict)
		func() {
			defer func() { _ = recover() }()
			_ = s.Update(t.Context(), func(tx store.Tx) error { panic(tx.InsertDecisions(discarded)) })
		}()
		view(t, s, func(r store.Reader) error { wantLog(t, r, kept); return nil })
	}
}

// However many write at once, and whatever becomes of some, each that was acknowledged has one
// leaf, and there is no gap.
func logOfManyWriters(t *testing.T, s store.Store) {
	const each = 10
	mine := errors.New("changed my mind")
	together(writers, func(n int) {
		for i := range each {
			number := 10 * (n*each + i)
			records := recordsOf(t, number, number+1+number/10%3)
			var want error
			if i%3 == 1 {
				want = mine
			}
			err := s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.InsertDecisions(records), want) })
			if !errors.Is(err, want) {
				t.Errorf("update %d: got error %v, want %v", number, err, want)
			}
		}
	})
	want := map[string]bool{}
	for number := 0; number < 10*writers*each; number += 10 {
		if number/10%each%3 != 1 {
			for _, r := range recordsOf(t, number, number+1+number/10%3) {
				want[r.Decision.ID] = true
			}
		}
	}
	if got := wholeLog(t, s).Tree.Size(); got != int64(len(want)) {
		t.Errorf("the log has %d leaves, want %d", got, len(want))
	}
	view(t, s, func(r store.Reader) error {
		at := int64(0)
		for stored, err := range store.Leaves(r, 0) {
			if err != nil {
				return err
			}
			leaf, err := audit.DecodeLeaf(stored.Leaf)
			if err != nil {
				return err
			}
			if leaf.Sequence != at || !want[leaf.Object] {
				t.Errorf("leaf %d: got leaf %d of %s, want the next, of something that was acknowledged and has no other", at, leaf.Sequence, leaf.Object)
			}
			delete(want, leaf.Object)
			at++
		}
		return nil
	})
}

func logRefused(t *testing.T, s store.Store) {
	mustInsert(t, s, recordsOf(t, 0, 5)...)
	view(t, s, func(r store.Reader) error {
		for _, asked := range []struct {
			from  int64
			limit int
		}{{-1, 1}, {0, 0}, {0, -1}, {0, store.MaxLeaves + 1}} {
			_, _, err := r.LogLeaves(asked.from, asked.limit)
			wantError(t, fmt.Sprintf("LogLeaves %v", asked), err, policy.ErrInvalid)
		}
		leaves, next, err := r.LogLeaves(3, 1)
		if len(leaves) != 1 || next != 4 || err != nil {
			t.Errorf("one leaf from 3: got %d, next %d, error %v", len(leaves), next, err)
		}
		leaves, next, err = r.LogLeaves(5, 10)
		if len(leaves) != 0 || next != 5 || err != nil {
			t.Errorf("behind the end: got %d leaves, next %d, error %v; want none", len(leaves), next, err)
		}
		_, err = r.DecisionLeaf("dec_999999")
		wantError(t, "DecisionLeaf", err, policy.ErrNotFound)
		_, err = r.ReadHashes([]int64{0, 8})
		wantError(t, "ReadHashes behind the end", err, policy.ErrNotFound)
		none, err := r.ReadHashes(nil)
		if len(none) != 0 {
			t.Errorf("got %d hashes for no indexes", len(none))
		}
		return err
	})
}
